"""The circuit breaker: opens after failures, lets one worker try, and never stands in the way of a job."""

from types import SimpleNamespace

import boto3
import pytest

from image_studio.runtime import aws_clients, circuit_breaker
from image_studio.runtime.circuit_breaker import FAILURES, CircuitBreaker
from tests.tables import TABLE, fake_aws

START = 1_800_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """An empty table, and a clock that only a test moves."""
    now = SimpleNamespace(now=START)
    monkeypatch.setattr(circuit_breaker, "time", SimpleNamespace(time=lambda: now.now, monotonic=lambda: now.now))
    with fake_aws(monkeypatch):
        yield now


def worker(table=TABLE, cache_seconds=0):
    return CircuitBreaker(aws_clients.dynamodb(), table, cache_seconds=cache_seconds)


def fail(breaker, times=FAILURES):
    for _ in range(times):
        breaker.report("stability", ok=False)


def record():
    """What the table says of the circuit: the times from now on, and whether a worker tries it."""
    key = {"pk": {"S": "STUDIO"}, "sk": {"S": "HEALTH#stability"}}
    item = boto3.client("dynamodb").get_item(TableName=TABLE, Key=key).get("Item")
    if item is None:
        return None
    times = (int(item[name]["N"]) for name in ("open_until", "probe_until", "expires"))
    return (*(each and each - START for each in times), bool(item["owner"]["S"]))


def test_a_provider_is_well_until_it_failed_often_enough():
    """One failure less than the limit changes nothing, the next one sets it aside, and it alone, for all workers."""
    breaker = worker()
    fail(breaker, 4)
    assert not breaker.is_open("stability")
    fail(breaker, 1)
    assert breaker.is_open("stability")
    assert worker().is_open("stability")
    assert not breaker.is_open("gemini")
    assert record() == (30, 0, 24 * 3600, False)


def test_only_failures_in_a_row_count_and_health_costs_no_write():
    """A success in between starts the count again."""
    breaker = worker()
    fail(breaker, FAILURES - 1)
    breaker.begin("stability")
    breaker.report("stability", ok=True)
    fail(breaker, FAILURES - 1)
    assert not breaker.is_open("stability")
    assert record() is None


def test_one_worker_tries_it_while_the_others_wait(clock):
    """It is set aside for 30 s. Who begins a call then is the one; a success closes the circuit for all."""
    first, second = worker(), worker()
    fail(first)
    clock.now += 29
    first.begin("stability")
    assert (first.is_open("stability"), record()) == (True, (30, 0, 24 * 3600, False))
    clock.now += 1
    assert not first.is_open("stability")
    first.begin("stability")
    second.begin("stability")
    assert (first.is_open("stability"), second.is_open("stability")) == (False, True)
    assert record() == (30, 60, 24 * 3600 + 30, True)
    first.report("stability", ok=True)
    assert not second.is_open("stability")
    assert record() == (0, 0, 24 * 3600 + 30, False)


def test_a_failed_try_sets_it_aside_again(clock):
    """One failure is enough then, and the time starts again."""
    first, second = worker(), worker()
    fail(first)
    clock.now += 30
    first.begin("stability")
    fail(first, 1)
    assert second.is_open("stability")
    assert record() == (60, 0, 24 * 3600 + 30, False)


def test_a_worker_that_died_while_trying_holds_nobody_up(clock):
    """Its turn ends with its lease."""
    first, second = worker(), worker()
    fail(first)
    clock.now += 30
    first.begin("stability")
    clock.now += 29
    assert second.is_open("stability")
    clock.now += 1
    assert not second.is_open("stability")
    second.begin("stability")
    assert record() == (30, 90, 24 * 3600 + 60, True)
    assert first.is_open("stability")
    second.report("stability", ok=True)
    assert not first.is_open("stability")


def test_late_news_of_an_open_circuit_changes_nothing(clock):
    """Calls that began before are no try: neither their failure nor their success counts."""
    breaker = worker()
    fail(breaker)
    clock.now += 1
    fail(breaker)
    breaker.report("stability", ok=True)
    assert record() == (30, 0, 24 * 3600, False)
    assert breaker.is_open("stability")


def test_what_is_known_is_kept_for_some_seconds(clock):
    """A reader doesn't read the table for each request."""
    reader = worker(cache_seconds=20)
    assert not reader.is_open("stability")
    fail(worker())
    clock.now += 19
    assert not reader.is_open("stability")
    clock.now += 1
    assert reader.is_open("stability")


def test_without_a_table_every_circuit_is_closed():
    """Reading and writing may fail, jobs may not."""
    breaker = worker("nowhere")
    fail(breaker)
    breaker.begin("stability")
    breaker.report("stability", ok=True)
    assert not breaker.is_open("stability")
