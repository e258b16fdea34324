"""What a caller gets of a job: 200, 303, 202 or its error; images inline or as URLs; lists and removal."""

import base64
import io
import json
import random
import threading
import time
from bisect import bisect
from typing import Any

import pytest
import requests

from image_studio.errors import UnknownCharge
from image_studio.operations import generate
from image_studio.operations.journal import Entry, Stage
from image_studio.providers import PROVIDERS
from image_studio.providers.client import StillRunning
from image_studio.runtime import aws_clients, configured_providers, jobs_api, wiring
from image_studio.runtime.api import Call
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.job_journal import JobJournal
from image_studio.runtime.jobs_api import MAX_HOPS, Preference, preference
from image_studio.runtime.rate_limits import EVERYBODY, shared_waits, wait_slots
from image_studio.runtime.settings import PREFIX, settings
from image_studio.schemas.limits import INLINE_BYTES, MAX_BODY, MAX_RESPONSE
from image_studio.storage import keys
from image_studio.storage.jobs import JobStore
from tests.imaging.samples import noise
from tests.jobs.harness import CREATE, Crash, Harness, png
from tests.tables import BUCKET, TABLE
from tests.waiting import replace_sleep

ALICE = keys.tenant_of("alice")
NASTY = '"\\é猫\n' * 1_600  # of a prompt's 10,000 characters; JSON inside JSON makes much more of it


def local(location: str) -> str:
    assert location.startswith(PREFIX + "/")
    return location.removeprefix(PREFIX)


def test_not_done_in_time_is_a_redirect(harness: Harness) -> None:
    """303, relative, to the result, with the body that a 202 has, not to be stored."""
    answer = harness.ask("POST", "/create", body=CREATE)
    job_id = answer.json["job_id"]
    assert answer.status == 303
    assert answer.headers["location"] == f"{PREFIX}/jobs/{job_id}/result?wait=1&hop=1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["retry-after"] == "5"
    assert answer.json == {
        "job_id": job_id,
        "status": "queued",
        "status_url": f"{PREFIX}/jobs/{job_id}",
        "result_url": f"{PREFIX}/jobs/{job_id}/result",
    }


def test_the_chain_ends_with_the_documented_body(harness: Harness) -> None:
    """Following the redirect is all that it takes; a POST to the result is as good as a GET; URLs stay URLs."""
    answer = harness.ask("POST", "/create", body=CREATE)
    linked = harness.ask("POST", "/create", body={**CREATE, "delivery": "url"})
    assert harness.work() == 2
    for method in ("GET", "POST"):
        got = harness.ask(method, local(answer.headers["location"]))
        assert got.status == 200
        assert got.headers["x-job-id"] == answer.json["job_id"]
        assert got.json["results"][0]["image_base64"]
    (result,) = harness.ask("GET", local(linked.headers["location"])).json["results"]
    assert "image_base64" not in result
    assert result["image_url"].startswith("https://")


def test_the_last_hop_is_a_202(harness: Harness) -> None:
    """Browsers follow 20 redirects: the chain stops before, with where to ask on."""
    answer = harness.ask("POST", "/create", body=CREATE)
    for hop in range(2, MAX_HOPS + 1):
        answer = harness.ask("GET", local(answer.headers["location"]))
        assert answer.status == 303
        assert answer.headers["location"].endswith(f"hop={hop}")
    last = harness.ask("GET", local(answer.headers["location"]))
    assert last.status == 202
    assert last.headers["location"] == f"{PREFIX}/jobs/{last.json['job_id']}"
    assert last.json == answer.json


def test_respond_async_answers_at_once(harness: Harness) -> None:
    """202 with Location, Retry-After and Preference-Applied; the same on the result."""
    answer = harness.ask("POST", "/create", body=CREATE, headers={"prefer": "respond-async"})
    assert answer.status == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == answer.json["status_url"]
    assert answer.headers["retry-after"] == "5"
    again = harness.ask("GET", local(answer.json["result_url"]), headers={"prefer": "respond-async"})
    assert (again.status, again.json) == (202, answer.json)


def test_prefer_wait_bounds_the_wait(harness: Harness) -> None:
    """RFC 7240; never longer than the setting (here less than a second)."""
    for prefer, status, applied in (
        ("wait=9999", 303, "wait=0"),
        ("respond-async, wait=0", 202, "respond-async, wait=0"),
        ("waitress=5", 303, None),
    ):
        answer = harness.ask("POST", "/create", body=CREATE, headers={"prefer": prefer})
        assert (answer.status, answer.headers.get("preference-applied")) == (status, applied)


def test_url_delivery_stays_with_the_job(harness: Harness) -> None:
    """However it came in and in any case: its result, the list, and the items of a batch. A query says otherwise."""
    create = {**CREATE, "delivery": "URL"}
    edit = {"operation": "remove_background", "delivery": "URL"}
    form = harness.ask("POST", "/uploads", body={"content_type": "png", "operation": "edit", "request": edit}).json
    harness.put(form["fields"]["key"], png())
    harness.expire(form["job_id"])
    harness.tick()
    batch = harness.ask("POST", "/batches", body={"operation": "create", "items": [{}], "shared": create}).json
    harness.submit(create)
    harness.work()
    (item,) = harness.ask("GET", f"/batches/{batch['batch_id']}").json["items"]
    listed = harness.ask("GET", "/jobs").json["jobs"]
    assert len(listed) == 3
    for url in (form["result_url"], item["result_url"], *(job["result_url"] for job in listed)):
        path, _, query = local(url).partition("?")
        assert query == "delivery=url"
        for asked, inline in (("", False), ("?delivery=url", False), ("?delivery=Auto", True)):
            body = harness.ask("GET", path + asked).body
            assert ('_base64":"' in body) == inline
        refused = harness.ask("GET", f"{path}?delivery=nope")
        assert (refused.status, refused.json["code"]) == (400, "unknown_choice")


def test_url_delivery_stays_with_the_chain(harness: Harness) -> None:
    """Who asked for URLs gets URLs at the end of the redirects, and from the addresses in a 202 and in the status."""
    body = {**CREATE, "delivery": "url"}
    redirected = harness.ask("POST", "/create", body=body)
    accepted = harness.ask("POST", "/create", body=body, headers={"prefer": "respond-async"})
    status = harness.ask("GET", local(accepted.headers["location"]))
    waiting = {"content_type": "png", "operation": "edit", "request": {"operation": "inpaint", "prompt": "a", **body}}
    form = harness.ask("POST", "/uploads", body=waiting).json
    assert form["result_url"].endswith(f"/jobs/{form['job_id']}/result?delivery=url")
    harness.work()
    for address in (redirected.headers["location"], accepted.json["result_url"], status.json["result_url"]):
        got = harness.ask("GET", local(address))
        assert "image_base64" not in got.json["results"][0]
        assert got.json["results"][0]["image_url"].startswith("https://")


def test_a_failure_looks_alike_everywhere(harness: Harness) -> None:
    """By the POST that waited, by the result, and inside the status record."""
    harness.provider_client.script = [UnknownCharge("The answer was lost.")]
    job_id = harness.submit({**CREATE, "provider": "stability"}, headers={"idempotency-key": "k"})
    harness.work()
    got = harness.ask("GET", f"/jobs/{job_id}/result")
    error = {"detail": "Image generation failed: The answer was lost.", "code": "unknown_charge"}
    assert (got.status, got.json) == (500, error)
    again = harness.ask("POST", "/create", body={**CREATE, "provider": "stability"}, headers={"idempotency-key": "k"})
    assert (again.status, again.json) == (500, error)
    assert harness.status(job_id)["error"] == {"status": 500, **error}
    assert len(harness.provider_client.paid) == 1


def test_the_status_record_tells_how_far_it_is(harness: Harness) -> None:
    """Progress per variation, timings, provider, credits."""
    job_id = harness.submit({**CREATE, "num_variations": 3, "provider": "stability"})
    queued = harness.status(job_id)
    assert (queued["status"], queued["progress"]) == ("queued", {"total": 3, "done": 0, "failed": 0})
    assert queued["credits"]["reserved"] > 0
    harness.provider_client.script = [UnknownCharge("Lost.")]
    harness.work()
    done = harness.status(job_id)
    assert (done["status"], done["progress"]) == ("succeeded", {"total": 3, "done": 2, "failed": 1})
    assert sorted(each["status"] for each in done["variations"]) == ["failed", "succeeded", "succeeded"]
    shown = [(each["status"] == "succeeded", "image_url" in each) for each in done["variations"]]
    assert all(succeeded == has_url for succeeded, has_url in shown)
    assert not any("image_url" in each for each in queued["variations"])
    listed = harness.ask("GET", "/jobs").json["jobs"][0]
    assert not any("image_url" in each for each in listed["variations"])
    assert done["created_at"] <= done["started_at"] <= done["finished_at"] < done["expires_at"]
    assert done["provider"] == "stability"
    each = queued["credits"]["reserved"] // 3
    assert done["credits"] == {"reserved": 3 * each, "charged": 2 * each, "held": each}


def test_waiting_ends_with_the_job(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits is answered by the end of its job, not by the end of its time."""
    monkeypatch.setenv("WAIT_SECONDS", "600")
    settings.cache_clear()
    started = time.monotonic()

    def work() -> None:
        while not harness.work() and time.monotonic() < started + 60:
            time.sleep(0.1)

    worker = threading.Thread(target=work)
    worker.start()
    answer = harness.ask("POST", "/create", body=CREATE)
    worker.join()
    assert answer.status == 200
    assert time.monotonic() - started < 300, "it waited on, though the job had ended"


def test_the_pauses_grow_with_the_time_waited(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of it: 50 ms at least, a second at most, never beyond the end of the wait."""
    job_id = harness.submit()
    made, start = harness.job(job_id).created_at / 1000, time.monotonic()
    passed, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append((passed[0], seconds))
        passed[0] += seconds

    replace_sleep(monkeypatch, sleep)
    monkeypatch.setattr(jobs_api.time, "time", lambda: made + passed[0])
    monkeypatch.setattr(jobs_api.time, "monotonic", lambda: start + passed[0])
    monkeypatch.setenv("WAIT_SECONDS", "25")
    settings.cache_clear()
    assert harness.ask("GET", f"/jobs/{job_id}?wait=25").json["status"] == "queued"
    *paced, (_, last) = pauses
    for waited, seconds in paced:
        assert seconds == pytest.approx(min(1.0, max(0.05, 0.05 * waited)))
    assert last <= 1.0
    assert passed[0] == pytest.approx(25, abs=0.01)


def test_expired_jobs_are_unknown_ones(harness: Harness) -> None:
    """404 with the same words, whether a job ran out or was never there."""
    expired, unknown = harness.submit(), "0" * 32
    harness.change(expired, expires=int(time.time()))
    for method, path in (("GET", "/jobs/{}"), ("GET", "/jobs/{}/result"), ("DELETE", "/jobs/{}")):
        answers = [harness.ask(method, path.format(job_id)) for job_id in (expired, unknown)]
        assert [answer.status for answer in answers] == [404, 404]
        assert answers[0].body.replace(expired, unknown) == answers[1].body


def test_jobs_are_listed_page_by_page(harness: Harness) -> None:
    """Newest first, each once; `next` is an address that works as it is; other callers see nothing."""
    made = [harness.submit() for _ in range(5)]
    seen, path = [], "/jobs?limit=2"
    for _ in range(5):
        page = harness.ask("GET", path).json
        seen += [each["job_id"] for each in page["jobs"]]
        if page["next"] is None:
            break
        path = local(page["next"])
    assert seen == made[::-1]
    assert harness.ask("GET", "/jobs", sub="mallory").json == {"jobs": [], "next": None}
    assert [harness.ask("GET", f"/jobs?before={mark}").status for mark in ("", "x" * 100, "x" * 101)] == [400, 200, 400]


def test_an_unpaid_job_is_stopped(harness: Harness) -> None:
    """Its credits come back, the message that is still on its way does nothing, its result tells why."""
    job_id = harness.submit()
    assert harness.ask("DELETE", f"/jobs/{job_id}").json == {"job_id": job_id, "stopped": True}
    assert harness.work() == 1
    assert harness.provider_client.paid == []
    assert harness.ask("GET", f"/jobs/{job_id}/result").json["code"] == "job_stopped"
    assert harness.ask("GET", "/usage").json["reserved"] == 0


def test_a_job_that_may_be_paid_for_is_not_stopped(harness: Harness) -> None:
    """409 while it runs, and while it waits in the queue for its provider."""
    harness.provider_client.script = [_order]
    job_id = harness.submit({**CREATE, "provider": "wavespeed"})
    for message in harness.messages():
        harness.deliver(json.loads(message["Body"]))
    assert harness.status(job_id)["status"] == "queued"
    refused = harness.ask("DELETE", f"/jobs/{job_id}")
    assert (refused.status, refused.json["code"]) == (409, "job_conflict")
    harness.work()
    assert harness.status(job_id)["status"] == "succeeded"


def _order(*_: object, on_handle: object = None, **__: object) -> object:
    assert callable(on_handle)
    on_handle("prediction-1")
    raise StillRunning(5.0)


def test_a_released_variation_is_unpaid(harness: Harness) -> None:
    """A job whose only call was surely not charged, and which waits to try again, can be stopped."""
    job_id = harness.submit()
    claimed = wiring.jobs().claim(harness.job(job_id).tenant, job_id, 60)
    assert claimed is not None
    journal = JobJournal(claimed, wiring.jobs(), wiring.objects())
    journal.intend(Entry(variation=1, stage=Stage.INTENDED))
    assert wiring.jobs().give_back(claimed, 1)
    assert harness.ask("DELETE", f"/jobs/{job_id}").status == 409
    claimed = wiring.jobs().claim(claimed.tenant, job_id, 60)
    assert claimed is not None
    JobJournal(claimed, wiring.jobs(), wiring.objects()).release(Entry(variation=1))
    assert wiring.jobs().give_back(claimed, 1)
    assert harness.ask("DELETE", f"/jobs/{job_id}").status == 200


def test_an_ended_job_is_removed_with_its_images(harness: Harness) -> None:
    """Record, results and request are gone; the second time there is nothing."""
    job_id = harness.submit()
    harness.work()
    assert len(harness.objects()) == 3
    assert harness.ask("DELETE", f"/jobs/{job_id}").json == {"job_id": job_id, "deleted": True}
    assert harness.objects() == {}
    assert harness.ask("DELETE", f"/jobs/{job_id}").status == 404


def test_without_a_queue_the_wait_covers_the_job(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is frozen after its answer finishes first, whatever was preferred."""
    monkeypatch.setenv("QUEUE_URL", "")
    settings.cache_clear()
    dispatcher.cache_clear()
    for prefer in ("respond-async", "wait=0", ""):
        answer = harness.ask("POST", "/create", body=CREATE, headers={"prefer": prefer})
        assert answer.status == 200, answer.body
        assert answer.json["total_generated"] == 1


# -- preferences


def preferring(text: str | None) -> Preference:
    return preference(Call.of({"headers": {"prefer": text} if text is not None else {}}, None))


@pytest.mark.parametrize("text", [None, "", "return=minimal", "wait", "wait=", "wait=-1", "wait=x", "handling=lenient"])
def test_without_a_preference_we_wait_as_long_as_we_do(text: str | None) -> None:
    """Unknown and odd ones are ignored (RFC 7240)."""
    assert preferring(text) == Preference(settings().wait_seconds)


@pytest.mark.parametrize(
    ("text", "seconds", "asynchronous", "applied"),
    [
        ("respond-async", 0, True, "respond-async"),
        ("Respond-Async", 0, True, "respond-async"),
        ("wait=3", 3, False, "wait=3"),
        ('wait="3"', 3, False, "wait=3"),
        ("wait = 3", 3, False, "wait=3"),
        ("wait=0", 0, False, "wait=0"),
        ("respond-async, wait=2", 2, True, "respond-async, wait=2"),
        ("wait=2,respond-async, return=minimal", 2, True, "respond-async, wait=2"),
    ],
)
def test_preferences_are_applied_and_said_so(text: str, seconds: float, asynchronous: bool, applied: str) -> None:
    """`respond-async` alone doesn't wait; with `wait` it waits that long first."""
    assert preferring(text) == Preference(seconds, asynchronous, {"preference-applied": applied})


# -- images in a response


def set_response(harness: Harness, job_id: str, response: Any) -> None:
    harness.db.update_item(
        TableName=TABLE,
        Key=keys.job_key(ALICE, job_id),
        UpdateExpression="SET #response = :response",
        ExpressionAttributeValues={":response": {"S": json.dumps(response)}},
        ExpressionAttributeNames={"#response": "response"},
    )


def job_with(harness: Harness, sizes: list[int], **more: Any) -> str:
    job_id = harness.submit({**CREATE, "provider": "stability", "num_variations": len(sizes), **more})
    harness.work()
    answer = json.loads(harness.job(job_id).response or "")
    for each, size in zip(answer["results"], sizes, strict=True):
        each["stored"]["size"] = size
        body = random.Random(size).randbytes(size)
        aws_clients.s3().put_object(Bucket=BUCKET, Key=each["stored"]["key"], Body=body)
    set_response(harness, job_id, answer)
    return job_id


def fetch(harness: Harness, job_id: str, *, copies: bool = False, **more: str) -> list[dict[str, Any]]:
    """The results of a job's documented body, which fits into Lambda's response; only copies have a URL beside them."""
    query = "?" + "&".join(f"{name}={value}" for name, value in more.items())
    answer = harness.ask("GET", f"/jobs/{job_id}/result{query}")
    assert answer.status == 200
    event = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= MAX_RESPONSE
    results: list[dict[str, Any]] = answer.json["results"]
    assert copies or all(("image_base64" in each) != ("image_url" in each) for each in results)
    return results


def bytes_of(result: dict[str, Any]) -> bytes:
    if "image_base64" in result:
        return base64.b64decode(result["image_base64"])
    got = requests.get(result["image_url"], timeout=10)
    assert got.status_code == 200
    return got.content


def test_answers_straddle_the_limit(harness: Harness) -> None:
    """The largest image that fits is inline, and within 200 bytes of the limit; three bytes more are a URL."""
    job_id = job_with(harness, [1], prompt=NASTY)
    room = MAX_BODY - len(json.dumps(harness.ask("GET", f"/jobs/{job_id}/result").body, ensure_ascii=False).encode())
    low, high = room // 4 - 400, room // 4 + 400  # in steps of three bytes, which base64 makes four
    largest = 3 * (bisect(range(low, high), False, key=lambda third: not inline(harness, job_id, 3 * third)) + low - 1)
    assert inline(harness, job_id, largest)
    body = harness.ask("GET", f"/jobs/{job_id}/result").body
    assert MAX_BODY - 1_000 < len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_BODY
    assert not inline(harness, job_id, largest + 3)
    (result,) = fetch(harness, job_id)
    assert len(bytes_of(result)) == largest + 3


def inline(harness: Harness, job_id: str, size: int) -> bool:
    answer = json.loads(harness.job(job_id).response or "")
    stored = answer["results"][0]["stored"]
    stored["size"] = size
    aws_clients.s3().put_object(Bucket=BUCKET, Key=stored["key"], Body=bytes(size))
    set_response(harness, job_id, answer)
    return "image_base64" in fetch(harness, job_id)[0]


def test_ten_images_of_three_megabytes(harness: Harness) -> None:
    """One is inline, nine are URLs, and each is the whole image."""
    sizes = [3_000_000 + number for number in range(10)]
    results = fetch(harness, job_with(harness, sizes))
    assert ["image_base64" in each for each in results] == [True] + [False] * 9
    for result, size in zip(results, sizes, strict=True):
        assert bytes_of(result) == random.Random(size).randbytes(size)


def test_small_ones_fill_what_large_ones_leave(harness: Harness) -> None:
    """An image too large doesn't keep those after it from being inline; `delivery=url` inlines nothing."""
    job_id = job_with(harness, [9_000_000, 1_000, 2_000])
    assert ["image_base64" in each for each in fetch(harness, job_id)] == [False, True, True]
    assert all("image_url" in each for each in fetch(harness, job_id, delivery="url"))


def test_an_image_that_is_gone_is_no_failure(harness: Harness) -> None:
    """The rest of the answer is given; the URL of what the lifecycle took says 404 by itself."""
    job_id = job_with(harness, [100, 100])
    wiring.objects().delete_all(keys.result_key(ALICE, job_id, 1))
    results = fetch(harness, job_id)
    assert ["image_base64" in each for each in results] == [False, True]


@pytest.mark.parametrize("open_waits", [1, 5])
def test_a_job_that_no_worker_takes_is_not_waited_for_on_a_small_account(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, open_waits: int
) -> None:
    """202 and when to ask again, by the POST, by the result and by the status; a job that started is waited for."""
    monkeypatch.setattr(jobs_api, "QUEUED_SECONDS", 0.3)
    monkeypatch.setenv("WAIT_SECONDS", "25")
    monkeypatch.setenv("OPEN_WAITS", str(open_waits))
    settings.cache_clear()
    began = time.monotonic()
    answer = harness.ask("POST", "/create", body=CREATE)
    assert 0.3 <= time.monotonic() - began < 20
    job_id = answer.json["job_id"]
    for each in (answer, harness.ask("GET", f"/jobs/{job_id}/result?wait=20&hop=3")):
        assert (each.status, each.headers["retry-after"]) == (202, "5")
    status = harness.ask("GET", f"/jobs/{job_id}?wait=20")
    assert (status.json["status"], status.headers["retry-after"]) == ("queued", "5")
    assert time.monotonic() - began < 20
    assert wiring.jobs().claim(ALICE, job_id, 60)
    assert harness.ask("GET", f"/jobs/{job_id}/result?wait=0.1").status == 303


@pytest.mark.parametrize("open_waits", [1, 5])
def test_waits_of_a_small_account_are_few_for_all_callers_together(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, open_waits: int
) -> None:
    """Beyond them the job is recorded and answered with 202 at once; one that ends makes room."""
    configured_providers.record(frozenset(PROVIDERS), 10)
    configured_providers._known = None
    monkeypatch.setenv("WORKER_CONCURRENCY", str(5 - open_waits))
    settings.cache_clear()
    slots = wait_slots()
    held = [slots.take(EVERYBODY, open_waits, 20) for _ in range(open_waits)]
    for path in ("/create", f"/jobs/{harness.submit()}/result"):
        answer = harness.ask("POST", path, body=CREATE)
        assert (answer.status, answer.headers["retry-after"]) == (202, "5")
    slots.release(EVERYBODY, held[0])
    assert harness.ask("POST", "/create", body=CREATE).status == 303
    assert slots.take(EVERYBODY, open_waits, 20)


@pytest.mark.parametrize(
    ("wanted", "account", "waits"),
    [
        ("auto", None, None),
        ("auto", 1000, None),
        ("auto", 100, None),
        ("auto", 99, 89),
        ("auto", 10, 1),
        ("auto", 5, 1),
        ("0", 10, None),
        ("4", 1000, 4),
    ],
)
def test_how_many_requests_wait_follows_the_account(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, wanted: str, account: int | None, waits: int | None
) -> None:
    """On an account of usual size any number, on a small one what workers and short requests leave, or as set."""
    monkeypatch.setenv("OPEN_WAITS", wanted)
    settings.cache_clear()
    configured_providers.record(frozenset(PROVIDERS), account)
    configured_providers._known = None
    assert shared_waits() == waits


# -- copies of images that don't fit


def job_with_copies(harness: Harness, sizes: list[int], copy: int, **more: Any) -> str:
    """A job whose images have these sizes, and copies of `copy` bytes where they are larger."""
    job_id = job_with(harness, sizes, **more)
    answer = json.loads(harness.job(job_id).response or "")
    for each in answer["results"]:
        if each["stored"]["size"] > copy:
            stored = {"key": each["stored"]["key"] + ".inline", "size": copy, "mime": "image/webp"}
            each["inline"] = {"stored": stored, "quality": 97, "width": 60, "height": 40}
            aws_clients.s3().put_object(Bucket=BUCKET, Key=stored["key"], Body=bytes(copy))
    set_response(harness, job_id, answer)
    return job_id


def test_copies_of_the_largest_size_fit(harness: Harness) -> None:
    """Ten of them, beside URLs and a prompt that grows when it is escaped; each says why it isn't the file."""
    share = INLINE_BYTES // 10
    job_id = job_with_copies(harness, [3_000_000 + number for number in range(10)], share, prompt=NASTY)
    results = fetch(harness, job_id, copies=True)
    for number, result in enumerate(results):
        assert len(base64.b64decode(result["image_base64"])) == share
        inline = result["metadata"]["inline"]
        assert (inline["file_type"], inline["quality"], inline["bytes"]) == ("webp", 97, share)
        assert inline["reason"].startswith(f"The png has 3,000,00{number} bytes")
        assert len(requests.get(result["image_url"], timeout=10).content) == 3_000_000 + number
    assert all("image_base64" not in each for each in fetch(harness, job_id, delivery="url"))


def test_copies_are_used_only_where_images_do_not_fit(harness: Harness) -> None:
    """Small images beside large ones are themselves."""
    (only,) = fetch(harness, job_with_copies(harness, [300_000], 100_000))
    assert len(base64.b64decode(only["image_base64"])) == 300_000
    job_id = job_with_copies(harness, [5_000_000, 1_000, 2_000], INLINE_BYTES // 3)
    large, *small = fetch(harness, job_id, copies=True)
    assert len(base64.b64decode(large["image_base64"])) == INLINE_BYTES // 3
    for result, size in zip(small, (1_000, 2_000), strict=True):
        assert base64.b64decode(result["image_base64"]) == random.Random(size).randbytes(size)
        assert not {"image_url"} & result.keys()
        assert "inline" not in result["metadata"]


def test_a_copy_that_is_gone_is_no_failure(harness: Harness) -> None:
    """Its image is a URL, as before there were copies."""
    job_id = job_with_copies(harness, [5_000_000, 5_000_001], 1_000_000)
    aws_clients.s3().delete_object(Bucket=BUCKET, Key=keys.copy_key(ALICE, job_id, 1))
    gone, kept = fetch(harness, job_id, copies=True)
    assert ("image_base64" in gone, "inline" in gone["metadata"]) == (False, False)
    assert ("image_base64" in kept, "inline" in kept["metadata"]) == (True, True)


def crash(*_: Any, **__: Any) -> None:
    raise Crash


def test_a_copy_survives_a_worker_that_dies(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run finds it in the record, encodes nothing and answers with it."""
    monkeypatch.setattr(generate, "INLINE_BYTES", 24_000)
    monkeypatch.setattr(jobs_api, "MAX_BODY", 40_000)
    out = io.BytesIO()
    noise(128, 128).save(out, "PNG")
    harness.provider_client.image = out.getvalue()
    job_id = harness.submit({**CREATE, "width": 128, "height": 128, "provider": "stability"})
    with monkeypatch.context() as dying:
        dying.setattr(JobStore, "finish", crash)
        with pytest.raises(Crash):
            harness.work()
    monkeypatch.setattr(generate, "encode_copy", crash)
    harness.expire(job_id)
    harness.tick()
    harness.work()
    (result,) = fetch(harness, job_id, copies=True)
    assert result["metadata"]["inline"]["file_type"] == "webp"
    assert base64.b64decode(result["image_base64"])[8:12] == b"WEBP"
    assert len(harness.provider_client.paid) == 1
