"""The reaper: nothing hangs, nothing is lost, and one job's trouble is only its own."""

import time
from typing import Any

import pytest

from image_studio.errors import UnknownCharge
from image_studio.runtime import aws_clients, configured_providers, reaper, wiring
from image_studio.storage import keys
from tests.jobs.desk import CREATE, Crash, Desk
from tests.tables import TABLE

ALICE = keys.tenant_of("alice")


def ago(seconds: int = 1) -> int:
    """A moment in the past, epoch seconds."""
    return int(time.time()) - seconds


def lose_messages(desk: Desk) -> None:
    """Whatever is in the queue never arrives."""
    while desk.messages():
        pass


def crash(*_: Any, **__: Any) -> Any:
    """The process dies."""
    raise Crash


def test_a_lost_message_is_sent_again(desk: Desk) -> None:
    """A job that was recorded and never dispatched runs all the same."""
    job_id = desk.submit()
    lose_messages(desk)
    desk.tick()
    assert desk.messages() == []
    desk.change(job_id, lease_until=ago())
    desk.tick()
    assert desk.work() == 1
    assert desk.status(job_id)["status"] == "succeeded"


def test_a_dead_workers_job_goes_to_another(desk: Desk) -> None:
    """After its lease, not before; whatever the dead one was about to write comes too late."""
    job_id = desk.submit()
    mine = wiring.jobs().claim(ALICE, job_id, 60)
    assert mine is not None
    lose_messages(desk)
    desk.tick()
    assert desk.messages() == []
    desk.change(job_id, lease_until=ago())
    desk.tick()
    assert not wiring.jobs().renew(mine, 60)
    assert desk.work() == 1
    assert desk.status(job_id)["status"] == "succeeded"


def test_a_long_queue_is_asked_after_ever_more_seldom(desk: Desk) -> None:
    """A job that waits its turn isn't sent again each minute: by its age, a quarter of an hour at most."""
    job_id = desk.submit()
    for age, patience in ((10, 30), (100, 100), (7_200, 900)):
        desk.change(job_id, lease_until=ago(), created_at=ago(age) * 1000)
        desk.tick()
        assert desk.job(job_id).lease_until == pytest.approx(time.time() + patience, abs=5)


def test_held_credits_come_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time of an unknown charge is over, the caller isn't charged; the error stays."""
    desk.wire.script = [UnknownCharge("Lost.")]
    job_id = desk.submit({**CREATE, "provider": "stability"})
    desk.work()
    assert desk.ask("GET", "/usage").json["reserved"] > 0
    desk.change(job_id, lease_until=ago())
    desk.tick()
    usage = desk.ask("GET", "/usage").json
    assert (usage["reserved"], usage["used"]) == (0, 0)
    assert desk.status(job_id)["credits"]["held"] == 0
    assert desk.status(job_id)["status"] == "failed"
    desk.tick()
    assert desk.ask("GET", "/usage").json["reserved"] == 0


def test_an_expired_job_gives_its_credits_back(desk: Desk) -> None:
    """It is 404 for its caller and never runs, and its reservation isn't forgotten."""
    job_id = desk.submit()
    lose_messages(desk)
    desk.change(job_id, lease_until=ago(), expires=ago())
    desk.tick()
    assert desk.messages() == []
    assert desk.ask("GET", "/usage").json["reserved"] == 0
    assert desk.ask("GET", f"/jobs/{job_id}").status == 404


def test_one_jobs_trouble_is_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are mended though one can't be."""
    made = [desk.submit() for _ in range(4)]
    lose_messages(desk)
    for job_id in made:
        desk.change(job_id, lease_until=ago())
    mend = reaper._mend

    def stumble(job: Any) -> None:
        if job.id == made[1]:
            raise KeyError("what is this?")
        mend(job)

    monkeypatch.setattr(reaper, "_mend", stumble)
    desk.tick()
    assert desk.work() == 3


def test_a_sweep_is_bounded_and_the_next_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of each partition at a time; none is forgotten."""
    monkeypatch.setattr(reaper, "MOST", 2)
    monkeypatch.setattr(keys, "lease_partition", lambda _: keys.LEASES[0])
    made = [desk.submit() for _ in range(5)]
    lose_messages(desk)
    for job_id in made:
        desk.change(job_id, lease_until=ago())
    sent = []
    for _ in range(3):
        desk.tick()
        sent.append(len(desk.messages()))
    assert sent == [2, 2, 1]


def test_a_crash_at_every_run_ends(desk: Desk) -> None:
    """A job that kills each worker before it pays is ended after a bounded number of runs, unpaid."""
    job_id = desk.submit({**CREATE, "provider": "stability"})
    lose_messages(desk)
    original, runs = wiring.worker_studio, 0
    wiring_studio = crash
    try:
        wiring.worker_studio = wiring_studio
        while desk.status(job_id)["status"] not in ("failed", "succeeded") and runs < 20:
            runs += 1
            try:
                desk.deliver({"tenant": ALICE, "job": job_id})
            except Crash:
                desk.change(job_id, lease_until=ago())
                desk.tick()
                lose_messages(desk)
    finally:
        wiring.worker_studio = original
    assert desk.status(job_id)["error"]["code"] == "internal_error"
    assert runs == 8
    assert desk.wire.paid == []
    assert desk.ask("GET", "/usage").json["reserved"] == 0


def test_the_clock_tells_who_is_configured(desk: Desk) -> None:
    """Names, for the functions that see no keys; by a message of the queue or called directly."""
    desk.tick()
    configured_providers.forget()
    assert configured_providers.configured() == {"stability", "wavespeed", "huggingface", "gemini"}
    assert desk.deliver({"detail-type": "Scheduled Event"}) == {"batchItemFailures": []}
    assert aws_clients.dynamodb()


def test_a_long_queue_does_not_keep_the_reaper_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock's message may wait behind thousands of jobs: a worker sweeps where nobody did for long."""
    monkeypatch.setattr(reaper, "_asked", float("-inf"))
    desk.tick()
    lost = desk.submit()
    lose_messages(desk)
    desk.change(lost, lease_until=ago())
    desk.submit()
    desk.work()
    assert desk.status(lost)["status"] == "queued"
    key = {"pk": {"S": "STUDIO"}, "sk": {"S": "REAPER"}}
    long_ago = {":at": {"N": str(ago(reaper.DUE_SECONDS))}}
    desk.db.update_item(
        TableName=TABLE, Key=key, UpdateExpression="SET swept_at = :at", ExpressionAttributeValues=long_ago
    )
    monkeypatch.setattr(reaper, "_asked", float("-inf"))
    desk.submit()
    desk.work()
    assert desk.status(lost)["status"] == "succeeded"


def test_a_worker_asks_for_its_turn_seldom(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in the time; and a sweep that fails leaves its message done."""
    asked: list[int] = []
    monkeypatch.setattr(reaper, "_asked", float("-inf"))
    monkeypatch.setattr(wiring.jobs(), "take_turn", lambda seconds: asked.append(seconds) or 1 / 0)
    for _ in range(3):
        desk.submit()
        assert desk.work() == 1
    assert asked == [reaper.DUE_SECONDS]
