"""A caller's image URL is hostile: whatever it, its DNS or its redirects say, nothing that isn't public is called."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from image_studio.errors import InvalidImage, TooLarge
from image_studio.providers import download
from image_studio.providers.download import MAX_REDIRECTS, download_input
from tests.providers.hosts import CDN, GOOD, HOSTILE_URLS, NOT_PUBLIC, PUBLIC, replying


@pytest.fixture
def public_here(monkeypatch):
    """This machine passes for a public address."""
    monkeypatch.setattr(download, "is_public", lambda address: address == "127.0.0.1")


@pytest.fixture
def served(cdn, guard, public_here):
    """A public host on this machine; `answer` writes its replies."""
    guard.answers = {CDN: [["127.0.0.1"]]}
    return cdn


@pytest.mark.parametrize("url", HOSTILE_URLS, ids=lambda url: ascii(url)[:60])
def test_hostile_urls_reach_nothing_that_is_not_public(url, guard, count):
    """Each is a 400; where its host is public, only that address on port 443 is tried."""
    guard.answers = {host: [[PUBLIC]] for host in (CDN, f"{CDN}.")}
    with pytest.raises(InvalidImage):
        download_input(url)
    outside = [address for address in guard.connected if address != (PUBLIC, 443)]
    count("addresses", urls=1, outside=len(outside))
    assert not outside


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address, guard, count):
    """Alone, beside a public one, or at the second look-up: refused, or pinned to the first."""
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        guard.answers = {CDN: [addresses]}
        with pytest.raises(InvalidImage, match="public host"):
            download_input(GOOD)
    assert guard.connected == []
    guard.answers = {CDN: [[PUBLIC], [address]]}
    with pytest.raises(InvalidImage, match="could not be fetched"):
        download_input(GOOD)
    count("addresses", hosts=1, outside=len(guard.connected) - 1)
    assert guard.connected == [(PUBLIC, 443)]


def test_an_image_is_fetched_by_address_under_its_name(served):
    """The port may be named, the scheme written in capitals, and a path needs no ASCII."""
    served.answer = replying(200, b"image")
    assert download_input(f"HTTPS://{CDN}:443/1.png?signature=a%2Fb&x=ü") == b"image"
    assert served.asked == [(CDN, "/1.png?signature=a%2Fb&x=%C3%BC")]


def test_http_is_refused_with_what_to_do_instead(guard):
    with pytest.raises(InvalidImage, match="Use the https URL"):
        download_input(f"http://{CDN}/1.png")
    assert guard.looked_up == []


def redirects(count: int, target: str = "/next.png", status: int = 307):
    """Answer so many redirects, then an image."""
    left = [count]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        left[0] -= 1
        redirect = left[0] >= 0
        replying(
            status if redirect else 200, b"" if redirect else b"image", **({"Location": target} if redirect else {})
        )(handler)

    return answer


def test_three_redirects_are_followed_and_the_fourth_is_not(served):
    """By a path or a whole URL, with any status that redirects."""
    for status in (301, 302, 303, 307, 308):
        served.answer = redirects(1, status=status)
        assert download_input(GOOD) == b"image"
    for target in ("/next.png", GOOD):
        served.answer = redirects(MAX_REDIRECTS, target)
        assert download_input(GOOD) == b"image"
        served.answer = redirects(MAX_REDIRECTS + 1, target)
        with pytest.raises(InvalidImage, match="more than 3 times"):
            download_input(GOOD)


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        f"http://{CDN}/1.png",
        f"https://{CDN}:8443/1.png",
        f"https://user@{CDN}/1.png",
        "https://private.example/1.png",
        "//localhost/1.png",
        "file:///etc/passwd",
        "https://[::1]/1.png",
    ],
)
def test_each_redirect_is_checked_like_the_first_url(target, served, guard, count):
    guard.answers["private.example"] = [["10.0.0.1"]]
    served.answer = replying(302, Location=target)
    with pytest.raises(InvalidImage):
        download_input(GOOD)
    outside = [address for address, _ in guard.connected if address != "127.0.0.1"]
    count("addresses", turns=1, outside=len(outside))
    assert (outside, len(guard.connected)) == ([], 1)


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 404, 500])
def test_other_statuses_are_a_sentence(status, served):
    served.answer = replying(status)
    with pytest.raises(InvalidImage, match=f"answered {status}"):
        download_input(GOOD)


def test_an_image_has_a_largest_size(served, monkeypatch):
    """Of what is sent, whatever was announced; nothing is unpacked, and half an image is none."""
    monkeypatch.setattr(download, "MAX_FILE_BYTES", 100_000)
    served.answer = replying(200, b"x" * 100_000, Content_Encoding="gzip")
    assert download_input(GOOD) == b"x" * 100_000
    served.answer = replying(200, b"x" * 100_001)
    with pytest.raises(TooLarge, match="100,000 bytes"):
        download_input(GOOD)
    served.answer = replying(200, b"half", Content_Length="8")
    with pytest.raises(InvalidImage, match="could not be fetched"):
        download_input(GOOD)


def test_a_slow_server_is_left_in_time(served):
    """One that sends byte by byte, and a resolver that doesn't answer."""
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not done.wait(0.05):
            handler.wfile.write(b"x")

    served.answer = drip
    started = time.monotonic()
    with pytest.raises(InvalidImage, match="could not be fetched"):
        download_input(GOOD, 0.3)
    done.set()
    assert time.monotonic() - started < 3


def test_a_slow_resolver_is_left_in_time(monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(10) and [])
    started = time.monotonic()
    with pytest.raises(InvalidImage, match="could not be fetched"):
        download_input(GOOD, 0.1)
    done.set()
    assert time.monotonic() - started < 3
