"""The worker: takes up what is known, gives back what takes long, gives up what never works, loses nothing paid."""

import json
import time
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from image_studio.errors import StudioError, TemporarilyUnavailable, UnknownCharge
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.table import error_payload
from image_studio.providers.adapter import ProviderImage
from image_studio.providers.client import StillRunning
from image_studio.runtime import dispatch, wiring, worker
from image_studio.runtime.dispatch import InProcess
from image_studio.runtime.job_end import Dispatcher
from image_studio.runtime.job_journal import MAX_TRIES, JobJournal, entries_of
from image_studio.runtime.settings import settings
from image_studio.runtime.webhook_delivery import take_message
from image_studio.runtime.worker import LAST_RUNS, MAX_RUNS, charge_for, heartbeat
from image_studio.storage import keys
from image_studio.storage.job import DAY, Job
from tests.jobs.harness import CREATE, Crash, Harness, png
from tests.security.inside import handler
from tests.storage.table import Clock, job
from tests.waiting import replace_sleep

TIMEOUT = 60.0  # seconds, for what takes less than one
ALICE = keys.tenant_of("alice")
OUTAGES: list[Exception] = [
    ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem"),
    ConnectTimeoutError(endpoint_url="https://example.com"),
    TemporarilyUnavailable(),
]


def die(harness: Harness, job_id: str) -> None:
    """Run the job in a process that dies, and let its lease run out."""
    with pytest.raises(Crash):
        harness.deliver({"tenant": ALICE, "job": job_id})
    harness.expire(job_id)


def succeeded(harness: Harness, job_id: str, *, paid: int = 1) -> bool:
    return (harness.status(job_id)["status"], len(harness.provider_client.paid)) == ("succeeded", paid)


def test_what_comes_twice_is_done_once(harness: Harness) -> None:
    """The same message again, before and after the end, makes no second paid call."""
    job_id = harness.submit()
    for _ in range(3):
        harness.deliver({"tenant": ALICE, "job": job_id})
    assert succeeded(harness, job_id)


def test_a_message_of_nothing_is_done(harness: Harness) -> None:
    """A job that was removed, or never was, isn't asked for again."""
    assert harness.deliver({"tenant": ALICE, "job": "0" * 32}) == {"batchItemFailures": []}
    assert harness.deliver({"detail-type": "Weather"}) == {"batchItemFailures": []}


def test_each_message_fails_on_its_own(harness: Harness) -> None:
    """A broken one is named to come again, its neighbor is done."""
    job_id = harness.submit()
    good = {"messageId": "good", "body": json.dumps({"tenant": ALICE, "job": job_id})}
    answer = handler("WorkerFunction")({"Records": [{"messageId": "bad", "body": "{"}, good]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert harness.status(job_id)["status"] == "succeeded"


def test_variations_that_were_not_paid_for_are_made_after_a_crash(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of four were there, the other two not yet begun: four results, and two paid calls more."""
    intend = JobJournal.intend

    def only_two(journal: JobJournal, entry: Entry) -> None:
        if entry.variation <= 2:
            return intend(journal, entry)
        ends = time.monotonic() + TIMEOUT
        while sum(each.stage is Stage.DONE for each in entries_of(harness.job(job_id)).values()) < 2:
            assert time.monotonic() < ends
            time.sleep(0.05)
        raise Crash

    job_id = harness.submit({**CREATE, "provider": "stability", "num_variations": 4, "seed": 10})
    with monkeypatch.context() as dying:
        dying.setattr(JobJournal, "intend", only_two)
        die(harness, job_id)
    assert len(harness.provider_client.paid) == 2
    harness.work()
    body = harness.ask("GET", f"/jobs/{job_id}/result").json
    assert [each["seed"] for each in body["results"]] == [10, 11, 12, 13]
    assert (body["total_generated"], body["total_failed"]) == (4, 0)
    assert [task.seed for task in harness.provider_client.paid[2:]] in ([12, 13], [13, 12])
    assert len(harness.provider_client.paid) == 4


def test_a_long_poll_goes_back_to_the_queue(harness: Harness) -> None:
    """With the provider's own pause; it doesn't count as a run that died, however often it happens."""

    def order(*_: Any, on_handle: Any, **__: Any) -> ProviderImage:
        on_handle("prediction-1")
        raise StillRunning(7.0)

    harness.provider_client.script = [order, *[StillRunning(7.0)] * (MAX_RUNS + 3)]
    job_id = harness.submit({**CREATE, "provider": "wavespeed"})
    harness.work()
    assert harness.delays == [0, *[7.0] * (MAX_RUNS + 4)]
    assert harness.status(job_id)["status"] == "succeeded"
    assert harness.job(job_id).runs == 1
    assert len(harness.provider_client.paid) == 1


@pytest.mark.parametrize("end", ["inputs gone", "job old", "job expired", "runs out"])
def test_what_ends_a_paid_job_says_that_it_may_have_been_charged(harness: Harness, end: str) -> None:
    """Whatever ends a job whose provider still works: the code is unknown_charge, and the credits are held."""

    def order(*_: Any, on_handle: Any, **__: Any) -> ProviderImage:
        on_handle("prediction-1")
        raise StillRunning(300.0)

    harness.provider_client.script = [order, *[StillRunning(300.0)] * 3]
    job_id = harness.submit({**CREATE, "provider": "wavespeed"})
    harness.work(1)
    now = int(time.time())
    if end == "inputs gone":
        harness.remove(harness.job(job_id).input)
    elif end == "job old":
        harness.change(job_id, created_at=(now - DAY + 200) * 1000)
    elif end == "job expired":
        harness.change(job_id, expires=now - 1, lease_until=now - 1)
        harness.tick()
        harness.change(job_id, expires=now + DAY)
    else:
        harness.change(job_id, runs=MAX_RUNS + LAST_RUNS)
    harness.work()
    job = harness.job(job_id)
    assert job.error is not None
    assert (job.error["code"], job.charged, job.held) == ("unknown_charge", 0, 2)


@pytest.mark.parametrize(("delay", "seconds"), [(0, 0), (0.2, 1), (7.0, 7), (9.1, 10), (2_000, 900)])
def test_a_delay_is_never_cut_short(monkeypatch: pytest.MonkeyPatch, delay: float, seconds: int) -> None:
    """SQS takes whole seconds: a pause that the provider wants isn't rounded down."""
    sent: list[dict[str, Any]] = []
    client = SimpleNamespace(send_message=lambda **message: sent.append(message))
    monkeypatch.setattr(dispatch.aws_clients, "sqs", lambda: client)
    dispatch.Queue().send("tenant", "job", delay)
    assert sent[0]["DelaySeconds"] == seconds


def test_a_job_that_keeps_dying_is_given_up(harness: Harness) -> None:
    """After five runs what is done is delivered, the rest fails, nothing more is paid."""

    def die_on_second(task: Any, **_: Any) -> ProviderImage:
        if task.seed == 11:
            raise Crash
        return ProviderImage(png(), task.seed)

    harness.provider_client.script = [die_on_second] * 2
    job_id = harness.submit({**CREATE, "provider": "stability", "num_variations": 2, "seed": 10})
    die(harness, job_id)
    harness.change(job_id, runs=MAX_RUNS)
    harness.work()
    body = harness.ask("GET", f"/jobs/{job_id}/result").json
    assert (body["total_generated"], body["total_failed"]) == (1, 1)
    assert "given up" in body["errors"][0]["detail"]
    assert len(harness.provider_client.paid) == 2


def test_an_unexpected_failure_is_tried_again_later(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug or an outage of ours isn't the job's end; the pauses grow, and are bounded by the number of runs."""
    monkeypatch.setattr(worker, "worker_context", lambda *_: 1 / 0)
    job_id = harness.submit()
    harness.work()
    assert harness.delays == [0, *[2.0**run for run in range(1, MAX_RUNS + 1)]]
    assert harness.status(job_id)["error"] == {
        "status": 500,
        "code": "internal_error",
        "detail": f"Image generation failed: {StudioError.default_detail}",
    }
    assert harness.ask("GET", "/usage").json["reserved"] == 0


def test_our_own_outage_is_no_outcome(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that doesn't answer for a while ends no job."""
    unsteady(monkeypatch, worker, "worker_context", TemporarilyUnavailable(), 1)
    job_id = harness.submit()
    harness.work()
    assert succeeded(harness, job_id)


def test_a_zombie_stops_before_its_next_paid_call(harness: Harness) -> None:
    """Its lease went to another worker while it was busy: the other's outcome stands, and nothing is paid twice."""
    job_id = harness.submit({**CREATE, "provider": "stability"})

    def overtaken(task: Any, **_: Any) -> ProviderImage:
        harness.expire(job_id)
        harness.deliver({"tenant": ALICE, "job": job_id})
        return ProviderImage(png(), task.seed)

    harness.provider_client.script = [overtaken]
    harness.work()
    assert harness.status(job_id)["error"]["code"] == "unknown_charge"
    assert len(harness.provider_client.paid) == 1


def test_the_heartbeat_ends_with_the_job(harness: Harness) -> None:
    """When another worker has it."""
    mine = wiring.jobs().claim(ALICE, harness.submit(), 2)
    assert mine is not None
    with heartbeat(wiring.jobs(), mine, 2) as heart:
        assert heart.is_alive()
        harness.change(mine.id, attempt=9)
        heart.join(TIMEOUT)
        assert not heart.is_alive()


def test_a_slow_call_outlives_its_lease(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat holds the job of a call that takes longer than the lease: one call, and its image is delivered."""
    monkeypatch.setenv("LEASE_SECONDS", "2")
    settings.cache_clear()

    def slow(task: Any, **_: Any) -> ProviderImage:
        time.sleep(3.1)  # over two seconds, in whole ones
        assert wiring.jobs().claim(ALICE, job_id, 1) is None
        harness.tick()
        return ProviderImage(png(), task.seed)

    harness.provider_client.script = [slow]
    job_id = harness.submit({**CREATE, "provider": "stability"})
    harness.work()
    assert succeeded(harness, job_id)


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
    charge = charge_for(made, [_entry(number, *each) for number, each in enumerate(entries, start=1)])
    assert (charge.charged, charge.held, sum(charge.by_provider.values())) == (charged, held, charged)


def test_an_error_has_the_operations_words() -> None:
    """A 5xx opens with them, once; what the caller can mend stays as it is."""
    operation = worker.find_operation("create")
    for text in ("Lost.", "Image generation failed: Lost."):
        assert error_payload(UnknownCharge(text), operation)["detail"] == "Image generation failed: Lost."
    assert error_payload(StudioError("Oops."), operation)["code"] == "internal_error"


# -- outages of table and bucket


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    replace_sleep(monkeypatch, made.append)
    return made


def unsteady(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: BaseException, times: int) -> list[int]:
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
    harness: Harness, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception, pauses: list[float]
) -> None:
    """Journal and images are written at the next try: one run, one paid call."""
    job_id = harness.submit({**CREATE, "provider": "stability"})
    owner = wiring.jobs() if what == "note" else wiring.objects()
    failed = unsteady(monkeypatch, owner, what, error, MAX_TRIES - 1)
    harness.work()
    assert harness.status(job_id)["status"] == "succeeded"
    assert (len(failed), len(harness.provider_client.paid), harness.job(job_id).runs) == (MAX_TRIES - 1, 1, 1)
    assert sum(pauses) < 60


def test_an_outage_before_the_paid_call_pays_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """The intent can't be noted, so there is no call; a later run makes it."""
    job_id = harness.submit({**CREATE, "provider": "stability"})
    unsteady(monkeypatch, wiring.jobs(), "note", OUTAGES[0], MAX_TRIES)
    assert harness.messages()
    harness.deliver({"tenant": ALICE, "job": job_id})
    assert harness.provider_client.paid == []
    assert harness.status(job_id)["status"] == "queued"
    harness.work()
    assert succeeded(harness, job_id)


def test_a_long_outage_after_it_is_unknown_not_paid_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """The bytes couldn't be kept: the error says so, and it is never made good by a second call."""
    job_id = harness.submit({**CREATE, "provider": "stability"})
    unsteady(monkeypatch, wiring.objects(), "put_once", OUTAGES[0], MAX_TRIES)
    harness.work()
    assert harness.status(job_id)["error"]["code"] == "unknown_charge"
    assert len(harness.provider_client.paid) == 1


def test_a_table_that_is_gone_leaves_the_job_to_the_reaper(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """Nothing can be recorded, not even the failure; when the table is back, the job goes on."""
    job_id = harness.submit()
    with monkeypatch.context() as gone:
        for name in ("note", "give_back", "finish", "renew"):
            unsteady(gone, wiring.jobs(), name, OUTAGES[0], 1000)
        assert harness.messages()
        assert harness.deliver({"tenant": ALICE, "job": job_id})["batchItemFailures"]
    harness.expire(job_id)
    harness.tick()
    harness.work()
    assert succeeded(harness, job_id)


# -- without a queue


def test_a_run_in_this_process_can_ask_for_another() -> None:
    """A job that has to wait for its provider comes again, as it would from the queue."""
    runs: list[tuple[str, str]] = []
    again = Event()

    def run(tenant: str, job_id: str, dispatcher: Dispatcher) -> None:
        runs.append((tenant, job_id))
        if len(runs) == 1:
            dispatcher.send(tenant, job_id, 0.01)
        else:
            again.set()

    InProcess(run, take_message).send("tenant", "job")
    assert again.wait(30)
    assert runs == [("tenant", "job")] * 2


def test_a_run_that_breaks_takes_nothing_with_it() -> None:
    """The next job runs."""
    ran = Event()

    def run(_tenant: str, job_id: str, _dispatcher: Dispatcher) -> None:
        if job_id == "broken":
            raise RuntimeError
        ran.set()

    process = InProcess(run, take_message)
    process.send("tenant", "broken")
    process.send("tenant", "whole")
    assert ran.wait(30)
