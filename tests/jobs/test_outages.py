"""Table and bucket fail for a while: what was paid for is written all the same, and no job ends with our outage."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from image_studio.errors import TemporarilyUnavailable
from image_studio.runtime import job_journal, wiring
from image_studio.runtime.job_journal import MAX_TRIES
from image_studio.storage import keys
from tests.jobs.desk import CREATE, Desk

ALICE = keys.tenant_of("alice")
OUTAGES: list[Exception] = [
    ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem"),
    ConnectTimeoutError(endpoint_url="https://example.com"),
    TemporarilyUnavailable(),
]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, without their time."""
    made: list[float] = []
    monkeypatch.setattr(job_journal.time, "sleep", made.append)
    return made


def unsteady(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception, times: int) -> list[int]:
    """Let a method fail so many times; the list has an entry per failure."""
    method, failed = getattr(owner, name), []

    def stumble(*given: Any, **named: Any) -> Any:
        if len(failed) < times:
            failed.append(1)
            raise error
        return method(*given, **named)

    monkeypatch.setattr(owner, name, stumble)
    return failed


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("what", ["note", "put_once"])
def test_a_short_outage_costs_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception, pauses: list[float]
) -> None:
    """Journal and images are written at the next try: one run, one paid call."""
    job_id = desk.submit({**CREATE, "provider": "stability"})
    owner = wiring.jobs() if what == "note" else wiring.images()
    failed = unsteady(monkeypatch, owner, what, error, MAX_TRIES - 1)
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"
    assert (len(failed), len(desk.wire.paid), desk.job(job_id).runs) == (MAX_TRIES - 1, 1, 1)
    assert sum(pauses) < 30


def test_an_outage_before_the_paid_call_pays_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent can't be noted, so there is no call; a later run makes it."""
    job_id = desk.submit({**CREATE, "provider": "stability"})
    unsteady(monkeypatch, wiring.jobs(), "note", OUTAGES[0], MAX_TRIES)
    message = desk.messages()
    assert message
    desk.deliver({"tenant": ALICE, "job": job_id})
    assert desk.wire.paid == []
    assert desk.status(job_id)["status"] == "queued"
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"
    assert len(desk.wire.paid) == 1


def test_a_long_outage_after_it_is_unknown_not_paid_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes couldn't be kept: that is told, and never made good by a second call."""
    job_id = desk.submit({**CREATE, "provider": "stability"})
    unsteady(monkeypatch, wiring.images(), "put_once", OUTAGES[0], MAX_TRIES)
    desk.work()
    assert desk.status(job_id)["error"]["code"] == "unknown_charge"
    assert len(desk.wire.paid) == 1


def test_a_table_that_is_gone_leaves_the_job_to_the_reaper(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be recorded, not even the failure; when the table is back, the job goes on."""
    job_id = desk.submit()
    with monkeypatch.context() as gone:
        for name in ("note", "give_back", "finish", "renew"):
            unsteady(gone, wiring.jobs(), name, OUTAGES[0], 1000)
        message = desk.messages()
        assert message
        answer = desk.deliver({"tenant": ALICE, "job": job_id})
        assert answer["batchItemFailures"]
    desk.change(job_id, lease_until=int(time.time()) - 1)
    desk.tick()
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"
    assert len(desk.wire.paid) == 1
