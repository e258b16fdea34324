"""Open waits: never more than the number, released when done, and ended by their lease where nobody releases them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_studio.runtime import aws_clients
from image_studio.storage.waits import WaitStore
from tests.security.inside import inside_aws
from tests.tables import TABLE


class Clock:
    """A clock that stands still until it is turned."""

    now = 1_900_000_000.0

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def waits(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[WaitStore]:
    """A store on an empty table."""
    with inside_aws(monkeypatch):
        yield WaitStore(aws_clients.dynamodb(), TABLE, clock=clock)


def test_no_more_than_the_number(waits: WaitStore) -> None:
    """The fourth of three is refused; another caller isn't."""
    held = [waits.take("t", 3, 20) for _ in range(3)]
    assert all(held)
    assert [slot.open for slot in held if slot] == [1, 2, 3]
    assert waits.take("t", 3, 20) is None
    assert waits.take("u", 3, 20)


def test_a_released_slot_is_free_at_once(waits: WaitStore) -> None:
    """Releasing makes room for exactly one."""
    held = [waits.take("t", 2, 20) for _ in range(2)]
    assert held[0]
    waits.give_back("t", held[0])
    assert waits.take("t", 2, 20)
    assert waits.take("t", 2, 20) is None


def test_a_leaked_slot_ends_with_its_lease(waits: WaitStore, clock: Clock) -> None:
    """A function that died while it waited costs its caller a slot for the lease and no longer."""
    assert waits.take("t", 1, 20)
    clock.now += 19.9
    assert waits.take("t", 1, 20) is None
    clock.now += 0.2
    assert waits.take("t", 1, 20)


def test_a_late_release_takes_nobodys_slot(waits: WaitStore, clock: Clock) -> None:
    """Who comes back after the lease doesn't free the slot of the next one."""
    late = waits.take("t", 1, 20)
    clock.now += 21
    assert waits.take("t", 1, 20)
    assert late
    waits.give_back("t", late)
    assert waits.take("t", 1, 20) is None


def test_threads_never_get_more(waits: WaitStore) -> None:
    """Forty threads for seven slots: seven."""
    start = threading.Barrier(40)

    def take(_: int) -> bool:
        start.wait(60)
        return waits.take("t", 7, 20) is not None

    with ThreadPoolExecutor(40) as pool:
        taken = sum(pool.map(take, range(40)))
    later = sum(waits.take("t", 7, 20) is not None for _ in range(8))
    assert (taken <= 7, taken + later) == (True, 7)
