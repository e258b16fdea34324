"""Rate limits of a caller: exact request counters for fixed windows, and a bounded number of open waits."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from image_studio.storage import keys
from image_studio.storage.job import DAY
from image_studio.storage.transactions import Item, change_of, unpack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE = 60  # seconds

KEEP_DAYS = 2  # a day's record outlives its day, for containers whose clock is behind
OLD_MINUTES = range(2, 12)  # minutes ago; the last minute's counter stays, for clocks that differ
MAX_REMEMBERED = 10_000  # callers over their limit that a warm container remembers
MAX_TRIES = 8  # of one wait whose slots other requests of the same caller take first
KEEP_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class RequestRate:
    """How many requests a caller may make in a calendar minute and in a UTC day."""

    per_minute: int
    per_day: int


@dataclass(frozen=True, slots=True)
class RequestCount:
    """What is left of a caller's windows after a request. Resets are the windows' ends, epoch seconds."""

    allowed: bool
    minute_left: int
    minute_reset: int
    day_left: int
    day_reset: int

    @property
    def retry_at(self) -> int:
        """When the next request is allowed, epoch seconds; 0 where it is allowed now."""
        return self.day_reset if self.day_left == 0 else self.minute_reset if self.minute_left == 0 else 0


class RequestCounters:
    """The request counters of one table.

    A caller has one record per UTC day: `requests` counts the day, `m<minute of the day>` a minute. One conditional
    write adds to both, and its condition enforces both limits, so concurrent requests never exceed them.
    """

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._clock = clock
        self._refused: dict[tuple[str, RequestRate], RequestCount] = {}  # a refused write costs as much as another

    def add(self, tenant: str, rate: RequestRate) -> RequestCount:
        """Count one request if both limits allow it, and return what is left."""
        now = int(self._clock())
        used_up = self._refused.get((tenant, rate))
        if used_up and now < used_up.retry_at:
            minute_over = now >= used_up.minute_reset
            return replace(used_up, minute_left=rate.per_minute, minute_reset=_end(now)) if minute_over else used_up
        allowed, values = self._add(tenant, rate, now)
        count = RequestCount(
            allowed=allowed,
            minute_left=max(0, rate.per_minute - values.get(_minute(now), 0)),
            minute_reset=_end(now),
            day_left=max(0, rate.per_day - values.get("requests", 0)),
            day_reset=_end(now, DAY),
        )
        if not allowed:
            self._refused.pop((tenant, rate), None)
            self._refused[tenant, rate] = count
            if len(self._refused) > MAX_REMEMBERED:
                self._refused.pop(next(iter(self._refused)), None)  # the oldest one
        return count

    def _add(self, tenant: str, rate: RequestRate, now: int) -> tuple[bool, Mapping[str, Any]]:
        """Whether the condition allowed the write, and the record's values after it."""
        key = keys.limits_key(tenant, keys.rate_sk(datetime.fromtimestamp(now, UTC)))
        old = {f"#old{ago}": _minute(now - ago * MINUTE) for ago in OLD_MINUTES}
        change = "ADD #minute :one, requests :one SET expires = :expires REMOVE " + ", ".join(old)
        expires = (now // DAY + KEEP_DAYS) * DAY
        values = {":one": 1, ":minute": rate.per_minute, ":day": rate.per_day, ":expires": expires}
        free = "(attribute_not_exists(#minute) OR #minute < :minute)"
        condition = f"{free} AND (attribute_not_exists(requests) OR requests < :day)"
        names = {"#minute": _minute(now), **old}
        return _update(self._db, change_of(self._table, key, change, values, condition, names=names))


def _update(client: "DynamoDBClient", change: Item) -> tuple[bool, Mapping[str, Any]]:
    """Make a conditional update, and return whether it was made and the record's values then."""
    try:
        done = client.update_item(**change, ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except client.exceptions.ConditionalCheckFailedException as error:
        return False, unpack(error.response.get("Item", {}))  # type: ignore[arg-type]  # the stubs' own mapping
    return True, unpack(done["Attributes"])


def _end(now: int, window: int = MINUTE) -> int:
    return (now // window + 1) * window


def _minute(now: int) -> str:
    return f"m{now % DAY // MINUTE}"


@dataclass(frozen=True, slots=True)
class WaitSlot:
    """A wait that is open: its number, when its lease ends (epoch milliseconds), and how many are open with it."""

    number: int
    until: int
    open: int


class WaitSlots:
    """The open waits of each caller, in slots with leases.

    One record per caller, one attribute per slot: `wait<number>` is when its lease ends (epoch milliseconds). A
    function that dies while it waits keeps its slot for no longer than the lease.
    """

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._clock = clock

    def take(self, tenant: str, most: int, seconds: float) -> WaitSlot | None:
        """Open a wait of at most `seconds`, or return None where `most` are open already."""
        now = int(self._clock() * 1000)
        until = now + int(seconds * 1000)
        free = list(range(most))
        for _ in range(MAX_TRIES):
            if not free:
                return None
            number = secrets.choice(free)  # spreads requests that come at the same time
            written, taken = self._write(tenant, number, until, now)
            if written:
                return WaitSlot(number, until, len(taken))
            free = [each for each in range(most) if each not in taken]
        return None

    def _write(self, tenant: str, number: int, until: int, now: int) -> tuple[bool, set[int]]:
        """Whether the slot is ours, and all slots that are taken then."""
        values = {":until": until, ":now": now, ":expires": until // 1000 + KEEP_SECONDS}
        free = "attribute_not_exists(#slot) OR #slot <= :now"
        written, waits = self._update(tenant, number, "SET #slot = :until, expires = :expires", values, free)
        return written, {int(name[4:]) for name, end in waits.items() if name.startswith("wait") and end > now}

    def release(self, tenant: str, slot: WaitSlot) -> None:
        """Close the wait, unless its lease ran out and another request has the slot."""
        self._update(tenant, slot.number, "REMOVE #slot", {":until": slot.until}, "#slot = :until")

    def _update(
        self, tenant: str, number: int, change: str, values: Mapping[str, int], condition: str
    ) -> tuple[bool, Mapping[str, Any]]:
        key, names = keys.limits_key(tenant, keys.WAITS_SK), {"#slot": f"wait{number}"}
        return _update(self._db, change_of(self._table, key, change, values, condition, names=names))
