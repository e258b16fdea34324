"""What every emulator has: a server on loopback, a base class for the protocol, files to download, control endpoints.

Beside the provider's protocol each server answers `GET /_calls`, `POST /_reset` and `POST /_script`.
"""

import random
import socket
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from local.emulators.exchange import EmulatorRequest, Exchange, Refusals, json_response, respond
from local.emulators.faults import MARKER, FaultPlan, Marker, MarkerCounts, markers_in
from local.emulators.request_log import Call, RequestLog

HOST = "127.0.0.1"
MARKER_HEADER = "X-Emulator-Marker"
STOP_SECONDS = 5.0
MEDIA = "/media/"
MAX_MEDIA_BYTES = 256 * 1024 * 1024
#: Keys that start so are refused; Hugging Face's SDK needs a token that begins with `hf_`.
BAD_KEYS = ("bad", "hf_bad")


class Provider:
    """A provider's protocol. `key` is the only key accepted; without it all are but those of BAD_KEYS."""

    name: ClassVar[str]
    first_balance: ClassVar[float] = 0.0

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        self.log = RequestLog()
        self.counts = MarkerCounts()
        self.lock = threading.RLock()
        self.balance = self.first_balance

    def answer(self, exchange: Exchange) -> Response:
        """Answer one request in the provider's protocol."""
        raise NotImplementedError

    def is_submit(self, method: str, path: str) -> bool:
        """Whether a script without a path applies to this request."""
        return method == "POST"

    def reset(self) -> None:
        """Return to the first state."""
        self.counts.clear()
        self.balance = self.first_balance

    def accepts_key(self, key: str) -> bool:
        """Whether a key is accepted."""
        return key == self.key if self.key is not None else bool(key) and not key.startswith(BAD_KEYS)

    def plan(self, exchange: Exchange, *texts: str, seed: int | None = None) -> FaultPlan:
        """Return the plan of a generation from the markers in its texts, in the header and in the script."""
        found: list[Marker] = [marker for text in texts for marker in markers_in(text)]
        return FaultPlan(
            provider=self.name,
            markers=(*found, *exchange.markers),
            now=exchange.aimed,
            scope=" ".join(text for text in texts if MARKER.search(text)),
            seed=seed,
            counts=self.counts,
        )

    def accept(self, exchange: Exchange, price: float, *, charged: bool = True) -> None:
        """Accept a generation, and take its price from the balance."""
        with self.lock:
            self.log.accept(exchange.call, price, charged=charged)
            self.balance -= exchange.call.price


def bearer_key(exchange: Exchange) -> str:
    """Return the key of an `Authorization: Bearer` header, or an empty string."""
    scheme, _, key = exchange.request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def seed_or_random(value: Any) -> int:
    """Return a seed of at least 0 as it is, for anything else a random one, as a provider draws it."""
    return value if isinstance(value, int) and value >= 0 else random.randint(1, 2**31 - 1)


@dataclass(frozen=True)
class MediaFile:
    """A file, and the faults of its download."""

    data: bytes
    content_type: str
    plan: FaultPlan


class MediaStore:
    """The newest files, up to a total size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[str, MediaFile] = OrderedDict()

    def clear(self) -> None:
        """Remove all files."""
        with self._lock:
            self._files.clear()

    def add(self, data: bytes, content_type: str, plan: FaultPlan, name: str = "") -> str:
        """Keep a file; return its path, which nobody can guess."""
        path = f"{MEDIA}{uuid.uuid4().hex}/{name or 'output.' + content_type.rpartition('/')[2]}"
        self.put(path, data, content_type, plan)
        return path

    def put(self, path: str, data: bytes, content_type: str, plan: FaultPlan) -> None:
        """Keep a file under a path; drop the oldest files beyond MAX_MEDIA_BYTES."""
        with self._lock:
            self._files[path] = MediaFile(data, content_type, plan)
            while len(self._files) > 1 and sum(len(each.data) for each in self._files.values()) > MAX_MEDIA_BYTES:
                self._files.popitem(last=False)

    def get(self, path: str) -> MediaFile | None:
        """Return the file, or None."""
        with self._lock:
            return self._files.get(path)

    def serve(self, exchange: Exchange) -> Response:
        """Serve a download, with the faults that are meant for it."""
        exchange.call.kind = "result"
        file = self.get(exchange.path)
        if file is None:
            return json_response({"error": "no such file"}, 404)
        plan = file.plan.later(exchange.aimed)
        return respond(
            exchange, plan, ("result",), MEDIA_REFUSALS, lambda: Response(file.data, content_type=file.content_type)
        )


def _bare(status: int) -> Callable[[Marker], Response]:
    return lambda _marker: Response(f"{status}", status, content_type="text/plain")


#: A CDN refuses with bare statuses.
MEDIA_REFUSALS: Refusals = {str(status): _bare(status) for status in (401, 403, 404, 429, 500, 503)}


@dataclass
class Script:
    """Markers for the next calls whose path contains `path`; without it for the next submits."""

    markers: tuple[Marker, ...]
    path: str
    times: int


class Emulator:
    """One provider, running. `url` is its base URL without a slash at the end."""

    def __init__(self, provider: Provider, port: int = 0) -> None:
        self.provider = provider
        self.name = provider.name
        self.recorder = provider.log
        self._stopping = threading.Event()
        self._scripts: list[Script] = []
        self._scripts_lock = threading.Lock()
        self._server = _listen(port, self._application)
        self.url = f"http://{HOST}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name=f"{self.name}-emulator"
        )
        self._thread.start()

    @property
    def calls(self) -> list[Call]:
        """What jobs called. A worker's free checks of models are left out: they come whenever it sweeps."""
        return [call for call in self.recorder.calls if call.kind != "check"]

    @property
    def paid_calls(self) -> int:
        """How many generations the provider accepted; each may cost money."""
        return self.recorder.accepted

    @property
    def charged(self) -> float:
        """The sum charged, in the provider's own unit (Stability: credits, others: USD)."""
        return self.recorder.charged

    @property
    def text_calls(self) -> int:
        """How many texts a text model has written."""
        return self.recorder.texts

    @property
    def peak_in_flight(self) -> int:
        """The most generations that ran at the same time."""
        return self.recorder.peak

    def reset(self) -> None:
        """Remove calls, tasks, uploads, scripts and charges."""
        with self._scripts_lock:
            self._scripts.clear()
        self.provider.reset()
        self.recorder.clear()

    def script(self, marker: str, times: int = 1, path: str = "") -> None:
        """Apply markers to the next `times` calls whose path contains `path` (default: submits); scripts queue up."""
        found = markers_in(marker)
        if found and times > 0:
            with self._scripts_lock:
                self._scripts.append(Script(found, path, times))

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
        request = EmulatorRequest(environ)
        try:
            response = self._control(request) if request.path.startswith("/_") else self._answer(request)
        except HTTPException as refusal:
            response = json_response({"emulator": refusal.description}, refusal.code or 400)
        finally:
            request.close()  # large parts are in temporary files
        return response(environ, start_response)

    def _answer(self, request: EmulatorRequest) -> Response:
        call = self.recorder.begin(request)
        exchange = Exchange(request, call, self._stopping)
        script = self._next_script(request.path, submit=self.provider.is_submit(request.method, request.path))
        scripted = script.markers if script else ()
        if script and script.path:
            exchange.aimed = tuple(marker for marker in scripted if "stage" not in marker.options)
        staged = (marker for marker in scripted if marker not in exchange.aimed)
        exchange.markers = (*markers_in(request.headers.get(MARKER_HEADER, "")), *staged)
        status = 0
        try:
            response = self.provider.answer(exchange)
            status = response.status_code
        finally:
            self.recorder.end(call, status)
        return response

    def _next_script(self, path: str, *, submit: bool) -> Script | None:
        """Return the first script for such a call, and count it as used once."""
        with self._scripts_lock:
            due = next((each for each in self._scripts if (each.path in path if each.path else submit)), None)
            if due:
                due.times -= 1
                self._scripts = [each for each in self._scripts if each.times > 0]
        return due

    def _control(self, request: EmulatorRequest) -> Response:
        match (request.method, request.path):
            case ("GET", "/_calls"):
                return json_response(self.recorder.summary() | {"balance": self.provider.balance})
            case ("POST", "/_reset"):
                self.reset()
                return json_response({"reset": True})
            case ("POST", "/_script"):
                body = request.get_json()
                if "balance" in body:
                    self.provider.balance = float(body["balance"])
                self.script(str(body.get("marker", "")), int(body.get("times", 1)), str(body.get("path", "")))
                return json_response({"waiting": len(self._scripts)})
            case (_, "/_redirected"):
                self.recorder.end(self.recorder.begin(request), 200)
                return json_response({"emulator": "A redirect was followed to here."})
        return json_response({"emulator": "GET /_calls, POST /_reset or POST /_script."}, 404)


class _Server(ThreadedWSGIServer):
    """A threaded server that can drop its connections, and that resets those with SO_LINGER."""

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
            request.close()  # a FIN before it would hide the reset
        else:
            super().shutdown_request(request)

    def drop_connections(self) -> None:
        """End all open connections."""
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it ended on its own meanwhile


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: the request log has it."""

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """End the connection: without a response nothing else would."""
        self.close_connection = True


def _listen(port: int, application: Callable[..., Iterable[bytes]]) -> _Server:
    try:
        return _Server(port, application)
    except SystemExit as taken:  # werkzeug's way to say that the port is in use
        raise OSError(f"Port {port} on {HOST} is in use.") from taken
