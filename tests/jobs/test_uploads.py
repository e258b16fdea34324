"""Uploads: a form for one image, references that stand for it, jobs that wait for it."""

import time
from typing import Any

import pytest
import requests

from image_studio.errors import TemporarilyUnavailable
from image_studio.runtime import jobs_api, uploads, wiring
from image_studio.runtime.settings import settings
from image_studio.runtime.uploads import main_image_field
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.schemas.single_image import ControlRequest, EditRequest, UpscaleRequest
from image_studio.schemas.social import SocialRequest
from image_studio.storage import keys
from image_studio.storage.jobs import JobStore
from tests.jobs.harness import CREATE, Harness, png

ALICE = keys.tenant_of("alice")
UPSCALE = {"mode": "conservative", "target_width": 128, "target_height": 128}
EDIT = {"operation": "remove_background"}
PNG = {"content_type": "png"}


def upload(harness: Harness, **body: Any) -> Any:
    answer = harness.ask("POST", "/uploads", body={"content_type": "image/png", **body})
    assert answer.status == 200, answer.body
    return answer.json


def send(harness: Harness, form: Any, data: bytes | None = None, *, event: bool = True) -> None:
    """Send the file with the form, and S3's event after it."""
    sent = requests.post(form["url"], data=form["fields"], files={"file": data or png()}, timeout=10)
    assert sent.status_code == 204
    if event:
        arrive(harness, form["fields"]["key"])


def arrive(harness: Harness, key: str, size: int = 1) -> None:
    found = {"key": key, "size": size, "etag": "e", "sequencer": "1"}
    detail = {"bucket": {"name": harness.bucket}, "object": found}
    harness.deliver({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def test_a_form_says_everything(harness: Harness) -> None:
    """Where to send the file, what stands for it, how large it may be and how long the form lives; no job."""
    form = upload(harness)
    assert form["reference"] == f"upload:{form['upload_id']}"
    assert form["fields"]["key"] == f"uploads/{ALICE}/{form['upload_id']}"
    assert form["fields"]["Content-Type"] == "image/png"
    assert (form["max_bytes"], form["expires_in"]) == (MAX_FILE_BYTES, 900)
    assert "job_id" not in form
    send(harness, form)
    assert harness.messages() == []


def test_a_put_is_as_good_as_the_form(harness: Harness) -> None:
    """The same object under the same reference, whatever type it claims."""
    form = upload(harness, operation="edit", request=EDIT)
    assert requests.put(form["put_url"], data=png(), headers={"Content-Type": "text/html"}, timeout=10).ok
    arrive(harness, form["fields"]["key"])
    harness.work()
    assert harness.status(form["job_id"])["status"] == "succeeded"


def test_a_put_that_is_too_large_is_deleted(harness: Harness) -> None:
    """Its job ends with the reason, free of charge; at the limit it stays."""
    form = upload(harness, operation="edit", request=EDIT)
    key = form["fields"]["key"]
    for size, kept in ((MAX_FILE_BYTES + 1, False), (MAX_FILE_BYTES, True)):
        harness.put(key, bytes(size))
        arrive(harness, key, size)
        assert (key in harness.objects("uploads/")) == kept
        if not kept:
            answer = harness.ask("POST", "/upscale", body={**UPSCALE, "image_base64": form["reference"]})
            assert (answer.status, "at most 20 MB" in answer.json["detail"]) == (404, True)
    failed = harness.status(form["job_id"])
    assert (failed["error"]["code"], failed["credits"]["charged"]) == ("too_large", 0)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("png", "png"),
        ("image/jpeg", "jpeg"),
        ("JPG", "jpeg"),
        ("webp", "webp"),
        ("image/heif", "heic"),
        ("AVIF", "avif"),
    ],
)
def test_types_are_understood(harness: Harness, said: str, meant: str) -> None:
    """As people and browsers write them."""
    assert upload(harness, content_type=said)["fields"]["Content-Type"] == f"image/{meant}"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "content_type is required"),
        ({"content_type": "image/gif"}, "png, jpeg, webp"),
        ({**PNG, "operation": "paint"}, "Unknown operation 'paint'"),
        ({**PNG, "operation": "create", "request": CREATE}, "takes no image"),
        ({**PNG, "request": {}}, "needs operation"),
        ({**PNG, "operation": "edit", "request": {**EDIT, "image_base64": "x"}}, "Leave image_base64 out"),
        ({**PNG, "operation": "edit", "request": {"operation": "inpaint"}}, "Prompt is required"),
        ({**PNG, "operation": "edit", "request": {}}, "Operation is required"),
        ({**PNG, "operation": "edit.inpaint", "request": {}}, "Prompt is required for inpainting"),
        ({**PNG, "operation": "edit.erase", "request": EDIT}, "are different operations"),
        ({**PNG, "operation": "edit.enlarge"}, "Unknown operation 'enlarge'"),
        ({**PNG, "operation": "upscale", "request": {"preset": "poster"}}, "poster"),
    ],
)
def test_what_needs_no_image_is_checked_at_once(harness: Harness, body: dict[str, Any], says: str) -> None:
    """400 in one sentence, and nothing is on record."""
    answer = harness.ask("POST", "/uploads", body=body)
    assert answer.status == 400
    assert says in answer.json["detail"]
    assert harness.ask("GET", "/jobs").json["jobs"] == []


def test_references_are_images_of_their_owner(harness: Harness) -> None:
    """`upload:<id>` and `job:<id>/<variation>` go wherever an image goes.

    For anybody else they don't exist; nor does what was never sent, another variation, or nonsense.
    """
    form = upload(harness)
    send(harness, form)
    first = harness.submit({**UPSCALE, "image_base64": form["reference"]}, "/upscale")
    harness.work()
    larger = {**UPSCALE, "target_width": 256, "target_height": 256}
    again = [harness.submit({**larger, "image_base64": f"job:{first}{end}"}, "/upscale") for end in ("", "/1")]
    harness.work()
    assert [harness.status(job_id)["status"] for job_id in (first, *again)] == ["succeeded"] * 3
    zeros = "0" * 32
    nothing = [f"upload:{zeros}", f"job:{first}/2", f"job:{zeros}", "upload:../x", f"{form['reference']}/1", "job:"]
    foreign = [form["reference"], f"job:{first}"]
    for reference, sub in [*((each, "mallory") for each in foreign), *((each, "alice") for each in nothing)]:
        answer = harness.ask("POST", "/upscale", body={**UPSCALE, "image_base64": reference}, sub=sub)
        assert (answer.status, answer.json["code"]) == (404, "not_found"), reference
    assert len(harness.provider_client.paid) == 3


def test_an_upload_is_kept_for_its_days(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """After that it is unknown, whether the lifecycle took it yet or not."""
    form = upload(harness)
    send(harness, form)
    now = time.time
    monkeypatch.setattr("image_studio.runtime.references.time.time", lambda: now() + 24 * 3600 + 5)
    assert harness.ask("POST", "/upscale", body={**UPSCALE, "image_base64": form["reference"]}).status == 404


@pytest.mark.parametrize(
    ("operation", "request_", "name"),
    [
        ("edit", EDIT, "edit.remove_background"),
        ("edit.remove_background", {}, "edit.remove_background"),
        ("Remove_Background", {"provider": "stability"}, "edit.remove_background"),
        ("edit.remove_background", {"operation": "edit.remove_background"}, "edit.remove_background"),
        ("upscale.fast", None, "upscale.fast"),
        ("upscale", {"mode": "fast"}, "upscale.fast"),
        ("upscale", None, "upscale"),
        ("control.sketch", {"prompt": "a castle"}, "control.sketch"),
    ],
)
def test_an_upload_and_its_job_name_an_operation_alike(
    harness: Harness, operation: str, request_: Any, name: str
) -> None:
    """In full, or by its group and the request's own operation or mode."""
    form = upload(harness, operation=operation, request=request_)
    assert harness.status(form["job_id"])["operation"] == name


def test_a_job_waits_for_its_image(harness: Harness) -> None:
    """It exists at once, can be asked for from the start, and runs when the image is there."""
    form = upload(harness, operation="edit", request=EDIT)
    job_id = form["job_id"]
    assert job_id == form["upload_id"]
    assert harness.status(job_id)["awaits_upload"] == job_id
    assert harness.ask("GET", f"/jobs/{job_id}/result").status == 303
    assert harness.work() == 0
    send(harness, form)
    assert harness.status(job_id)["awaits_upload"] is None
    harness.work()
    answer = harness.ask("GET", f"/jobs/{job_id}/result")
    assert answer.status == 200
    assert answer.json["image_base64"].startswith("data:image/png;base64,")
    assert harness.status(job_id)["credits"]["charged"] > 0


def test_an_upload_that_comes_twice_runs_once(harness: Harness) -> None:
    """Duplicate and late events, and a second use of the form, start nothing more."""
    form = upload(harness, operation="edit", request=EDIT)
    for _ in range(3):
        send(harness, form)
    harness.work()
    arrive(harness, form["fields"]["key"])
    assert harness.work() == 0
    assert len(harness.provider_client.paid) == 1


def test_the_same_request_waits_once(harness: Harness) -> None:
    """With an Idempotency-Key the second POST gives a form for the same upload, and the same job."""
    body = {**PNG, "operation": "upscale", "request": UPSCALE}
    key = {"idempotency-key": "k"}
    first, second = (harness.ask("POST", "/uploads", body=body, headers=key).json for _ in range(2))
    assert first["job_id"] == second["job_id"] == second["upload_id"]
    assert first["fields"]["key"] == second["fields"]["key"]
    other = {**body, "request": {**UPSCALE, "target_width": 256}}
    assert harness.ask("POST", "/uploads", body=other, headers=key).json["code"] == "idempotency_mismatch"


def test_the_key_of_a_removed_job_is_a_conflict(harness: Harness) -> None:
    """As for every other request: the id is one that the caller didn't send."""
    body, key = {**PNG, "operation": "edit", "request": EDIT}, {"idempotency-key": "k"}
    form = harness.ask("POST", "/uploads", body=body, headers=key).json
    for _ in range(2):  # stopped, then removed
        assert harness.ask("DELETE", f"/jobs/{form['job_id']}").status == 200
    answer = harness.ask("POST", "/uploads", body=body, headers=key)
    assert (answer.status, answer.json["code"]) == (409, "job_conflict")


def test_ignored_fields_are_named(harness: Harness) -> None:
    """Those of the upload and those of its request."""
    body = {**PNG, "color": 1, "operation": "edit", "request": {**EDIT, "tint": 2}}
    assert harness.ask("POST", "/uploads", body=body).headers["x-ignored-fields"] == "color, request.tint"


def test_an_image_that_is_none_fails_its_job(harness: Harness) -> None:
    """When it arrives: with the words that a POST with it would have had; nothing is paid, nothing stays reserved."""
    form = upload(harness, operation="edit", request=EDIT)
    send(harness, form, b"not an image")
    answer = harness.ask("GET", f"/jobs/{form['job_id']}/result")
    assert (answer.status, answer.json["code"]) == (400, "invalid_image")
    assert harness.work() == 0
    assert harness.ask("GET", "/usage").json["reserved"] == 0


def test_credits_that_depend_on_the_image_are_reserved_with_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not enough of them fails the job before anything is paid."""
    form = upload(harness, operation="upscale", request=UPSCALE)
    assert harness.status(form["job_id"])["credits"]["reserved"] == 0
    send(harness, form)
    assert harness.status(form["job_id"])["credits"]["reserved"] > 0
    monkeypatch.setenv("CREDITS_ENTERPRISE", "1")
    settings.cache_clear()
    second = upload(harness, operation="upscale", request=UPSCALE)
    send(harness, second)
    assert harness.status(second["job_id"])["error"]["code"] == "not_enough_credits"


def test_an_upload_that_never_comes_fails_its_job(harness: Harness) -> None:
    """Clearly, after its time; a late one changes nothing."""
    form = upload(harness, operation="edit", request=EDIT)
    harness.tick()
    assert harness.status(form["job_id"])["status"] == "queued"
    harness.expire(form["job_id"])
    harness.tick()
    answer = harness.ask("GET", f"/jobs/{form['job_id']}/result")
    assert (answer.status, answer.json["code"]) == (400, "upload_missing")
    send(harness, form)
    assert harness.work() == 0


def test_a_lost_event_is_made_good(harness: Harness) -> None:
    """The image is there and nobody said so: the reaper looks before it gives up."""
    form = upload(harness, operation="edit", request=EDIT)
    send(harness, form, event=False)
    harness.expire(form["job_id"])
    harness.tick()
    harness.work()
    assert harness.status(form["job_id"])["status"] == "succeeded"


def test_a_job_that_can_not_start_ends(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event comes again after an unexpected failure; the reaper is the last to try."""
    form = upload(harness, operation="edit", request=EDIT)
    send(harness, form, event=False)
    monkeypatch.setattr(uploads, "stored_inputs", lambda *_: 1 / 0)
    detail = {"bucket": {"name": "b"}, "object": {"key": form["fields"]["key"]}}
    assert harness.deliver({"detail-type": "Object Created", "detail": detail})["batchItemFailures"]
    assert harness.status(form["job_id"])["status"] == "queued"
    harness.expire(form["job_id"])
    harness.tick()
    assert harness.status(form["job_id"])["error"]["code"] == "internal_error"


def test_a_busy_table_ends_no_job_that_can_start(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reaper's next sweep tries again."""

    def busy(*_: Any, **__: Any) -> None:
        raise TemporarilyUnavailable

    form = upload(harness, operation="edit", request=EDIT)
    send(harness, form, event=False)
    for outage in (True, False):
        with monkeypatch.context() as patch:
            if outage:
                patch.setattr(JobStore, "arrived", busy)
            harness.expire(form["job_id"])
            harness.tick()
    harness.work()
    assert harness.status(form["job_id"])["status"] == "succeeded"


def test_a_job_whose_upload_arrives_is_not_stopped_at_its_old_price(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the job and its end credits were reserved, which nobody would give back."""
    form = upload(harness, operation="upscale", request=UPSCALE)
    end = jobs_api.end_job

    def end_late(*given: Any, **named: Any) -> bool:
        send(harness, form)
        return end(*given, **named)

    monkeypatch.setattr(jobs_api, "end_job", end_late)
    assert harness.ask("DELETE", f"/jobs/{form['job_id']}").status == 409
    harness.work()
    usage = harness.ask("GET", "/usage").json
    assert (usage["used"], usage["reserved"]) == (40, 0)


def test_a_waiting_job_can_be_stopped(harness: Harness) -> None:
    """Then its image starts nothing."""
    form = upload(harness, operation="edit", request=EDIT)
    assert harness.ask("DELETE", f"/jobs/{form['job_id']}").json["stopped"]
    send(harness, form)
    assert harness.work() == 0
    assert wiring.jobs().get(ALICE, form["job_id"])


def test_every_operation_has_a_main_image() -> None:
    """The field that an upload fills, read off the request's class."""
    fields = [main_image_field(kind) for kind in (ControlRequest, EditRequest, UpscaleRequest, SocialRequest)]
    assert fields == ["control_image_base64", "image_base64", "image_base64", "image_base64"]
