"""Downloads from URLs that nobody vouches for: a provider's result, and an image that a caller names by its URL.

Only public addresses are called, by the address that was checked. A socket's timeout starts again with every byte that
arrives, so a peer that sends byte by byte could hold a call for any time: here each read gets only the rest of the
call's time. `transport.py` sends its requests over the same connections.
"""

import http.client
import io
import ipaddress
import logging
import math
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout

from image_studio.errors import InvalidImage, ResultUnusable, TooLarge
from image_studio.providers.adapter import DownloadFault
from image_studio.providers.responses import check_url, is_own, is_plain_url, origin_of, refused_url
from image_studio.providers.spec import ProviderSpec
from image_studio.schemas.limits import MAX_FILE_BYTES, MAX_RESULT_BYTES

#: Seconds that an idle connection is kept: below the shortest idle limit of a load balancer or a NAT on the way.
REUSE_SECONDS = 20.0
CHUNK = 256 * 1024
CONNECT_SECONDS = 5.0
DOWNLOAD_SECONDS = 60.0  # for a whole result
INPUT_SECONDS = 10.0  # for a caller's URL with all of its redirects
MAX_REDIRECTS = 3
HTTPS_PORT = 443
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


# -- addresses


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


def pinned_pool(host: str, address: str, seconds: float) -> urllib3.HTTPConnectionPool:
    """Return a pool that calls `address`, whose certificate must be for `host`."""
    named: dict[str, Any] = {"server_hostname": host, "assert_hostname": host, "ca_certs": certifi.where()}
    timeout = Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    return TlsPool(address, HTTPS_PORT, timeout=timeout, retries=False, **named)


def target_of(parts: SplitResult) -> str:
    """Return the path and query of a URL, as a request's first line has them."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@contextmanager
def _get(pool: urllib3.HTTPConnectionPool, parts: SplitResult, **headers: str) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send a GET and yield the response, unread and whatever its status. Raises DownloadFault, also for the block."""
    # A compressed body could unpack to any size.
    headers = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
    raw: dict[str, Any] = {"redirect": False, "preload_content": False, "decode_content": False, "retries": False}
    try:
        response = pool.request("GET", target_of(parts), headers=headers, **raw)
        try:
            yield response
        finally:
            response.close()
    except (urllib3.exceptions.HTTPError, OSError, UnicodeError):
        raise DownloadFault("The provider's result could not be fetched.") from None


# -- a provider's result


def download(
    url: str, spec: ProviderSpec, *, own_origin: str | None = None, resolve: Callable[[str], str] = resolve_public
) -> bytes:
    """Return the bytes at a result's URL. Raises ResultUnusable, or DownloadFault where a retry may succeed."""
    parts = check_url(url, spec, own_origin)
    host = parts.hostname or ""
    pool: urllib3.HTTPConnectionPool
    if is_own(parts, own_origin):
        kind = TlsPool if parts.scheme == "https" else PlainPool
        timeout = Timeout(connect=CONNECT_SECONDS, read=DOWNLOAD_SECONDS)
        pool = kind(host, origin_of(parts)[2], timeout=timeout, retries=False)
    else:
        pool = pinned_pool(host, resolve(host), DOWNLOAD_SECONDS)
    until = time.monotonic() + DOWNLOAD_SECONDS
    with pool, deadline_at(until), _get(pool, parts) as response:
        if response.status == 200:
            return read_bounded(response, MAX_RESULT_BYTES, until)
        sentence = f"The provider's result could not be fetched ({response.status})."
        if 300 <= response.status < 400:  # a CDN may miss a result for a moment, but redirects are never followed
            raise ResultUnusable(sentence)
        fault = DownloadFault(sentence)
        fault.gone = 400 <= response.status < 500 and response.status not in (408, 429)
        raise fault


# -- a caller's image

REFUSED = "This image URL is not fetched. Use an https URL on port 443 of a public host, without a user name."
UNREACHABLE = f"The image URL could not be fetched within {INPUT_SECONDS:g} seconds. Check it, or upload the image."


def download_input(url: str, seconds: float = INPUT_SECONDS) -> bytes:
    """Return the bytes at a caller's https URL, which may redirect MAX_REDIRECTS times; each address is checked again.

    All of it takes at most `seconds`, and a few more for the last connection. Raises InvalidImage, TooLarge.
    """
    until = time.monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        location, data = _fetch_input(check_public_url(url), until)
        if location is None:
            return data
        url = urljoin(url, location)
    raise InvalidImage(f"The image URL redirects more than {MAX_REDIRECTS} times. Use the address that it leads to.")


def check_public_url(url: str) -> SplitResult:
    """Return the URL's parts, its host in ASCII, if it may be fetched. Raises InvalidImage."""
    if not is_plain_url(url):
        raise InvalidImage(REFUSED)
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = HTTPS_PORT if parts.port is None else parts.port
    except ValueError:
        raise InvalidImage(REFUSED) from None
    if parts.scheme == "http":
        raise InvalidImage("http URLs are not fetched. Use the https URL of the image, or upload it (POST /uploads).")
    if parts.scheme != "https" or not host or "@" in parts.netloc or port != HTTPS_PORT:
        raise InvalidImage(REFUSED)
    return parts._replace(netloc=f"[{host}]" if ":" in host else host)


def _fetch_input(parts: SplitResult, until: float) -> tuple[str | None, bytes]:
    """Return where the URL redirects to, or None and its bytes. Raises InvalidImage, TooLarge."""
    host = parts.hostname or ""
    try:
        pool = pinned_pool(host, resolve_within(host, until), max(0.1, until - time.monotonic()))
        with (
            pool,
            deadline_at(until),
            _get(pool, parts, **{"Accept": "image/*", "User-Agent": "image-studio"}) as found,
        ):
            if found.status in (301, 302, 303, 307, 308) and found.headers.get("Location"):
                return str(found.headers["Location"]), b""
            if found.status != 200:
                raise InvalidImage(f"The image URL answered {found.status}. It must give the image without a sign-in.")
            return None, _read_input(found, until)
    except (DownloadFault, TimeoutError):
        raise InvalidImage(UNREACHABLE) from None
    except ResultUnusable:
        raise InvalidImage(REFUSED) from None


def _read_input(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    try:
        return read_bounded(response, MAX_FILE_BYTES, until)
    except ResultUnusable:
        raise TooLarge(f"The image at the URL has more than {MAX_FILE_BYTES:,} bytes. Scale it down.") from None


def resolve_within(host: str, until: float) -> str:
    """Return the host's address. Raises ResultUnusable, TimeoutError: a resolver has no timeout of its own."""
    threads = ThreadPoolExecutor(1, thread_name_prefix="resolve")
    try:
        return threads.submit(resolve_public, host).result(max(0.0, until - time.monotonic()))
    finally:
        threads.shutdown(wait=False)  # a look-up that takes longer is left behind
