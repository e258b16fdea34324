"""Download a result from a URL that a provider gave: the URL is hostile until shown otherwise."""

import ipaddress
import socket
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import certifi
import urllib3
from urllib3.util import Timeout

from image_studio.errors import ResultUnusable
from image_studio.providers.adapter import DownloadFault
from image_studio.providers.spec import ProviderSpec
from image_studio.providers.transport import MAX_RESULT_BYTES, PlainPool, TlsPool, deadline_at, read_bounded

MAX_URL = 8_192  # characters
FETCH_SECONDS = 60.0  # for the whole download
CONNECT_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IETF = ipaddress.ip_network("192.0.0.0/24")  # global to a Python before 3.11.10 or 3.12.4

Resolve = Callable[[str], str]
Origin = tuple[str, str | None, int | None]


def resolve_public(host: str) -> str:
    """The first address of `host`, if every one of them is public. Raises ResultUnusable."""
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise DownloadFault("The provider's result host could not be found.") from None
    if not found or not all(is_public(address) for address in found):
        raise _refused()
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet; IPv4 hidden in IPv6 is judged as IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            hidden = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if hidden:
            return is_public(str(hidden))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip in _IETF)


def check_url(url: str, spec: ProviderSpec, own_origin: str | None) -> SplitResult:
    """The URL's parts, if it may be fetched; `own_origin` is a base URL of the operator. Raises ResultUnusable."""
    if len(url) > MAX_URL or not url.isprintable() or any(char in url for char in " \\"):
        raise _refused()
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError:
        raise _refused() from None
    if "@" not in parts.netloc:
        if own_origin and origin == _origin(urlsplit(own_origin)):
            return parts
        # The whole authority is compared, so that a port, a trailing dot or another spelling is another host.
        if parts.scheme == "https" and parts.netloc.lower() in spec.result_hosts:
            return parts
    raise _refused()


def _origin(parts: SplitResult) -> Origin:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _refused() -> ResultUnusable:
    return ResultUnusable("The provider's result is at an address that we don't call.")


def download(
    url: str, spec: ProviderSpec, *, own_origin: str | None = None, resolve: Resolve = resolve_public
) -> bytes:
    """The bytes at a provider's result URL, within FETCH_SECONDS.

    Raises ResultUnusable where it may not be fetched, FetchFault where it can't be just now.
    """
    parts = check_url(url, spec, own_origin)
    host = parts.hostname or ""
    pool: urllib3.HTTPConnectionPool
    timeout = Timeout(connect=CONNECT_SECONDS, read=FETCH_SECONDS)
    if own_origin and _origin(parts) == _origin(urlsplit(own_origin)):
        kind = TlsPool if parts.scheme == "https" else PlainPool
        pool = kind(host, _origin(parts)[2], timeout=timeout, retries=False)
    else:
        pool = TlsPool(
            resolve(host),
            443,
            timeout=timeout,
            retries=False,
            server_hostname=host,
            assert_hostname=host,
            ca_certs=certifi.where(),
        )
    until = time.monotonic() + FETCH_SECONDS
    with pool, deadline_at(until):
        return _download(pool, parts, until)


def _download(pool: urllib3.HTTPConnectionPool, parts: SplitResult, until: float) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        reply = pool.request(
            "GET",
            target,
            headers={"Host": parts.netloc, "Accept-Encoding": "identity"},
            redirect=False,
            preload_content=False,
            decode_content=False,
            retries=False,
        )
        try:
            _check_status(reply.status)
            return read_bounded(reply, MAX_RESULT_BYTES, until)
        finally:
            reply.close()
    except (urllib3.exceptions.HTTPError, OSError, UnicodeError):
        raise DownloadFault("The provider's result could not be fetched.") from None


def _check_status(status: int) -> None:
    """A result may be missing for a moment on a CDN, but what redirects is not where we go."""
    if status == 200:
        return
    kind = ResultUnusable if 300 <= status < 400 else DownloadFault
    raise kind(f"The provider's result could not be fetched ({status}).")
