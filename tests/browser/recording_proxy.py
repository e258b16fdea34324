"""A proxy in front of the gateway that records every exchange, and serves a test page from its own origin."""

import http.client
import json
import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

API = "/api/"
REPORT = "/report"
NOT_FORWARDED = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Exchange:
    method: str
    path: str
    origin: str  # the Origin header, or empty
    authorized: bool
    status: int
    seconds: float


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: "RecordingProxy"

    def handle_any(self) -> None:
        """Forward an API request, receive the page's report, or serve the page."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(API):
            self._forward(body)
        elif self.path == REPORT:
            self.proxy.reports.put(json.loads(body))
            self._respond(204, [], b"")
        else:
            self._respond(200, [("Content-Type", "text/html; charset=utf-8")], self.proxy.page.encode())

    do_GET = do_POST = do_OPTIONS = handle_any  # noqa: N815  http.server finds them by these names

    def _forward(self, body: bytes) -> None:
        started = time.monotonic()
        connection = http.client.HTTPConnection(self.proxy.gateway, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        taken = time.monotonic() - started
        origin, authorized = self.headers.get("Origin", ""), "Authorization" in self.headers
        self.proxy.exchanges.append(Exchange(self.command, self.path, origin, authorized, response.status, taken))
        headers = [header for header in response.getheaders() if header[0].lower() not in NOT_FORWARDED]
        self._respond(response.status, headers, data)

    def _respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client is gone, as in the test that kills it

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class RecordingProxy:
    """`url` forwards to the gateway, `exchanges` has what passed, `reports` what the page reports."""

    def __init__(self, gateway: str, page: str = "") -> None:
        self.gateway = urlsplit(gateway).netloc
        self.page = page
        self.exchanges: list[Exchange] = []
        self.reports: queue.Queue[Any] = queue.Queue()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def statuses(self, method: str) -> list[int]:
        return [exchange.status for exchange in self.exchanges if exchange.method == method]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
