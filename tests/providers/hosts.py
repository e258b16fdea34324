"""Hostile URLs and addresses, a guard over whom the code connects to, and a TLS server that stands in for a host."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from image_studio.providers import download
from image_studio.providers.download import TlsPool
from tests.providers.certificates import certificate_for

CDN = "cdn.images.example"
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

        def do_POST(self) -> None:
            self.do_GET()

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

    monkeypatch.setattr(download, "TlsPool", Redirected)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield state[0]
    server.shutdown()
    server.server_close()
    thread.join(60)


def replying(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return write
