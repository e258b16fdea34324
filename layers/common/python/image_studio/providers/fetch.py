"""Fetch a result from a URL that a provider gave: the URL is hostile until shown otherwise.

Only https, only the exact hosts in the provider's spec, no credentials, port 443; the resolved address must be
public and is the one connected to (no second look-up to rebind); no redirects, no proxy; bytes and seconds capped.
"""

import ipaddress
import socket
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.util import Timeout

from image_studio.errors import ResultUnusable
from image_studio.providers.spec import ProviderSpec

MAX_RESULT_BYTES = 64 * 1024 * 1024  # an 8K PNG; larger answers are refused
FETCH_SECONDS = 60.0  # for the whole download
CHUNK = 256 * 1024
CONNECT_SECONDS = 5.0

Resolve = Callable[[str], str]


def resolve_public(host: str) -> str:
    """The first address of `host`, if every one of them is public. Raises ResultUnusable."""
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except OSError:
        raise ResultUnusable("The provider's result host could not be found.") from None
    if not found or not all(is_public(address) for address in found):
        raise ResultUnusable("The provider's result is on an address that we don't call.")
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet; IPv4 hidden in IPv6 is judged as IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if hidden:
            return is_public(str(hidden))
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


def check_url(url: str, spec: ProviderSpec, own_origin: str | None) -> SplitResult:
    """The URL's parts, if it may be fetched; `own_origin` is a base URL of the operator. Raises ResultUnusable."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused() from None
    if own_origin and _origin(parts) == _origin(urlsplit(own_origin)) and "@" not in parts.netloc:
        return parts
    plain = parts.scheme == "https" and parts.netloc.lower() in spec.result_hosts and port is None
    if not plain or any(ord(char) < 33 for char in url):
        raise _refused()
    return parts


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port


def _refused() -> ResultUnusable:
    return ResultUnusable("The provider's result is at an address that we don't call.")


def fetch(url: str, spec: ProviderSpec, *, own_origin: str | None = None, resolve: Resolve = resolve_public) -> bytes:
    """The bytes at a provider's result URL. Raises ResultUnusable where it may not or can't be fetched."""
    parts = check_url(url, spec, own_origin)
    host = parts.hostname or ""
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    timeout = Timeout(connect=CONNECT_SECONDS, read=FETCH_SECONDS)
    pool: urllib3.HTTPConnectionPool
    if own_origin and _origin(parts) == _origin(urlsplit(own_origin)):
        kind = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
        pool = kind(host, parts.port, timeout=timeout, retries=False)
    else:
        pool = urllib3.HTTPSConnectionPool(
            resolve(host), 443, timeout=timeout, retries=False, server_hostname=host, assert_hostname=host
        )
    with pool:
        return _download(pool, target or "/", parts.netloc)


def _download(pool: urllib3.HTTPConnectionPool, target: str, host: str) -> bytes:
    try:
        reply = pool.request(
            "GET",
            target,
            headers={"Host": host, "Accept-Encoding": "identity"},
            redirect=False,
            preload_content=False,
            retries=False,
        )
        try:
            if reply.status != 200:
                raise ResultUnusable(f"The provider's result could not be fetched ({reply.status}).")
            return read_bounded(reply, MAX_RESULT_BYTES, time.monotonic() + FETCH_SECONDS)
        finally:
            reply.close()
    except (urllib3.exceptions.HTTPError, TimeoutError):
        raise ResultUnusable("The provider's result could not be fetched.") from None


def read_bounded(reply: urllib3.BaseHTTPResponse, most: int, until: float) -> bytes:
    """The body, up to `most` bytes and until a moment of the monotonic clock.

    Raises ResultUnusable where it is larger, TimeoutError where it takes longer.
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
