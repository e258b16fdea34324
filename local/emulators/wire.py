"""HTTP below the providers' protocols: one visit, its reply, and the ways a reply can go wrong on the wire."""

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

from local.emulators.faults import AFTER_THE_WORK, LONGEST_HOLD_SECONDS, Marker, Plan
from local.emulators.recording import Call, Recorder

LARGEST_REQUEST_BYTES = 64 * 1024 * 1024
HUGE_BYTES = 256 * 1024 * 1024
CHUNK = b" " * 65536
TICK_SECONDS = 0.25
HTML = "text/html; charset=utf-8"

Work = Callable[[], Response]
Refusals = Mapping[str, Callable[[Marker], Response]]


class Hangup(ConnectionError):
    """The emulator drops the connection; werkzeug then closes it without a reply."""


class Incoming(Request):
    """A request with room for images."""

    max_content_length = LARGEST_REQUEST_BYTES
    max_form_memory_size = LARGEST_REQUEST_BYTES


class Visit:
    """One request on its way through an emulator."""

    def __init__(self, request: Incoming, call: Call, recorder: Recorder, stopping: threading.Event) -> None:
        self.request = request
        self.call = call
        self.recorder = recorder
        self._stopping = stopping
        #: Markers that came by header or script, read as if they stood in the prompt.
        self.markers: tuple[Marker, ...] = ()
        #: Scripted markers aimed at this very call by its path.
        self.aimed: tuple[Marker, ...] = ()

    @property
    def origin(self) -> str:
        """Scheme, host and port as the caller wrote them."""
        return self.request.host_url.rstrip("/")

    @property
    def path(self) -> str:
        """The path, decoded."""
        return self.request.path

    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object, or nothing when it is something else; notes it in the record."""
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
            self._stopping.wait(min(seconds, LONGEST_HOLD_SECONDS))

    def hold(self) -> None:
        """Wait until the caller hangs up, for at most the longest hold."""
        ends = time.monotonic() + LONGEST_HOLD_SECONDS
        while time.monotonic() < ends and not self._stopping.is_set():
            readable, _, _ = select.select([self._socket], [], [], TICK_SECONDS)
            if readable and not self._socket.recv(1, socket.MSG_PEEK):
                return

    def reset_connection(self) -> None:
        """Make the coming close a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @property
    def stopping(self) -> bool:
        """Whether the emulator is being stopped."""
        return self._stopping.is_set()

    @property
    def _socket(self) -> socket.socket:
        connection: socket.socket = self.request.environ["werkzeug.socket"]
        return connection


def json_reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON reply."""
    return Response(json.dumps(body), status, headers=dict(headers or {}), content_type="application/json")


def play(
    visit: Visit, plan: Plan, stages: tuple[str, ...], refusals: Refusals, work: Work, *, scope: str = ""
) -> Response:
    """Answer a call: wait, refuse, do the work, or do it and spoil the reply, as the plan says.

    A name in `refusals` is answered in the provider's own words; the others are spoiled on the wire.
    """
    seconds, marker = plan.strike(*stages, scope=scope)
    visit.sleep(seconds)
    if marker is None:
        return work()
    name = visit.call.fault = marker.fault
    if name in refusals:
        if name in AFTER_THE_WORK:
            work()
        return refusals[name](marker)
    if name not in SPOILERS:
        known = sorted({*refusals, *SPOILERS})
        return json_reply({"emulator": f"No fault '{name}' at {stages[0]} here. Known: {', '.join(known)}."}, 500)
    return SPOILERS[name](visit, work)


def _timeout(visit: Visit, work: Work) -> Response:
    work()
    visit.hold()
    raise Hangup


def _reset(visit: Visit, work: Work) -> Response:
    work()
    visit.reset_connection()
    raise Hangup


def _drip(visit: Visit, work: Work) -> Response:
    reply = work()
    body = reply.get_data()
    step = max(1, int(len(body) * TICK_SECONDS / LONGEST_HOLD_SECONDS))

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]
            visit.sleep(TICK_SECONDS)
            if visit.stopping:
                raise Hangup

    return _streamed(reply, slowly(), len(body))


def _cut(visit: Visit, work: Work) -> Response:
    reply = work()
    body = reply.get_data()

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise Hangup

    return _streamed(reply, half(), len(body))


def _huge(visit: Visit, work: Work) -> Response:
    reply = work()
    body = reply.get_data()

    def endless() -> Iterator[bytes]:
        yield body
        for _ in range(HUGE_BYTES // len(CHUNK)):
            if visit.stopping:
                raise Hangup
            yield CHUNK

    return _streamed(reply, endless(), None)


def _streamed(reply: Response, body: Iterator[bytes], length: int | None) -> Response:
    headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-length"}
    if length is not None:
        headers["Content-Length"] = str(length)
    return Response(body, reply.status_code, headers=headers, direct_passthrough=True)


def _truncated(visit: Visit, work: Work) -> Response:
    reply = work()
    body = reply.get_data()
    reply.set_data(body[: len(body) // 2])
    return reply


def _mime(visit: Visit, work: Work) -> Response:
    work()
    return Response("<html><body><h1>Please sign in</h1></body></html>", 200, content_type=HTML)


def _html502(visit: Visit, work: Work) -> Response:
    work()
    page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Response(page, 502, content_type=HTML)


def _gateway_timeout(visit: Visit, work: Work) -> Response:
    work()
    return Response("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504, content_type=HTML)


def _redirect(visit: Visit, work: Work) -> Response:
    return Response("", 302, headers={"Location": f"{visit.origin}/_redirected"})


def _empty(visit: Visit, work: Work) -> Response:
    reply = work()
    reply.set_data(b"")
    return reply


def _not_image(visit: Visit, work: Work) -> Response:
    reply = work()
    words = b"These bytes are not an image."
    if (reply.mimetype or "").startswith("image/"):
        reply.set_data(words)
    else:
        reply.set_data(json.dumps(_words_for_images(json.loads(reply.get_data()), words)))
    return reply


def _words_for_images(value: Any, words: bytes) -> Any:
    if isinstance(value, dict):
        return {name: _words_for_images(item, words) for name, item in value.items()}
    if isinstance(value, list):
        return [_words_for_images(item, words) for item in value]
    if isinstance(value, str) and len(value) > 1000:
        return base64.b64encode(words).decode()
    return value


#: Faults of the wire, the same for every provider: each gets the work to do and the visit to spoil.
SPOILERS: dict[str, Callable[[Visit, Work], Response]] = {
    "timeout": _timeout,
    "reset": _reset,
    "drip": _drip,
    "cut": _cut,
    "huge": _huge,
    "truncated": _truncated,
    "mime": _mime,
    "html502": _html502,
    "504": _gateway_timeout,
    "redirect": _redirect,
    "empty": _empty,
    "notimage": _not_image,
}
