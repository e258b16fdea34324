"""Submitting: what an Idempotency-Key joins, how inputs are stored, and free work that is done at once."""

import base64
import io
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from PIL import Image
from pydantic import create_model

from image_studio.catalog.load import load_catalog
from image_studio.errors import StudioError
from image_studio.operations.table import OPERATIONS, find_operation
from image_studio.runtime import dispatch, jobs_api
from image_studio.runtime.settings import settings
from image_studio.runtime.submit import Draft
from image_studio.schemas.common import Request
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.schemas.single_image import EditRequest
from image_studio.storage import keys
from tests.jobs.harness import CREATE, Harness, png

ALICE = keys.tenant_of("alice")
KEY = {"idempotency-key": "order-17"}
MASK = png(color=(255, 255, 255))
EDIT = {"operation": "inpaint", "prompt": "a vase", "provider": "stability"}


def text_of(data: bytes, head: str = "") -> str:
    """Base64, after the head of a data URL if one is given."""
    return head + base64.b64encode(data).decode()


# -- Idempotency-Key


def test_a_repeated_request_is_the_same_job(harness: Harness) -> None:
    """While it waits, and with the same body when it is done; paid once."""
    job_id = harness.submit(headers=KEY)
    assert harness.submit(headers=KEY) == job_id
    harness.work()
    bodies = {harness.ask("POST", "/create", body=CREATE, headers=KEY).body for _ in range(3)}
    assert len(bodies) == 1
    assert len(harness.provider_client.paid) == 1
    assert len(harness.ask("GET", "/jobs").json["jobs"]) == 1


def test_the_validated_request_is_compared(harness: Harness) -> None:
    """Order, defaults that are spelled out and ignored fields make no difference; a value does."""
    job_id = harness.submit(headers=KEY)
    same = {"unknown": 1, "num_variations": 1, "quality": None, **dict(reversed(CREATE.items()))}
    assert harness.submit(same, headers=KEY) == job_id
    other = harness.ask("POST", "/create", body={**CREATE, "prompt": "a chair"}, headers=KEY)
    assert (other.status, other.json["code"]) == (400, "idempotency_mismatch")


@pytest.mark.parametrize("wrong", [{"prompt": ""}, {"template_id": "nope"}, {"provider": "nobody"}])
def test_a_refused_request_is_not_remembered(harness: Harness, wrong: dict[str, str]) -> None:
    """Whoever corrects it may use the key again."""
    refused = harness.ask("POST", "/create", body={**CREATE, **wrong}, headers=KEY)
    assert refused.status in (400, 404)
    assert harness.submit(headers=KEY)
    assert len(harness.objects("inputs/")) == 1


def test_a_request_that_was_too_dear_is_not_remembered(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """With credits again, the same key makes the job."""
    poor = {"tier": "free", "sub": "carol"}
    many = {**CREATE, "num_variations": 10, "provider": "stability", "model": "ultra"}
    refused = harness.ask("POST", "/create", body=many, headers=KEY, **poor)
    assert refused.status == 402
    assert harness.submit(many, headers=KEY, sub="carol", tier="enterprise")


def test_joining_needs_nothing_that_making_needs(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller at the end of its credits still gets what it paid for."""
    job_id = harness.submit(headers=KEY)
    harness.work()
    monkeypatch.setenv("CREDITS_ENTERPRISE", str(harness.job(job_id).charged))
    settings.cache_clear()
    assert harness.ask("POST", "/create", body=CREATE).status == 402
    got = harness.ask("POST", "/create", body=CREATE, headers=KEY)
    assert (got.status, got.headers["x-job-id"]) == (200, job_id)


def test_the_key_of_a_removed_job_pays_nothing(harness: Harness) -> None:
    """A late repetition of it doesn't start it again: 409, and the way out."""
    job_id = harness.submit(headers=KEY)
    harness.work()
    assert harness.ask("DELETE", f"/jobs/{job_id}").status == 200
    late = harness.ask("POST", "/create", body=CREATE, headers=KEY)
    assert (late.status, late.json["code"]) == (409, "job_conflict")
    assert "new key" in late.json["detail"]
    assert len(harness.provider_client.paid) == 1


@pytest.mark.parametrize("fails", [(dispatch.Queue, "send"), (jobs_api, "_read")], ids=["queue", "table"])
@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_what_is_recorded_is_accepted(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, fails: tuple[Any, str], prefer: str
) -> None:
    """Though queue or table fail after that: a client without a key would repeat a 503, and pay twice."""

    def fail(*_: Any, **__: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://aws")

    with monkeypatch.context() as outage:
        outage.setattr(*fails, fail)
        answer = harness.ask("POST", "/create", body=CREATE, headers={"prefer": prefer})
    assert answer.status == (202 if prefer or fails[1] == "_read" else 303)
    job_id = answer.json["job_id"]
    harness.expire(job_id)
    harness.tick()
    harness.work()
    assert harness.status(job_id)["status"] == "succeeded"
    assert len(harness.provider_client.paid) == 1


def test_a_key_has_a_bound(harness: Harness) -> None:
    """255 characters are taken, one more is refused."""
    assert harness.submit(headers={"idempotency-key": "k" * 255})
    assert harness.ask("POST", "/create", body=CREATE, headers={"idempotency-key": "k" * 256}).status == 400


# -- templates


TEMPLATES = load_catalog().templates
#: One of each shape, and the others where there is time.
SHAPES = {(each.aspect_ratio.width, each.aspect_ratio.height): name for name, each in TEMPLATES.items()}.values()


@pytest.mark.parametrize(
    "name", [each if each in SHAPES else pytest.param(each, marks=pytest.mark.slow) for each in TEMPLATES]
)
def test_each_template_on_its_recommended_provider(harness: Harness, name: str) -> None:
    """An image of exactly its size, in its style and quality."""
    template = TEMPLATES[name]
    body = {"prompt": "a kite", "enhance_prompt": False, "template_id": template.id}
    job_id = harness.submit({**body, "provider": template.recommended_provider})
    harness.work()
    response = harness.ask("GET", f"/jobs/{job_id}/result?delivery=url").json
    image = harness.objects()[keys.result_key(ALICE, job_id, 1)]
    size = template.aspect_ratio
    assert Image.open(io.BytesIO(image)).size == (size.width, size.height)
    echo = response["request"]
    assert (echo["template_name"], echo["dimensions"]) == (template.name, f"{size.width}x{size.height}")
    assert (echo["style_preset"], echo["quality"]) == (template.style_preset, template.quality)


# -- inputs


def test_the_digest_does_not_depend_on_the_order_of_fields(harness: Harness) -> None:
    """Neither of the body's fields nor of the model's; and it is the same after a deployment."""
    operation = find_operation("edit")
    body = {**EDIT, "image_base64": text_of(b"image"), "seed": 0, "options": {"b": 1, "a": [2, 3]}}
    reordered = {**dict(reversed(body.items())), "options": {"a": [2, 3], "b": 1}}
    fields = {name: (info.annotation, info) for name, info in reversed(EditRequest.model_fields.items())}
    backwards: Any = create_model("Backwards", __base__=Request, **fields, later=(str | None, None))
    drafts = [
        Draft.of(operation, EditRequest.model_validate(body)),
        Draft.of(operation, EditRequest.model_validate(reordered)),
        Draft.of(operation, backwards.model_validate(body)),
    ]
    assert {draft.digest for draft in drafts} == {"025af834f652315ab47df4a9b41fe2819c3f055b8d7f66eff33e95f105db6ae2"}
    assert Draft.of(operation, EditRequest.model_validate({**body, "seed": 1})).digest != drafts[0].digest


def test_images_are_stored_as_bytes(harness: Harness) -> None:
    """Named for their content; the stored request refers to them. The same bytes in another form are the same job."""
    image, mask = png(), MASK
    body = {**EDIT, "image_base64": text_of(image), "mask_base64": text_of(mask, "data:image/png;base64,")}
    job_id = harness.submit(body, "/edit/process", headers=KEY)
    stored = harness.objects(keys.input_prefix(ALICE, job_id))
    document = json.loads(stored.pop(harness.job(job_id).input))
    assert stored == {keys.input_key(ALICE, job_id, sha256(data).hexdigest()): data for data in (image, mask)}
    assert document["image_base64"] == f"input:{sha256(image).hexdigest()}"
    again = {**EDIT, "image_base64": text_of(image, "data:image/png;base64,"), "mask_base64": text_of(mask)}
    assert harness.submit(again, "/edit/process", headers=KEY) == job_id
    harness.work()
    assert harness.status(job_id)["status"] == "succeeded"
    assert harness.ask("DELETE", f"/jobs/{job_id}").status == 200
    assert harness.objects() == {}


@pytest.mark.parametrize("what", ["mask", "request"])
def test_an_input_that_is_gone_ends_the_job(harness: Harness, what: str) -> None:
    """What the lifecycle took can't be worked on; nothing is paid."""
    job_id = harness.submit({**EDIT, "image_base64": text_of(png()), "mask_base64": text_of(MASK)}, "/edit/process")
    mask = keys.input_key(ALICE, job_id, sha256(MASK).hexdigest())
    harness.remove(mask if what == "mask" else harness.job(job_id).input)
    harness.work()
    assert harness.status(job_id)["error"]["code"] == "input_lost"
    assert harness.provider_client.paid == []


@pytest.mark.parametrize("reference", ["input:" + "0" * 64, "input:x", "input:"])
def test_callers_can_not_refer_to_inputs(harness: Harness, reference: str) -> None:
    """The form is ours: from outside it is no image, in paid and in free work."""
    for path, body in (("/edit/process", EDIT), ("/social/optimize", {"platforms": ["instagram"]})):
        answer = harness.ask("POST", path, body={**body, "image_base64": reference})
        assert (answer.status, answer.json["code"]) == (400, "invalid_image")
    masked = {**EDIT, "image_base64": text_of(png()), "mask_base64": reference}
    answer = harness.ask("POST", "/edit/process", body=masked)
    assert (answer.status, answer.json["detail"][:12]) == (400, "mask_base64:")
    assert harness.objects() == {}


def test_an_upload_that_is_too_large_is_a_413(harness: Harness) -> None:
    """However it got into the bucket; the code says so."""
    harness.put(keys.upload_key(ALICE, "0" * 32), bytes(MAX_FILE_BYTES + 1))
    answer = harness.ask("POST", "/edit/process", body={**EDIT, "image_base64": f"upload:{'0' * 32}"})
    assert (answer.status, answer.json["code"]) == (413, "too_large")


@pytest.mark.parametrize(("path", "name"), [("/edit/process", "edit"), ("/social/optimize", "social")])
def test_an_error_outside_a_job_starts_with_the_operations_words(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    """As a job would record it: a 500 of ours while a request is priced, or while free work is done."""

    def fail(*_: Any) -> Any:
        raise StudioError("Something broke.")

    broken = replace(find_operation(name), **{"edit": {"estimate": fail}, "social": {"run": fail}}[name])
    monkeypatch.setitem(OPERATIONS, name, broken)  # type: ignore[arg-type]  # a dict, though it says Mapping
    body = {**EDIT, "image_base64": text_of(png()), "platforms": ["instagram"]}
    answer = harness.ask("POST", path, body=body)
    said = {"edit": "Image editing failed", "social": "Social optimization failed"}[name]
    assert (answer.status, answer.json) == (500, {"detail": f"{said}: Something broke.", "code": "internal_error"})


# -- free work


def optimize(harness: Harness, **body: Any) -> Any:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((600, 400)).convert("RGB").save(out, "PNG")
    body = {"image_base64": text_of(out.getvalue()), "platforms": ["instagram", "facebook"], **body}
    return harness.ask("POST", "/social/optimize", body=body)


def test_fields_without_effect_are_named_in_the_header_and_the_body(harness: Harness) -> None:
    """Beside unknown ones; of free work and of paid."""
    answer = optimize(harness, tint=1, options={"shadow": 1}, format_names={"x": "Post"})
    assert answer.headers["x-ignored-fields"] == "tint, format_names.x, options.shadow"
    assert answer.json["ignored"] == ["format_names.x", "options.shadow"]
    answer = harness.ask("POST", "/create", body={**CREATE, "tint": 1, "persona_id": "acme", "options": {"shadow": 1}})
    assert answer.headers["x-ignored-fields"] == "tint, options.shadow, persona_id"


def test_what_fits_is_inline_and_nothing_is_stored(harness: Harness) -> None:
    """Data URLs of exactly the formats' sizes; no object, no job."""
    answer = optimize(harness, watermark=True)
    assert (answer.status, answer.headers["cache-control"], answer.json["total_optimized"]) == (200, "no-store", 2)
    assert answer.headers["x-ignored-fields"] == "watermark"
    for result in answer.json["results"]:
        head, _, data = result["image_base64"].partition(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (result["width"], result["height"])
        assert not result.keys() & {"image_url", "stored"}
    assert harness.objects() == {}


def test_what_does_not_fit_is_stored_and_linked(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the caller's own prefix; the URL's object is the image."""
    monkeypatch.setattr(jobs_api, "MAX_BODY", 8_000)
    results = optimize(harness, formats="all", platforms=["instagram"]).json["results"]
    linked = [result for result in results if "image_url" in result]
    assert linked
    assert all("image_base64" not in result for result in linked)
    stored = harness.objects()
    assert all(key.startswith(f"results/{ALICE}/") for key in stored)
    sizes = sorted((result["width"], result["height"]) for result in linked)
    assert sorted(Image.open(io.BytesIO(data)).size for data in stored.values()) == sizes


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"image_base64": "!!"}, "invalid_image", "Invalid base64 image payload"),
        ({"platforms": []}, "invalid_request", "platforms"),
        ({"platforms": ["myspace"]}, "unknown_choice", "instagram, facebook, twitter"),
        ({"format_names": {"instagram": "Poster"}}, "unknown_choice", "Feed Post (Square)"),
        ({"crop_mode": "magic"}, "unknown_choice", "smart, center, fit"),
        ({"focal_point": {"x": 0.5}}, "invalid_request", "focal_point.y"),
        ({"output_format": "bmp"}, "unknown_choice", "png"),
        ({"image_base64": "upload:" + "0" * 32}, "not_found", "upload:"),
    ],
    ids=str,
)
def test_a_request_that_can_not_be_done_is_a_sentence(
    harness: Harness, fields: dict[str, Any], code: str, said: str
) -> None:
    """400 or 404, never a 500 for what the caller can mend."""
    answer = optimize(harness, **fields)
    assert (answer.status, answer.json["code"]) == (404 if code == "not_found" else 400, code)
    assert said in answer.json["detail"]
