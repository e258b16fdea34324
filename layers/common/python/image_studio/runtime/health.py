"""GET /health: whether the studio can work, cached so that nobody can use it to tire the table."""

import time
from threading import Lock
from typing import Any

from image_studio import catalog
from image_studio.runtime.settings import VERSION, settings

CACHE_SECONDS = 30
_lock = Lock()
_last: tuple[float, dict[str, Any]] | None = None


def health() -> dict[str, Any]:
    """The reference's body; a module that can't work says so, and the status is then degraded."""
    global _last  # noqa: PLW0603  a cache of this process
    with _lock:
        if _last is None or time.monotonic() - _last[0] > CACHE_SECONDS:
            _last = (time.monotonic(), _probe())
        return _last[1]


def _probe() -> dict[str, Any]:
    table = _works(_table)
    modules = {
        "create_studio": "available" if table else "unavailable",
        "templates": "available" if _works(catalog.templates) else "unavailable",
        "providers": "available" if table and _works(_providers) else "unavailable",
    }
    well = all(state == "available" for state in modules.values())
    status = "healthy" if well else "degraded"
    return {"status": status, "service": "image_studio", "version": VERSION, "modules": modules}


def _table() -> bool:
    from image_studio.runtime import clients  # noqa: PLC0415  boto3 only for the probe
    from image_studio.storage.items import pack  # noqa: PLC0415

    clients.dynamodb().get_item(TableName=settings().table, Key=pack({"pk": "STUDIO", "sk": "PROBE"}))
    return True


def _providers() -> bool:
    from image_studio.runtime import roster  # noqa: PLC0415

    return bool(roster.configured())


def _works(probe: Any) -> bool:
    try:
        return bool(probe())
    except Exception:  # noqa: BLE001  whatever is wrong, health says so instead of failing
        return False
