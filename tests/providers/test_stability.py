"""Stability AI: whole requests, and what its answers mean."""

from dataclasses import replace

import pytest

from image_studio.errors import (
    ContentRefused,
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import fit_task
from image_studio.providers import stability
from image_studio.providers.adapter import HttpResponse, Pending, ProviderImage
from image_studio.providers.stability import SPEC, build_poll, build_request, read_error, read_response
from tests.providers.tasks import BACKGROUND, IMAGE, LIGHT, MASK, STYLE, cell_id, cells, full_task, json_response

STYLED = {"prompt": "a red fox", "negative_prompt": "blurry", "seed": "7", "style_preset": "photographic"}
PNG = {"output_format": "png"}
WIDE = {"aspect_ratio": "16:9"}

#: The whole form of each model, from a task that says everything that its operation can say.
FORMS = {
    "ultra": ("generate/ultra", STYLED | WIDE | PNG),
    "core": ("generate/core", STYLED | WIDE | PNG),
    **{
        name: ("generate/sd3", STYLED | WIDE | PNG | {"cfg_scale": "6.5", "model": name})
        for name in ("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash")
    },
    "remove-background": ("edit/remove-background", {"image": IMAGE} | PNG),
    "inpaint": ("edit/inpaint", STYLED | PNG | {"image": IMAGE, "mask": MASK, "grow_mask": "9"}),
    "erase": ("edit/erase", PNG | {"seed": "7", "image": IMAGE, "mask": MASK, "grow_mask": "9"}),
    "outpaint": (
        "edit/outpaint",
        {"prompt": "a red fox", "seed": "7", "style_preset": "photographic", "creativity": "0.4"}
        | {"left": "64", "right": "0", "up": "0", "down": "32", "image": IMAGE}
        | PNG,
    ),
    "search-and-replace": (
        "edit/search-and-replace",
        STYLED | PNG | {"image": IMAGE, "search_prompt": "the hat", "grow_mask": "4"},
    ),
    "search-and-recolor": (
        "edit/search-and-recolor",
        STYLED | PNG | {"image": IMAGE, "select_prompt": "the car", "grow_mask": "4"},
    ),
    "replace-background-and-relight": (
        "edit/replace-background-and-relight",
        {
            "subject_image": IMAGE,
            "background_reference": BACKGROUND,
            "light_reference": LIGHT,
            "background_prompt": "a red fox",
            "foreground_prompt": "a bottle",
            "negative_prompt": "blurry",
            "preserve_original_subject": "0.8",
            "original_background_depth": "0.25",
            "keep_original_background": "false",
            "light_source_direction": "left",
            "light_source_strength": "0.5",
            "seed": "7",
        }
        | PNG,
    ),
    "fast": ("upscale/fast", {"image": IMAGE} | PNG),
    "conservative": (
        "upscale/conservative",
        {"image": IMAGE, "prompt": "a red fox", "negative_prompt": "blurry", "seed": "7", "creativity": "0.3"} | PNG,
    ),
    "creative": ("upscale/creative", STYLED | PNG | {"image": IMAGE, "creativity": "0.3"}),
    "sketch": ("control/sketch", STYLED | PNG | {"image": IMAGE, "control_strength": "0.8"}),
    "structure": ("control/structure", STYLED | PNG | {"image": IMAGE, "control_strength": "0"}),
    "style": ("control/style", STYLED | PNG | WIDE | {"image": IMAGE, "fidelity": "0.6"}),
    "style-transfer": (
        "control/style-transfer",
        {
            "init_image": IMAGE,
            "style_image": STYLE,
            "prompt": "a red fox",
            "negative_prompt": "blurry",
            "seed": "7",
            "style_strength": "0.9",
            "composition_fidelity": "0.7",
            "change_strength": "0.5",
        }
        | PNG,
    ),
}
ASYNCHRONOUS = {"replace-background-and-relight", "creative"}


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
def test_whole_requests(model, operation):
    """Each model's request is exactly what its endpoint documents, field by field."""
    task, _ = fit_task(full_task(operation), model)
    call = build_request(model, task)
    path, form = FORMS[model.name]
    assert call.form == form
    assert (call.method, call.path, call.json, call.query) == ("POST", f"/v2beta/stable-image/{path}", None, {})
    assert call.headers == ({} if model.name in ASYNCHRONOUS else {"accept": "image/*"})


def test_seed_zero_is_a_seed():
    """Our seed 0 travels as a number of its own, since 0 means random there, and comes back as 0."""
    model = SPEC.model("core")
    form = build_request(model, full_task("create", seed=0)).form
    assert form["seed"] == "4294967294"
    assert read_response(model, image(seed="4294967294")) == ProviderImage(b"PNG", 0)
    assert build_request(model, full_task("create", seed=4_294_967_293)).form["seed"] == "4294967293"


def test_without_a_seed_none_is_sent():
    """Fields that nobody gave aren't sent."""
    model = SPEC.model("core")
    bare = full_task("create", seed=None, negative_prompt=None, style_preset=None)
    assert build_request(model, bare).form == {"prompt": "a red fox"} | WIDE | PNG


def test_light_alone_keeps_the_background():
    """Without a background the request says to keep the one that is there."""
    model = SPEC.model("replace-background-and-relight")
    task = full_task("edit.relight", prompt="", images={"image": IMAGE, "lighting": LIGHT}, settings={}, seed=None)
    form = build_request(model, replace(task, negative_prompt=None)).form
    assert form == PNG | {
        "subject_image": IMAGE,
        "light_reference": LIGHT,
        "background_prompt": "the original background",
        "keep_original_background": "true",
    }


RATIOS = "1200x628=16:9 1080x1080=1:1 1080x1920=9:16 1000x1500=2:3 1080x1350=4:5 2560x1080=21:9 640x1536=9:21"


@pytest.mark.parametrize("case", f"{RATIOS} 1200x900=3:2 1100x900=5:4 1500x500=21:9".split())
def test_the_nearest_of_nine_ratios(case):
    """The ratio that loses least to cropping is asked for."""
    size, label = case.split("=")
    width, height = map(int, size.split("x"))
    assert (
        build_request(SPEC.model("core"), full_task("create", width=width, height=height)).form["aspect_ratio"] == label
    )


def test_a_style_ratio_that_the_wire_knows_is_sent_as_it_is():
    """control.style's aspect_ratio wins where it is one of the nine; any other falls to the nearest."""
    model = SPEC.model("style")
    task = full_task("control.style", settings={"aspect_ratio": "9:21"})
    assert build_request(model, task).form["aspect_ratio"] == "9:21"
    task = full_task("control.style", settings={"aspect_ratio": "7:3"}, width=800, height=800)
    assert build_request(model, task).form["aspect_ratio"] == "1:1"


def image(body=b"PNG", **headers):
    return HttpResponse(200, {"content-type": "image/png", "finish-reason": "SUCCESS"} | headers, body)


CREATIVE = SPEC.model("creative")
#: A paid image is one whatever the response calls it.
MAGIC, WRONG_TYPES = b"\xff\xd8\xff\xe0", ("", "application/json", "application/octet-stream", "text/html")
ID = "a6dc6c6e20acda010fe14d71f180658f2896ed9b4ec25aa99a6ff06c796987c4"


@pytest.mark.parametrize(
    ("reply", "handle", "outcome"),
    [
        (image(seed="42"), None, ProviderImage(b"PNG", 42)),
        (image(), None, ProviderImage(b"PNG", None)),
        (image(seed="none"), None, ProviderImage(b"PNG", None)),
        (image(**{"content-type": "image/jpeg"}), None, ProviderImage(b"PNG", None)),
        *((image(MAGIC, **{"content-type": kind}), ID, ProviderImage(MAGIC, None)) for kind in WRONG_TYPES),
        (json_response({"id": ID}), None, Pending(ID, 10.0)),
        (json_response({"id": ID, "status": "in-progress"}, 202), ID, Pending(ID, 10.0)),
        (image(seed="1"), ID, ProviderImage(b"PNG", 1)),
    ],
)
def test_answers(reply, handle, outcome):
    """An image, a handle, or still in progress."""
    assert read_response(CREATIVE, reply, handle) == outcome


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (image(**{"finish-reason": "CONTENT_FILTERED"}), ContentRefused),
        (image(b""), ResultUnusable),
        (HttpResponse(200, {"content-type": "text/html"}, b"<html>"), UnknownCharge),
        (HttpResponse(200, {}, b""), UnknownCharge),
        (json_response({}), UnknownCharge),
        (json_response({"id": "../../v1/user/balance"}), UnknownCharge),
        (json_response(["id"]), UnknownCharge),
        (HttpResponse(200, {"content-type": "application/json"}, b'{"id": '), UnknownCharge),
    ],
)
def test_answers_without_an_image(reply, error):
    """A blurred image is a refusal; what can't be read is never taken for free."""
    with pytest.raises(error):
        read_response(CREATIVE, reply)


def refused(name, *sentences):
    return {"id": "a" * 32, "name": name, "errors": list(sentences)}


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (
            json_response(refused("bad_request", "too", "long"), 400),
            NotCharged,
            "did not accept the request: too; long",
        ),
        (json_response({"name": "bad_request", "message": "v1"}, 400), NotCharged, "did not accept the request: v1"),
        (json_response(refused("unauthorized", "bad sk-secret"), 401), ProviderKeyRefused, "refused our key"),
        (json_response(refused("content_moderation", "flagged"), 403), ContentRefused, "refused this request: flagged"),
        (json_response({"name": "permission_denied", "message": "no"}, 403), ProviderUnavailable, "denied access"),
        (json_response(refused("public_figure", "no likenesses"), 422), ContentRefused, "no likenesses"),
        (json_response(refused("invalid_language", "English"), 422), NotCharged, "accept the request: English"),
        (json_response(refused("rate_limit_exceeded", "slow"), 429), ProviderBusy, "rate limit"),
        (json_response(refused("internal_error", "oops"), 500), ProviderOutage, "failed (500)"),
        (HttpResponse(502, {"content-type": "text/html"}, b"<html>"), UnknownCharge, "answer was lost (502)"),
        (HttpResponse(500, {}, b"[]"), UnknownCharge, "answer was lost (500)"),
    ],
)
def test_errors(reply, error, words):
    """Moderation has a status and a name of its own, and only Stability's own 5xx are known to be free."""
    found = read_error(reply)
    assert type(found) is error
    assert words in found.detail
    assert "sk-secret" not in found.detail


def test_polling():
    """A result is asked for by its id."""
    call = build_poll(CREATIVE, ID)
    assert (call.method, call.path, call.headers) == ("GET", f"/v2beta/results/{ID}", {"accept": "*/*"})
    assert stability.POLL_SECONDS == 10.0
