"""A server before the gateway that writes down every exchange; it also serves a page, of its own origin."""

import http.client
import json
import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

API = "/api/"
REPORT = "/report"
NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as a client saw it."""

    method: str
    path: str
    origin: str  # what a browser says it comes from; empty where it doesn't
    authorized: bool
    status: int
    seconds: float


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    passage: "Passage"

    def handle_any(self) -> None:
        """Pass a call on, take a report, or give the page."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(API):
            self._pass_on(body)
        elif self.path == REPORT:
            self.passage.reports.put(json.loads(body))
            self._answer(204, [], b"")
        else:
            self._answer(200, [("Content-Type", "text/html; charset=utf-8")], self.passage.page.encode())

    do_GET = do_POST = do_OPTIONS = handle_any  # noqa: N815  http.server finds them by these names

    def _pass_on(self, body: bytes) -> None:
        started = time.monotonic()
        there = http.client.HTTPConnection(self.passage.gateway, timeout=60)
        try:
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            data = answer.read()
        finally:
            there.close()
        seen = Exchange(
            method=self.command,
            path=self.path,
            origin=self.headers.get("Origin", ""),
            authorized="Authorization" in self.headers,
            status=answer.status,
            seconds=time.monotonic() - started,
        )
        self.passage.exchanges.append(seen)
        headers = [each for each in answer.getheaders() if each[0].lower() not in NOT_PASSED_ON]
        self._answer(answer.status, headers, data)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client is gone; that may be the test

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Passage:
    """`url` leads to the gateway; `exchanges` is what went through; `reported` waits for what a page has to say."""

    def __init__(self, gateway: str, page: str = "") -> None:
        self.gateway = urlsplit(gateway).netloc
        self.page = page
        self.exchanges: list[Exchange] = []
        self.reports: queue.Queue[Any] = queue.Queue()
        handler = type("Handler", (_Handler,), {"passage": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reported(self, seconds: float) -> Any:
        """What the page reported."""
        return self.reports.get(timeout=seconds)

    def statuses(self, method: str) -> list[int]:
        """The statuses of all answers to a method, in order."""
        return [each.status for each in self.exchanges if each.method == method]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
