"""The reaper: nothing hangs, nothing is lost, and one job's trouble is only its own."""

import time
from contextlib import suppress
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters import GetParameterError

from image_studio.errors import UnknownCharge
from image_studio.providers import PROVIDERS
from image_studio.runtime import configured_providers, reaper, wiring, worker
from image_studio.runtime.credentials import CredentialStore
from image_studio.storage import keys
from tests.jobs.harness import CREATE, Crash, Harness

ALICE = keys.tenant_of("alice")


def ago(seconds: int = 1) -> int:
    return int(time.time()) - seconds


def lose_messages(harness: Harness) -> None:
    while harness.messages():
        pass


def crash(*_: Any, **__: Any) -> Any:
    raise Crash


def raise_unreadable(*_: Any) -> Any:
    raise GetParameterError


def test_a_lost_message_is_sent_again(harness: Harness) -> None:
    """A job that was recorded and never dispatched runs all the same."""
    job_id = harness.submit()
    lose_messages(harness)
    harness.tick()
    assert harness.messages() == []
    harness.expire(job_id)
    harness.tick()
    assert harness.work() == 1
    assert harness.status(job_id)["status"] == "succeeded"


def test_a_sweep_needs_no_key(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made while the secret can't be read; that still fails the invocation, so that an alarm starts."""
    job_id = harness.submit()
    lose_messages(harness)
    harness.expire(job_id)
    with monkeypatch.context() as unreadable:
        unreadable.setattr(CredentialStore, "_secret", raise_unreadable)
        with pytest.raises(GetParameterError):
            harness.tick()
    assert harness.work() == 1
    assert harness.status(job_id)["status"] == "succeeded"


def test_a_dead_workers_job_goes_to_another(harness: Harness) -> None:
    """After its lease, not before; whatever the dead one was about to write comes too late."""
    job_id = harness.submit()
    mine = wiring.jobs().claim(ALICE, job_id, 60)
    assert mine is not None
    lose_messages(harness)
    harness.tick()
    assert harness.messages() == []
    harness.expire(job_id)
    harness.tick()
    assert not wiring.jobs().renew(mine, 60)
    assert harness.work() == 1
    assert harness.status(job_id)["status"] == "succeeded"


def test_a_sweep_counts_overdue_and_stuck_jobs(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a worker is stuck from a quarter of an hour on."""
    counts: list[tuple[int, int]] = []
    monkeypatch.setattr(reaper.metrics, "swept", lambda *numbers: counts.append(numbers))
    for age in (890, 910):
        job_id = harness.submit(headers={"idempotency-key": str(age)})
        harness.change(job_id, created_at=ago(age) * 1000)
        harness.expire(job_id)
    harness.tick()
    assert counts == [(2, 1)]


def test_a_long_queue_is_asked_after_ever_more_seldom(harness: Harness) -> None:
    """A job that waits its turn isn't sent again each minute: by its age, a quarter of an hour at most."""
    job_id = harness.submit()
    for age, pause in ((10, 30), (100, 100), (7_200, 900)):
        harness.change(job_id, lease_until=ago(), created_at=ago(age) * 1000)
        harness.tick()
        assert harness.job(job_id).lease_until == pytest.approx(time.time() + pause, abs=5)


def test_held_credits_come_back(harness: Harness) -> None:
    """When the time of an unknown charge (an hour) is over, the caller isn't charged; the error stays."""
    harness.provider_client.script = [UnknownCharge("Lost.")]
    job_id = harness.submit({**CREATE, "provider": "stability"})
    harness.work()
    usage = harness.ask("GET", "/usage").json
    assert (usage["used"], usage["reserved"], usage["remaining"]) == (0, 3, usage["limit"] - 3)
    assert harness.job(job_id).lease_until == pytest.approx(time.time() + 3600, abs=5)
    harness.tick()
    assert harness.ask("GET", "/usage").json["reserved"] == 3
    harness.expire(job_id)
    harness.tick()
    usage = harness.ask("GET", "/usage").json
    assert (usage["reserved"], usage["used"], usage["remaining"]) == (0, 0, usage["limit"])
    assert harness.status(job_id)["credits"]["held"] == 0
    assert harness.status(job_id)["status"] == "failed"
    harness.tick()
    assert harness.ask("GET", "/usage").json["reserved"] == 0


def test_an_expired_job_gives_its_credits_back(harness: Harness) -> None:
    """It is 404 for its caller and never runs, and its reservation isn't forgotten."""
    job_id = harness.submit()
    lose_messages(harness)
    harness.change(job_id, lease_until=ago(), expires=ago())
    harness.tick()
    assert harness.messages() == []
    assert harness.ask("GET", "/usage").json["reserved"] == 0
    assert harness.ask("GET", f"/jobs/{job_id}").status == 404


def test_an_expired_job_of_unknown_charge_gives_its_credits_back(harness: Harness) -> None:
    """Its worker died inside a paid call: the credits are held as for any other, and then given back."""
    job_id = harness.submit({**CREATE, "provider": "stability"})
    harness.provider_client.script = [crash]
    with pytest.raises(Crash):
        harness.work()
    harness.change(job_id, lease_until=ago(), expires=ago())
    harness.tick()
    assert harness.ask("GET", "/usage").json["reserved"] == 3
    harness.expire(job_id)
    harness.tick()
    assert harness.ask("GET", "/usage").json["reserved"] == 0


def test_one_jobs_trouble_is_its_own(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are mended though one can't be."""
    made = [harness.submit() for _ in range(4)]
    lose_messages(harness)
    for job_id in made:
        harness.expire(job_id)
    recover = reaper._recover

    def stumble(job: Any) -> None:
        if job.id == made[1]:
            raise KeyError("what is this?")
        recover(job)

    monkeypatch.setattr(reaper, "_recover", stumble)
    harness.tick()
    assert harness.work() == 3


def test_a_sweep_is_bounded_and_the_next_goes_on(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of each partition at a time; none is forgotten."""
    monkeypatch.setattr(reaper, "MAX_JOBS", 2)
    monkeypatch.setattr(keys, "lease_partition", lambda _: keys.LEASES[0])
    made = [harness.submit() for _ in range(5)]
    lose_messages(harness)
    for job_id in made:
        harness.expire(job_id)
    sent = []
    for _ in range(3):
        harness.tick()
        sent.append(len(harness.messages()))
    assert sent == [2, 2, 1]


def test_a_crash_at_every_run_ends(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that kills each worker before it pays is ended after a bounded number of runs, unpaid."""
    monkeypatch.setattr(worker, "worker_context", crash)
    job_id = harness.submit({**CREATE, "provider": "stability"})
    lose_messages(harness)
    runs = 0
    while harness.status(job_id)["status"] not in ("failed", "succeeded") and runs < 20:
        runs += 1
        with suppress(Crash):
            harness.deliver({"tenant": ALICE, "job": job_id})
        harness.expire(job_id)
        harness.tick()
        lose_messages(harness)
    assert harness.status(job_id)["error"]["code"] == "internal_error"
    assert runs == 8
    assert harness.provider_client.paid == []
    assert harness.ask("GET", "/usage").json["reserved"] == 0


def test_the_clock_tells_who_is_configured(harness: Harness) -> None:
    """Names, for the functions that see no keys."""
    harness.tick()
    configured_providers._known = None
    assert configured_providers.configured() == set(PROVIDERS)
