"""One HTTP exchange with a provider: what is sent, what came back, and what a missing response means.

A socket's timeout starts again with every byte that arrives, so a peer that drips its headers or its body could hold a
call for as long as it likes: here each read gets only what is left of the call's time. A kept-alive connection that
slept in a frozen function may be dead already; a paid call on it would end as "outcome unknown".
"""

import http.client
import io
import logging
import math
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from image_studio.errors import ProviderFailed, ProviderKeyRefused, ProviderOutage, ResultUnusable, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, ProviderCredentials
from image_studio.providers.spec import ProviderSpec

#: Seconds that an idle connection is kept: below the shortest idle limit of a load balancer or a NAT on the way.
REUSE_SECONDS = 20.0
MAX_RESULT_BYTES = 64 * 1024 * 1024  # well above a 16 MP PNG; larger answers are refused
CHUNK = 256 * 1024
_ends: ContextVar[float] = ContextVar("ends", default=math.inf)

# urllib3 writes whole URLs when headers are malformed; those of results carry a signature.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@contextmanager
def deadline_at(moment: float) -> Iterator[None]:
    """Let every exchange of this thread end at a moment of the monotonic clock."""
    token = _ends.set(moment)
    try:
        yield
    finally:
        _ends.reset(token)


def _left() -> float | None:
    """Seconds left for this exchange, None without a limit. Raises TimeoutError where there are none."""
    ends = _ends.get()
    if math.isinf(ends):
        return None
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the exchange took too long")
    return left


class _TimedReads(io.RawIOBase):
    """A socket's file, each of whose reads gets what is left of the time."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedReply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_TimedReads(sock, self.fp.detach()))


class _Timed(HTTPConnection):
    """What both kinds of connection have in common."""

    response_class = _TimedReply
    _used_at = 0.0  # epoch: it goes on while a function is frozen, the monotonic clock need not

    def send(self, data: Any) -> None:
        """Send within what is left of the time: until here the socket has the short timeout for connecting."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_left())
        super().send(data)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
        self._used_at = time.time()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        return super().is_connected and time.time() - self._used_at < REUSE_SECONDS


class _TimedPlain(_Timed):
    """Over http: only to a base URL that the operator set."""


class _TimedTls(_Timed, HTTPSConnection):
    """Over https."""


class PlainPool(urllib3.HTTPConnectionPool):
    """Timed connections over http."""

    ConnectionCls = _TimedPlain


class TlsPool(urllib3.HTTPSConnectionPool):
    """Timed connections over https."""

    ConnectionCls = _TimedTls


class TimedAdapter(requests.adapters.HTTPAdapter):
    """What a `requests` session is mounted with to have timed connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of this module's kinds."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


def read_bounded(reply: urllib3.BaseHTTPResponse, most: int, until: float) -> bytes:
    """The body, up to `most` bytes and until a moment of the monotonic clock.

    Raises ResultUnusable where it is larger, TimeoutError where it takes longer, urllib3's HTTPError where it
    ends before its announced length.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := reply.read1(CHUNK):
        size += len(chunk)
        if size > most:
            raise ResultUnusable(f"The provider's answer is larger than {most // (1024 * 1024)} MB.")
        if time.monotonic() > until:
            raise TimeoutError("the body took too long to arrive")
        parts.append(chunk)
    return b"".join(parts)


CONNECT_SECONDS = 5.0


class HttpTransport:
    """Sends calls over kept-alive connections, one session per provider."""

    def __init__(self) -> None:
        self._sessions: dict[str, requests.Session] = {}

    def send(self, spec: ProviderSpec, call: HttpRequest, access: ProviderCredentials, patience: float) -> HttpResponse:
        """One exchange. Raises ProviderOutage where nothing was sent, UnknownCharge where the answer was lost."""
        until = time.monotonic() + patience
        session = self._session(spec)
        prepared = _prepared(session, spec, call, access)
        try:
            with (
                deadline_at(until),
                session.send(
                    prepared, timeout=(min(CONNECT_SECONDS, patience), patience), allow_redirects=False, stream=True
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status_code, headers, read_bounded(response.raw, MAX_RESULT_BYTES, until))
        except requests.ConnectionError as error:
            if _never_sent(error):
                raise ProviderOutage(f"{spec.title} can't be reached.") from None
            raise _lost(spec) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise _lost(spec) from None

    def _session(self, spec: ProviderSpec) -> requests.Session:
        session = self._sessions.get(spec.name)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # no proxy or netrc from the environment
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # calls share nothing but connections
            session.headers["Accept-Encoding"] = "identity"  # nothing that unpacks to more than it says
            adapter = TimedAdapter(pool_maxsize=spec.in_flight, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session = self._sessions.setdefault(spec.name, session)
        return session


def _prepared(
    session: requests.Session, spec: ProviderSpec, call: HttpRequest, access: ProviderCredentials
) -> requests.PreparedRequest:
    """The request as it goes out. Raises what is surely free: a key that is none, a body larger than is taken."""
    if not access.key.isascii() or not access.key.isprintable():
        raise ProviderKeyRefused(f"{spec.title}'s key has characters that no key has.")
    request = requests.Request(
        call.method,
        (access.base_url or spec.base_url).rstrip("/") + call.path,
        params=dict(call.query) or None,
        headers={spec.auth_header: spec.auth_format.format(key=access.key), **call.headers},
        **_body(call),
    )
    try:
        prepared = session.prepare_request(request)
    except requests.RequestException:
        raise ProviderFailed(f"{spec.title} can't be called: the request could not be built.") from None
    if len(prepared.body or b"") > spec.request_bytes:
        raise ProviderFailed(f"{spec.title} takes at most {spec.request_bytes // (1024 * 1024)} MB per request.")
    return prepared


def _body(call: HttpRequest) -> dict[str, Any]:
    """What `requests` sends: JSON, or multipart/form-data also where there is no file."""
    if call.json is not None:
        return {"json": call.json}
    if call.form is not None:
        return {"files": {name: _part(name, value) for name, value in call.form.items()}}
    return {}


def _part(name: str, value: str | Blob) -> tuple[str | None, str | bytes] | tuple[str, bytes, str]:
    if isinstance(value, Blob):
        return (name, value.data, value.mime)
    return (None, value)


def _never_sent(error: requests.ConnectionError) -> bool:
    """Whether the connection was never made: refused, no such host, no answer to it in time, not the right peer."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.SSLError):
        return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in reason.args)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _lost(spec: ProviderSpec) -> UnknownCharge:
    return UnknownCharge(f"{spec.title}'s answer was lost; whether it charged is unknown, so the call is not repeated.")
