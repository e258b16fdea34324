"""WaveSpeed AI: whole requests against its contract, and what its envelopes mean."""

import json
from dataclasses import replace

import pytest

from image_studio.errors import (
    ContentRefused,
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import fit_task
from image_studio.providers.adapter import HttpResponse, Pending, ResultUrl
from image_studio.providers.wavespeed import SPEC, build_poll, build_request, read_error, read_response
from tests.providers.tasks import (
    GIVEN,
    IMAGE_URI,
    MASK_URI,
    STYLE_URI,
    against,
    cell_id,
    cells,
    contract,
    full_task,
)

CONTRACT = contract("wavespeed")
FOX = {"prompt": "a red fox"}
SEED = {"seed": 7}
SIZE = {"size": "1200*628"}
PNG = {"output_format": "png"}
AVOID = "Avoid: blurry."
KEEP = "Keep everything else exactly as it is."
REPLACE = f"Replace the hat with a red fox. {KEEP} {AVOID}"
RECOLOR = f"Change only the color of the car: a red fox. Keep its shape and texture. {KEEP} {AVOID}"
FOX_EDIT = f"a red fox. {AVOID}"
BG_URI, LIGHT_URI = "data:image/png;base64,Qkc=", "data:image/png;base64,TEdU"
IMAGES = {"images": [IMAGE_URI]}
ONE = {"image": IMAGE_URI}

QWEN_PLUS = SEED | SIZE | PNG
BODIES = {
    ("ideogram-v3-turbo", "create"): FOX | {"aspect_ratio": "16:9"},
    ("ideogram-v3-turbo", "edit.inpaint"): FOX | ONE | {"mask_image": MASK_URI},
    ("ideogram-v3-turbo", "control.style"): FOX | {"aspect_ratio": "16:9", "reference_images": [IMAGE_URI]},
    ("qwen-image", "create"): FOX | SEED | SIZE | PNG,
    ("z-image-turbo", "create"): FOX | SEED | SIZE,
    ("qwen-edit", "edit.general_edit"): {"prompt": FOX_EDIT} | ONE | QWEN_PLUS,
    ("qwen-edit", "edit.search_replace"): {"prompt": REPLACE} | ONE | QWEN_PLUS,
    ("qwen-edit", "edit.search_recolor"): {"prompt": RECOLOR} | ONE | QWEN_PLUS,
    ("qwen-edit-plus", "edit.general_edit"): {"prompt": FOX_EDIT} | IMAGES | QWEN_PLUS,
    ("qwen-edit-plus", "edit.search_replace"): {"prompt": REPLACE} | IMAGES | QWEN_PLUS,
    ("qwen-edit-plus", "edit.search_recolor"): {"prompt": RECOLOR} | IMAGES | QWEN_PLUS,
    ("qwen-edit-plus", "edit.relight"): {
        "prompt": "Replace the background by the place in the second image: a red fox. a bottle."
        " Light the subject as the third image is lit. The light comes from the left."
        f" Match the light on the subject to the scene, and keep the subject itself unchanged. {AVOID}",
        "images": [IMAGE_URI, BG_URI, LIGHT_URI],
    }
    | QWEN_PLUS,
    ("qwen-edit-plus", "control.style_transfer"): {
        "prompt": "Redraw the first image in the visual style of the second image. a red fox."
        f" Keep what the first image shows, and where it shows it. {AVOID}",
        "images": [IMAGE_URI, STYLE_URI],
    }
    | QWEN_PLUS,
    ("flux-kontext-pro", "edit.general_edit"): {"prompt": FOX_EDIT, "guidance_scale": 6.5} | ONE,
    ("flux-kontext-pro", "edit.search_replace"): {"prompt": REPLACE, "guidance_scale": 6.5} | ONE,
    ("flux-kontext-pro", "edit.search_recolor"): {"prompt": RECOLOR, "guidance_scale": 6.5} | ONE,
    ("seedream-v4.5-edit", "edit.general_edit"): {"prompt": FOX_EDIT, "size": "1957*1024"} | IMAGES,
    ("seedream-v4.5-edit", "edit.search_replace"): {"prompt": REPLACE, "size": "1957*1024"} | IMAGES,
    ("seedream-v4.5-edit", "edit.search_recolor"): {"prompt": RECOLOR, "size": "1957*1024"} | IMAGES,
    ("nano-banana-pro-edit-ultra", "edit.general_edit"): {"prompt": FOX_EDIT, "resolution": "4k"} | IMAGES | PNG,
    ("nano-banana-pro-edit-ultra", "edit.search_replace"): {"prompt": REPLACE, "resolution": "4k"} | IMAGES | PNG,
    ("nano-banana-pro-edit-ultra", "edit.search_recolor"): {"prompt": RECOLOR, "resolution": "4k"} | IMAGES | PNG,
    ("z-image-turbo-inpaint", "edit.inpaint"): FOX | ONE | SIZE | {"mask_image": MASK_URI},
    ("z-image-turbo-inpaint", "edit.erase"): {
        "prompt": "Empty background that continues the surroundings, nothing standing out",
        "mask_image": MASK_URI,
    }
    | ONE
    | SIZE,
    ("z-image-turbo-inpaint", "edit.outpaint"): FOX | ONE | SIZE | {"mask_image": MASK_URI},
    ("image-eraser", "edit.erase"): FOX | ONE | {"mask_image": MASK_URI},
    ("image-background-remover", "edit.remove_background"): ONE,
    ("image-upscaler", "upscale.fast"): ONE | PNG | {"target_resolution": "2k"},
    ("ultimate-image-upscaler", "upscale.conservative"): ONE | PNG | {"target_resolution": "2k"},
    ("ultimate-image-upscaler", "upscale.creative"): ONE | PNG | {"target_resolution": "2k"},
    ("flux-controlnet-union-pro-2.0", "control.sketch"): FOX
    | SEED
    | {
        "control_image": IMAGE_URI,
        "controlnet_conditioning_scale": 0.8,
        "guidance_scale": 6.5,
        "num_inference_steps": 20,
        "width": 1200,
        "height": 628,
    },
    ("flux-controlnet-union-pro-2.0", "control.structure"): FOX
    | SEED
    | {
        "control_image": IMAGE_URI,
        "controlnet_conditioning_scale": 0.0,
        "guidance_scale": 6.5,
        "num_inference_steps": 20,
        "width": 1200,
        "height": 628,
    },
}


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
def test_whole_requests(model, operation):
    """Each model's request for each operation is exactly what its page lists, field by field."""
    task, _ = fit_task(full_task(operation), model)
    call = build_request(model, task)
    assert call.json == BODIES[model.name, operation]
    assert (call.method, call.path, call.form, call.query) == ("POST", f"/api/v3/{model.endpoint}", None, {})
    assert against(CONTRACT[model.endpoint], dict(call.json)) == []


def test_every_cell_has_its_row_of_expectations():
    """A cell without an expected request, or an expectation without a cell, is a mistake."""
    assert {(model.name, operation) for model, operation in cells(SPEC.models)} == set(BODIES)


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
@pytest.mark.parametrize("size", [(16, 16), (10_000, 10_000), (8_192, 900), (333, 2_000)])
def test_values_beyond_the_contract_are_brought_into_it(model, operation, size):
    """Whatever size, seed and numbers a task has, what goes out is within the contract."""
    base = full_task(operation, seed=4_294_967_293, guidance_scale=50.0, steps=150, width=size[0], height=size[1])
    task, _ = fit_task(replace(base, settings=GIVEN[operation][1] | {"aspect_ratio": "7:3"}), model)
    body = build_request(model, task).json
    assert against(CONTRACT[model.endpoint], dict(body)) == []
    if "size" in body:
        low, high = (1_024, 4_096) if "seedream" in model.name else (256, 1_536)
        assert all(low <= int(side) <= high for side in body["size"].split("*"))


def test_seeds_fit_the_wire_and_stay_apart():
    """Seeds beyond 31 bits are folded: the same one is the same, neighbors differ."""
    model = SPEC.model("qwen-image")
    sent = [build_request(model, full_task("create", seed=seed)).json["seed"] for seed in (0, 2**31, 2**31 + 1)]
    assert sent == [0, 0, 1]


def test_the_masks_image_is_explained_to_models_that_see_several():
    """A model without a mask field, but with room for a second image, is told what the mask is."""
    task = full_task("edit.general_edit", images=GIVEN["edit.inpaint"][0], negative_prompt=None)
    body = build_request(SPEC.model("qwen-edit-plus"), task).json
    assert body["images"] == [IMAGE_URI, MASK_URI]
    assert body["prompt"] == (
        f"a red fox. The second image is a mask of the first: work only where the mask is bright. {KEEP}"
    )
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
    """An envelope."""
    return HttpResponse(status, {}, json.dumps({"code": code, "message": message, "data": data}).encode())


def bare(document):
    """A reply that is no envelope."""
    return HttpResponse(200, {}, json.dumps(document).encode())


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
        (bare(DONE), ID, ResultUrl(URL)),
        (bare({"id": ID, "status": "created"}), None, Pending(ID, 1.0)),
    ],
)
def test_answers(found, handle, outcome):
    """Submitted, on its way or done, in an envelope or bare; a sync time-out is only on its way."""
    assert read_response(MODEL, found, handle) == outcome


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (reply(DONE | {"outputs": []}), ResultUnusable),
        (reply(DONE | {"outputs": [{"url": URL}]}), ResultUnusable),
        (reply(DONE | {"outputs": "x"}), ResultUnusable),
        (reply(DONE | {"has_nsfw_contents": [True]}), ContentRefused),
        (reply({"id": ID, "status": "failed", "error": "flagged by safety checker"}), ContentRefused),
        (reply({"id": ID, "status": "failed", "error": "upstream HTTP 503"}), ResultUnusable),
        (reply({"id": ID, "status": "cancelled"}), ResultUnusable),
        (reply({"id": ID, "status": "timeout"}), ResultUnusable),
        (reply({"id": ID, "status": "deleted"}), ResultUnusable),
        (reply({"id": ID}), ResultUnusable),
        (reply({"id": "../balance", "status": "created"}), UnknownCharge),
        (reply({"status": "created"}), UnknownCharge),
        (reply(None, code=401), ProviderKeyRefused),
        (reply(None, code=402), ProviderUnavailable),
        (reply(None, code=429), ProviderBusy),
        (reply(None, code=400), NotCharged),
        (reply(None, code=500), UnknownCharge),
        (reply([1]), UnknownCharge),
        (bare(["x"]), UnknownCharge),
        (HttpResponse(200, {}, b'{"code": 200, "data": {"id"'), UnknownCharge),
        (HttpResponse(200, {}, b""), UnknownCharge),
        (HttpResponse(200, {"content-type": "text/html"}, b"<html>"), UnknownCharge),
    ],
)
def test_answers_without_a_image(found, error):
    """A failed task may have been charged; an error in the envelope of a 200 is what its code says."""
    with pytest.raises(error):
        read_response(MODEL, found)


@pytest.mark.parametrize(
    ("status", "message", "error", "words"),
    [
        (400, "schema", NotCharged, "did not accept the request: schema"),
        (401, "no", ProviderKeyRefused, "refused our key"),
        (402, "no", ProviderUnavailable, "no credit left"),
        (403, "account suspended", ProviderUnavailable, "denied access"),
        (403, "content policy violation", ContentRefused, "content policy"),
        (404, "no", NotCharged, "no longer offers"),
        (413, "too large", NotCharged, "too large"),
        (422, "semantic", NotCharged, "semantic"),
        (429, "slow", ProviderBusy, "rate limit"),
        (500, "oops", UnknownCharge, "answer was lost (500)"),
        (502, "oops", UnknownCharge, "answer was lost (502)"),
        (408, "oops", UnknownCharge, "answer was lost (408)"),
    ],
)
def test_errors(status, message, error, words):
    """Each status means what the contract says; no 5xx is known to be free."""
    found = read_error(reply(None, status, status, message))
    assert type(found) is error
    assert words in found.detail


def test_polling():
    """A prediction is asked for by its id."""
    call = build_poll(MODEL, ID)
    assert (call.method, call.path, call.json) == ("GET", f"/api/v3/predictions/{ID}/result", None)
