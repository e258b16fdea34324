"""Hugging Face: whole requests of its three shapes, and what its answers mean."""

import pytest

from image_studio.errors import (
    ContentRefused,
    NotCharged,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import fit_task
from image_studio.providers.adapter import HttpResponse, NotThere, Pending, ProviderImage, ResultUrl
from image_studio.providers.huggingface import SPEC, build_poll, build_request, read_error, read_response, read_text
from tests.providers.tasks import IMAGE_URI, INSTRUCTIONS, base64_of, cell_id, cells, full_task, json_response

FOX = {"prompt": "a red fox"}
SEED = {"seed": 7}
STEPS = {"num_inference_steps": 20}
GUIDED = STEPS | {"guidance_scale": 6.5}
SIZE = {"image_size": {"width": 1200, "height": 640}}
PAINTED = {
    "FLUX.1-schnell": ("fal-ai/fal-ai/flux/schnell", FOX | SEED | {"num_inference_steps": 12} | SIZE),
    "FLUX.1-Krea-dev": ("fal-ai/fal-ai/flux/krea", FOX | SEED | GUIDED | SIZE),
    "Qwen-Image": ("fal-ai/fal-ai/qwen-image", FOX | SEED | GUIDED | SIZE | {"negative_prompt": "blurry"}),
    "stable-diffusion-3-medium": (
        "hf-inference/models/stabilityai/stable-diffusion-3-medium-diffusers",
        {
            "inputs": "a red fox",
            "parameters": SEED | GUIDED | {"width": 1200, "height": 640, "negative_prompt": "blurry"},
        },
    ),
}

EDITORS = {
    "FLUX.1-Kontext-dev": ("fal-ai/fal-ai/flux-kontext/dev", GUIDED),
    "Qwen-Image-Edit": ("fal-ai/fal-ai/qwen-image-edit", GUIDED),
    "FLUX.2-klein-9B": ("fal-ai/fal-ai/flux-2/klein/9b/edit", STEPS),
}


def expected(name, operation):
    if name in PAINTED:
        return PAINTED[name]
    if name == "RMBG-2.0":
        return "fal-ai/fal-ai/bria/background/remove", {"image_url": IMAGE_URI, "sync_mode": True}
    path, settings = EDITORS[name]
    prompt, blobs = INSTRUCTIONS[operation]
    images = base64_of(blobs, "data:image/png;base64,")
    return path, {"prompt": prompt, "image_url": images[0], "image_urls": images} | settings


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
def test_whole_requests(model, operation):
    """Each model's request for each operation is exactly what the official client would send, field by field."""
    task, _ = fit_task(full_task(operation), model)
    call = build_request(model, task)
    path, body = expected(model.name, operation)
    queued = {"_subdomain": "queue"} if operation != "create" else {}
    assert call.json == body
    assert (call.method, call.path, call.query, call.form) == ("POST", f"/{path}", queued, None)
    assert call.headers == {"accept": "image/png"}


@pytest.mark.parametrize("size", [(16, 16), (8_192, 8_192), (1_920, 1_080), (10_000, 1_000), (1_024, 1_024)])
def test_never_more_than_a_megapixel_is_asked_for(size):
    """What is paid for is a megapixel, in steps of 16 pixels, whatever is wanted."""
    for name in PAINTED:
        body = build_request(SPEC.model(name), full_task("create", width=size[0], height=size[1])).json
        sides = body.get("image_size") or body["parameters"]
        width, height = sides["width"], sides["height"]
        assert width * height <= 1_048_576
        assert (width % 16, height % 16) == (0, 0)
        assert min(width, height) >= 256


# -- answers


MODEL = SPEC.model("FLUX.1-Kontext-dev")
REQUEST = "/fal-ai/flux-kontext/requests/764cabcf-b745-4b3e-ae38-1200304cf45b"
URL = "https://v3b.fal.media/files/b/1.png"


@pytest.mark.parametrize(
    ("reply", "handle", "outcome"),
    [
        (HttpResponse(200, {"content-type": "image/png"}, b"PNG"), None, ProviderImage(b"PNG")),
        (HttpResponse(200, {"content-type": "text/html"}, b"RIFF....WEBP"), None, ProviderImage(b"RIFF....WEBP")),
        (json_response({"images": [{"url": URL}], "seed": 9}), None, ResultUrl(URL, 9)),
        (json_response({"images": [{"url": URL}], "has_nsfw_concepts": [False]}), None, ResultUrl(URL)),
        (json_response({"image": {"url": "data:image/png;base64,UE5H"}}), f"done:{REQUEST}", ProviderImage(b"PNG")),
        (json_response({"image": {"url": URL}}), f"done:{REQUEST}", ResultUrl(URL)),
        (
            json_response({"request_id": "1", "status": "IN_QUEUE", "response_url": f"https://queue.fal.run{REQUEST}"}),
            None,
            Pending(REQUEST, 0.5),
        ),
        (json_response({"response_url": f"https://queue.fal.run{REQUEST}"}), None, Pending(REQUEST, 0.5)),
        (json_response({"status": "IN_PROGRESS"}, 202), REQUEST, Pending(REQUEST, 0.5)),
        (json_response({"status": "COMPLETED"}), REQUEST, Pending(f"done:{REQUEST}", 0.0)),
        (json_response({"status": "IN_PROGRESS"}), f"done:{REQUEST}", Pending(f"done:{REQUEST}", 0.5)),
    ],
)
def test_answers(reply, handle, outcome):
    """Bytes, a URL, a data URI, or where a queued request stands."""
    assert read_response(MODEL, reply, handle) == outcome


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (HttpResponse(200, {"content-type": "image/png"}, b""), ResultUnusable),
        (json_response({"images": []}), ResultUnusable),
        (json_response({"images": [{}]}), ResultUnusable),
        (json_response({"images": [{"url": 5}]}), ResultUnusable),
        (json_response({"image": {"url": "data:image/png;base64,%%"}}), ResultUnusable),
        (json_response({"image": None}), ResultUnusable),
        (json_response({}), ResultUnusable),
        (json_response({"images": [{"url": URL}], "has_nsfw_concepts": [True]}), ResultUnusable),
        (json_response(["x"]), UnknownCharge),
        (HttpResponse(200, {"content-type": "text/html"}, b"<html>"), UnknownCharge),
        (HttpResponse(200, {}, b'{"images": [{"url'), UnknownCharge),
        (json_response({"status": "IN_QUEUE"}), UnknownCharge),
        (json_response({"status": "IN_QUEUE", "response_url": "https://evil.example/"}), UnknownCharge),
        (json_response({"status": "IN_QUEUE", "response_url": "http://["}), UnknownCharge),
        (json_response({"status": "IN_QUEUE", "response_url": f"https://q/../../v1{REQUEST}"}), UnknownCharge),
        (json_response({"status": "IN_QUEUE", "response_url": f"https://q{REQUEST}/../../x"}), UnknownCharge),
        (json_response({"status": "IN_QUEUE", "response_url": f"https://q{REQUEST}%2f..%2fx"}), UnknownCharge),
    ],
)
def test_answers_without_an_image(reply, error):
    """A flagged image is a refusal; an address that isn't a queued request's is never called."""
    with pytest.raises(error):
        read_response(MODEL, reply)


def test_polling():
    """First the status, then the result, both through the router and its queue."""
    status, result = build_poll(MODEL, REQUEST), build_poll(MODEL, f"done:{REQUEST}")
    assert (status.method, status.path, status.query) == ("GET", f"/fal-ai{REQUEST}/status", {"_subdomain": "queue"})
    assert (result.method, result.path, result.query) == ("GET", f"/fal-ai{REQUEST}", {"_subdomain": "queue"})


@pytest.mark.parametrize("handle", ["", "/", "url", "//evil.example/requests/12345678", f"{REQUEST}?x=1", "done:x"])
def test_a_hostile_handle_is_not_polled(handle):
    """A handle out of a record is checked like one that just came."""
    with pytest.raises(ResultUnusable):
        build_poll(MODEL, handle)


NO_CREDIT = "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO."


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (json_response({"error": "Bad request"}, 400), NotCharged, "did not accept the request: Bad request"),
        (json_response({"error": NO_CREDIT}, 429), ProviderUnavailable, "no credit left"),
        (json_response({"detail": [{"msg": "field required", "type": "x"}]}, 422), NotCharged, "field required"),
        (json_response({"detail": "Not found"}, 404), NotThere, "no longer offers"),
        (
            json_response({"detail": [{"msg": "flagged", "type": "content_policy_violation"}]}, 422),
            ContentRefused,
            "refused this request: flagged",
        ),
        (json_response({"error": "loading", "estimated_time": 12.5}, 503), ProviderOutage, "loading the model"),
        (json_response({"detail": "Internal Server Error"}, 500), ResultUnusable, "could not make the image: Internal"),
        (json_response({"error": "overloaded"}, 503), UnknownCharge, "answer was lost (503)"),
        (HttpResponse(502, {}, b"<html>"), UnknownCharge, "answer was lost (502)"),
    ],
)
def test_errors(reply, error, words):
    """Only a model that is still loading is a 5xx known to be free; a 402 has no credit left whatever it says."""
    found = read_error(reply)
    assert type(found) is error
    assert words in found.detail


def test_how_long_to_wait():
    """The headers of a 429 say when to retry, the body of a 503 how long a model needs to load."""
    assert read_error(json_response({"error": "slow"}, 429, **{"retry-after": "8"})).retry_after == 8.0
    loading = {"error": "loading", "estimated_time": 12.5}
    assert read_error(json_response(loading, 503)).retry_after == 12.5
    assert read_error(json_response(loading | {"estimated_time": -1}, 503)).retry_after == 0.0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"choices": [{"message": {"content": "a fox"}, "finish_reason": "stop"}]}, "a fox"),
        ({"choices": [{"message": {"content": "a fo"}, "finish_reason": "length"}]}, None),
        ({"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}, None),
        ({"choices": []}, None),
        ({}, None),
    ],
)
def test_texts(body, text):
    """Only a text that was finished counts."""
    assert read_text(json_response(body)) == text
