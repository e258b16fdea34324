"""The names of the configured providers: the worker, which alone sees the keys, records them for the API functions."""

import logging
import time
from threading import Lock

from image_studio.providers import PROVIDERS
from image_studio.runtime import aws_clients
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.settings import settings
from image_studio.storage import transactions
from image_studio.storage.transactions import pack

log = logging.getLogger(__name__)

CACHE_SECONDS = 60
_KEY = {"pk": "STUDIO", "sk": "PROVIDERS"}
_lock = Lock()
_known: tuple[float, frozenset[str]] | None = None


def record(names: frozenset[str]) -> None:
    """Record the configured names, never keys."""
    item = pack({**_KEY, "names": sorted(names), "recorded_at": int(time.time())})
    aws_clients.dynamodb().put_item(TableName=settings().table, Item=item)


def configured() -> frozenset[str]:
    """Return the recorded names, at most a minute old. Before the first record every provider counts as configured."""
    global _known  # noqa: PLW0603  a cache of this process
    with _lock:
        if _known is None or time.monotonic() > _known[0]:
            names = _read()
            seconds = CACHE_SECONDS if names is not None else 1
            if names is None:
                names = _known[1] if _known else frozenset(PROVIDERS)
            _known = (time.monotonic() + seconds, names)
        return _known[1]


def _read() -> frozenset[str] | None:
    """Return the recorded names, or None if there are none or the table fails: free reads go on without it."""
    try:
        found = transactions.read(aws_clients.dynamodb(), settings().table, pack(_KEY), consistent=False)
    except STORAGE_FAILURES:
        log.warning("provider names not read", exc_info=True)
        return None
    return frozenset(found["names"]) if found else None
