"""One HTTP request and its response, and the ways in which a response goes wrong on the network."""

import base64
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from local.emulators.faults import AFTER_THE_WORK, MAX_HOLD_SECONDS, FaultPlan, Marker
from local.emulators.request_log import Call

MAX_REQUEST_BYTES = 64 * 1024 * 1024
HUGE_BYTES = 256 * 1024 * 1024
CHUNK = b" " * 65536
TICK_SECONDS = 0.25
HTML = "text/html; charset=utf-8"

Work = Callable[[], Response]
Refusals = Mapping[str, Callable[[Marker], Response]]


class Hangup(ConnectionError):
    """The emulator drops the connection; werkzeug then closes it without a response."""


class EmulatorRequest(Request):
    """A request that is large enough for images."""

    max_content_length = MAX_REQUEST_BYTES
    max_form_memory_size = MAX_REQUEST_BYTES


class Exchange:
    """A request, its entry in the request log, and its connection."""

    def __init__(self, request: EmulatorRequest, call: Call, stopping: threading.Event) -> None:
        self.request = request
        self.call = call
        self.stopping = stopping
        self.path: str = request.path
        #: Scheme, host and port as the caller wrote them.
        self.origin = request.host_url.rstrip("/")
        #: Markers from header or script, which apply as if they stood in the prompt.
        self.markers: tuple[Marker, ...] = ()
        #: Markers of a script that aims at this call by its path.
        self.aimed: tuple[Marker, ...] = ()

    def json(self) -> dict[str, Any] | None:
        """Return the body and add it to the log; None where it is no JSON object."""
        try:
            body = json.loads(self.request.get_data())
        except ValueError:
            return None
        if not isinstance(body, dict):
            return None
        self.call.fields = body
        self.call.size = self.request.content_length or 0
        return body

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the emulator's own end."""
        if seconds > 0:
            self.stopping.wait(min(seconds, MAX_HOLD_SECONDS))

    def hold(self) -> None:
        """Wait until the caller hangs up, for at most MAX_HOLD_SECONDS."""
        ends = time.monotonic() + MAX_HOLD_SECONDS
        connection = self.connection
        while time.monotonic() < ends and not self.stopping.is_set():
            readable, _, _ = select.select([connection], [], [], TICK_SECONDS)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                return

    @property
    def connection(self) -> socket.socket:
        """The client's socket."""
        connection: socket.socket = self.request.environ["werkzeug.socket"]
        return connection


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(json.dumps(body), status, headers=dict(headers or {}), content_type="application/json")


def respond(
    exchange: Exchange, plan: FaultPlan, stages: tuple[str, ...], refusals: Refusals, work: Work, *, scope: str = ""
) -> Response:
    """Do the work and respond; or wait, refuse or spoil the response, as the plan says.

    A fault that is named in `refusals` gets the provider's own response, every other one a spoiled response.
    """
    seconds, marker = plan.apply(*stages, scope=scope)
    exchange.sleep(seconds)
    if marker is None:
        return work()
    name = exchange.call.fault = marker.fault
    if name in refusals:
        if name in AFTER_THE_WORK:
            work()
        return refusals[name](marker)
    if name == "redirect":
        return Response("", 302, headers={"Location": f"{exchange.origin}/_redirected"})
    if name not in SPOILERS:
        known = sorted({*refusals, *SPOILERS})
        return json_response({"emulator": f"No fault '{name}' at {stages[0]} here. Known: {', '.join(known)}."}, 500)
    response = work()
    return SPOILERS[name](exchange, response, response.get_data())


def _timeout(exchange: Exchange, _response: Response, _body: bytes) -> Response:
    exchange.hold()
    raise Hangup


def _reset(exchange: Exchange, _response: Response, _body: bytes) -> Response:
    # With SO_LINGER at 0 seconds, closing the connection sends a TCP reset.
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Hangup


def _drip(exchange: Exchange, response: Response, body: bytes) -> Response:
    step = max(1, int(len(body) * TICK_SECONDS / MAX_HOLD_SECONDS))

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]
            exchange.sleep(TICK_SECONDS)
            if exchange.stopping.is_set():
                raise Hangup

    return _streamed(response, slowly(), len(body))


def _cut(_exchange: Exchange, response: Response, body: bytes) -> Response:
    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise Hangup

    return _streamed(response, half(), len(body))


def _huge(exchange: Exchange, response: Response, body: bytes) -> Response:
    def endless() -> Iterator[bytes]:
        yield body
        for _ in range(HUGE_BYTES // len(CHUNK)):
            if exchange.stopping.is_set():
                raise Hangup
            yield CHUNK

    return _streamed(response, endless(), None)


def _streamed(response: Response, body: Iterator[bytes], length: int | None) -> Response:
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
    if length is not None:
        headers["Content-Length"] = str(length)
    return Response(body, response.status_code, headers=headers, direct_passthrough=True)


def _with_body(response: Response, body: bytes) -> Response:
    response.set_data(body)
    return response


def _page(title: str, status: int) -> Response:
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(page, status, content_type=HTML)


def _not_image(_exchange: Exchange, response: Response, body: bytes) -> Response:
    words = b"These bytes are not an image."
    if (response.mimetype or "").startswith("image/"):
        return _with_body(response, words)
    return _with_body(response, json.dumps(_replace_images(json.loads(body), words)).encode())


def _replace_images(value: Any, words: bytes) -> Any:
    """Replace every long text, which is base64 of an image."""
    if isinstance(value, dict):
        return {name: _replace_images(item, words) for name, item in value.items()}
    if isinstance(value, list):
        return [_replace_images(item, words) for item in value]
    if isinstance(value, str) and len(value) > 1000:
        return base64.b64encode(words).decode()
    return value


#: Network faults, the same for every provider: each spoils the response to work that was done.
SPOILERS: dict[str, Callable[[Exchange, Response, bytes], Response]] = {
    "timeout": _timeout,
    "reset": _reset,
    "drip": _drip,
    "cut": _cut,
    "huge": _huge,
    "truncated": lambda _exchange, response, body: _with_body(response, body[: len(body) // 2]),
    "mime": lambda *_: _page("Please sign in", 200),
    "html502": lambda *_: _page("502 Bad Gateway", 502),
    "504": lambda *_: _page("504 Gateway Time-out", 504),
    "empty": lambda _exchange, response, _body: _with_body(response, b""),
    "notimage": _not_image,
}
