"""Batches: many requests as one, checked and reserved together, each a job of its own."""

import io
import json
import zipfile
from typing import Any

import pytest

from image_studio.errors import ContentRefused, TemporarilyUnavailable, TooLarge
from image_studio.providers.adapter import ProviderImage, Task
from image_studio.runtime import batch_record, batches, wiring
from image_studio.runtime.api import Call
from image_studio.runtime.auth import Caller
from image_studio.runtime.batches import Source, submit_batch
from image_studio.runtime.settings import TIERS
from image_studio.schemas.batches import MAX_ITEMS, BatchRequest
from image_studio.storage import batches as storage_batches
from image_studio.storage import keys
from image_studio.storage.batches import BatchStore
from local.template import ROOT
from tests.jobs.harness import CREATE, Crash, Harness, png
from tests.jobs.test_library import to_text
from tests.jobs.test_webhooks import Receiver, receiver, register
from tests.security.inside import handler

__all__ = ["receiver"]

ALICE = keys.tenant_of("alice")
PROMPTS = ["a lamp", "a chair", "a table"]
BODY = {
    "operation": "create",
    "items": [{"prompt": prompt} for prompt in PROMPTS],
    "shared": {**CREATE, "provider": "stability"},
}


CROPS = {"operation": "social", "shared": {"image_base64": to_text(png(96, 96)), "platforms": ["instagram"]}}


def submit(harness: Harness, body: Any = BODY, **given: Any) -> Any:
    answer = harness.ask("POST", "/batches", body=body, **given)
    assert answer.status == 202, answer.body
    return answer.json


def show(harness: Harness, batch: Any) -> Any:
    return harness.ask("GET", f"/batches/{batch['batch_id']}").json


def reserved(harness: Harness, sub: str = "alice") -> tuple[int, int, int]:
    """Credits used, credits reserved, and variations in flight."""
    usage = harness.ask("GET", "/usage", sub=sub).json
    return usage["used"], usage["reserved"], usage["in_flight"]


def sweep(harness: Harness) -> None:
    """A reaper's sweep at a time when every lease has run out."""
    for item in harness.records():
        if "lease" in item:
            harness.db.update_item(
                TableName="table",
                Key={name: item[name] for name in ("pk", "sk")},
                UpdateExpression="SET lease_until = :past",
                ExpressionAttributeValues={":past": {"N": "1"}},
            )
    harness.tick()


# -- one reservation, many jobs


def test_every_item_is_a_job_of_one_reservation(harness: Harness) -> None:
    """Shared fields fill what an item leaves out; progress and partial results are there before the end."""
    batch = submit(harness)
    assert batch["status"] == "running"
    assert batch["counts"] == {"total": 3, "succeeded": 0, "failed": 0}
    cost = batch["credits"]["reserved"]
    assert reserved(harness) == (0, cost, 3)
    first = harness.messages()[0]
    harness.deliver(json.loads(first["Body"]))
    seen = show(harness, batch)
    done = [item for item in seen["items"] if item["status"] == "succeeded"]
    assert (len(done), seen["counts"]["succeeded"], seen["status"]) == (1, 1, "running")
    assert harness.ask("GET", done[0]["result_url"].removeprefix("/api/image-studio")).status == 200
    sweep(harness)
    harness.work()
    seen = show(harness, batch)
    assert (seen["status"], seen["counts"]["succeeded"], seen["credits"]["charged"]) == ("completed", 3, cost)
    assert [item["index"] for item in seen["items"]] == [0, 1, 2]
    assert sorted(task.prompt for task in harness.provider_client.paid) == sorted(PROMPTS)
    assert reserved(harness) == (cost, 0, 0)
    assert {harness.status(item["job_id"])["batch_id"] for item in seen["items"]} == {batch["batch_id"]}
    assert len(harness.ask("GET", "/jobs").json["jobs"]) == 3


def test_one_invalid_item_refuses_the_batch_and_is_named(harness: Harness) -> None:
    """Nothing is recorded or reserved."""
    body = {**BODY, "items": [*BODY["items"], {"prompt": "", "color": 1}]}
    answer = harness.ask("POST", "/batches", body=body)
    assert (answer.status, answer.json["detail"]) == (400, "items.3: Prompt must not be empty.")
    assert reserved(harness) == (0, 0, 0)
    assert harness.records("BATCH#") == harness.records("JOB#") == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"items": []}, "items should have at least 1 item after validation, not 0"),
        ({"items": [{}] * 101}, "items should have at most 100 items"),
        ({"items": ["a lamp"]}, "items.0 should be"),
        ({"operation": "paint"}, "Unknown operation 'paint'"),
        ({"shared": {"prompt": "x", "width": 64, "image_base64": 3}, "operation": "upscale"}, "items.0: image_base64"),
        ({**CROPS, "items": [{}, {"format_names": {"nope": "x"}}]}, "items.1: Unknown platform 'nope'"),
    ],
)
def test_what_is_no_batch_is_refused_in_one_sentence(harness: Harness, change: Any, sentence: str) -> None:
    answer = harness.ask("POST", "/batches", body={**BODY, **change})
    assert answer.status == 400
    assert answer.json["detail"].startswith(sentence.partition(" after validation")[0]), answer.body


def test_a_batch_beyond_the_allowance_reserves_nothing(harness: Harness) -> None:
    """Neither beyond the month's credits nor beyond the images at a time of the tier; at the limit it is accepted."""
    most = TIERS["free"].in_flight
    crops = {"image_base64": keys_of(harness), "platforms": ["instagram"]}
    at_limit = {"operation": "social", "shared": crops, "items": [{}] * most}
    over = {**at_limit, "items": [{}] * (most + 1)}
    answer = harness.ask("POST", "/batches", body=over, tier="free")
    assert (answer.status, answer.json["code"], "retry-after" in answer.headers) == (400, "invalid_request", False)
    assert f"at most {most} at a time" in answer.json["detail"], "waiting would not help"
    dear = {**BODY, "shared": {**CREATE, "provider": "stability", "model": "ultra"}, "items": BODY["items"] * 3}
    answer = harness.ask("POST", "/batches", body=dear, tier="free")
    assert (answer.status, answer.json["code"]) == (402, "not_enough_credits")
    assert harness.records("BATCH#") == []
    submit(harness, at_limit, tier="free")
    answer = harness.ask("POST", "/batches", body={**at_limit, "items": [{}]}, tier="free")
    assert (answer.status, answer.json["code"]) == (429, "too_many_requests")


def keys_of(harness: Harness) -> str:
    """An upload of Alice's, as a reference."""
    upload = harness.ask("POST", "/uploads", body={"content_type": "image/png"}).json
    harness.put(keys.upload_key(ALICE, upload["upload_id"]), png(96, 96))
    return str(upload["reference"])


def test_a_hundred_items_fit_into_one_batch(harness: Harness) -> None:
    """More records than one transaction takes."""
    batch = submit(harness, {**BODY, "items": [{}] * 100})
    assert len(harness.records("JOB#")) == 100
    assert reserved(harness) == (0, batch["credits"]["reserved"], 100)
    seen = show(harness, batch)
    assert [item["status"] for item in seen["items"]] == ["queued"] * 100


def test_an_image_for_all_items_is_stored_and_decoded_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    monkeypatch.setattr(batches, "decode_base64", lambda text: decoded.append(text) or png(96, 96))
    image = "data:image/png;base64,AAAA"
    body = {"operation": "edit.remove_background", "shared": {"image_base64": image}, "items": [{}, {"seed": 4}]}
    batch = submit(harness, body)
    assert len(decoded) == 1
    stored = harness.objects(f"inputs/{ALICE}/")
    assert sorted(name.endswith(".json") for name in stored) == [False, True, True]
    assert all(batch["batch_id"] in name for name in stored)
    harness.work()
    assert show(harness, batch)["counts"]["succeeded"] == 2


def test_checking_a_batch_ends_in_time(harness: Harness) -> None:
    with pytest.raises(TooLarge, match="0 of 3 items were checked in -1 seconds"):
        submit_batch(Caller(ALICE, "pro"), BatchRequest(**BODY), Source(seconds=-1))
    assert harness.records("BATCH#") == harness.records("JOB#") == []


def test_unknown_fields_are_named_by_item(harness: Harness) -> None:
    answer = harness.ask("POST", "/batches", body={**BODY, "hue": 1, "items": [{}, {"colour": "red"}]})
    assert answer.headers["x-ignored-fields"] == "hue, items.1.colour"


def test_the_result_of_a_crop_is_that_of_its_own_route(harness: Harness) -> None:
    batch = submit(harness, {**CROPS, "items": [{}]})
    harness.work()
    [item] = show(harness, batch)["items"]
    at_once = harness.ask("POST", "/social/optimize", body=CROPS["shared"])
    assert harness.ask("GET", f"/jobs/{item['job_id']}/result").json == at_once.json


# -- repeats, crashes


def test_a_key_makes_the_whole_post_repeatable(harness: Harness) -> None:
    """Same batch, same jobs, one reservation; another request with the key is refused."""
    headers = {"idempotency-key": "k"}
    batches_seen = {submit(harness, headers=headers)["batch_id"] for _ in range(2)}
    assert (len(batches_seen), len(harness.records("JOB#"))) == (1, 3)
    answer = harness.ask("POST", "/batches", body={**BODY, "items": [{}]}, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, "idempotency_mismatch")
    answer = harness.ask("POST", "/create", body=CREATE, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, "idempotency_mismatch")


@pytest.mark.parametrize("recorded", [0, 2, 3])
def test_a_crash_between_reservation_and_dispatch_loses_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, recorded: int
) -> None:
    """The reaper makes the jobs that are missing, each once, and every one is paid once."""
    made = BatchStore.make_jobs
    monkeypatch.setattr(storage_batches, "STEP", 1)

    def dies(store: BatchStore, batch: Any, wait: int) -> Any:
        for _, _ in zip(range(recorded), made(store, batch, wait), strict=False):
            pass
        raise Crash
        yield

    monkeypatch.setattr(BatchStore, "make_jobs", dies)
    with pytest.raises(Crash):
        harness.ask("POST", "/batches", body=BODY)
    monkeypatch.setattr(BatchStore, "make_jobs", made)
    (batch,) = harness.ask("GET", "/batches").json["batches"]
    assert {item["status"] for item in show(harness, batch)["items"]} == {"queued"}
    sweep(harness)
    harness.work()
    (batch,) = harness.ask("GET", "/batches").json["batches"]
    assert (batch["status"], batch["counts"]["succeeded"]) == ("completed", 3)
    assert len(harness.provider_client.paid) == 3
    assert reserved(harness) == (batch["credits"]["reserved"], 0, 0)


def test_a_batch_that_is_recorded_is_accepted(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its jobs can't be made just now: a client that repeats a 503 would pay for a second batch."""

    def busy(*_: Any) -> None:
        raise TemporarilyUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(BatchStore, "make_jobs", busy)
        batch = submit(harness)
    sweep(harness)
    harness.work()
    assert show(harness, batch)["counts"]["succeeded"] == len(harness.provider_client.paid) == 3


def test_two_runs_make_each_job_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each starts from the same record; the one that comes second goes on where the first one is."""
    monkeypatch.setattr(storage_batches, "STEP", 1)
    monkeypatch.setattr(batches, "start", lambda batch: None)
    batch_id = submit(harness)["batch_id"]
    recorded = wiring.batches().get(ALICE, batch_id)
    assert recorded
    first, second = (wiring.batches().make_jobs(recorded, 60) for _ in range(2))
    made = [[next(first)], list(second), list(first)]
    one, two, three = (recorded.job_id(index) for index in range(3))
    assert [[job.id for job in jobs] for jobs in made] == [[one], [two, three], []]


def test_a_job_that_was_deleted_is_never_made_again(harness: Harness) -> None:
    """Though the reaper or a repeated request starts the batch again."""
    batch = submit(harness, headers={"idempotency-key": "k"})
    harness.work()
    (job, *_) = show(harness, batch)["items"]
    assert harness.ask("DELETE", f"/jobs/{job['job_id']}").status == 200
    submit(harness, headers={"idempotency-key": "k"})
    sweep(harness)
    harness.work()
    assert [item["status"] for item in show(harness, batch)["items"]] == ["deleted", "succeeded", "succeeded"]
    assert len(harness.provider_client.paid) == 3


def test_a_worker_that_dies_between_items_is_outlived(harness: Harness) -> None:
    """Its item may have been charged, so it isn't repeated; the others are done, and the credits are exact."""

    def dies(*_: Any, **__: Any) -> Any:
        raise Crash

    batch = submit(harness)
    harness.provider_client.script = [dies]
    first, *others = harness.messages()
    with pytest.raises(Crash):
        harness.deliver(json.loads(first["Body"]))
    for message in others:
        harness.deliver(json.loads(message["Body"]))
        harness.deliver(json.loads(message["Body"]))  # twice, as queues may
    sweep(harness)
    harness.work()
    seen = show(harness, batch)
    assert (seen["status"], seen["counts"]) == ("completed", {"total": 3, "succeeded": 2, "failed": 1})
    assert sorted(item["error"]["code"] for item in seen["items"] if item["error"]) == ["unknown_charge"]
    assert len(harness.provider_client.paid) == 3
    sweep(harness)  # ends the hold
    used, left, in_flight = reserved(harness)
    assert (used, left, in_flight) == (seen["credits"]["charged"], 0, 0)


# -- stopping


def test_stopping_ends_what_is_queued_and_nothing_else(harness: Harness) -> None:
    batch = submit(harness)
    harness.deliver(json.loads(harness.messages()[0]["Body"]))
    answer = harness.ask("DELETE", f"/batches/{batch['batch_id']}")
    assert answer.json == {"batch_id": batch["batch_id"], "stopped": 2}
    assert harness.ask("DELETE", f"/batches/{batch['batch_id']}").json["stopped"] == 0
    seen = show(harness, batch)
    assert (seen["status"], seen["counts"]["failed"]) == ("completed", 2)
    assert reserved(harness) == (seen["credits"]["charged"], 0, 0)


def test_stopping_ends_in_time(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is stopped by another request."""
    batch = submit(harness)
    with monkeypatch.context() as hurried:
        left = iter((1.0, 0.0, 0.0))
        hurried.setattr(Call, "time_left", lambda _: next(left))
        assert harness.ask("DELETE", f"/batches/{batch['batch_id']}").json["stopped"] == 1
    assert harness.ask("DELETE", f"/batches/{batch['batch_id']}").json["stopped"] == 2


# -- announcements


def test_one_webhook_at_the_end_instead_of_one_per_item(harness: Harness, receiver: Receiver) -> None:
    """To endpoints and to the batch's own URL; an item's own URL is called for its job."""
    register(harness, receiver)
    items = [*BODY["items"][:2], {"webhook_url": f"{receiver.origin}/item"}]
    harness.provider_client.script = [ContentRefused()]
    batch = submit(harness, {**BODY, "items": items, "webhook_url": f"{receiver.origin}/batch"})
    harness.work(60)
    calls = {
        (headers["path"], event["type"]) for (headers, _), event in zip(receiver.got, receiver.events, strict=True)
    }
    assert {path for path, _ in calls} == {"/hook", "/batch", "/item"}
    assert {kind for path, kind in calls if path != "/item"} == {"batch.completed"}
    assert len(receiver.got) == 3
    (event, *_) = [each for each in receiver.events if each["type"] == "batch.completed"]
    assert event["data"]["counts"] == {"total": 3, "succeeded": 2, "failed": 1}
    assert event["data"]["zip_url"].endswith(f"/batches/{batch['batch_id']}/zip")
    assert {headers["webhook-id"] for headers, _ in receiver.got if headers["path"] != "/item"} == {
        f"msg_{batch['batch_id']}"
    }


def test_an_announcement_that_was_lost_is_asked_for_again(harness: Harness, receiver: Receiver) -> None:
    """By the reaper; afterwards the batch has no lease."""
    register(harness, receiver)
    batch = submit(harness)
    for message in harness.messages():
        harness.deliver(json.loads(message["Body"]))
    assert [json.loads(each["Body"])["webhook"] for each in harness.messages()] == ["announce"]  # lost
    sweep(harness)
    harness.work()
    assert receiver.ids == [f"msg_{batch['batch_id']}"]
    (record,) = harness.records("BATCH#")
    assert "lease" not in record


# -- the zip


def test_the_results_come_in_one_file(harness: Harness) -> None:
    """Made by the worker when somebody asks; failed items are left out; a deleted job's images leave with it."""

    def answers(task: Task, **_: Any) -> ProviderImage:
        if task.prompt == "refused":
            raise ContentRefused
        return ProviderImage(harness.provider_client.image, task.seed)

    harness.provider_client.script = [answers] * 4
    body = {**BODY, "items": [{}, {"prompt": "refused"}, {"num_variations": 2}]}
    batch = submit(harness, body)
    path = f"/batches/{batch['batch_id']}/zip"
    assert harness.ask("GET", path).json["code"] == "job_conflict"
    harness.work()
    for _ in range(3):
        answer = harness.ask("GET", path)
        assert (answer.status, answer.json["url"]) == (202, None)
        assert answer.headers["location"] == show(harness, batch)["zip_url"]
    assert harness.work() == 1, "polls ask for one zip"
    answer = harness.ask("GET", path)
    assert (answer.status, answer.json["expires_in"]) == (200, 900)
    assert "X-Amz-" in answer.json["url"] or "Signature" in answer.json["url"]
    files = zipped(harness, batch)
    assert sorted(files) == ["001.png", "003-1.png", "003-2.png"]
    assert len(files) == answer.json["images"]
    assert {data[:4] for data in files.values()} == {b"\x89PNG"}
    third = show(harness, batch)["items"][2]["job_id"]
    assert harness.ask("DELETE", f"/jobs/{third}").status == 200
    assert harness.ask("GET", path).status == 202
    harness.work()
    assert list(zipped(harness, batch)) == ["001.png"]


def zipped(harness: Harness, batch: Any) -> dict[str, bytes]:
    key = keys.zip_key(ALICE, batch["batch_id"])
    archive = zipfile.ZipFile(io.BytesIO(harness.objects(key)[key]))
    return {name: archive.read(name) for name in archive.namelist()}


def test_results_that_are_too_large_for_one_file_are_refused(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit they aren't."""
    batch = submit(harness)
    harness.work()
    path = f"/batches/{batch['batch_id']}/zip"
    size = harness.ask("GET", path).json["bytes"]
    for most, status in ((size, 202), (size - 1, 413)):
        monkeypatch.setattr(batch_record, "MAX_ZIP_BYTES", most)
        monkeypatch.setattr("image_studio.runtime.batches_api.MAX_ZIP_BYTES", most)
        assert harness.ask("GET", path).status == status


# -- whose they are


def test_nobody_lists_another_callers_batches(harness: Harness) -> None:
    """And what no id can be is an unknown batch."""
    submit(harness)
    assert harness.ask("GET", "/batches", sub="mallory").json == {"batches": [], "next": None}
    assert {harness.ask("GET", f"/batches/{each}").status for each in ("../x", "\u00e9", "0" * 129)} == {404}


def test_batches_are_listed_newest_first(harness: Harness) -> None:
    made = [submit(harness)["batch_id"] for _ in range(3)]
    first = harness.ask("GET", "/batches?limit=2").json
    rest = harness.ask("GET", first["next"].removeprefix("/api/image-studio")).json
    listed = [each["batch_id"] for each in [*first["batches"], *rest["batches"]]]
    assert (listed, rest["next"]) == (made[::-1], None)


# -- the hot folder


def drop(harness: Harness, path: str, data: bytes) -> Any:
    harness.put(f"inbox/{path}", data)
    detail = {"bucket": {"name": "bucket"}, "object": {"key": f"inbox/{path}", "sequencer": "1"}}
    handler("WorkerFunction")({"detail-type": "Object Created", "detail": detail}, None)
    return harness.objects(f"outbox/{path}")


def test_lines_of_the_hot_folder_are_a_batch(harness: Harness) -> None:
    """Each line's result is in a folder named for its number; the same event again changes nothing."""
    lines = b"\n".join(json.dumps({**CREATE, "provider": "stability", **item}).encode() for item in BODY["items"])
    for _ in range(2):
        drop(harness, "create/list.jsonl", lines + b"\n")
    harness.work()
    found = harness.objects("outbox/")
    assert [name.removeprefix("outbox/create/list.jsonl/") for name in sorted(found)] == [
        "1/1.png", "1/result.json", "2/2.png", "2/result.json", "3/3.png", "3/result.json", "result.json",
    ]  # fmt: skip
    whole = json.loads(found["outbox/create/list.jsonl/result.json"])
    assert (whole["input"], whole["counts"]["succeeded"]) == ("inbox/create/list.jsonl", 3)
    assert len(harness.provider_client.paid) == 3


def test_a_folder_fills_the_field_of_every_line(harness: Harness) -> None:
    image = keys_of(harness)
    harness.put(keys.upload_key(keys.OPERATOR, image.removeprefix("upload:")), png(96, 96))
    drop(harness, "social/instagram/list.jsonl", json.dumps({"image_base64": image}).encode())
    harness.work()
    assert "outbox/social/instagram/list.jsonl/result.json" in harness.objects("outbox/")


@pytest.mark.parametrize(
    ("path", "data", "sentence"),
    [
        ("create/x.jsonl", b'{"prompt": "a"}\n[]', "line 2: This is not a JSON object."),
        ("create/x.jsonl", b'{"prompt": "a"}\n{"prompt": ""}', "line 2: Prompt must not be empty."),
        ("create/x.jsonl", b"", "line 1: This is not a JSON object."),
        ("create/x.jsonl", b"{}\n" * 101, "A file of requests has at most 100 lines; this one has 101."),
        ("paint/x.jsonl", b"{}", "Unknown folder 'paint'. Valid: create, edit, upscale, control, social."),
    ],
)
def test_a_file_that_is_no_batch_gets_an_error(harness: Harness, path: str, data: bytes, sentence: str) -> None:
    (error,) = drop(harness, path, data).values()
    assert json.loads(error)["detail"] == sentence
    assert harness.records("JOB#") == []


def test_the_guide_says_what_the_code_allows() -> None:
    guide = " ".join((ROOT / "docs/guides/batches.md").read_text().split())
    for name, tier in TIERS.items():
        assert f"| {name} | {tier.in_flight} |" in guide
    assert f"up to {MAX_ITEMS} requests" in guide
    assert f"after {batches.CHECK_SECONDS:g} seconds" in guide
    assert f"At most {batch_record.MAX_ZIP_BYTES // 1_000_000} MB" in guide
