"""Which providers are configured: the worker, who alone sees the keys, records their names for the API functions."""

import time
from threading import Lock

from image_studio.providers import PROVIDERS
from image_studio.runtime import clients
from image_studio.runtime.settings import settings
from image_studio.storage.items import pack, unpack

CACHE_SECONDS = 60
_KEY = {"pk": "STUDIO", "sk": "PROVIDERS"}
_lock = Lock()
_known: tuple[float, frozenset[str]] | None = None


def record(names: frozenset[str]) -> None:
    """Record the configured names, never keys."""
    item = pack({**_KEY, "names": sorted(names), "recorded_at": int(time.time())})
    clients.dynamodb().put_item(TableName=settings().table, Item=item)


def configured() -> frozenset[str]:
    """The recorded names, cached for a minute; before the first record every provider is assumed to be there."""
    global _known  # noqa: PLW0603  a cache of this process
    with _lock:
        if _known is None or time.monotonic() > _known[0]:
            found = clients.dynamodb().get_item(TableName=settings().table, Key=pack(_KEY)).get("Item")
            names = frozenset(unpack(found)["names"]) if found else frozenset(PROVIDERS)
            _known = (time.monotonic() + (CACHE_SECONDS if found else 1), names)
        return _known[1]


def forget() -> None:
    """Drop the cache."""
    global _known  # noqa: PLW0603  a cache of this process
    _known = None
