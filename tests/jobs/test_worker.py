"""The worker: takes up what is known, gives back what takes long, gives up what never works, loses nothing paid."""

import json
import time
from typing import Any

import pytest

from image_studio.errors import StudioError, TemporarilyUnavailable, UnknownCharge
from image_studio.operations import create as create_module
from image_studio.operations.journal import Entry, Stage
from image_studio.providers.adapter import ProviderImage
from image_studio.providers.client import StillRunning
from image_studio.runtime import wiring, worker
from image_studio.runtime.job_journal import JobJournal, entries_of
from image_studio.runtime.settings import settings
from image_studio.runtime.verdict import spent_on, told
from image_studio.runtime.worker import LAST_RUNS, MAX_RUNS, Heartbeat
from image_studio.storage import keys
from image_studio.storage.job import Job
from tests.jobs.desk import CREATE, Crash, Desk, png
from tests.storage.table import Clock, job

PATIENCE = 60.0  # seconds, for what takes less than one
ALICE = keys.tenant_of("alice")


def crash(*_: Any, **__: Any) -> ProviderImage:
    """The process dies in the middle of the paid call."""
    raise Crash


def die(desk: Desk, job_id: str) -> None:
    """Run the job in a process that dies, and let its lease run out."""
    with pytest.raises(Crash):
        desk.deliver({"tenant": ALICE, "job": job_id})
    desk.change(job_id, lease_until=int(time.time()) - 1)


def test_what_comes_twice_is_done_once(desk: Desk) -> None:
    """The same message again, before and after the end, makes no second paid call."""
    job_id = desk.submit()
    for _ in range(3):
        desk.deliver({"tenant": ALICE, "job": job_id})
    assert len(desk.wire.paid) == 1
    assert desk.status(job_id)["status"] == "succeeded"


def test_a_message_of_nothing_is_done(desk: Desk) -> None:
    """A job that was removed, or never was, isn't asked for again."""
    assert desk.deliver({"tenant": ALICE, "job": "0" * 32}) == {"batchItemFailures": []}
    assert desk.deliver({"detail-type": "Weather"}) == {"batchItemFailures": []}


def test_each_message_fails_on_its_own(desk: Desk) -> None:
    """A broken one is named to come again, its neighbor is done."""
    from tests.security.inside import handler

    job_id = desk.submit()
    good = {"messageId": "good", "body": json.dumps({"tenant": ALICE, "job": job_id})}
    answer = handler("WorkerFunction")({"Records": [{"messageId": "bad", "body": "{"}, good]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert desk.status(job_id)["status"] == "succeeded"


def test_a_lost_paid_call_is_never_made_again(desk: Desk) -> None:
    """The worker died inside it: whether it was charged is unknown, so it is told and its credits are held."""
    job_id = desk.submit({**CREATE, "provider": "stability"})
    desk.wire.script = [crash]
    die(desk, job_id)
    desk.work()
    found = desk.status(job_id)
    assert (found["status"], found["error"]["code"]) == ("failed", "unknown_charge")
    assert len(desk.wire.paid) == 1
    assert found["credits"]["held"] == found["credits"]["reserved"] > 0


def test_a_handle_is_followed_after_a_crash(desk: Desk) -> None:
    """The order was journalled at once, so the next run fetches what was paid for."""

    def order_and_die(*_: Any, on_handle: Any, **__: Any) -> ProviderImage:
        on_handle("prediction-1")
        raise Crash

    job_id = desk.submit({**CREATE, "provider": "wavespeed"})
    desk.wire.script = [order_and_die]
    die(desk, job_id)
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"
    assert (len(desk.wire.paid), desk.wire.resumed) == (1, ["prediction-1"])


def test_received_bytes_are_used_after_a_crash(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the provider sent was stored before it was touched; polishing it again costs nothing."""
    polish = create_module._polish
    fails = iter([Crash()])

    def polish_later(data: bytes, size: Any) -> Any:
        for crash in fails:
            raise crash
        return polish(data, size)

    monkeypatch.setattr(create_module, "_polish", polish_later)
    job_id = desk.submit({**CREATE, "provider": "stability"})
    die(desk, job_id)
    assert any(key.endswith(".raw") for key in desk.objects())
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"
    assert len(desk.wire.paid) == 1


def test_done_variations_survive_a_crash(desk: Desk) -> None:
    """Two of four were there: they are delivered, and the two whose paid calls were under way are told."""

    def stages() -> list[Stage]:
        found = entries_of(desk.job(job_id))
        return [found[number].stage for number in sorted(found)]

    def last_two_die(task: Any, **_: Any) -> ProviderImage:
        ends = time.monotonic() + PATIENCE
        if task.seed in (12, 13):
            while stages()[:2] != [Stage.DONE] * 2 and time.monotonic() < ends:
                time.sleep(0.05)
            raise Crash
        return ProviderImage(png(), task.seed)

    desk.wire.script = [last_two_die] * 4
    job_id = desk.submit({**CREATE, "provider": "stability", "num_variations": 4, "seed": 10})
    die(desk, job_id)
    assert stages() == [Stage.DONE, Stage.DONE, Stage.INTENDED, Stage.INTENDED]
    desk.work()
    body = desk.ask("GET", f"/jobs/{job_id}/result").json
    assert (body["total_generated"], body["total_failed"]) == (2, 2)
    assert [each["variation"] for each in body["results"]] == [1, 2]
    assert [(each["variation"], each["code"]) for each in body["errors"]] == [
        (3, "unknown_charge"),
        (4, "unknown_charge"),
    ]
    assert len(desk.wire.paid) == 4


def test_variations_that_were_not_paid_for_are_made_after_a_crash(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of four were there, the other two not yet begun: four results, and two paid calls more."""
    intend = JobJournal.intend

    def only_two(journal: JobJournal, entry: Entry) -> None:
        if entry.variation <= 2:
            return intend(journal, entry)
        ends = time.monotonic() + PATIENCE
        while sum(each.stage is Stage.DONE for each in entries_of(desk.job(job_id)).values()) < 2:
            assert time.monotonic() < ends
            time.sleep(0.05)
        raise Crash

    job_id = desk.submit({**CREATE, "provider": "stability", "num_variations": 4, "seed": 10})
    with monkeypatch.context() as dying:
        dying.setattr(JobJournal, "intend", only_two)
        die(desk, job_id)
    assert len(desk.wire.paid) == 2
    desk.work()
    body = desk.ask("GET", f"/jobs/{job_id}/result").json
    assert [each["seed"] for each in body["results"]] == [10, 11, 12, 13]
    assert (body["total_generated"], body["total_failed"]) == (4, 0)
    assert [task.seed for task in desk.wire.paid[2:]] in ([12, 13], [13, 12])
    assert len(desk.wire.paid) == 4


def test_a_long_poll_goes_back_to_the_queue(desk: Desk) -> None:
    """With the provider's own pause; it doesn't count as a run that died, however often it happens."""

    def order(*_: Any, on_handle: Any, **__: Any) -> ProviderImage:
        on_handle("prediction-1")
        raise StillRunning(7.0)

    desk.wire.script = [order, *[StillRunning(7.0)] * (MAX_RUNS + 3)]
    job_id = desk.submit({**CREATE, "provider": "wavespeed"})
    desk.work()
    assert desk.delays == [0, *[7.0] * (MAX_RUNS + 4)]
    assert desk.status(job_id)["status"] == "succeeded"
    assert desk.job(job_id).runs == 1
    assert len(desk.wire.paid) == 1


def test_a_job_that_keeps_dying_is_given_up(desk: Desk) -> None:
    """After five runs what is done is delivered, the rest fails, nothing more is paid."""

    def die_on_second(task: Any, **_: Any) -> ProviderImage:
        if task.seed == 11:
            raise Crash
        return ProviderImage(png(), task.seed)

    desk.wire.script = [die_on_second] * 2
    job_id = desk.submit({**CREATE, "provider": "stability", "num_variations": 2, "seed": 10})
    die(desk, job_id)
    desk.change(job_id, runs=MAX_RUNS)
    desk.work()
    body = desk.ask("GET", f"/jobs/{job_id}/result").json
    assert (body["total_generated"], body["total_failed"]) == (1, 1)
    assert "given up" in body["errors"][0]["detail"]
    assert len(desk.wire.paid) == 2


def test_a_job_that_kills_every_worker_ends(desk: Desk) -> None:
    """Not even putting together what is done is tried without end."""
    job_id = desk.submit()
    desk.change(job_id, runs=MAX_RUNS + LAST_RUNS)
    desk.work()
    assert desk.status(job_id)["error"]["code"] == "internal_error"
    assert desk.wire.paid == []


def test_an_unexpected_failure_is_tried_again_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug or an outage of ours isn't the job's end; the pauses grow, and are bounded by the number of runs."""
    monkeypatch.setattr(wiring, "worker_studio", lambda *_: 1 / 0)
    job_id = desk.submit()
    desk.work()
    assert desk.delays == [0, *[2.0**run for run in range(1, MAX_RUNS + 1)]]
    assert desk.status(job_id)["error"] == {
        "status": 500,
        "code": "internal_error",
        "detail": f"Image generation failed: {StudioError.sentence}",
    }
    assert desk.ask("GET", "/usage").json["reserved"] == 0


def test_our_own_outage_is_no_outcome(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that doesn't answer for a while ends no job."""
    studio = wiring.worker_studio
    failures = iter([TemporarilyUnavailable()])

    def unsteady(*given: Any) -> Any:
        for failure in failures:
            raise failure
        return studio(*given)

    monkeypatch.setattr(wiring, "worker_studio", unsteady)
    job_id = desk.submit()
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"


def test_a_lost_request_is_told(desk: Desk) -> None:
    """An input that the lifecycle took ends the job, clearly."""
    job_id = desk.submit()
    wiring.images().delete_all("inputs/")
    desk.work()
    assert desk.status(job_id)["error"]["code"] == "input_lost"


def test_a_zombie_stops_before_its_next_paid_call(desk: Desk) -> None:
    """Its lease went to another worker while it was busy: the other's outcome stands, and nothing is paid twice."""
    job_id = desk.submit({**CREATE, "provider": "stability"})

    def overtaken(task: Any, **_: Any) -> ProviderImage:
        desk.change(job_id, lease_until=int(time.time()) - 1)
        desk.deliver({"tenant": ALICE, "job": job_id})
        return ProviderImage(png(), task.seed)

    desk.wire.script = [overtaken]
    desk.work()
    assert desk.status(job_id)["error"]["code"] == "unknown_charge"
    assert len(desk.wire.paid) == 1


def test_the_heartbeat_holds_the_lease(desk: Desk) -> None:
    """A call that takes longer than the lease keeps its job; the beat ends with the block, or with the job."""
    job_id = desk.submit()
    mine = wiring.jobs().claim(ALICE, job_id, 2)
    assert mine is not None
    with Heartbeat(wiring.jobs(), mine, 2) as heart:
        time.sleep(4.2)
        assert wiring.jobs().claim(ALICE, job_id, 1) is None
        assert heart._thread.is_alive()
        desk.change(job_id, attempt=9)
        heart._thread.join(PATIENCE)
        assert not heart._thread.is_alive()


def test_a_slow_call_outlives_its_lease(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A synchronous call of two leases is one call, and its image is delivered."""
    monkeypatch.setenv("LEASE_SECONDS", "2")
    settings.cache_clear()

    def slow(task: Any, **_: Any) -> ProviderImage:
        time.sleep(4.2)
        desk.tick()
        return ProviderImage(png(), task.seed)

    desk.wire.script = [slow]
    job_id = desk.submit({**CREATE, "provider": "stability"})
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"
    assert len(desk.wire.paid) == 1


# -- what it cost


def _entry(number: int, stage: Stage, credits: int) -> Entry:
    return Entry(variation=number, stage=stage, provider="stability", credits=credits)


@pytest.mark.parametrize(
    ("entries", "charged", "held"),
    [
        ([], 0, 0),
        ([(Stage.DONE, 4), (Stage.DONE, 4)], 8, 0),
        ([(Stage.DONE, 4), (Stage.FAILED, 4)], 4, 4),
        ([(Stage.DONE, 4), (Stage.FAILED, 0), (Stage.FRESH, 4)], 4, 0),
        ([(Stage.DONE, 7), (Stage.DONE, 7)], 10, 0),
        ([(Stage.DONE, 7), (Stage.INTENDED, 7)], 7, 3),
        ([(Stage.ORDERED, 30)], 0, 10),
    ],
)
def test_the_charge_never_exceeds_the_reservation(entries: list[tuple[Stage, int]], charged: int, held: int) -> None:
    """Delivered variations are charged, unknown ones held, both within the estimate of 10."""
    made: Job = job(Clock(), reserved=10)
    spent = spent_on(made, [_entry(number, *each) for number, each in enumerate(entries, start=1)])
    assert (spent.charged, spent.held, sum(spent.by_provider.values())) == (charged, held, charged)


def test_an_error_is_told_in_the_operations_words() -> None:
    """A 5xx opens with them, once; what the caller can mend stays as it is."""
    row = worker.find_operation("create")
    assert told(UnknownCharge("Lost."), row)["detail"] == "Image generation failed: Lost."
    assert told(UnknownCharge("Image generation failed: Lost."), row)["detail"] == "Image generation failed: Lost."
    assert told(StudioError("Oops."), row)["code"] == "internal_error"


def test_a_journal_knows_what_an_earlier_run_wrote(desk: Desk) -> None:
    """Entries and decisions come back as they were."""
    job_id = desk.submit()
    mine = wiring.jobs().claim(ALICE, job_id, 60)
    assert mine is not None
    first = JobJournal(mine, wiring.jobs(), wiring.images())
    kept = first.keep(_entry(1, Stage.INTENDED, 3), b"data", "image/png")
    first.remember("seed", "7")
    second = JobJournal(desk.job(job_id), wiring.jobs(), wiring.images())
    assert second.entry(1) == kept
    assert second.recall("seed") == "7"
    assert second.entry(2) == Entry(variation=2)
