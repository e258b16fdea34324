"""CloudFront on loopback: the page with AWS's policy and configuration, and `/api` forwarded to the stack."""

import json
import threading

import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local.issuer import AUDIENCE, QuietHandler
from local.stack import Stack
from local.static import WEB, content_policy, kind_of
from scripts.playground import page_config

_NOT_FORWARDED = ("host", "connection", "content-length", "transfer-encoding", "content-encoding", "accept-encoding")
_TIMEOUT = 40  # seconds for one request; the API responds within 30


class Server:
    def __init__(self) -> None:
        self._server = make_server(
            "127.0.0.1", 0, Request.application(self._respond), threaded=True, request_handler=QuietHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name=type(self).__name__, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, request: Request) -> Response:
        raise NotImplementedError


class CloudFront(Server):
    """The page and the API at one origin. `issuer` signs people in for `client`."""

    def __init__(self, stack: Stack, issuer: str, client: str) -> None:
        self._stack = stack
        self._policy = content_policy("", issuer)
        parameters = {"JwtAudience": AUDIENCE, "PlaygroundClientId": client, "PlaygroundScope": "openid"}
        self._config = json.dumps(page_config(parameters, {"Issuer": issuer}))
        super().__init__()

    def _respond(self, request: Request) -> Response:
        if request.path.startswith("/api/"):
            return self._forward(request)
        if request.path == "/config.json":
            return Response(self._config, mimetype="application/json")
        found = WEB / (request.path.lstrip("/") or "index.html")
        if not found.is_file():
            return Response(status=404)
        policy = {"content-security-policy": self._policy}
        return Response(found.read_bytes(), content_type=kind_of(found), headers=policy)

    def _forward(self, request: Request) -> Response:
        response = requests.request(
            request.method,
            self._stack.origin + request.full_path.rstrip("?"),
            headers={name: value for name, value in request.headers.items() if name.lower() not in _NOT_FORWARDED},
            data=request.get_data(),
            allow_redirects=False,
            timeout=_TIMEOUT,
        )
        headers = {name: value for name, value in response.headers.items() if name.lower() not in _NOT_FORWARDED}
        return Response(response.content, response.status_code, headers)
