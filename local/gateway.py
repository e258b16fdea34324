"""API Gateway's HTTP API on a local port: routes, JWT authorizer, CORS, limits and its own error bodies."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.serving import ThreadedWSGIServer

from local.authorizer import Identity, JwtAuthorizer, Refused
from local.backend import Backend, Call, FunctionFailed, StillRunning, Throttled
from local.issuer import QuietHandler
from local.payload import HttpRequest, HttpResponse, MalformedResponse, Stamp, build_event, read_response
from local.routes import Match, RouteTable
from local.template import DEFAULT_ROUTE, Cors, Template

BODY_BYTES = 10 * 1024 * 1024  # an HTTP API takes no more
DRAIN_SECONDS = 2.0  # for requests under way when the server stops
POLL_SECONDS = 0.05
DRAIN_BYTES = 64 * 1024 * 1024  # read of a refused body, so that the client can read the response

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_WITHOUT_BODY = (204, 304)
_OWN_HEADERS = ("content-length", "connection", "transfer-encoding", "date", "server")  # the gateway sets them

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def refusal(status: int, message: str, *headers: tuple[str, str]) -> HttpResponse:
    """Return a response of the gateway itself: `{"message": ...}`."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return HttpResponse(status, (("content-type", "application/json"), *headers), body)


class Gateway:
    """A WSGI application that stands in for the HTTP API of a template."""

    def __init__(
        self,
        template: Template,
        backend: Backend,
        log: Callable[[str], None] | None = None,
        front: Callable[[HttpRequest], HttpResponse | None] | None = None,
    ) -> None:
        """`front` may respond before the gateway does, as a CDN would."""
        self._front = front or (lambda request: None)
        self._routes = RouteTable(template.routes())
        self._authorizer = JwtAuthorizer(template.authorizer())
        self._cors = template.cors()
        self._backend = backend
        self._log = log or (lambda line: None)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """HttpResponse one request."""
        started = time.monotonic()
        stamp = Stamp()
        request = _read(environ)
        response = self._front(request) or self.answer(request, stamp)
        headers = [pair for pair in response.headers if pair[0] not in _OWN_HEADERS]
        headers.append(("apigw-requestid", stamp.request_id))
        if response.status not in _WITHOUT_BODY:
            headers.append(("content-length", str(len(response.body))))
        self._log(f"{request.method} {request.path} {response.status} {time.monotonic() - started:.2f} s")
        start_response(f"{response.status} {_REASONS.get(response.status, '-')}", headers)
        return [] if request.method == "HEAD" or response.status in _WITHOUT_BODY else [response.body]

    def answer(self, request: HttpRequest, stamp: Stamp) -> HttpResponse:
        """Return the response to a request, with CORS headers."""
        match = self._routes.match(request.method, request.path)
        origin = request.header("origin")
        if self._is_preflight(request) and not (match and match.route.path == DEFAULT_ROUTE and match.route.authorized):
            return HttpResponse(204, preflight_headers(self._cors, origin or ""))
        response = self._route(request, match, stamp)
        if not origin or not self._cors.origins:
            return response
        # the gateway's own CORS headers replace those of the function
        kept = tuple(pair for pair in response.headers if not pair[0].startswith("access-control-"))
        return HttpResponse(response.status, kept + origin_headers(self._cors, origin), response.body)

    def _is_preflight(self, request: HttpRequest) -> bool:
        named = request.header("origin") and request.header("access-control-request-method")
        return request.method == "OPTIONS" and bool(self._cors.origins) and bool(named)

    def _route(self, request: HttpRequest, match: Match | None, stamp: Stamp) -> HttpResponse:
        if match is None:
            return refusal(404, "Not Found")
        identity: Identity | None = None
        if match.route.authorized:
            try:
                identity = self._authorizer.identify(request.header("authorization"), match.route.scopes)
            except Refused as refused:
                message = "Unauthorized" if refused.status == 401 else "Forbidden"
                return refusal(refused.status, message, ("www-authenticate", refused.challenge))
        if len(request.body) > BODY_BYTES:
            return refusal(413, "Request Entity Too Large")
        event = build_event(request, match, identity.context() if identity else None, stamp)
        return self._invoke(match, event)

    def _invoke(self, match: Match, event: dict[str, Any]) -> HttpResponse:
        call = Call(match.route.function, json.dumps(event, ensure_ascii=False).encode())
        try:
            return read_response(json.loads(self._backend.invoke(call, match.route.seconds)))
        except (StillRunning, Throttled):
            return refusal(503, "Service Unavailable")
        except FunctionFailed as failure:
            print(f"{match.route.function}: {failure}", file=sys.stderr, flush=True)
            if failure.kind == "Function.RequestSizeTooLarge":
                return refusal(413, "Request Entity Too Large")
            return refusal(500, "Internal Server Error")
        except MalformedResponse as broken:
            print(f"{match.route.function}: malformed response: {broken}", file=sys.stderr, flush=True)
            return refusal(500, "Internal Server Error")


def origin_headers(cors: Cors, origin: str) -> tuple[tuple[str, str], ...]:
    """Return a response's CORS headers; none for an origin that isn't allowed."""
    if "*" not in cors.origins and origin not in cors.origins:
        return ()
    headers = [("access-control-allow-origin", "*" if "*" in cors.origins else origin)]
    if cors.exposed:
        headers.append(("access-control-expose-headers", ",".join(cors.exposed)))
    if cors.credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return tuple(headers)


def preflight_headers(cors: Cors, origin: str) -> tuple[tuple[str, str], ...]:
    """Return a preflight's CORS headers; none for an origin that isn't allowed."""
    headers = origin_headers(cors, origin)
    if not headers:
        return ()
    preflight = (
        ("access-control-allow-methods", ",".join(cors.methods)),
        ("access-control-allow-headers", ",".join(cors.headers)),
        ("access-control-max-age", "" if cors.max_age is None else str(cors.max_age)),
    )
    return headers + tuple(pair for pair in preflight if pair[1])


def _read(environ: Environ) -> HttpRequest:
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        # decoded, as an HTTP API's rawPath is in spite of its name
        path=environ["PATH_INFO"].encode("latin-1").decode(errors="replace") or "/",
        query=environ.get("QUERY_STRING", ""),
        headers=tuple(_headers(environ)),
        body=_body(environ),
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        protocol=environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
    )


def _headers(environ: Environ) -> Iterable[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-").lower(), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-").lower(), value
    yield "x-forwarded-for", environ.get("REMOTE_ADDR", "127.0.0.1")
    yield "x-forwarded-proto", environ.get("wsgi.url_scheme", "http")
    yield "x-forwarded-port", str(environ.get("SERVER_PORT", ""))


def _body(environ: Environ) -> bytes:
    """Return the body; of one over the limit, one byte more than the limit."""
    stream = environ["wsgi.input"]
    length = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
    wanted = BODY_BYTES + 1 if length is None else min(length, BODY_BYTES + 1)
    body: bytes = stream.read(wanted) if wanted else b""
    left = DRAIN_BYTES if length is None else min(length - len(body), DRAIN_BYTES)
    while len(body) > BODY_BYTES and left > 0:
        chunk = stream.read(min(65536, left))
        if not chunk:
            break
        left -= len(chunk)
    return body


class _Server(ThreadedWSGIServer):
    """A server that keeps the open connections."""

    def __init__(self, gateway: Gateway, listener: socket.socket) -> None:
        self.connections: set[object] = set()
        super().__init__("127.0.0.1", 0, gateway, QuietHandler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.discard(request)


class GatewayServer:
    """A gateway on a socket that the caller opened and keeps open."""

    def __init__(self, gateway: Gateway, listener: socket.socket) -> None:
        self._server = _Server(gateway, listener)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more requests, and wait up to DRAIN_SECONDS for those in progress."""
        self._server.shutdown()
        self._thread.join()
        ends = time.monotonic() + DRAIN_SECONDS
        while self._server.connections and time.monotonic() < ends:
            time.sleep(POLL_SECONDS)
