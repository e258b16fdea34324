"""WaveSpeed AI: whole requests, and what its envelopes mean."""

import pytest

from image_studio.errors import (
    ContentRefused,
    NotCharged,
    ProviderKeyRefused,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import fit_task
from image_studio.providers.adapter import HttpResponse, Pending, ResultUrl
from image_studio.providers.spec import nearest_size
from image_studio.providers.wavespeed import SPEC, build_poll, build_request, read_error, read_response
from tests.providers.tasks import (
    GIVEN,
    IMAGE_URI,
    INSTRUCTIONS,
    KEEP,
    MASK_URI,
    MASKED,
    base64_of,
    cell_id,
    cells,
    full_task,
    json_response,
)

FOX = {"prompt": "a red fox"}
SEED = {"seed": 7}
SIZE = {"size": "1200*628"}
PNG = {"output_format": "png"}
ONE = {"image": IMAGE_URI}
MASKED_ONE = FOX | ONE | {"mask_image": MASK_URI}
AVOID = {"prompt": "a red fox. Avoid: blurry."}
QWEN = SEED | SIZE | PNG
CONTROLLED = {
    "control_image": IMAGE_URI,
    "guidance_scale": 6.5,
    "num_inference_steps": 20,
    "width": 1200,
    "height": 628,
}
UPSCALED = ONE | PNG | {"target_resolution": "2k"}


def edits(name: str, settings: dict[str, object], *more: str, one: bool = False) -> dict[tuple[str, str], object]:
    """The bodies of a model that edits by instruction: three operations that all of them have, and more."""
    bodies: dict[tuple[str, str], object] = {}
    for operation in ("edit.general_edit", "edit.search_replace", "edit.search_recolor", *more):
        prompt, blobs = INSTRUCTIONS[operation]
        images = base64_of(blobs, "data:image/png;base64,")
        bodies[name, operation] = {"prompt": prompt} | settings | ({"image": images[0]} if one else {"images": images})
    return bodies


BODIES = {
    ("ideogram-v3-turbo", "create"): AVOID | {"aspect_ratio": "16:9"},
    ("ideogram-v3-turbo", "edit.inpaint"): MASKED_ONE | AVOID,
    ("ideogram-v3-turbo", "control.style"): AVOID | {"aspect_ratio": "16:9", "reference_images": [IMAGE_URI]},
    ("qwen-image", "create"): AVOID | QWEN,
    ("z-image-turbo", "create"): AVOID | SEED | SIZE,
    **edits("qwen-edit", QWEN, one=True),
    **edits("qwen-edit-plus", QWEN, "edit.relight", "control.style_transfer"),
    **edits("flux-kontext-pro", {"guidance_scale": 6.5}, one=True),
    **edits("seedream-v4.5-edit", {"size": "1957*1024"}),
    **edits("seedream-v5.0-flash-edit", {"resolution": "2k"} | PNG),
    **edits("nano-banana-2.1-edit", {"resolution": "1k"} | PNG, "edit.relight", "control.style_transfer"),
    **edits("nano-banana-pro-edit-ultra", {"resolution": "4k"} | PNG),
    ("z-image-turbo-inpaint", "edit.inpaint"): MASKED_ONE | AVOID | SIZE,
    ("z-image-turbo-inpaint", "edit.erase"): MASKED_ONE
    | SIZE
    | {"prompt": "Empty background that continues the surroundings, nothing standing out. Avoid: blurry."},
    ("z-image-turbo-inpaint", "edit.outpaint"): MASKED_ONE | AVOID | SIZE,
    ("image-eraser", "edit.erase"): MASKED_ONE,
    ("image-background-remover", "edit.remove_background"): ONE,
    ("image-upscaler", "upscale.fast"): UPSCALED,
    ("ultimate-image-upscaler", "upscale.conservative"): UPSCALED,
    ("ultimate-image-upscaler", "upscale.creative"): UPSCALED,
    ("flux-controlnet-union-pro-2.0", "control.sketch"): FOX
    | SEED
    | CONTROLLED
    | {"controlnet_conditioning_scale": 0.8},
    ("flux-controlnet-union-pro-2.0", "control.structure"): FOX
    | SEED
    | CONTROLLED
    | {"controlnet_conditioning_scale": 0.0},
}


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
def test_whole_requests(model, operation):
    """Each model's request for each operation is exactly what its page lists, field by field."""
    task, _ = fit_task(full_task(operation), model)
    call = build_request(model, task)
    assert call.json == BODIES[model.name, operation]
    assert (call.method, call.path, call.form, call.query) == ("POST", f"/api/v3/{model.endpoint}", None, {})


@pytest.mark.parametrize(("side", "word", "credits"), [(1_200, "1k", 4), (2_000, "2k", 6), (4_000, "4k", 14)])
def test_the_resolution_follows_size_and_price(side, word, credits):
    """Where it has a price of its own; a twentieth too few pixels are not worth the next one."""
    model = SPEC.model("nano-banana-2.1-edit")
    task = full_task("edit.general_edit", width=side, height=side // 2)
    assert build_request(model, task).json["resolution"] == word
    assert model.price(nearest_size(model, side, side // 2)) == credits


def test_seeds_fit_the_wire_and_stay_apart():
    """Seeds beyond 31 bits are folded: the same one is the same, neighbors differ."""
    model = SPEC.model("qwen-image")
    sent = [build_request(model, full_task("create", seed=seed)).json["seed"] for seed in (0, 2**31, 2**31 + 1)]
    assert sent == [0, 0, 1]


def test_the_masks_image_is_explained_to_models_that_see_several():
    """A model without a mask field, but with room for a second image, gets a prompt that says what the mask is."""
    task = full_task("edit.general_edit", images=GIVEN["edit.inpaint"][0], negative_prompt=None)
    body = build_request(SPEC.model("qwen-edit-plus"), task).json
    assert body["images"] == [IMAGE_URI, MASK_URI]
    assert body["prompt"] == f"a red fox. {MASKED} {KEEP}"
    assert "mask" not in build_request(SPEC.model("qwen-edit"), task).json["prompt"]


@pytest.mark.parametrize(("side", "word"), [(1_000, "2k"), (2_048, "2k"), (2_049, "4k"), (4_096, "4k"), (8_192, "4k")])
def test_upscalers_are_asked_for_the_class_that_suffices(side, word):
    """The smallest class that reaches the target is asked for; one that we could not decode never is."""
    task = full_task("upscale.fast", width=side, height=side // 2)
    assert build_request(SPEC.model("image-upscaler"), task).json["target_resolution"] == word


# -- answers


MODEL = SPEC.model("qwen-image")
ID = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
URL = "https://d1q70pf5vjeyhc.cloudfront.net/predictions/1.png"


def reply(data, status=200, code=200, message="success"):
    return json_response({"code": code, "message": message, "data": data}, status)


DONE = {"id": ID, "status": "completed", "outputs": [URL], "has_nsfw_contents": [False]}


@pytest.mark.parametrize(
    ("found", "handle", "outcome"),
    [
        (reply({"id": ID, "status": "created", "outputs": []}), None, Pending(ID, 1.0)),
        (reply({"id": ID, "status": "processing"}), ID, Pending(ID, 1.0)),
        (reply({"status": "processing"}), ID, Pending(ID, 1.0)),
        (reply({"id": ID, "status": "queued"}), None, Pending(ID, 1.0)),
        (reply({"id": ID, "status": "processing", "code": 5004, "error": "timed out"}), None, Pending(ID, 1.0)),
        (reply(DONE), ID, ResultUrl(URL)),
        (reply(DONE | {"seed": 9}), ID, ResultUrl(URL, 9)),
        (reply(DONE | {"status": "succeeded"}), ID, ResultUrl(URL)),
        (json_response(DONE), ID, ResultUrl(URL)),
        (json_response({"id": ID, "status": "created"}), None, Pending(ID, 1.0)),
    ],
)
def test_answers(found, handle, outcome):
    """Submitted, on its way or done, in an envelope or bare; a sync time-out is only on its way."""
    assert read_response(MODEL, found, handle) == outcome


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        (reply(DONE | {"outputs": []}), ResultUnusable, "finished without an image"),
        (reply(DONE | {"outputs": [{"url": URL}]}), ResultUnusable, "finished without an image"),
        (reply(DONE | {"outputs": "x"}), ResultUnusable, "finished without an image"),
        (reply(DONE | {"has_nsfw_contents": [True]}), ResultUnusable, "Change the prompt"),
        (reply({"id": ID, "status": "failed", "error": "flagged by Safety checker"}), ContentRefused, "flagged by Saf"),
        (reply({"status": "failed", "error": "y" * 400}), ResultUnusable, "could not make the image: " + "y" * 300),
        (reply({"id": ID, "status": "cancelled"}), ResultUnusable, "could not make the image: cancelled"),
        (reply({"id": ID}), ResultUnusable, "could not make the image: no status"),
        (reply({"id": "../balance", "status": "created"}), UnknownCharge, "no prediction id"),
        (reply({"status": "created"}), UnknownCharge, "no prediction id"),
        (reply(None, code=401), ProviderKeyRefused, "refused our key"),
        (reply(None, code=500), UnknownCharge, "answer was lost (500)"),
        (reply([1]), UnknownCharge, "could not be read"),
        (json_response(["x"]), UnknownCharge, "could not be read"),
        (HttpResponse(200, {}, b'{"code": 200, "data": {"id"'), UnknownCharge, "could not be read"),
    ],
)
def test_answers_without_an_image(found, error, words):
    """A failed task may have been charged; an error in the envelope of a 200 is what its code says."""
    with pytest.raises(error) as failed:
        read_response(MODEL, found)
    assert type(failed.value) is error
    assert words in failed.value.detail


@pytest.mark.parametrize(
    ("status", "message", "error", "words"),
    [
        (400, "schema", NotCharged, "did not accept the request: schema"),
        (403, "account suspended", ProviderUnavailable, "denied access"),
        (403, "content policy violation", ContentRefused, "refused this request: content policy violation"),
        (422, "content policy", NotCharged, "did not accept"),
        (500, "oops", UnknownCharge, "answer was lost (500)"),
    ],
)
def test_errors(status, message, error, words):
    """A 403 may be moderation; any other status means what it means for all, and no 5xx is known to be free."""
    found = read_error(reply(None, status, status, message))
    assert type(found) is error
    assert words in found.detail
    assert type(read_error(HttpResponse(403, {}, b"<html>"))) is ProviderUnavailable


def test_polling():
    """A prediction is asked for by its id."""
    call = build_poll(MODEL, ID)
    assert (call.method, call.path, call.json) == ("GET", f"/api/v3/predictions/{ID}/result", None)
