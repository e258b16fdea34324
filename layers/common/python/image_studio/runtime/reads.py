"""The free reads that depend on which providers are configured and healthy, and GET /health."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Literal

from image_studio.catalog.load import load_catalog
from image_studio.operations import listings
from image_studio.runtime import aws_clients, configured_providers
from image_studio.runtime.api import NO_STORE, Call, Response, cached, respond
from image_studio.runtime.circuit_breaker import circuits
from image_studio.runtime.request_parsing import read_request
from image_studio.runtime.settings import VERSION, settings
from image_studio.schemas.catalog import Health, Modules, RecommendRequest
from image_studio.storage.transactions import pack

PROVIDERS_SECONDS = 60  # cache lifetime of what depends on keys and health; as old as what we know of them
HEALTH_SECONDS = 30  # GET /health is open to everybody, so it may not read the table each time
_PROBE = pack({"pk": "STUDIO", "sk": "PROBE"})  # a key without a record
_lock = Lock()
_last: tuple[float, Health] | None = None


def providers(call: Call) -> Response:
    """Answer GET /providers: models and prices, who has a key, and who failed recently."""
    health = circuits(PROVIDERS_SECONDS)
    return cached(call, listings.list_providers(configured_providers.configured(), health.is_open), PROVIDERS_SECONDS)


def recommend(call: Call) -> Response:
    """Answer POST /edit/recommend: a model for an edit, of the providers that have a key."""
    request = read_request(RecommendRequest, call)
    found = listings.edit_recommend(request, configured_providers.configured(), configured_providers.not_ready())
    return respond(200, found)


def health() -> Response:
    """Answer GET /health. A module that can't work says so, and the status is then degraded."""
    global _last  # noqa: PLW0603  a cache of this process
    with _lock:
        if _last is None or time.monotonic() - _last[0] > HEALTH_SECONDS:
            _last = (time.monotonic(), _probe())
        return respond(200, _last[1], NO_STORE)


def _probe() -> Health:
    def probe() -> object:
        return aws_clients.quick_dynamodb().get_item(TableName=settings().table, Key=_PROBE)

    table = _works(probe) or _works(probe)  # a connection may have been closed meanwhile
    works = {
        "create_studio": table,
        "templates": _works(lambda: load_catalog().templates),
        "providers": table and _works(configured_providers.configured),
    }
    modules = Modules.model_validate({name: "available" if each else "unavailable" for name, each in works.items()})
    status: Literal["healthy", "degraded"] = "healthy" if all(works.values()) else "degraded"
    return Health(status=status, service="image_studio", version=VERSION, modules=modules)


def _works(probe: Callable[[], object]) -> bool:
    try:
        return bool(probe())
    except Exception:  # noqa: BLE001  whatever is wrong, health says so instead of failing
        return False
