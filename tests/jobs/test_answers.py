"""What a caller is told of a job: 200, 303, 202, its error; the same whoever asks for it and however."""

import json
import threading
import time

import pytest

from image_studio.errors import UnknownCharge
from image_studio.operations.journal import Entry, Stage
from image_studio.providers.client import StillRunning
from image_studio.runtime import wiring
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.job_journal import JobJournal
from image_studio.runtime.settings import settings
from image_studio.runtime.waiting import MAX_HOPS
from tests.jobs.desk import CREATE, Desk

PREFIX = "/api/image-studio"


def local(location: str) -> str:
    """A Location as the desk asks for it."""
    assert location.startswith(PREFIX + "/")
    return location.removeprefix(PREFIX)


def test_not_done_in_time_is_a_redirect(desk: Desk) -> None:
    """303, relative, to the result, with the body that a 202 has, not to be stored."""
    answer = desk.ask("POST", "/create", body=CREATE)
    job_id = answer.json["job_id"]
    assert answer.status == 303
    assert answer.headers["location"] == f"{PREFIX}/jobs/{job_id}/result?wait=1&hop=1"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json == {
        "job_id": job_id,
        "status": "queued",
        "status_url": f"{PREFIX}/jobs/{job_id}",
        "result_url": f"{PREFIX}/jobs/{job_id}/result",
    }


def test_the_chain_ends_with_the_documented_body(desk: Desk) -> None:
    """Following the redirect is all that it takes; a POST to the result is as good as a GET."""
    answer = desk.ask("POST", "/create", body=CREATE)
    assert desk.work() == 1
    for method in ("GET", "POST"):
        got = desk.ask(method, local(answer.headers["location"]))
        assert got.status == 200
        assert got.headers["x-job-id"] == answer.json["job_id"]
        assert got.json["results"][0]["image_base64"]


def test_the_last_hop_is_a_202(desk: Desk) -> None:
    """Browsers follow 20 redirects: the chain stops before, with where to ask on."""
    answer = desk.ask("POST", "/create", body=CREATE)
    for hop in range(2, MAX_HOPS + 1):
        answer = desk.ask("GET", local(answer.headers["location"]))
        assert answer.status == 303
        assert answer.headers["location"].endswith(f"hop={hop}")
    last = desk.ask("GET", local(answer.headers["location"]))
    assert last.status == 202
    assert last.headers["location"] == f"{PREFIX}/jobs/{last.json['job_id']}"
    assert last.json == answer.json


def test_respond_async_answers_at_once(desk: Desk) -> None:
    """202 with Location, Retry-After and Preference-Applied; the same on the result."""
    answer = desk.ask("POST", "/create", body=CREATE, headers={"prefer": "respond-async"})
    assert answer.status == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == answer.json["status_url"]
    assert int(answer.headers["retry-after"]) > 0
    again = desk.ask("GET", local(answer.json["result_url"]), headers={"prefer": "respond-async"})
    assert (again.status, again.json) == (202, answer.json)


@pytest.mark.parametrize(
    ("prefer", "status", "applied"),
    [
        ("wait=0", 303, "wait=0"),
        ("wait=9999", 303, "wait=0"),
        ("respond-async, wait=0", 202, "respond-async, wait=0"),
        ('Wait="0"', 303, "wait=0"),
        ("handling=lenient", 303, None),
        ("waitress=5", 303, None),
    ],
)
def test_prefer_wait_bounds_the_wait(desk: Desk, prefer: str, status: int, applied: str | None) -> None:
    """RFC 7240; never longer than the setting (here less than a second)."""
    answer = desk.ask("POST", "/create", body=CREATE, headers={"prefer": prefer})
    assert answer.status == status
    assert answer.headers.get("preference-applied") == applied


def test_url_delivery_stays_with_the_chain(desk: Desk) -> None:
    """Who asked for URLs gets URLs at the end of the redirects too."""
    answer = desk.ask("POST", "/create", body={**CREATE, "delivery": "url"})
    desk.work()
    got = desk.ask("GET", local(answer.headers["location"]))
    assert "image_base64" not in got.json["results"][0]
    assert got.json["results"][0]["image_url"].startswith("https://")


def test_a_failure_is_told_alike_everywhere(desk: Desk) -> None:
    """By the POST that waited, by the result, and inside the status record."""
    desk.wire.script = [UnknownCharge("The answer was lost.")]
    job_id = desk.submit({**CREATE, "provider": "stability"}, headers={"idempotency-key": "k"})
    desk.work()
    got = desk.ask("GET", f"/jobs/{job_id}/result")
    told = {"detail": "Image generation failed: The answer was lost.", "code": "unknown_charge"}
    assert (got.status, got.json) == (500, told)
    again = desk.ask("POST", "/create", body={**CREATE, "provider": "stability"}, headers={"idempotency-key": "k"})
    assert (again.status, again.json) == (500, told)
    assert desk.status(job_id)["error"] == {"status": 500, **told}
    assert len(desk.wire.paid) == 1


def test_the_status_record_tells_how_far_it_is(desk: Desk) -> None:
    """Progress per variation, timings, provider, credits."""
    job_id = desk.submit({**CREATE, "num_variations": 3, "provider": "stability"})
    queued = desk.status(job_id)
    assert (queued["status"], queued["progress"]) == ("queued", {"total": 3, "done": 0, "failed": 0})
    assert queued["credits"]["reserved"] > 0
    desk.wire.script = [UnknownCharge("Lost.")]
    desk.work()
    done = desk.status(job_id)
    assert (done["status"], done["progress"]) == ("succeeded", {"total": 3, "done": 2, "failed": 1})
    assert sorted(each["status"] for each in done["variations"]) == ["failed", "succeeded", "succeeded"]
    assert done["created_at"] <= done["started_at"] <= done["finished_at"] < done["expires_at"]
    assert done["provider"] == "stability"
    each = queued["credits"]["reserved"] // 3
    assert done["credits"] == {"reserved": 3 * each, "charged": 2 * each, "held": each}


def test_waiting_ends_with_the_job(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits is answered by the end of its job, not by the end of its time."""
    monkeypatch.setenv("WAIT_SECONDS", "600")
    settings.cache_clear()
    started = time.monotonic()

    def work() -> None:
        while not desk.work() and time.monotonic() < started + 60:
            time.sleep(0.1)

    worker = threading.Thread(target=work)
    worker.start()
    answer = desk.ask("POST", "/create", body=CREATE)
    worker.join()
    assert answer.status == 200
    assert time.monotonic() - started < 300, "it waited on, though the job had ended"


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/result"])
def test_expired_and_foreign_jobs_are_unknown_ones(desk: Desk, path: str) -> None:
    """404 with the same words, whether it was never there, is another's, or ran out."""
    mine, expired, unknown = desk.submit(), desk.submit(), "0" * 32
    desk.change(expired, expires=int(time.time()))
    answers = [
        desk.ask("GET", path.format(mine), sub="mallory"),
        desk.ask("GET", path.format(expired)),
        desk.ask("GET", path.format(unknown)),
        desk.ask("DELETE", f"/jobs/{mine}", sub="mallory"),
        desk.ask("DELETE", f"/jobs/{expired}"),
    ]
    ids = [mine, expired, unknown, mine, expired]
    said = {answer.body.replace(job_id, "ID") for answer, job_id in zip(answers, ids, strict=True)}
    assert {answer.status for answer in answers} == {404}
    assert len(said) == 1
    assert desk.status(mine)["status"] == "queued"


def test_jobs_are_listed_page_by_page(desk: Desk) -> None:
    """Newest first, each once; `next` is an address that works as it is; other callers see nothing."""
    made = [desk.submit() for _ in range(5)]
    seen, path = [], "/jobs?limit=2"
    for _ in range(5):
        page = desk.ask("GET", path).json
        seen += [each["job_id"] for each in page["jobs"]]
        if page["next"] is None:
            break
        path = local(page["next"])
    assert seen == made[::-1]
    assert desk.ask("GET", "/jobs", sub="mallory").json == {"jobs": [], "next": None}
    assert [desk.ask("GET", f"/jobs?before={mark}").status for mark in ("", "x" * 100, "x" * 101)] == [400, 200, 400]


def test_an_unpaid_job_is_stopped(desk: Desk) -> None:
    """Its credits come back, the message that is still on its way does nothing, its result tells why."""
    job_id = desk.submit()
    assert desk.ask("DELETE", f"/jobs/{job_id}").json == {"job_id": job_id, "stopped": True}
    assert desk.work() == 1
    assert desk.wire.paid == []
    assert desk.ask("GET", f"/jobs/{job_id}/result").json["code"] == "job_stopped"
    assert desk.ask("GET", "/usage").json["reserved"] == 0


def test_a_job_that_may_be_paid_for_is_not_stopped(desk: Desk) -> None:
    """409 while it runs, and while it waits in the queue for its provider."""
    desk.wire.script = [_order]
    job_id = desk.submit({**CREATE, "provider": "wavespeed"})
    for message in desk.messages():
        desk.deliver(json.loads(message["Body"]))
    assert desk.status(job_id)["status"] == "queued"
    refused = desk.ask("DELETE", f"/jobs/{job_id}")
    assert (refused.status, refused.json["code"]) == (409, "job_conflict")
    desk.work()
    assert desk.status(job_id)["status"] == "succeeded"


def _order(*_: object, on_handle: object = None, **__: object) -> object:
    assert callable(on_handle)
    on_handle("prediction-1")
    raise StillRunning(5.0)


def test_a_released_variation_is_unpaid(desk: Desk) -> None:
    """A job whose only call was surely not charged, and which waits to try again, can be stopped."""
    job_id = desk.submit()
    claimed = wiring.jobs().claim(desk.job(job_id).tenant, job_id, 60)
    assert claimed is not None
    journal = JobJournal(claimed, wiring.jobs(), wiring.images())
    journal.intend(Entry(variation=1, stage=Stage.INTENDED))
    assert wiring.jobs().give_back(claimed, 1)
    assert desk.ask("DELETE", f"/jobs/{job_id}").status == 409
    claimed = wiring.jobs().claim(claimed.tenant, job_id, 60)
    assert claimed is not None
    JobJournal(claimed, wiring.jobs(), wiring.images()).release(Entry(variation=1))
    assert wiring.jobs().give_back(claimed, 1)
    assert desk.ask("DELETE", f"/jobs/{job_id}").status == 200


def test_an_ended_job_is_removed_with_its_images(desk: Desk) -> None:
    """Record, results and request are gone; the second time there is nothing."""
    job_id = desk.submit()
    desk.work()
    assert len(desk.objects()) == 3
    assert desk.ask("DELETE", f"/jobs/{job_id}").json == {"job_id": job_id, "deleted": True}
    assert desk.objects() == {}
    assert desk.ask("DELETE", f"/jobs/{job_id}").status == 404


def test_without_a_queue_the_wait_covers_the_job(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is frozen after its answer finishes first, whatever was preferred."""
    monkeypatch.setenv("QUEUE_URL", "")
    settings.cache_clear()
    dispatcher.cache_clear()
    for prefer in ("respond-async", "wait=0", ""):
        answer = desk.ask("POST", "/create", body=CREATE, headers={"prefer": prefer})
        assert answer.status == 200, answer.body
        assert answer.json["total_generated"] == 1
