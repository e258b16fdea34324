"""A circuit breaker per provider, shared by all workers: powertools' record of it, behind our port.

    closed --5 failures in a row--> open --30 s--> half open (one worker tries) --success--> closed
                                      ^                                        '--failure--'

An open provider isn't refused, others only come before it; so what powertools wraps around a call is done here, on
its store. Failures are counted by each worker for itself: as long as all is well nothing is written. Whatever is
wrong with the table, the circuit counts as closed.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, CircuitState
from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
    CircuitBreakerDynamoDBPersistence,
    CircuitStateRecord,
)
from botocore.exceptions import BotoCoreError, ClientError

from image_studio.providers import SPECS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

FAILURES = 5  # in a row
OPEN_SECONDS = 30


class Breaker:
    """The circuits of one table; `cache_seconds` is how old what it knows of them may be."""

    def __init__(self, client: "DynamoDBClient", table: str, *, cache_seconds: int) -> None:
        self._store = CircuitBreakerDynamoDBPersistence(
            table_name=table,
            key_attr="pk",
            static_pk_value="STUDIO",
            sort_key_attr="sk",
            expiry_attr="expires",
            boto3_client=client,
        )
        config = CircuitBreakerConfig(recovery_timeout=OPEN_SECONDS, local_cache_max_age=cache_seconds)
        for spec in SPECS:
            self._store.configure(config, _circuit(spec.name))
        self._worker = uuid4().hex
        self._failures: Counter[str] = Counter()
        self._counting = Lock()

    def is_open(self, provider: str) -> bool:
        """Whether others come first: it failed within the last seconds, or somebody else is just trying it."""
        record = self._store.get_state(_circuit(provider))
        if record.state == CircuitState.HALF_OPEN and record.half_open_owner == self._worker:
            return False
        return time.time() < _open_until(record)

    def begin(self, provider: str) -> None:
        """A call is about to be made: where an open circuit has waited long enough, ours is the one that tries it."""
        name = _circuit(provider)
        record = self._store.get_state(name)
        if record.state != CircuitState.CLOSED and time.time() >= _open_until(record):
            self._write(partial(self._store.try_acquire_half_open, name, self._worker, record.opened_at or 0))

    def report(self, provider: str, *, ok: bool) -> None:
        """Tell how a call ended; only faults of the provider's own count as not ok."""
        name = _circuit(provider)
        state = self._store.get_state(name).state
        if ok or state == CircuitState.OPEN:
            self._failures.pop(name, None)
        if ok and state == CircuitState.HALF_OPEN:
            log.info("provider recovered", extra={"provider": provider})
            self._write(partial(self._store.save_closed, name))
        elif not ok and state == CircuitState.HALF_OPEN:
            self._write(partial(self._store.save_reopen, name, int(time.time())))
        elif not ok and state == CircuitState.CLOSED and self._was_the_last_straw(name):
            log.warning("provider set aside", extra={"provider": provider, "seconds": OPEN_SECONDS})
            self._write(partial(self._store.save_open, name, FAILURES, int(time.time())))

    def _was_the_last_straw(self, name: str) -> bool:
        with self._counting:
            self._failures[name] += 1
            if self._failures[name] < FAILURES:
                return False
            del self._failures[name]
            return True

    def _write(self, write: Callable[[], object]) -> None:
        """What can't be written is known to this worker alone, which no job may suffer from."""
        try:
            write()
        except (ClientError, BotoCoreError):
            log.warning("circuit not written", exc_info=True)


def _circuit(provider: str) -> str:
    return f"HEALTH#{provider}"


def _open_until(record: CircuitStateRecord) -> float:
    """Epoch seconds up to which others come first; 0 where nothing is wrong."""
    if record.state == CircuitState.OPEN:
        return (record.opened_at or 0) + OPEN_SECONDS
    return record.probe_lease_expiry or 0 if record.state == CircuitState.HALF_OPEN else 0
