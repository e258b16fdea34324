"""Result URLs are hostile: nothing outside the allow-list is ever connected to, whatever the URL or its DNS says.

A guard stands in for the resolver and for every socket's `connect`: it notes whom the code asks for and lets through
only this machine.
"""

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

from image_studio.errors import ResultUnusable
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers import download as downloading
from image_studio.providers.adapter import DownloadFault, ProviderCredentials
from image_studio.providers.client import PaidCall, ProviderClient
from image_studio.providers.download import download, is_public
from image_studio.providers.responses import check_url
from image_studio.providers.transport import HttpTransport
from tests.providers.hosts import CDN, GOOD, HOSTILE_URLS, NOT_PUBLIC, PUBLIC, replying

SPEC = replace(SPECS[0], result_hosts=frozenset({CDN}))


@pytest.mark.parametrize("url", HOSTILE_URLS, ids=lambda url: ascii(url)[:60])
def test_hostile_urls_are_refused_before_any_look_up(url, guard, count):
    """A URL that isn't https on an exact host of the spec is refused: no name is resolved, nothing is connected to."""
    guard.answers = {CDN: [[PUBLIC]], f"{CDN}.": [[PUBLIC]]}
    with pytest.raises(ResultUnusable) as refused:
        download(url, SPEC)
    assert not isinstance(refused.value, DownloadFault), "asking again would not help"
    count("addresses", urls=1, outside=len(guard.connected))
    assert (guard.looked_up, guard.connected) == ([], [])


def test_a_recorded_hostile_url_is_refused_too(guard, jumps):
    """A handle out of a job's record is checked like a fresh URL, once and for all."""
    adapter = PROVIDERS["wavespeed"]
    soon = jumps.clock() + 60
    call = PaidCall(
        adapter=adapter,
        model=adapter.SPEC.live_models()[0],
        credentials=ProviderCredentials("key"),
        deadline=soon,
        ordered=soon - 60,
        wait_until=soon,
        on_handle=lambda _: None,
    )
    with pytest.raises(ResultUnusable):
        ProviderClient(HttpTransport(), clock=jumps.clock, sleep=jumps.sleep).resume(call, "url:https://127.0.0.1/1")
    assert (guard.looked_up, guard.connected, jumps.waits) == ([], [], [])


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address, guard, count):
    """A listed host that resolves to anything but a public address is refused before a connection."""
    assert not is_public(address)
    guard.answers = {CDN: [[address]]}
    with pytest.raises(ResultUnusable, match="an address that we don't call"):
        download(GOOD, SPEC)
    count("addresses", hosts=1, outside=len(guard.connected))
    assert guard.connected == []


def test_one_private_address_among_public_ones_refuses_the_host(guard):
    """A host with a public and a private address is refused whichever comes first."""
    for addresses in ([PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC]):
        guard.answers = {CDN: [addresses]}
        with pytest.raises(ResultUnusable):
            download(GOOD, SPEC)
    assert guard.connected == []


def test_rebinding_is_pinned(guard, count, monkeypatch):
    """A name that turns private at its second look-up is looked up once, and the first address is the one called.

    No proxy of the environment is called instead.
    """
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    guard.answers = {CDN: [[PUBLIC], ["127.0.0.1"]]}
    with pytest.raises(DownloadFault):
        download(GOOD, SPEC)
    assert guard.looked_up == [CDN]
    count("addresses", turns=1, outside=len(guard.connected) - guard.connected.count((PUBLIC, 443)))
    assert guard.connected == [(PUBLIC, 443)]


def test_an_ipv6_host_is_called_by_its_address(guard):
    """Also behind NAT64, pinned like an IPv4 one. A resolver without an answer is a fault that may pass."""
    addresses = ["2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808"]
    for address in addresses:
        guard.answers = {CDN: [[address]]}
        with pytest.raises(DownloadFault):
            download(GOOD, SPEC)
    assert guard.connected == [(address, 443) for address in addresses]
    guard.answers = {}
    with pytest.raises(DownloadFault, match="host could not be found"):
        download(GOOD, SPEC)


# -- a base URL of the operator


@pytest.mark.parametrize(
    ("base", "url", "allowed"),
    [
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001/media/1.png", True),
        ("http://127.0.0.1:9001/", "http://127.0.0.1:9001/media/1.png", True),
        ("https://proxy.example", "https://proxy.example:443/1.png", True),
        ("http://proxy.example", "http://proxy.example:80/1.png", True),
        ("https://proxy.example", f"https://proxy.example/{'a' * 8_166}.png", True),  # the longest: 8,192 characters
        ("https://proxy.example", f"https://proxy.example/{'a' * 8_167}.png", False),
        ("http://127.0.0.1:9001", "http://127.0.0.1:9002/1.png", False),
        ("http://127.0.0.1:9001", "https://127.0.0.1:9001/1.png", False),
        ("http://127.0.0.1:9001", "http://localhost:9001/1.png", False),
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001@evil.example/1.png", False),
        ("http://127.0.0.1:9001", "http://user@127.0.0.1:9001/1.png", False),
        ("http://127.0.0.1:9001", "http://169.254.169.254:9001/1.png", False),
    ],
)
def test_results_on_the_operators_own_origin(base, url, allowed):
    """Scheme, host and port of a base URL that the operator set are allowed, and nothing that only resembles them."""
    if allowed:
        assert check_url(url, SPEC, base).path.endswith(".png")
    else:
        with pytest.raises(ResultUnusable):
            check_url(url, SPEC, base)


# -- a server under a listed name


def fetched(url: str = GOOD) -> bytes:
    return download(url, SPEC, resolve=lambda _host: "127.0.0.1")


def test_a_result_is_fetched_by_address_under_its_name(cdn):
    """The pinned address is called, with the host's name in SNI, certificate check and Host header."""
    cdn.answer = replying(200, b"image")
    assert fetched(f"{GOOD}?signature=a%2Fb&x=ü") == b"image"
    assert cdn.asked == [(CDN, "/result/1.png?signature=a%2Fb&x=%C3%BC")]


def test_another_names_certificate_is_refused(cdn, tmp_path, monkeypatch):
    """A server that can't show a certificate for the listed name isn't talked to."""
    spec = replace(SPEC, result_hosts=frozenset({"other.example"}))
    with pytest.raises(DownloadFault):
        download("https://other.example/1.png", spec, resolve=lambda _host: "127.0.0.1")
    assert cdn.asked == []


@pytest.mark.parametrize("status", [204, 206, 300, 301, 302, 303, 304, 307, 308, 399, 400, 404, 500])
def test_other_statuses_are_no_image(status, cdn, guard, count):
    """Only 200 is an image. A redirect, wherever it points, ends the download for good; any other status may pass."""
    cdn.answer = replying(status, Location="http://169.254.169.254/latest/meta-data/")
    with pytest.raises(ResultUnusable, match=str(status)) as refused:
        fetched()
    assert isinstance(refused.value, DownloadFault) == (not 300 <= status < 400)
    outside = [address for address, _ in guard.connected if address != "127.0.0.1"]
    count("addresses", turns=1, outside=len(outside))
    assert not outside
    assert len(guard.connected) == len(cdn.asked) == 1


def test_a_result_at_the_byte_limit_passes_and_one_more_byte_does_not(cdn, monkeypatch):
    """A larger body is refused, a shorter one than announced is a fault, and nothing is unpacked."""
    monkeypatch.setattr(downloading, "MAX_RESULT_BYTES", 100_000)
    cdn.answer = replying(200, b"x" * 100_000, Content_Encoding="gzip")
    assert fetched() == b"x" * 100_000
    cdn.answer = replying(200, b"x" * 100_001)
    with pytest.raises(ResultUnusable, match="larger than"):
        fetched()
    cdn.answer = replying(200, b"half", Content_Length="8")
    with pytest.raises(DownloadFault):
        fetched()


def test_a_dripping_server_is_left_in_time(cdn, monkeypatch):
    """Headers that come byte by byte end with the time for the whole download."""
    monkeypatch.setattr(downloading, "DOWNLOAD_SECONDS", 0.3)
    done = threading.Event()

    def drip_headers(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(200):
            if done.wait(0.05):
                return
            handler.wfile.write(b"X-Slow: 1\r\n")

    cdn.answer = drip_headers
    with pytest.raises(DownloadFault):
        fetched()
    done.set()
