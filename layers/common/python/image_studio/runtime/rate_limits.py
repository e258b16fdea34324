"""Rate limits: requests that do work are counted exactly, reads approximately, and open waits are capped."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from threading import Lock

from image_studio.errors import TemporarilyUnavailable, TooManyRequests
from image_studio.runtime import aws_clients, configured_providers
from image_studio.runtime.api import Call
from image_studio.runtime.auth import Caller
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.settings import READS_PER_WORK, TIERS, Tier, settings
from image_studio.storage import credits
from image_studio.storage.credits import Allowance, Balance, month_of
from image_studio.storage.job import DAY
from image_studio.storage.rate_limits import MINUTE, RequestCounters, RequestRate, WaitSlots

log = logging.getLogger(__name__)

MAX_CALLERS = 10_000  # whose reads one warm container counts
OUTAGE_SECONDS = 5  # until a paid call makes sense again when the table fails
WAIT_WINDOW = 30  # seconds; no wait is open for longer
LEASE_MARGIN = 2.0  # seconds that an open wait's lease outlives the wait
EVERYBODY = "all"  # the tenant of the waits that all callers share; a caller's is a hash
SMALL_ACCOUNT = 100  # executions at once below which waits are shared; new accounts have 10, others 1,000
SHORT_REQUESTS = 3  # executions of a small account that are left for requests that don't wait


class RateClass(StrEnum):
    """What a request to a route counts as."""

    WORK = "work"  # exactly, per minute and day, in the table
    READ = "read"  # approximately, per minute, in this container
    JOBS = "jobs"  # not at all; only open waits are capped


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """How a caller stands with one limit: `limit` per `window` (seconds), what is left, when the window ends."""

    name: str
    limit: int
    window: int
    left: int
    reset: float  # epoch seconds


@lru_cache(maxsize=1)
def request_counters() -> RequestCounters:
    return RequestCounters(aws_clients.dynamodb(), settings().table)


@lru_cache(maxsize=1)
def wait_slots() -> WaitSlots:
    return WaitSlots(aws_clients.dynamodb(), settings().table)


def admit(call: Call, rate_class: RateClass) -> None:
    """Count the request and set the limit's headers. Raises TooManyRequests, or TemporarilyUnavailable in an outage."""
    tier = TIERS[call.known.tier]
    if rate_class is RateClass.WORK:
        _count_work(call, tier)
    elif rate_class is RateClass.READ:
        allowed, status = read_counter().add(call.known.tenant, tier.per_minute * READS_PER_WORK)
        _set_headers(call, [status])
        if not allowed:
            raise _too_many(call.known, status)
    else:
        _set_headers(call, [_wait_status(tier, 0)])


def _set_headers(call: Call, limits: Sequence[LimitStatus]) -> None:
    """Describe the limit with the least left in X-RateLimit-*, and all of them in RateLimit (IETF draft)."""
    now = time.time()
    nearest = min(limits, key=lambda each: (each.left, -each.reset))
    call.headers |= {
        "x-ratelimit-limit": str(nearest.limit),
        "x-ratelimit-remaining": str(nearest.left),
        "x-ratelimit-reset": str(math.ceil(nearest.reset)),
        "x-ratelimit-window": str(nearest.window),
        "ratelimit-policy": ", ".join(f'"{each.name}";q={each.limit};w={each.window}' for each in limits),
        "ratelimit": ", ".join(
            f'"{each.name}";r={each.left};t={max(0, math.ceil(each.reset - now))}' for each in limits
        ),
    }


def _count_work(call: Call, tier: Tier) -> None:
    try:
        count = request_counters().add(call.known.tenant, RequestRate(tier.per_minute, tier.per_day))
    except STORAGE_FAILURES as error:
        _set_headers(call, [LimitStatus("minute", tier.per_minute, MINUTE, 0, time.time() + OUTAGE_SECONDS)])
        raise TemporarilyUnavailable(retry_after=OUTAGE_SECONDS) from error
    minute = LimitStatus("minute", tier.per_minute, MINUTE, count.minute_left, count.minute_reset)
    day = LimitStatus("day", tier.per_day, DAY, count.day_left, count.day_reset)
    _set_headers(call, [minute, day])
    if not count.allowed:
        raise _too_many(call.known, day if count.day_left == 0 else minute)


def _too_many(caller: Caller, exhausted: LimitStatus) -> TooManyRequests:
    wait = max(1, math.ceil(exhausted.reset - time.time()))
    window = "day" if exhausted.window == DAY else "minute"
    return TooManyRequests(
        f"The {caller.tier} tier allows {exhausted.limit:,} requests per {window}. Try again in {wait:,} s.",
        retry_after=wait,
    )


def allowance(tier: str) -> Allowance:
    return Allowance(settings().monthly_credits[tier], TIERS[tier].in_flight)


def balance(caller: Caller, month: str) -> Balance:
    return credits.read(aws_clients.dynamodb(), settings().table, caller.tenant, month)


def add_credits_header(call: Call) -> None:
    """Set what is left of the month's credits on the response; where the table fails, leave the header out."""
    limit = settings().monthly_credits[call.known.tier]
    if call.outage:
        return
    try:
        month, client = month_of(time.time()), aws_clients.quick_dynamodb()
        left = limit - credits.read(client, settings().table, call.known.tenant, month).committed
        call.headers["x-credits-remaining"] = str(max(0, left))
    except STORAGE_FAILURES:
        log.warning("credits not read", exc_info=True)


class ReadCounter:
    """Reads of this calendar minute by caller, in this container's memory."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, int] = {}
        self._lock = Lock()

    def add(self, tenant: str, limit: int) -> tuple[bool, LimitStatus]:
        """Count one read, and return whether it is within the limit."""
        with self._lock:
            minute = int(self._clock()) // MINUTE
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            count = self._counts.pop(tenant, 0) + 1
            self._counts[tenant] = count  # the last one: those not seen for longest come first
            if len(self._counts) > MAX_CALLERS:
                del self._counts[next(iter(self._counts))]
        return count <= limit, LimitStatus("reads", limit, MINUTE, max(0, limit - count), (minute + 1) * MINUTE)


@lru_cache(maxsize=1)
def read_counter() -> ReadCounter:
    return ReadCounter()


def _wait_status(tier: Tier, taken: int, seconds: float = 0) -> LimitStatus:
    return LimitStatus("waits", tier.waits, WAIT_WINDOW, max(0, tier.waits - taken), time.time() + seconds)


def shared_waits() -> int | None:
    """Return how many requests of all callers may wait at once, or None for any number.

    A new account of AWS runs ten functions at once. There, what jobs, webhooks and short requests leave may wait.
    """
    wanted = settings().open_waits
    if wanted != "auto":
        return int(wanted) or None
    room = configured_providers.account_concurrency()
    if room is None or room >= SMALL_ACCOUNT:
        return None
    return max(1, int(room - settings().worker_concurrency - settings().webhook_concurrency - SHORT_REQUESTS))


@contextmanager
def open_wait(call: Call, seconds: float) -> Iterator[None]:
    """Hold an open wait while the block runs; a call holds only one. Raises TooManyRequests.

    If those that all callers share are taken, the block runs without one, and `call.may_wait` is False.
    """
    if call.waiting or seconds <= 0:
        yield
        return
    tier, shared = TIERS[call.known.tier], shared_waits()
    with ExitStack() as held:
        # A shared limit that is lower than the caller's own enforces both with one write.
        if (not shared or tier.waits < shared) and not held.enter_context(
            _slot(call, call.known.tenant, tier.waits, seconds)
        ):
            _set_headers(call, [_wait_status(tier, tier.waits, seconds)])
            raise TooManyRequests(
                f"{tier.waits} of your requests are waiting for jobs already, the most that the {call.known.tier} tier "
                'allows. Send "Prefer: respond-async", or ask GET /api/image-studio/jobs without wait.',
                retry_after=OUTAGE_SECONDS,
            )
        if shared:
            call.shares_waits = True
            call.may_wait = held.enter_context(_slot(call, EVERYBODY, shared, seconds))
        call.waiting = True
        held.callback(setattr, call, "waiting", False)
        yield


@contextmanager
def _slot(call: Call, tenant: str, most: int, seconds: float) -> Iterator[bool]:
    """Hold one of `most` slots while the block runs; False where none is free. In an outage its lease ends it."""
    slot = wait_slots().take(tenant, most, seconds + LEASE_MARGIN)
    try:
        yield slot is not None
    except STORAGE_FAILURES:
        call.outage = True
        raise
    finally:
        if slot and not call.outage:
            try:
                WaitSlots(aws_clients.quick_dynamodb(), settings().table).release(tenant, slot)
            except STORAGE_FAILURES:
                call.outage = True
                log.warning("open wait not released; its lease will end it")
