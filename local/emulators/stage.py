"""Starting and stopping an emulator: a server on loopback, its record of calls, and its control endpoints.

Beside the provider's protocol each server answers `GET /_calls`, `POST /_reset` and `POST /_script`.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from local.emulators.faults import Marker, markers_in
from local.emulators.provider import Provider
from local.emulators.recording import Call, Recorder
from local.emulators.wire import Incoming, Visit, json_reply

HOST = "127.0.0.1"
MARKER_HEADER = "X-Emulator-Marker"
STOP_SECONDS = 5.0


@dataclass
class Scripted:
    """Markers that wait for the next calls whose path contains `path`."""

    markers: tuple[Marker, ...]
    path: str
    times: int


class Emulator:
    """One provider, running. `url` is its base URL; `calls` its record."""

    def __init__(self, provider: Provider, port: int = 0) -> None:
        self.provider = provider
        self.recorder = Recorder()
        provider.recorder = self.recorder
        self._stopping = threading.Event()
        self._script: list[Scripted] = []
        self._script_lock = threading.Lock()
        self._server = _listen(port, self._application)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name=f"{self.name}-emulator"
        )
        self._thread.start()

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{HOST}:{self._server.port}"

    @property
    def calls(self) -> list[Call]:
        """Every request so far, oldest first (the last thousand)."""
        return self.recorder.calls

    @property
    def paid_calls(self) -> int:
        """How many generations the provider took on; each may cost money."""
        return self.recorder.accepted

    @property
    def charged(self) -> float:
        """The sum charged, in the provider's own unit (Stability: credits, others: USD)."""
        return self.recorder.charged

    @property
    def text_calls(self) -> int:
        """How many texts a text model has answered."""
        return self.recorder.texts

    @property
    def peak_in_flight(self) -> int:
        """The most generations that ran at the same time."""
        return self.recorder.peak

    def reset(self) -> None:
        """Forget calls, tasks, uploads, scripts and charges."""
        with self._script_lock:
            self._script.clear()
        self.provider.reset()
        self.recorder.clear()

    def script(self, marker: str, times: int = 1, path: str = "") -> None:
        """Apply markers to the next `times` calls whose path contains `path` (default: submits); scripts queue up."""
        found = markers_in(marker)
        if found and times > 0:
            with self._script_lock:
                self._script.append(Scripted(found, path, times))

    def stop(self) -> None:
        """Stop listening and end every open connection."""
        self._stopping.set()
        self._server.shutdown()
        self._thread.join(STOP_SECONDS)
        self._server.drop_connections()

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Incoming(environ)
        try:
            reply = self._control(request) if request.path.startswith("/_") else self._answer(request)
        except HTTPException as refusal:
            reply = json_reply({"emulator": refusal.description}, refusal.code or 400)
        finally:
            request.close()  # large parts lie in temporary files
        return reply(environ, start_response)

    def _answer(self, request: Incoming) -> Response:
        call = self.recorder.begin(request)
        visit = Visit(request, call, self.recorder, self._stopping)
        provider = self.provider
        scripted = self._scripted_for(request.path, submit=provider.is_submit(request.method, request.path))
        aimed = scripted.markers if scripted and scripted.path else ()
        visit.aimed = tuple(marker for marker in aimed if "stage" not in marker.options)
        staged = [marker for marker in (scripted.markers if scripted else ()) if marker not in visit.aimed]
        visit.markers = (*markers_in(request.headers.get(MARKER_HEADER, "")), *staged)
        status = 0
        try:
            reply = provider.answer(visit)
            status = reply.status_code
        finally:
            self.recorder.end(call, status)
        return reply

    def _scripted_for(self, path: str, *, submit: bool) -> Scripted | None:
        """The first script that waits for such a call; used up by one."""
        with self._script_lock:
            due = next((s for s in self._script if (s.path in path if s.path else submit)), None)
            if due:
                due.times -= 1
                self._script = [s for s in self._script if s.times > 0]
        return due

    def _control(self, request: Incoming) -> Response:
        match (request.method, request.path):
            case ("GET", "/_calls"):
                return json_reply(self.recorder.summary() | {"balance": self.provider.balance})
            case ("POST", "/_reset"):
                self.reset()
                return json_reply({"reset": True})
            case ("POST", "/_script"):
                return self._accept_script(request.get_json())
            case (_, "/_redirected"):
                self.recorder.end(self.recorder.begin(request), 200)
                return json_reply({"emulator": "A redirect was followed to here."})
        return json_reply({"emulator": "GET /_calls, POST /_reset or POST /_script."}, 404)

    def _accept_script(self, body: dict[str, Any]) -> Response:
        if "balance" in body:
            self.provider.balance = float(body["balance"])
        self.script(str(body.get("marker", "")), int(body.get("times", 1)), str(body.get("path", "")))
        return json_reply({"waiting": len(self._script)})


class _Server(ThreadedWSGIServer):
    """A threaded server that can drop its connections and that resets those marked for it."""

    def __init__(self, port: int, application: Callable[..., Iterable[bytes]]) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(HOST, port, application, _QuietHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            request.close()  # SO_LINGER 0: the close itself is the reset, a FIN before it would hide that
        else:
            super().shutdown_request(request)

    def drop_connections(self) -> None:
        """Hang up on everybody."""
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it ended on its own meanwhile


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the record of calls is the log."""

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """End the connection: without a reply nothing else would."""
        self.close_connection = True


def _listen(port: int, application: Callable[..., Iterable[bytes]]) -> _Server:
    try:
        return _Server(port, application)
    except SystemExit as taken:  # werkzeug's way to say that the port is in use
        raise OSError(f"Port {port} on {HOST} is in use.") from taken
