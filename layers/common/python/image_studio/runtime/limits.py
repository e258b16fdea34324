"""How much a caller may ask for: requests that do work exactly, reads roughly, open waits by leases.

What a request is counted as is declared with its route (`Meter`). Counting comes before everything that costs, and
whatever the answer will be, it carries the limit's headers.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from image_studio.errors import TemporarilyUnavailable, TooManyRequests
from image_studio.runtime.api import Call
from image_studio.runtime.auth import Caller
from image_studio.runtime.aws_clients import is_storage_failure
from image_studio.runtime.settings import READS_PER_WORK, TIERS, Tier

log = logging.getLogger(__name__)

MINUTE = 60  # seconds
DAY = 24 * 3600
MAX_CALLERS = 10_000  # whose reads one warm container counts
OUTAGE_SECONDS = 5  # until a paid call makes sense again when the table fails
WAIT_WINDOW = 30  # seconds; no wait is open for longer
LEASE_MARGIN = 2.0  # seconds that an open wait's lease outlives the wait


class Meter(StrEnum):
    """What a request to a route is counted as."""

    WORK = "work"  # exactly, per minute and day, in the table
    READ = "read"  # roughly, per minute, in this container
    JOBS = "jobs"  # not at all; only open waits are


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands with one limit: its name, the limit per `window` seconds, what is left, when it is whole."""

    name: str
    limit: int
    window: int  # seconds
    left: int
    reset: float  # epoch seconds


def admit(call: Call, meter: Meter) -> None:
    """Count the request and put the limit's headers on its answer.

    Raises TooManyRequests, and TemporarilyUnavailable where work can't be counted because the table fails.
    """
    tier = TIERS[call.known.tier]
    if meter is Meter.WORK:
        _count_work(call, tier)
    elif meter is Meter.READ:
        _count_read(call, tier)
    else:
        _announce(call, [_waits(tier, 0)])


def _announce(call: Call, standings: Sequence[Standing]) -> None:
    """X-RateLimit-* tells of the limit that is nearest to its end; RateLimit (IETF draft) of all."""
    now = time.time()
    nearest = min(standings, key=lambda each: each.left)
    call.headers |= {
        "x-ratelimit-limit": str(nearest.limit),
        "x-ratelimit-remaining": str(nearest.left),
        "x-ratelimit-reset": str(math.ceil(nearest.reset)),
        "x-ratelimit-window": str(nearest.window),
        "ratelimit-policy": ", ".join(f'"{each.name}";q={each.limit};w={each.window}' for each in standings),
        "ratelimit": ", ".join(
            f'"{each.name}";r={each.left};t={max(0, math.ceil(each.reset - now))}' for each in standings
        ),
    }


# -- work


def _count_work(call: Call, tier: Tier) -> None:
    from image_studio.runtime.wiring import rates  # noqa: PLC0415  reads don't pay for boto3
    from image_studio.storage.rates import Rate  # noqa: PLC0415

    try:
        taken = rates().take(call.known.tenant, Rate(tier.per_minute, tier.per_day))
    except Exception as error:
        if not is_storage_failure(error):
            raise
        _announce(call, [Standing("minute", tier.per_minute, MINUTE, 0, time.time() + OUTAGE_SECONDS)])
        raise TemporarilyUnavailable(retry_after=OUTAGE_SECONDS) from error
    minute = Standing("minute", tier.per_minute, MINUTE, taken.minute_left, taken.minute_reset)
    day = Standing("day", tier.per_day, DAY, taken.day_left, taken.day_reset)
    _announce(call, [minute, day])
    if not taken.allowed:
        exhausted = "day" if taken.day_left == 0 else "minute"
        limit = tier.per_day if exhausted == "day" else tier.per_minute
        raise _too_many(call.known, limit, exhausted, taken.retry_at - time.time())


def _too_many(caller: Caller, limit: int, window: str, seconds: float) -> TooManyRequests:
    wait = max(1, math.ceil(seconds))
    return TooManyRequests(
        f"The {caller.tier} tier allows {limit:,} requests per {window}. Try again in {wait:,} s.", retry_after=wait
    )


def tell_credits(call: Call) -> None:
    """Put what is left of the month's credits on the answer; where the table fails, the answer goes without."""
    from image_studio.runtime.account import remaining  # noqa: PLC0415  paid routes only

    try:
        call.headers["x-credits-remaining"] = str(remaining(call.known))
    except Exception as error:
        if not is_storage_failure(error):
            raise
        log.warning("credits not read", exc_info=True)


# -- reads


class Roughly:
    """GCRA in memory: what one container has seen, forgotten when it ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}
        self._lock = Lock()

    def take(self, tenant: str, per_minute: int) -> tuple[bool, float]:
        """Whether the request is allowed, and seconds until the whole minute's allowance is there again."""
        step = MINUTE / per_minute
        with self._lock:
            now = self._clock()
            free_at = max(now, self._free_at.pop(tenant, now))
            allowed = free_at - now <= MINUTE - step + 1e-6
            while len(self._free_at) >= MAX_CALLERS:
                del self._free_at[next(iter(self._free_at))]
            self._free_at[tenant] = free_at + step if allowed else free_at
            return allowed, self._free_at[tenant] - now


_reads = Roughly()


def _count_read(call: Call, tier: Tier) -> None:
    limit = tier.per_minute * READS_PER_WORK
    allowed, ahead = _reads.take(call.known.tenant, limit)
    left = max(0, limit - math.ceil(ahead * limit / MINUTE - 1e-6))
    _announce(call, [Standing("reads", limit, MINUTE, left, time.time() + ahead)])
    if not allowed:
        raise _too_many(call.known, limit, "minute", ahead - MINUTE + MINUTE / limit)


# -- waits


def _waits(tier: Tier, held: int, seconds: float = 0) -> Standing:
    return Standing("waits", tier.waits, WAIT_WINDOW, max(0, tier.waits - held), time.time() + seconds)


@contextmanager
def open_wait(call: Call, seconds: float) -> Iterator[None]:
    """One of the caller's open waits while the block runs, at most `seconds` (none: no wait); a call holds only one.

    Raises TooManyRequests where the tier's number is open already.
    """
    if call.waiting or seconds <= 0:
        yield
        return
    from image_studio.runtime.wiring import waits  # noqa: PLC0415  reads don't pay for boto3

    tier = TIERS[call.known.tier]
    slot = waits().take(call.known.tenant, tier.waits, seconds + LEASE_MARGIN)
    if slot is None:
        _announce(call, [_waits(tier, tier.waits, seconds)])
        raise TooManyRequests(
            f"{tier.waits} of your requests are waiting for jobs already, the most that the {call.known.tier} tier "
            'allows. Send "Prefer: respond-async", or ask GET /api/image-studio/jobs without wait.',
            retry_after=OUTAGE_SECONDS,
        )
    call.waiting = True
    try:
        yield
    finally:
        call.waiting = False
        try:
            waits().give_back(call.known.tenant, slot)
        except Exception as error:
            if not is_storage_failure(error):
                raise
            log.warning("open wait not given back; its lease will end it")
