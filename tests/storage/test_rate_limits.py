"""Request counters are exact in their fixed windows, and open waits are never more than their number."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_studio.runtime import aws_clients
from image_studio.storage import rate_limits
from image_studio.storage.rate_limits import DAY, MINUTE, RequestCounters, RequestRate, WaitSlots
from tests.storage.table import Clock
from tests.tables import TABLE

NOON = 20_000 * DAY + DAY // 2
RATE = RequestRate(per_minute=10, per_day=25)


@pytest.fixture
def counters(table: None, clock: Clock) -> Callable[[], RequestCounters]:
    """Make counters on one table, each in a warm container of its own. It is noon."""
    clock.now = float(NOON)
    return lambda: RequestCounters(aws_clients.dynamodb(), TABLE, clock=clock)


@pytest.fixture
def writes(table: None) -> list[str]:
    asked: list[str] = []
    aws_clients.dynamodb().meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    return asked


def _allowed(counters: RequestCounters, number: int, rate: RequestRate = RATE, tenant: str = "t") -> int:
    return sum(counters.add(tenant, rate).allowed for _ in range(number))


Make = Callable[[], RequestCounters]


def test_a_minute_allows_its_limit_and_ends_with_the_minute(counters: Make, clock: Clock) -> None:
    """The limit may be sent at once, in any container; the next minute starts from zero."""
    one = counters()
    clock.now += 59
    assert _allowed(one, 15) == 10
    assert _allowed(counters(), 3) == 0
    refused = one.add("t", RATE)
    assert (refused.minute_left, refused.minute_reset, refused.day_left) == (0, NOON + MINUTE, 15)
    clock.now += 1
    count = one.add("t", RATE)
    assert (count.allowed, count.minute_left, count.minute_reset) == (True, 9, NOON + 2 * MINUTE)


def test_a_day_allows_its_limit_and_ends_at_midnight(counters: Make, clock: Clock) -> None:
    """The daily limit holds over minutes; a refusal names midnight UTC, also while the minutes go on."""
    one = counters()
    for _ in range(5):
        _allowed(one, 10)
        clock.now += MINUTE
    for container in (one, counters()):
        refused = container.add("t", RATE)
        assert (refused.allowed, refused.day_left, refused.minute_left) == (False, 0, 10)
        assert refused.retry_at == refused.day_reset == 20_001 * DAY
        assert refused.minute_reset == clock.now + MINUTE
    clock.now = 20_001 * DAY
    count = one.add("t", RATE)
    assert (count.allowed, count.day_left) == (True, 24)


def test_callers_are_counted_apart_and_a_better_tier_applies_at_once(counters: Make) -> None:
    """One caller's requests cost another nothing. What was used counts, and a new limit holds in the same minute."""
    one = counters()
    assert _allowed(one, 11, tenant="a") == 10
    assert _allowed(one, 11, tenant="b") == 10
    assert _allowed(one, 12, RequestRate(20, 1000), tenant="a") == 10


def test_one_write_a_request_and_none_for_a_known_refusal(counters: Make, writes: list[str], clock: Clock) -> None:
    """Refused writes cost as much as others: a container refuses from memory until the window ends."""
    one = counters()
    assert _allowed(one, 16) == 10
    assert writes == ["UpdateItem"] * 11
    clock.now += MINUTE
    assert one.add("t", RATE).allowed


def test_the_memory_is_bounded(counters: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that remembers too many callers forgets them, and asks the table again."""
    monkeypatch.setattr(rate_limits, "MAX_REMEMBERED", 3)
    one = counters()
    for number in range(5):
        assert _allowed(one, 2, RequestRate(1, 25), tenant=f"t{number}") == 1
    assert len(one._refused) <= 3
    assert _allowed(one, 1, RequestRate(1, 25), tenant="t0") == 0


def test_the_record_of_a_day_stays_small(counters: Make, clock: Clock) -> None:
    """Counters of old minutes are removed; the last minute's stays for containers whose clock is behind."""
    one, rate = counters(), RequestRate(10, 10_000)
    for _ in range(8):
        one.add("t", rate)
        clock.now += MINUTE
    (item,) = aws_clients.dynamodb().scan(TableName=TABLE)["Items"]
    assert item["requests"] == {"N": "8"}
    assert len([name for name in item if name.startswith("m")]) == 2


@pytest.mark.parametrize("limit", [1, 20])
def test_threads_get_exactly_the_limit(counters: Make, limit: int) -> None:
    """Twelve threads in three containers at once, with the clock held: the limit, to the request."""
    containers = [counters() for _ in range(3)]
    start = threading.Barrier(12)

    def send(number: int) -> int:
        start.wait(60)
        return _allowed(containers[number % 3], limit // 10 + 1, RequestRate(limit, 10_000))

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(send, range(12))) == limit


# -- open waits


@pytest.fixture
def waits(table: None, clock: Clock) -> WaitSlots:
    return WaitSlots(aws_clients.dynamodb(), TABLE, clock=clock)


def test_no_more_waits_than_the_number(waits: WaitSlots) -> None:
    """The fourth of three is refused, another caller's isn't; a released slot is free for exactly one."""
    slots = [waits.take("t", 3, 20) for _ in range(3)]
    assert [slot.open for slot in slots if slot] == [1, 2, 3]
    assert waits.take("t", 3, 20) is None
    assert waits.take("u", 3, 20)
    assert slots[0]
    waits.release("t", slots[0])
    assert waits.take("t", 3, 20)
    assert waits.take("t", 3, 20) is None


def test_a_leaked_slot_ends_with_its_lease(waits: WaitSlots, clock: Clock) -> None:
    """A function that died keeps its slot for the lease; who comes back later frees nobody else's slot."""
    late = waits.take("t", 1, 20)
    clock.now += 19.9
    assert waits.take("t", 1, 20) is None
    clock.now += 0.2
    assert waits.take("t", 1, 20)
    assert late
    waits.release("t", late)
    assert waits.take("t", 1, 20) is None


def test_threads_never_get_more_waits(waits: WaitSlots) -> None:
    """Sixteen threads for five slots: five."""
    start = threading.Barrier(16)

    def take(_: int) -> bool:
        start.wait(60)
        return waits.take("t", 5, 20) is not None

    with ThreadPoolExecutor(16) as pool:
        taken = sum(pool.map(take, range(16)))
    later = sum(waits.take("t", 5, 20) is not None for _ in range(6))
    assert (taken <= 5, taken + later) == (True, 5)
