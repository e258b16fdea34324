"""The roster: the worker records who has a key, API functions read it, and nobody records a key."""

import time

import boto3
import pytest

from image_studio.providers import PROVIDERS
from image_studio.runtime import roster
from image_studio.runtime.queue_worker import handle
from tests.tables import TABLE, fake_aws

TICK = {"Records": [{"messageId": "1", "body": '{"detail-type": "Scheduled Event"}'}]}


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """An empty table and no provider's key."""
    with fake_aws(monkeypatch):
        yield


def test_before_the_first_record_everybody_counts():
    """A fresh deployment refuses nobody; the worker finds out."""
    assert roster.configured() == frozenset(PROVIDERS)


def test_the_worker_records_names_at_each_tick(monkeypatch):
    """Of those that have a key; the key isn't in the table."""
    monkeypatch.setenv("GEMINI_API_KEY", "sk-canary")
    monkeypatch.setenv("STABILITY_API_KEY", "sk-canary")
    assert handle(TICK, None) == {"batchItemFailures": []}
    assert roster.configured() == {"gemini", "stability"}
    assert "canary" not in str(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])


def test_nobody_configured_is_an_answer_too():
    """An empty record isn't no record."""
    roster.record(frozenset())
    assert roster.configured() == frozenset()


def test_the_record_is_read_once_a_minute(monkeypatch):
    """A change is seen when the minute is over."""
    roster.record(frozenset({"gemini"}))
    assert roster.configured() == {"gemini"}
    roster.record(frozenset({"stability"}))
    assert roster.configured() == {"gemini"}
    later = time.monotonic() + roster.CACHE_SECONDS + 1
    monkeypatch.setattr(roster.time, "monotonic", lambda: later)
    assert roster.configured() == {"stability"}


def test_a_missing_record_is_looked_for_soon(monkeypatch):
    """Nobody waits a minute for the first one."""
    assert len(roster.configured()) == len(PROVIDERS)
    roster.record(frozenset({"gemini"}))
    later = time.monotonic() + 2
    monkeypatch.setattr(roster.time, "monotonic", lambda: later)
    assert roster.configured() == {"gemini"}
