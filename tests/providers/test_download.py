"""Result URLs are hostile: nothing outside the allow-list is ever connected to, whatever the URL or its DNS says.

A guard stands in for the resolver and for every socket's `connect`: it notes whom the code asks for and lets through
only this machine.
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from image_studio.errors import ResultUnusable
from image_studio.providers import PROVIDERS, SPECS, transport
from image_studio.providers.adapter import DownloadFault, ProviderCredentials
from image_studio.providers.client import PaidCall, ProviderClient
from image_studio.providers.responses import check_url
from image_studio.providers.transport import HttpTransport, TlsPool, download, is_public
from tests.providers.certificates import certificate_for

CDN = "cdn.images.example"
SPEC = replace(SPECS[0], result_hosts=frozenset({CDN}))
PUBLIC = "93.184.216.34"
GOOD = f"https://{CDN}/result/1.png"

#: Other schemes and none; private, local and metadata addresses, plainly and in other spellings; credentials; ports;
#: look-alikes; and what parsers read differently. LISTED stands for the listed host.
PLAIN_URLS = """
    http://LISTED/1.png ftp://LISTED/1.png file://LISTED/etc/passwd file:///etc/passwd gopher://LISTED/1
    dict://LISTED:11211/stat ws://LISTED/1 HTTPS+unix://LISTED/1 data:image/png;base64,iVBORw0KGgo=
    javascript:alert(1) //LISTED/1.png LISTED/1.png /1.png https:// https:///1.png

    https://127.0.0.1/1.png https://10.0.0.5/1.png https://172.16.0.1/1.png https://192.168.1.1/1.png
    https://169.254.169.254/latest/meta-data/iam/security-credentials/ http://169.254.170.2/v2/credentials
    https://0.0.0.0/1.png https://localhost/1.png https://localhost.localdomain/1.png
    https://metadata.google.internal/computeMetadata/v1/ https://[::1]/1.png https://[::]/1.png
    https://[fd00:ec2::254]/latest/meta-data/ https://[fe80::1%25eth0]/1.png

    https://[::ffff:127.0.0.1]/1.png https://[::ffff:a9fe:a9fe]/1.png https://[64:ff9b::7f00:1]/1.png
    https://2130706433/1.png https://0x7f000001/1.png https://0x7f.0x0.0x0.0x1/1.png https://017700000001/1.png
    https://0177.0.0.1/1.png https://127.1/1.png https://127.0.1/1.png https://①②⑦.⓪.⓪.①/1.png
    https://169.254.169.254.nip.io/1.png https://localtest.me/1.png

    https://user@LISTED/1.png https://user:pass@LISTED/1.png https://LISTED@127.0.0.1/1.png https://@LISTED/1.png
    https://LISTED:443@evil.example/1.png https://LISTED%40evil.example/1.png

    https://LISTED:80/1.png https://LISTED:8443/1.png https://LISTED:443/1.png https://LISTED:0/1.png
    https://LISTED:/1.png https://LISTED:99999/1.png https://LISTED:port/1.png

    https://LISTED./1.png https://LISTED.evil.example/1.png https://evil.example/LISTED/1.png https://evilLISTED/1.png
    https://images.example/1.png https://other.images.example/1.png https://www.LISTED/1.png
    https://xn--cdn-images.example/1.png https://LISTED%00.evil.example/1.png https://LISTED%2eevil.example/1.png

    https://evil.example#@LISTED/1.png https://evil.example?@LISTED/1.png https://evil.example;LISTED/1.png
    https://[LISTED]/1.png https://[::1 https:/LISTED/1.png https:LISTED/1.png
"""
HOSTILE_URLS = [
    *PLAIN_URLS.replace("LISTED", CDN).split(),
    "",
    f"https://{CDN.replace('.', '。')}/1.png",
    f"https://{CDN.replace('c', 'с', 1)}/1.png",  # noqa: RUF001  a Cyrillic letter is the point
    f"https://{CDN.replace('i', 'İ')}/1.png",
    *(f"https://{CDN}{more}" for more in ("\u200b/1.png", "\\@evil.example/1.png", "\t.evil.example/1.png")),
    *(f"https://{CDN}{more}" for more in ("\r\nHost: evil.example\r\n/1.png", "/1.png\r\nX-Injected: 1", "/ 1.png")),
    *(f"https://{CDN}/{path}" for path in ("\x00", "\ud800.png", "a" * 9_000)),
    f"https://evil.example\\.{CDN}/1.png",
    f" https://{CDN}/1.png",
]
TEREDO_LOOPBACK = "2001:0:4136:e378:8000:63bf:80ff:fffe"  # to 127.0.0.1
NOT_PUBLIC = f"""
    0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 169.254.170.2 172.31.255.255 192.0.0.8
    192.0.2.1 192.168.0.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::a00:1 64:ff9b::a9fe:a9fe
    64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe::1 {TEREDO_LOOPBACK} 2001:db8::1 fc00::1 fd00:ec2::254
    fe80::1 fe80::1%eth0 fec0::1 ff02::1
""".split()


@dataclass
class Guard:
    """Whom the code asked for: names looked up, addresses connected to."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)  # by name, one list per look-up
    looked_up: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    def getaddrinfo(self, host: str, port: int, *args: object, **kwargs: object) -> list[tuple]:
        """What the resolver would say; an address is its own answer."""
        if is_address(host):
            addresses = [host]
        else:
            self.looked_up.append(host)
            turns = self.answers.get(host, [])
            if not turns:
                raise socket.gaierror(socket.EAI_NONAME, "no such host")
            addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (a, port, 0, 0) if kind == socket.AF_INET6 else (a, port))
            for kind, a in zip(kinds, addresses, strict=True)
        ]


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """A resolver of our own, and sockets that reach this machine only and tell whom they were sent to."""
    seen = Guard()
    really = socket.socket.connect

    def connect(self: socket.socket, address: tuple) -> None:
        seen.connected.append(tuple(address[:2]))
        if address[0] not in ("127.0.0.1", "::1"):
            raise ConnectionRefusedError("the guard lets nothing out")
        really(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", seen.getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return seen


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
        hold_until=soon,
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


@dataclass
class Cdn:
    """A TLS server on this machine with a certificate for one name; `answer` writes each reply."""

    port: int
    certificate: Path
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda _handler: None
    asked: list[tuple[str, str]] = field(default_factory=list)  # Host header and path


@pytest.fixture
def cdn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cdn]:
    """A result host under its listed name, reached as if it stood on port 443 of a public address."""
    certificate, key = certificate_for(CDN, tmp_path)
    state: list[Cdn] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state[0].asked.append((self.headers["Host"], self.path))
            state[0].answer(self)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is expected
    state.append(Cdn(server.server_port, certificate))

    class Redirected(TlsPool):
        def __init__(self, host: str, port: int, **kwargs: object) -> None:
            super().__init__(host, state[0].port, **{**kwargs, "ca_certs": str(state[0].certificate)})

    monkeypatch.setattr(transport, "TlsPool", Redirected)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield state[0]
    server.shutdown()
    server.server_close()
    thread.join(60)


def fetched(url: str = GOOD) -> bytes:
    return download(url, SPEC, resolve=lambda _host: "127.0.0.1")


def replying(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


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
    monkeypatch.setattr(transport, "MAX_RESULT_BYTES", 100_000)
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
    monkeypatch.setattr(transport, "DOWNLOAD_SECONDS", 0.3)
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
