"""One HTTP exchange with a provider, or one download of a result from an untrusted URL.

A socket's timeout starts again with every byte that arrives, so a peer that sends its response byte by byte could hold
a call for any time: here each read gets only the rest of the call's time. A kept-alive connection of a function that
was frozen may be dead already, and a paid call on it would end as "outcome unknown": idle connections are not reused.
"""

import http.client
import io
import ipaddress
import logging
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import SplitResult, urlsplit

import certifi
import requests
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout

from image_studio.errors import NotCharged, ProviderKeyRefused, ProviderOutage, ResultUnusable, UnknownCharge
from image_studio.providers.adapter import Blob, DownloadFault, HttpRequest, HttpResponse, ProviderCredentials
from image_studio.providers.responses import check_url, origin_of, refused_url
from image_studio.providers.spec import ProviderSpec
from image_studio.schemas.limits import MAX_RESULT_BYTES

#: Seconds that an idle connection is kept: below the shortest idle limit of a load balancer or a NAT on the way.
REUSE_SECONDS = 20.0
JSON_BYTES = 1024 * 1024  # of a response, around an image in base64
CHUNK = 256 * 1024
CONNECT_SECONDS = 5.0
DOWNLOAD_SECONDS = 60.0  # for the whole download
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IETF = ipaddress.ip_network("192.0.0.0/24")  # global to a Python before 3.11.10 or 3.12.4
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)

# urllib3 logs whole URLs when headers are malformed, and those of results carry a signature.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@contextmanager
def deadline_at(moment: float) -> Iterator[None]:
    """End every exchange of this thread at a moment of the monotonic clock."""
    token = _deadline.set(moment)
    try:
        yield
    finally:
        _deadline.reset(token)


def _remaining() -> float | None:
    """Seconds left for this exchange, None without a deadline. Raises TimeoutError after it."""
    deadline = _deadline.get()
    if math.isinf(deadline):
        return None
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the exchange took too long")
    return remaining


class _TimedReads(io.RawIOBase):
    """A socket's file whose reads each get the rest of the exchange's time."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_remaining())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_TimedReads(sock, self.fp.detach()))


class _Timed(HTTPConnection):
    """A connection whose every send and read ends at the deadline, and that is not reused after REUSE_SECONDS."""

    response_class = _TimedResponse
    _used_at = 0.0  # epoch seconds: the monotonic clock may stop while a function is frozen

    def send(self, data: Any) -> None:
        """Send within the rest of the time; for connecting, the socket has a shorter timeout."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_remaining())
        super().send(data)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
        self._used_at = time.time()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        return super().is_connected and time.time() - self._used_at < REUSE_SECONDS


class _TimedTls(_Timed, HTTPSConnection):
    """Over https."""


class PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Timed  # only for a base URL that the operator set


class TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TimedTls


class TimedAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


def read_bounded(response: urllib3.BaseHTTPResponse, max_bytes: int, deadline: float) -> bytes:
    """Return the body, at most `max_bytes`, before `deadline`. Raises ResultUnusable, TimeoutError, HTTPError."""
    parts: list[bytes] = []
    size = 0
    while chunk := response.read1(CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise ResultUnusable(f"The provider's answer is larger than {max_bytes // (1024 * 1024)} MB.")
        if time.monotonic() > deadline:
            raise TimeoutError("the body took too long to arrive")
        parts.append(chunk)
    return b"".join(parts)


class HttpTransport:
    """Sends requests over kept-alive connections, one session per provider, and downloads results."""

    def __init__(self) -> None:
        self._sessions: dict[str, requests.Session] = {}

    def send(
        self, spec: ProviderSpec, request: HttpRequest, credentials: ProviderCredentials, timeout: float
    ) -> HttpResponse:
        """Send the request within `timeout` seconds. Raises NotCharged where nothing was sent, else UnknownCharge."""
        if timeout <= 0:
            raise NotCharged(f"{spec.title} was not called: the time for it was over.")
        until = time.monotonic() + timeout
        session = self._session(spec)
        prepared = _prepared(session, spec, request, credentials)
        try:
            with (
                deadline_at(until),
                session.send(
                    prepared, timeout=(min(CONNECT_SECONDS, timeout), timeout), allow_redirects=False, stream=True
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                most = MAX_RESULT_BYTES * 4 // 3 + JSON_BYTES
                return HttpResponse(response.status_code, headers, read_bounded(response.raw, most, until))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, requests.ConnectionError) and _never_sent(error):
                raise ProviderOutage(f"{spec.title} can't be reached.") from None
            lost = f"{spec.title}'s answer was lost; whether it charged is unknown, so the call is not repeated."
            raise UnknownCharge(lost) from None

    def download(self, url: str, spec: ProviderSpec, own_origin: str | None) -> bytes:
        return download(url, spec, own_origin=own_origin)

    def _session(self, spec: ProviderSpec) -> requests.Session:
        session = self._sessions.get(spec.name)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # no proxy or netrc from the environment
            # Exchanges share nothing but connections.
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers["Accept-Encoding"] = "identity"  # a compressed body could unpack to any size
            adapter = TimedAdapter(pool_maxsize=spec.in_flight, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session = self._sessions.setdefault(spec.name, session)
        return session


def _prepared(
    session: requests.Session, spec: ProviderSpec, request: HttpRequest, credentials: ProviderCredentials
) -> requests.PreparedRequest:
    """Return the request as it is sent. Raises NotCharged for an impossible key and for a body over the limit."""
    if not credentials.key.isascii() or not credentials.key.isprintable():
        raise ProviderKeyRefused(f"{spec.title}'s key has characters that no key has.")
    outgoing = requests.Request(
        request.method,
        (credentials.base_url or spec.base_url).rstrip("/") + request.path,
        params=dict(request.query) or None,
        headers={spec.auth_header: spec.auth_format.format(key=credentials.key), **request.headers},
        **_body(request),
    )
    try:
        prepared = session.prepare_request(outgoing)
    except requests.RequestException:
        raise NotCharged(f"{spec.title} can't be called: the request could not be built.") from None
    if len(prepared.body or b"") > spec.request_bytes:
        raise NotCharged(f"{spec.title} takes at most {spec.request_bytes // (1024 * 1024)} MB per request.")
    return prepared


def _body(request: HttpRequest) -> dict[str, Any]:
    """Return the body's argument for `requests`: JSON, or multipart/form-data, also without a file."""
    if request.json is not None:
        return {"json": request.json}
    form = (request.form or {}).items()
    parts = {key: (key, value.data, value.mime) if isinstance(value, Blob) else (None, value) for key, value in form}
    return {"files": parts} if request.form is not None else {}


def _never_sent(error: requests.ConnectionError) -> bool:
    """Whether no connection was made: refused, unknown host, timed out, or the wrong certificate."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.SSLError):
        return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in reason.args)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def resolve_public(host: str) -> str:
    """Return the first address of `host` if all of them are public. Raises ResultUnusable."""
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise DownloadFault("The provider's result host could not be found.") from None
    if not found or not all(is_public(address) for address in found):
        raise refused_url()
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet; an IPv4 address inside an IPv6 one counts as IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded:
            return is_public(str(embedded))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip in _IETF)


def download(
    url: str, spec: ProviderSpec, *, own_origin: str | None = None, resolve: Callable[[str], str] = resolve_public
) -> bytes:
    """Return the bytes at a result's URL. Raises ResultUnusable, or DownloadFault where a retry may succeed."""
    parts = check_url(url, spec, own_origin)
    host = parts.hostname or ""
    pool: urllib3.HTTPConnectionPool
    timeout = Timeout(connect=CONNECT_SECONDS, read=DOWNLOAD_SECONDS)
    if own_origin and origin_of(parts) == origin_of(urlsplit(own_origin)):
        kind = TlsPool if parts.scheme == "https" else PlainPool
        pool = kind(host, origin_of(parts)[2], timeout=timeout, retries=False)
    else:
        named: dict[str, Any] = {"server_hostname": host, "assert_hostname": host, "ca_certs": certifi.where()}
        pool = TlsPool(resolve(host), 443, timeout=timeout, retries=False, **named)
    until = time.monotonic() + DOWNLOAD_SECONDS
    with pool, deadline_at(until):
        return _download(pool, parts, until)


def _download(pool: urllib3.HTTPConnectionPool, parts: SplitResult, until: float) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc, "Accept-Encoding": "identity"}
    raw: dict[str, Any] = {"redirect": False, "preload_content": False, "decode_content": False, "retries": False}
    try:
        response = pool.request("GET", target, headers=headers, **raw)
        try:
            if response.status != 200:  # a CDN may miss a result for a moment, but redirects are never followed
                sentence = f"The provider's result could not be fetched ({response.status})."
                if 300 <= response.status < 400:
                    raise ResultUnusable(sentence)
                fault = DownloadFault(sentence)
                fault.gone = 400 <= response.status < 500 and response.status not in (408, 429)
                raise fault
            return read_bounded(response, MAX_RESULT_BYTES, until)
        finally:
            response.close()
    except (urllib3.exceptions.HTTPError, OSError, UnicodeError):
        raise DownloadFault("The provider's result could not be fetched.") from None
