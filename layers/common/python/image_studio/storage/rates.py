"""Request counters of a caller: GCRA for the minute and a plain count for the day, in one conditional write.

`free_at` is GCRA's theoretical arrival time (microseconds): the moment at which the whole minute's allowance is there
again. Each request moves it on by one interval; a request is let through while it stays within a minute of now. So a
caller may send the whole allowance at once, or evenly for ever.

Whatever we believe about the record when we choose a form of the write, its condition holds the limit; a wrong belief
costs a second write, and what DynamoDB gives back with the refusal makes the next belief right.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage import keys
from image_studio.storage.items import pack, unpack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SECOND = 1_000_000  # microseconds
MINUTE = 60 * SECOND
DAY = 24 * 3600  # seconds
KEEP_DAYS = 2  # a record outlives its day, so that clocks may differ
MAX_TRIES = 8  # of one request that other requests of the same caller keep overtaking
MAX_KNOWN = 10_000  # callers that a warm container remembers


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a caller may make."""

    per_minute: int
    per_day: int

    @property
    def interval(self) -> int:
        """Microseconds between requests of somebody who sends evenly."""
        return MINUTE // self.per_minute


@dataclass(frozen=True, slots=True)
class Count:
    """A caller's record: `free_at` in microseconds, `day` in days since 1970, `used` on that day."""

    free_at: int
    day: int
    used: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request, and what is left. Times are epoch seconds."""

    allowed: bool
    minute_left: int
    minute_reset: float  # when the whole minute's allowance is there again
    day_left: int
    day_reset: float
    retry_at: float  # when the next request will be let through


class RateStore:
    """The counters of one table."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._clock = clock
        self._known: dict[str, Count] = {}
        self._lock = Lock()

    def take(self, tenant: str, rate: Rate) -> Taken:
        """Count one request, if the rate allows it. Raises TemporarilyUnavailable where others keep coming first."""
        now = int(self._clock() * SECOND)
        belief = self._known.get(tenant)
        for _ in range(MAX_TRIES):
            if belief is not None and (retry := _refused(belief, rate, now)) is not None:
                return _taken(belief, rate, now, retry)
            written, found = self._write(tenant, _form(belief, rate, now))
            self._remember(tenant, found)
            if written and found is not None:
                return _taken(found, rate, now, None)
            belief = found
        raise TemporarilyUnavailable

    def _remember(self, tenant: str, count: Count | None) -> None:
        """Keep what was seen. It may be old: counters only grow, so a refusal stays right."""
        if count is None:
            return
        with self._lock:
            self._known.pop(tenant, None)
            while len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[tenant] = count

    def _write(self, tenant: str, form: "_Form") -> tuple[bool, Count | None]:
        """Whether the condition held, and the record as it is then."""
        try:
            done = self._db.update_item(
                TableName=self._table,
                Key=pack({"pk": keys.caller_pk(tenant), "sk": keys.RATE_SK}),
                UpdateExpression=form.change,
                ConditionExpression=form.condition,
                ExpressionAttributeNames={"#day": "day", "#used": "used"},
                ExpressionAttributeValues=pack(form.values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._db.exceptions.ConditionalCheckFailedException as error:
            return False, _count(error.response.get("Item"))
        return True, _count(done["Attributes"])


@dataclass(frozen=True, slots=True)
class _Form:
    change: str
    condition: str
    values: Mapping[str, Any]


def _form(belief: Count | None, rate: Rate, now: int) -> _Form:
    """The write that counts a request, by what the record is believed to be. Each is right by itself."""
    today = max(now // (DAY * SECOND), belief.day if belief else 0)  # another clock may be past midnight already
    step = rate.interval
    idle = belief is None or belief.free_at <= now
    values = {":now": now, ":today": today, ":one": 1}
    start = {":free_at": now + step, ":expires": (today + KEEP_DAYS) * DAY}
    more = {":step": step, ":room": now + step * (rate.per_minute - 1)}
    if belief is None or (belief.day >= today and idle):
        return _Form(
            "SET free_at = :free_at, #day = :today, #used = if_not_exists(#used, :none) + :one, expires = :expires",
            "attribute_not_exists(free_at) OR (free_at <= :now AND #day = :today AND #used < :most)",
            {**values, **start, ":none": 0, ":most": rate.per_day},
        )
    if belief.day >= today:
        return _Form(
            "SET free_at = free_at + :step, #used = #used + :one",
            "free_at > :now AND free_at <= :room AND #day = :today AND #used < :most",
            {**values, **more, ":most": rate.per_day},
        )
    if idle:
        return _Form(
            "SET free_at = :free_at, #day = :today, #used = :one, expires = :expires",
            "free_at <= :now AND #day < :today",
            {**values, **start},
        )
    return _Form(
        "SET free_at = free_at + :step, #day = :today, #used = :one, expires = :expires",
        "free_at > :now AND free_at <= :room AND #day < :today",
        {**values, **more, ":expires": start[":expires"]},
    )


def _refused(count: Count, rate: Rate, now: int) -> float | None:
    """When to come back (epoch seconds) where the limit is reached, else None."""
    today = now // (DAY * SECOND)
    if count.day >= today and count.used >= rate.per_day:
        return float((count.day + 1) * DAY)
    room = now + rate.interval * (rate.per_minute - 1)
    if count.free_at > room:
        return (now + count.free_at - room) / SECOND
    return None


def _taken(count: Count, rate: Rate, now: int, retry: float | None) -> Taken:
    today = now // (DAY * SECOND)
    ahead = max(0, count.free_at - now)
    used = count.used if count.day >= today else 0
    return Taken(
        allowed=retry is None,
        minute_left=max(0, rate.per_minute - -(-ahead // rate.interval)),
        minute_reset=(now + ahead) / SECOND,
        day_left=max(0, rate.per_day - used),
        day_reset=float((max(count.day, today) + 1) * DAY),
        retry_at=now / SECOND if retry is None else retry,
    )


def _count(item: Any) -> Count | None:
    if not item:
        return None
    values = unpack(item)
    return Count(values["free_at"], values["day"], values["used"])
