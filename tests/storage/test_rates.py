"""Request counters: exact under concurrency, one write where the belief is right, and days that roll over."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from image_studio.errors import TemporarilyUnavailable
from image_studio.runtime import aws_clients
from image_studio.storage import rates
from image_studio.storage.rates import DAY, Rate, RateStore
from tests.security.inside import inside_aws
from tests.tables import TABLE

NOON = 20_000 * DAY + DAY // 2
RATE = Rate(per_minute=10, per_day=25)


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Noon."""
    return Clock()


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The operations that DynamoDB was asked for."""
    with inside_aws(monkeypatch):
        asked: list[str] = []
        client = aws_clients.dynamodb()
        client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
        yield asked


@pytest.fixture
def store(writes: list[str], clock: Clock) -> Callable[[], RateStore]:
    """Stores on one table, each a warm container of its own."""
    return lambda: RateStore(aws_clients.dynamodb(), TABLE, clock=clock)


def _allowed(store: RateStore, number: int, rate: Rate = RATE, tenant: str = "t") -> int:
    return sum(store.take(tenant, rate).allowed for _ in range(number))


def test_a_minutes_allowance_may_be_sent_at_once(store: Any) -> None:
    """The whole limit, and not one more."""
    assert _allowed(store(), 15) == 10


def test_it_comes_back_one_by_one(store: Any, clock: Clock) -> None:
    """After one interval one request, after a minute all of them."""
    one = store()
    _allowed(one, 11)
    clock.now += 6
    assert _allowed(one, 3) == 1
    clock.now += 60
    assert _allowed(one, 12) == 10


def test_the_day_ends_at_midnight(store: Any, clock: Clock) -> None:
    """The daily limit holds over minutes, is told with its reset, and starts anew at midnight UTC."""
    one = store()
    for _ in range(5):
        _allowed(one, 10)
        clock.now += 60
    refused = one.take("t", RATE)
    assert (refused.allowed, refused.day_left, refused.minute_left) == (False, 0, 10)
    assert refused.retry_at == refused.day_reset == 20_001 * DAY
    clock.now = 20_001 * DAY
    taken = one.take("t", RATE)
    assert (taken.allowed, taken.day_left) == (True, 24)


def test_a_busy_minute_goes_on_over_midnight(store: Any, clock: Clock) -> None:
    """A new day doesn't give the minute's allowance a second time."""
    clock.now = 20_001 * DAY - 1
    one = store()
    assert _allowed(one, 10) == 10
    clock.now += 2
    assert _allowed(one, 5) == 0
    clock.now += 5
    taken = one.take("t", RATE)
    assert (taken.allowed, taken.day_left) == (True, 24)


def test_a_container_whose_clock_is_behind_counts_on_the_later_day(store: Any, clock: Clock) -> None:
    """Clocks differ by moments around midnight; nobody gets two days' worth."""
    clock.now = 20_001 * DAY + 1
    _allowed(store(), 3)
    clock.now -= 2
    taken = store().take("t", RATE)
    assert taken.allowed
    assert taken.day_left == 21


def test_callers_are_counted_apart(store: Any) -> None:
    """One caller's requests cost another nothing."""
    one = store()
    assert _allowed(one, 12, tenant="a") == 10
    assert _allowed(one, 12, tenant="b") == 10


def test_a_better_tier_counts_from_where_the_caller_is(store: Any, clock: Clock) -> None:
    """A minute that is used up stays so; as it comes back, it comes back in the new tier's steps."""
    one = store()
    _allowed(one, 10)
    assert _allowed(one, 2, Rate(60, 1000)) == 0
    clock.now += 30
    assert _allowed(one, 70, Rate(60, 1000)) == 30


def test_the_hot_path_is_one_write(store: Any, writes: list[str]) -> None:
    """A container that knows the caller writes once per request and never reads."""
    one = store()
    one.take("t", RATE)
    del writes[:]
    _allowed(one, 5)
    assert writes == ["UpdateItem"] * 5


def test_a_refusal_that_is_known_asks_nobody(store: Any, writes: list[str], clock: Clock) -> None:
    """Denied writes cost too: who is over the limit is refused from memory until that could change."""
    one = store()
    _allowed(one, 10)
    del writes[:]
    refused = one.take("t", RATE)
    assert (refused.allowed, writes) == (False, [])
    clock.now = refused.retry_at
    assert one.take("t", RATE).allowed


def test_a_strange_container_needs_two_writes_at_most(store: Any, writes: list[str], clock: Clock) -> None:
    """What DynamoDB gives back with a refused write makes the second one right."""
    _allowed(store(), 3)
    for seconds in (0, 90, DAY):
        clock.now += seconds
        del writes[:]
        assert store().take("t", RATE).allowed
        assert len(writes) <= 2


def test_the_memory_is_bounded(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container forgets the caller that it saw longest ago."""
    monkeypatch.setattr(rates, "MAX_KNOWN", 3)
    one = store()
    for number in range(10):
        one.take(f"t{number}", RATE)
    assert list(one._known) == ["t7", "t8", "t9"]


def test_tries_are_bounded(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that changes under every write ends in a 503, not in a loop."""
    one = store()
    monkeypatch.setattr(one, "_write", lambda *_: (False, None))
    with pytest.raises(TemporarilyUnavailable):
        one.take("t", RATE)


@pytest.mark.parametrize("limit", [1, 7, 10, 60])
def test_threads_get_exactly_the_limit(store: Any, limit: int) -> None:
    """Thirty threads in three containers at once, with the clock held: the limit, to the request."""
    containers = [store() for _ in range(3)]
    start = threading.Barrier(30)

    def send(number: int) -> int:
        start.wait(60)
        return _allowed(containers[number % 3], limit // 10 + 2, Rate(limit, 10_000))

    with ThreadPoolExecutor(30) as pool:
        assert sum(pool.map(send, range(30))) == limit
