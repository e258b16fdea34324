"""What the worker finds out and records for all functions: who has a key, what the account can't use or run at once."""

import logging
import time
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """The record; before the first one, every provider counts as configured."""

    names: frozenset[str] = frozenset(PROVIDERS)
    concurrency: int | None = None  # executions that the account's functions share; None: not known
    not_ready: frozenset[str] = frozenset()  # `provider/model`


_known: tuple[float, Recorded] | None = None


def record(names: frozenset[str], concurrency: int | None = None, not_ready: frozenset[str] = frozenset()) -> None:
    """Record the configured names, never keys, the account's concurrency, and the models that it can't use yet."""
    found = {"names": sorted(names), "concurrency": concurrency, "not_ready": sorted(not_ready)}
    item = pack({**_KEY, **found, "recorded_at": int(time.time())})
    aws_clients.dynamodb().put_item(TableName=settings().table, Item=item)


def configured() -> frozenset[str]:
    """Return the names of the configured providers."""
    return _recorded().names


def not_ready() -> frozenset[str]:
    """Return `provider/model` of the models that the account can't use yet."""
    return _recorded().not_ready


def account_concurrency() -> int | None:
    """Return how many executions the account's functions share, or None where that isn't known."""
    return _recorded().concurrency


def _recorded() -> Recorded:
    """Return the record, at most a minute old."""
    global _known  # noqa: PLW0603  a cache of this process
    with _lock:
        if _known is None or time.monotonic() > _known[0]:
            found = _read()
            seconds = CACHE_SECONDS if found is not None else 1
            if found is None:
                found = _known[1] if _known else Recorded()
            _known = (time.monotonic() + seconds, found)
        return _known[1]


def _read() -> Recorded | None:
    """Return the record, or None if there is none or the table fails: free reads go on without it."""
    try:
        found = transactions.read(aws_clients.dynamodb(), settings().table, pack(_KEY), consistent=False)
    except STORAGE_FAILURES:
        log.warning("the worker's record not read", exc_info=True)
        return None
    if not found:
        return None
    return Recorded(frozenset(found["names"]), found.get("concurrency"), frozenset(found.get("not_ready", ())))
