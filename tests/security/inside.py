"""The whole API in this process: the template's routes, the functions' handlers, the table in moto.

`Inside.ask` sends a request as the gateway would hand it on; jobs run in threads and talk to the emulators.
"""

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from image_studio.providers import SPECS
from image_studio.providers.spec import ProviderSpec
from image_studio.runtime import aws_clients, dispatch
from image_studio.runtime.settings import PREFIX, TIERS, full_path
from image_studio.runtime.settings import settings as current
from image_studio.storage.keys import tenant_of
from local import emulators
from local.authorizer import Identity
from local.backend import Call
from local.gateway import Gateway
from local.intrinsics import REGION
from local.payload import HttpRequest, build_event
from local.routes import RouteTable
from local.template import ROOT, Template
from scripts.events import REQUESTS, VARIABLES
from tests.documented import check_documented
from tests.tables import BUCKET, TABLE, fake_aws, forget

_PARAMETERS = {"JwtIssuer": "https://issuer.example", "JwtAudience": "studio"}
_forget_dispatcher = dispatch.dispatcher.cache_clear
_apps = threading.local()


@dataclass(frozen=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Inside:
    """The API; `ask` answers as its functions do, behind a gateway that lets everybody through."""

    def __init__(self) -> None:
        self.table = RouteTable(routes())
        _folders()  # read once, before threads ask for it
        self.bucket = BUCKET

    @property
    def db(self) -> Any:
        return aws_clients.dynamodb()

    def tenant(self, sub: str) -> str:
        return tenant_of(sub)

    def records(self, kind: str = "") -> list[dict[str, Any]]:
        found = self.db.scan(TableName=TABLE)["Items"]
        return [item for item in found if item["sk"]["S"].startswith(kind)]

    def event(self, method: str, path: str, **given: Any) -> tuple[str, dict[str, Any]]:
        """The function that the gateway would choose, and its event. `claims` None: no authorizer's context."""
        text, _, query = path.partition("?")
        body = given.get("body", b"")
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = {"content-type": "application/json", **given.get("headers", {})}
        full = full_path(text) if text.startswith("/") else text
        match = self.table.match(method, full)
        assert match is not None
        claims = given.get("claims", {"sub": given.get("sub", "alice"), "tier": given.get("tier", "enterprise")})
        context = {"jwt": {"claims": claims, "scopes": None}} if claims is not None else None
        request = HttpRequest(method, full, query, tuple(headers.items()), body)
        return match.route.function, build_event(request, match, context if match.route.authorized else None)

    def ask(self, method: str, path: str, **given: Any) -> HttpResponse:
        """The answer to a request: `body` (data or bytes), `sub`, `tier`, `claims`, `headers`."""
        function, event = self.event(method, path, **given)
        answer = self.send(function, event)
        check_documented(event["routeKey"], answer.status, answer.headers, answer.body)
        return answer

    def raw(self, function: str, event: Any) -> dict[str, Any]:
        answered: dict[str, Any] = handler(function)(event, None)
        return answered

    def send(self, function: str, event: Any) -> HttpResponse:
        answered = self.raw(function, event)
        return HttpResponse(answered["statusCode"], answered["headers"], answered["body"])


@cache
def routes() -> list[Any]:
    return Template(parameters=_PARAMETERS).routes()


#: The routes that need a token.
GUARDED = [route for route in routes() if route.authorized and route.path.startswith("/api/")]


def documented_request(route: Any) -> tuple[str, str, Any]:
    """Method, path with query, and body of a request to a route that would work."""
    path = route.path.removeprefix(PREFIX)
    request = REQUESTS.get(f"{'GET' if route.method == 'HEAD' else route.method} {path}", {})
    for variable, value in VARIABLES.items():
        path = path.replace(variable, value)
    return route.method, path + (f"?{request['query']}" if "query" in request else ""), request.get("body")


def app(function: str) -> ModuleType:
    """A function's app.py, imported under a name of its own; each thread has its own.

    powertools' resolver handles one event at a time, as a Lambda environment does.
    """
    found: ModuleType | None = getattr(_apps, function, None)
    if found is None:
        found = _load(function)
        setattr(_apps, function, found)
    return found


@cache
def _folders() -> dict[str, Path]:
    return {each.name: ROOT / each.properties["CodeUri"] for each in Template().resources("AWS::Serverless::Function")}


def _load(function: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"app_of_{function}", _folders()[function] / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def handler(function: str) -> Any:
    return app(function).handler


class Here:
    def invoke(self, call: Call, timeout: float) -> bytes:
        return json.dumps(handler(call.function)(json.loads(call.event), None)).encode()

    def close(self) -> None:
        """Nothing was started."""


class OpenDoor:
    def __init__(self, claims: Mapping[str, str]) -> None:
        self._identity = Identity(claims, None)

    def identify(self, header: str | None, scopes: tuple[str, ...] = ()) -> Identity:
        return self._identity


def gateway(sub: str = "alice", tier: str = "enterprise") -> Gateway:
    """The local gateway, a WSGI application, before functions in this process; nobody needs a token."""
    made = Gateway(Template(parameters=_PARAMETERS), Here())
    made._authorizer = OpenDoor({"sub": sub, "tier": tier})  # type: ignore[assignment]
    return made


@contextmanager
def unbounded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The API's table, without limits that would hide what stands behind them, and with short waits."""
    with inside_aws(monkeypatch):
        monkeypatch.setenv("WAIT_SECONDS", "0.1")
        monkeypatch.setenv("CREDITS_ENTERPRISE", str(10**9))
        wide = replace(TIERS["enterprise"], per_minute=10**6, per_day=10**9, in_flight=10**6)
        monkeypatch.setitem(TIERS, "enterprise", wide)
        forget()
        current()  # read now: each test empties the environment
        yield


@contextmanager
def inside_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("QUEUE_URL", "")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    _forget_dispatcher()
    with fake_aws(monkeypatch):
        yield
    _forget_dispatcher()


def without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs be recorded and stay queued, as where the queue is slow."""
    for module in ("submit", "uploads", "batches"):
        monkeypatch.setattr(f"image_studio.runtime.{module}.dispatcher", Nobody)


class Nobody:
    outlives_us = True

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        """Nothing."""

    def send_webhook(self, message: object, delay: float = 0) -> None:
        """Nothing."""


@cache
def running_emulators() -> dict[str, Any]:
    """An emulator of each provider, started once per process; their threads end with it."""
    keys = {spec.name: _key_of(spec) if spec.key_variable else None for spec in SPECS}
    return {name: emulators.start(name, key=key) for name, key in keys.items()}


def _key_of(spec: ProviderSpec) -> str:
    return f"{spec.name}-key-of-the-tests"


def use_emulators(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The emulators with nothing recorded yet, and the worker's keys and region for them in the environment."""
    for spec in SPECS:
        emulator = running_emulators()[spec.name]
        monkeypatch.setenv(
            spec.key_variable or spec.region_variable, _key_of(spec) if spec.key_variable else "us-west-2"
        )
        monkeypatch.setenv(spec.base_url_variable, emulator.url)
        emulator.reset()
    return running_emulators()
