"""A circuit breaker per provider, shared by all workers through one record each in the table.

    closed --5 failures in a row--> open --30 s--> half open (one worker tries) --success--> closed
                                      ^                                        '--failure--'

An open provider isn't refused: other providers only come before it. That is why powertools' `circuit_breaker`, which
wraps a call and refuses it, isn't used. Each worker counts failures for itself, so nothing is written while all goes
well. If the table can't be read or written, the circuit counts as closed.
"""

import logging
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any

from image_studio.operations.context import Circuits
from image_studio.runtime import aws_clients
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.settings import settings
from image_studio.storage import transactions
from image_studio.storage.transactions import pack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

FAILURES = 5  # in a row
OPEN_SECONDS = 30
PROBE_SECONDS = OPEN_SECONDS  # until a worker that tries a provider counts as dead
UNREAD_SECONDS = 5  # until a table that failed is read again
KEEP_SECONDS = 24 * 3600  # lifetime of a record that nobody changes


@dataclass(frozen=True, slots=True)
class Circuit:
    """A provider's record. Closed: both times are 0; open: until `open_until`; half open: `owner` tries it."""

    open_until: int = 0  # epoch seconds
    owner: str = ""  # the worker that tries the provider
    probe_until: int = 0  # epoch seconds


class CircuitBreaker(Circuits):
    """The circuits of one table. `cache_seconds` is the age up to which a record that was read is used again."""

    def __init__(self, client: "DynamoDBClient", table: str, *, cache_seconds: int) -> None:
        self._client = client
        self._table = table
        self._cache_seconds = cache_seconds
        self._cache: dict[str, tuple[float, Circuit]] = {}
        self._failures: Counter[str] = Counter()
        self._lock = Lock()
        self._owner = ""
        self._unread_until = 0.0  # monotonic seconds; a table that failed isn't asked again for each provider

    def is_open(self, provider: str) -> bool:
        """Return whether other providers come first: this one failed recently, or another worker is trying it."""
        circuit = self._read(provider)
        if circuit.owner:
            return circuit.owner != self._owner and time.time() < circuit.probe_until
        return time.time() < circuit.open_until

    def begin(self, provider: str) -> None:
        """Note that a call starts. If an open circuit has waited long enough, this worker is the one that tries it."""
        circuit = self._read(provider)
        if circuit.open_until and time.time() >= (circuit.probe_until if circuit.owner else circuit.open_until):
            self._owner = self._owner or token_hex(16)  # not at init: a snapshot's workers would share it
            probe = Circuit(circuit.open_until, self._owner, int(time.time()) + PROBE_SECONDS)
            self._write(provider, probe, instead_of=circuit)

    def report(self, provider: str, *, ok: bool) -> None:
        """Note how a call ended. Only faults of the provider's own count as not ok."""
        circuit = self._read(provider)
        if ok or (circuit.open_until and not circuit.owner):
            self._failures.pop(provider, None)
        after = Circuit() if ok else Circuit(int(time.time()) + OPEN_SECONDS)
        if circuit.owner:
            if ok:
                log.info("provider recovered", extra={"provider": provider})
            self._write(provider, after, instead_of=circuit)
        elif not circuit.open_until and not ok and self._count(provider):
            log.warning("provider set aside", extra={"provider": provider, "seconds": OPEN_SECONDS})
            self._write(provider, after)

    def _count(self, provider: str) -> bool:
        """Count a failure; return whether it was the last one that is allowed."""
        with self._lock:
            self._failures[provider] += 1
            if self._failures[provider] < FAILURES:
                return False
            del self._failures[provider]
            return True

    def _read(self, provider: str) -> Circuit:
        known = self._cache.get(provider)
        if known and time.monotonic() < known[0]:
            return known[1]
        if time.monotonic() < self._unread_until:
            return Circuit()
        try:
            values = transactions.read(self._client, self._table, _key(provider)) or {}
        except STORAGE_FAILURES:
            log.warning("circuit not read", exc_info=True)
            self._unread_until = time.monotonic() + UNREAD_SECONDS
            return Circuit()
        known_fields = {name: values[name] for name in Circuit.__dataclass_fields__ if name in values}
        return self._keep(provider, Circuit(**known_fields))

    def _write(self, provider: str, circuit: Circuit, *, instead_of: Circuit | None = None) -> None:
        """Write the record, if it is still what this worker read. A failure concerns this worker alone, not a job."""
        item = asdict(circuit) | {"expires": int(time.time()) + KEEP_SECONDS}
        condition: dict[str, Any] = {}
        if instead_of is not None:
            condition = {
                "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in asdict(instead_of)),
                "ExpressionAttributeNames": {f"#{name}": name for name in asdict(instead_of)},
                "ExpressionAttributeValues": pack({f":{name}": was for name, was in asdict(instead_of).items()}),
            }
        try:
            self._client.put_item(TableName=self._table, Item=_key(provider) | pack(item), **condition)
        except STORAGE_FAILURES:
            log.warning("circuit not written", exc_info=True)  # another worker was first, or the table failed
            self._cache.pop(provider, None)
        else:
            self._keep(provider, circuit)

    def _keep(self, provider: str, circuit: Circuit) -> Circuit:
        self._cache[provider] = (time.monotonic() + self._cache_seconds, circuit)
        return circuit


def _key(provider: str) -> Any:
    return pack({"pk": "STUDIO", "sk": f"HEALTH#{provider}"})


@lru_cache(maxsize=2)
def circuits(cache_seconds: int) -> CircuitBreaker:
    """Return this process's view of the circuits, at most `cache_seconds` old."""
    return CircuitBreaker(aws_clients.dynamodb(), settings().table, cache_seconds=cache_seconds)
