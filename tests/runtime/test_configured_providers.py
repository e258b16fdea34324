"""The worker records who has a key, API functions read it, and nobody records a key."""

import time
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from functions.worker.app import handler
from image_studio.providers import PROVIDERS
from image_studio.runtime import aws_clients, configured_providers
from image_studio.runtime.aws_clients import account_concurrency
from tests.tables import TABLE, fake_aws

TICK = {"detail-type": "Scheduled Event"}


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    with fake_aws(monkeypatch):
        yield


def test_the_worker_records_names_at_each_tick(monkeypatch):
    """Of those that have a key; the key isn't in the table."""
    monkeypatch.setenv("GEMINI_API_KEY", "sk-canary")
    monkeypatch.setenv("STABILITY_API_KEY", "sk-canary")
    assert handler(TICK, None) is None
    assert configured_providers.configured() == {"gemini", "stability"}
    assert configured_providers.account_concurrency() == aws_clients.account_concurrency()
    assert "canary" not in str(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])


def test_the_record_is_read_once_a_minute(monkeypatch):
    """A change is seen when the minute is over. An empty record isn't no record."""
    configured_providers.record(frozenset({"gemini"}))
    assert configured_providers.configured() == {"gemini"}
    configured_providers.record(frozenset())
    started = time.monotonic()
    for seconds, names in ((59, {"gemini"}), (61, set())):
        monkeypatch.setattr(configured_providers.time, "monotonic", lambda seconds=seconds: started + seconds)
        assert configured_providers.configured() == names


def test_the_last_record_outlives_a_failing_table(monkeypatch):
    """Reads go on with what was known, and look again after a second."""
    configured_providers.record(frozenset({"gemini"}))
    assert configured_providers.configured() == {"gemini"}
    later = time.monotonic() + 61
    monkeypatch.setattr(configured_providers.time, "monotonic", lambda: later)
    with monkeypatch.context() as broken:
        broken.setattr(configured_providers, "settings", lambda: SimpleNamespace(table="none"))
        assert configured_providers.configured() == {"gemini"}


def test_a_missing_record_is_looked_for_soon(monkeypatch):
    """A fresh deployment refuses nobody, and nobody waits a minute for the first record."""
    assert configured_providers.configured() == frozenset(PROVIDERS)
    configured_providers.record(frozenset({"gemini"}))
    later = time.monotonic() + 2
    monkeypatch.setattr(configured_providers.time, "monotonic", lambda: later)
    assert configured_providers.configured() == {"gemini"}


def test_the_account_is_asked_for_its_concurrency():
    """What functions share of it; None where Lambda refuses to say."""
    with Stubber(aws_clients._lambda()) as lambda_:
        lambda_.add_response("get_account_settings", {"AccountLimit": {"UnreservedConcurrentExecutions": 10}})
        lambda_.add_client_error("get_account_settings", "AccessDeniedException")
        assert (account_concurrency(), account_concurrency()) == (10, None)
