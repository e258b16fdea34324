"""The circuit breaker: opens after failures, lets one worker try, and never stands in the way of a job."""

import time

import boto3
import pytest

from image_studio.runtime import aws_clients
from image_studio.runtime.circuit_breaker import FAILURES, CircuitBreaker
from tests.tables import TABLE, fake_aws

KEY = {"pk": {"S": "STUDIO"}, "sk": {"S": "HEALTH#stability"}}


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """An empty table."""
    with fake_aws(monkeypatch):
        yield


def worker():
    """A worker that looks at the table each time."""
    return CircuitBreaker(aws_clients.dynamodb(), TABLE, cache_seconds=0)


def fail(breaker, times=FAILURES):
    """So many failures in a row."""
    for _ in range(times):
        breaker.report("stability", ok=False)


def record():
    """What the table says of the circuit."""
    return boto3.client("dynamodb").get_item(TableName=TABLE, Key=KEY).get("Item")


def wait_until_it_may_be_tried():
    """Let the time pass by moving the moment at which it opened."""
    boto3.client("dynamodb").update_item(
        TableName=TABLE,
        Key=KEY,
        UpdateExpression="SET open_until = :then",
        ExpressionAttributeValues={":then": {"N": str(int(time.time()))}},
    )


def test_a_provider_is_well_until_it_failed_often_enough():
    """One failure less than the limit changes nothing; the next one sets it aside, and it alone."""
    breaker = worker()
    fail(breaker, FAILURES - 1)
    assert not breaker.is_open("stability")
    fail(breaker, 1)
    assert breaker.is_open("stability")
    assert not breaker.is_open("gemini")


def test_only_failures_in_a_row_count():
    """A success in between starts the count anew."""
    breaker = worker()
    fail(breaker, FAILURES - 1)
    breaker.report("stability", ok=True)
    fail(breaker, FAILURES - 1)
    assert not breaker.is_open("stability")


def test_nothing_is_written_while_all_is_well():
    """The healthy path costs no write."""
    breaker = worker()
    fail(breaker, FAILURES - 1)
    breaker.begin("stability")
    breaker.report("stability", ok=True)
    assert record() is None


def test_all_workers_share_what_one_found_out():
    """Another worker, and whoever lists providers, sees it too."""
    fail(worker())
    assert worker().is_open("stability")


def test_it_is_set_aside_for_a_while_only():
    """When the time is over it takes its place again."""
    breaker = worker()
    fail(breaker)
    wait_until_it_may_be_tried()
    assert not breaker.is_open("stability")


def test_one_worker_tries_it_while_the_others_wait():
    """Who begins a call first is the one; a success closes the circuit for all."""
    first, second = worker(), worker()
    fail(first)
    wait_until_it_may_be_tried()
    first.begin("stability")
    second.begin("stability")
    assert not first.is_open("stability")
    assert second.is_open("stability")
    first.report("stability", ok=True)
    assert not second.is_open("stability")
    assert record()["open_until"]["N"] == "0"


def test_a_failed_try_sets_it_aside_again():
    """One failure is enough then, and the time starts anew."""
    first, second = worker(), worker()
    fail(first)
    wait_until_it_may_be_tried()
    first.begin("stability")
    fail(first, 1)
    assert second.is_open("stability")
    assert int(record()["open_until"]["N"]) > time.time()


def test_a_worker_that_died_while_trying_holds_nobody_up():
    """Its turn ends with its lease."""
    first, second = worker(), worker()
    fail(first)
    wait_until_it_may_be_tried()
    first.begin("stability")
    boto3.client("dynamodb").update_item(
        TableName=TABLE,
        Key=KEY,
        UpdateExpression="SET probe_until = :then",
        ExpressionAttributeValues={":then": {"N": str(int(time.time()) - 1)}},
    )
    assert not second.is_open("stability")
    second.begin("stability")
    assert record()["owner"] != {"S": ""}
    second.report("stability", ok=True)
    assert not first.is_open("stability")


def test_late_news_of_an_open_circuit_changes_nothing():
    """Calls that began before are no try: neither their failure nor their success counts."""
    breaker = worker()
    fail(breaker)
    before = record()
    fail(breaker)
    breaker.report("stability", ok=True)
    assert record() == before
    assert breaker.is_open("stability")


def test_what_is_known_is_kept_for_some_seconds():
    """A reader doesn't ask the table for each request."""
    reader = CircuitBreaker(aws_clients.dynamodb(), TABLE, cache_seconds=60)
    assert not reader.is_open("stability")
    fail(worker())
    assert not reader.is_open("stability")


def test_a_record_that_nobody_needs_disappears():
    """It carries the table's time to live."""
    fail(worker())
    assert int(record()["expires"]["N"]) > time.time()


def test_without_a_table_every_circuit_is_closed():
    """Reading and writing may fail, jobs may not."""
    breaker = CircuitBreaker(aws_clients.dynamodb(), "nowhere", cache_seconds=0)
    fail(breaker)
    breaker.begin("stability")
    breaker.report("stability", ok=True)
    assert not breaker.is_open("stability")
