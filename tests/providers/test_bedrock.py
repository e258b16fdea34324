"""Amazon Bedrock: whole requests, and what its answers mean."""

import json
import math
from dataclasses import fields

import pytest

from image_studio.errors import (
    ContentRefused,
    MaybeCharged,
    NotCharged,
    ProviderBusy,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import fit_task
from image_studio.providers import stability
from image_studio.providers.adapter import HttpResponse, NotThere, ProviderImage
from image_studio.providers.bedrock import (
    SPEC,
    build_check,
    build_poll,
    build_request,
    read_check,
    read_error,
    read_response,
)
from image_studio.providers.spec import Range
from image_studio.runtime.settings import Settings
from image_studio.schemas.limits import MAX_VARIATIONS
from tests.providers.tasks import IMAGE, MASK, STYLE, base64_of, cell_id, cells, full_task, json_response

IMAGE_64, MASK_64, STYLE_64 = base64_of([IMAGE, MASK, STYLE])
FOX = {"prompt": "a red fox", "negative_prompt": "blurry", "seed": 7}
STYLED = FOX | {"style_preset": "photographic"}
PNG, WEBP = {"output_format": "png"}, {"output_format": "webp"}
WIDE = {"aspect_ratio": "16:9"}
ONE = {"image": IMAGE_64}

#: The id and the whole JSON of each model, from a task that says everything that its operation can say.
BODIES = {
    "ultra": ("stability.stable-image-ultra-v1:1", FOX | WIDE | PNG),
    "core": ("stability.stable-image-core-v1:1", FOX | WIDE | PNG),
    "sd3.5-large": ("stability.sd3-5-large-v1:0", FOX | WIDE | PNG),
    "remove-background": ("us.stability.stable-image-remove-background-v1:0", ONE | PNG),
    "inpaint": ("us.stability.stable-image-inpaint-v1:0", STYLED | PNG | ONE | {"mask": MASK_64, "grow_mask": 9}),
    "erase": (
        "us.stability.stable-image-erase-object-v1:0",
        PNG | ONE | {"seed": 7, "mask": MASK_64, "grow_mask": 9},
    ),
    "outpaint": (
        "us.stability.stable-outpaint-v1:0",
        {"prompt": "a red fox", "seed": 7, "style_preset": "photographic", "creativity": 0.4}
        | {"left": 64, "right": 0, "up": 0, "down": 32}
        | ONE
        | PNG,
    ),
    "search-and-replace": (
        "us.stability.stable-image-search-replace-v1:0",
        STYLED | PNG | ONE | {"search_prompt": "the hat", "grow_mask": 4},
    ),
    "search-and-recolor": (
        "us.stability.stable-image-search-recolor-v1:0",
        STYLED | PNG | ONE | {"select_prompt": "the car", "grow_mask": 4},
    ),
    "fast": ("us.stability.stable-fast-upscale-v1:0", ONE | WEBP),
    "conservative": ("us.stability.stable-conservative-upscale-v1:0", FOX | ONE | WEBP | {"creativity": 0.3}),
    "creative": ("us.stability.stable-creative-upscale-v1:0", STYLED | ONE | WEBP | {"creativity": 0.3}),
    "sketch": ("us.stability.stable-image-control-sketch-v1:0", STYLED | PNG | ONE | {"control_strength": 0.8}),
    "structure": ("us.stability.stable-image-control-structure-v1:0", STYLED | PNG | ONE | {"control_strength": 0.0}),
    "style": ("us.stability.stable-image-style-guide-v1:0", STYLED | PNG | WIDE | ONE | {"fidelity": 0.6}),
    "style-transfer": (
        "us.stability.stable-style-transfer-v1:0",
        FOX
        | PNG
        | {"init_image": IMAGE_64, "style_image": STYLE_64}
        | {"style_strength": 0.9, "composition_fidelity": 0.7, "change_strength": 0.5},
    ),
}


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
def test_whole_requests(model, operation):
    """Each model's InvokeModel is exactly what AWS documents; a generator is called in its only region."""
    task, _ = fit_task(full_task(operation), model)
    call = build_request(model, task)
    identifier, body = BODIES[model.name]
    assert json.loads(call.parameters["body"]) == body
    assert {name: value for name, value in call.parameters.items() if name != "body"} == {
        "modelId": identifier,
        "contentType": "application/json",
        "accept": "application/json",
    }
    region = None if identifier.startswith("us.") else "us-west-2"
    assert (call.service, call.operation, call.region) == ("bedrock-runtime", "invoke_model", region)


#: How each row differs from the one of the same name of Stability's own API, as far as it is not a price or a place.
DIFFERENCES = {
    "ultra": {"accepts", "file_types", "field_names"},  # no style preset, no webp
    "core": {"accepts", "file_types", "field_names"},
    "sd3.5-large": {"accepts", "file_types", "fixed_fields", "field_names", "ranges"},  # no cfg_scale either
    "remove-background": {"inputs"},
    "inpaint": {"inputs", "ranges"},
    "erase": {"inputs"},
    "outpaint": {"ranges"},
    "search-and-replace": {"ranges"},
    "search-and-recolor": {"ranges"},
    "fast": set(),
    "conservative": {"ranges", "max_output", "deadline"},
    "creative": {"max_output", "deadline", "asynchronous"},
    "sketch": {"inputs"},
    "structure": set(),
    "style": set(),
    "style-transfer": {"inputs", "max_output", "further_max_aspect"},
}


@pytest.mark.parametrize("model", SPEC.models, ids=cell_id)
def test_the_rows_are_stabilitys_but_for_what_aws_documents(model):
    """Limits, ranges and fields: one aspect rule for inputs, the least creativity 0.1, masks grown by 20 at most."""
    direct = stability.SPEC.model(model.name)
    own = {"endpoint", "usd", "auto"}
    differing = {each.name for each in fields(model) if getattr(model, each.name) != getattr(direct, each.name)}
    assert differing - own == DIFFERENCES[model.name]
    assert model.inputs is None or model.inputs.max_aspect == 2.5 or model.name in {"fast", "creative"}
    least = {name: limits.low for name, limits in model.ranges.items() if name == "creativity"}
    assert set(least.values()) <= {0.1}
    assert model.ranges.get("grow_mask", Range(0, 20, 5)) == Range(0, 20, 5)
    assert model.deadline == (240.0 if model.name in {"conservative", "creative"} else 120.0) <= SPEC.submit_timeout


CORE = SPEC.model("core")


def body_of(model, task):
    return json.loads(build_request(SPEC.model(model), task).parameters["body"])


@pytest.mark.parametrize(
    ("model", "operation", "size", "file_type"),
    [
        ("inpaint", "edit.inpaint", (2_000, 1_500), "png"),
        ("inpaint", "edit.inpaint", (2_000, 1_501), "webp"),  # a PNG might not fit into the response
        ("outpaint", "edit.outpaint", (3_000, 2_000), "webp"),
        ("remove-background", "edit.remove_background", (3_000, 3_000), "webp"),
        ("core", "create", (4_000, 4_000), "png"),  # it makes 1 megapixel, whatever is requested
        ("style", "control.style", (4_000, 4_000), "png"),
    ],
)
def test_a_large_image_is_requested_as_webp(model, operation, size, file_type):
    """Its size is known from the request, before it is paid for."""
    task = full_task(operation, width=size[0], height=size[1])
    assert body_of(model, task)["output_format"] == file_type


def test_seed_zero_is_a_seed():
    """0 means random there, so our seed 0 is a number of its own, and comes back as 0."""
    assert body_of("core", full_task("create", seed=0))["seed"] == 4_294_967_294
    assert body_of("core", full_task("create", seed=4_294_967_293))["seed"] == 4_294_967_293
    assert read_response(CORE, made(seeds=[4_294_967_294])) == ProviderImage(b"PNG", 0)


def test_without_a_seed_none_is_sent():
    """Fields that the request doesn't have aren't sent."""
    bare = full_task("create", seed=None, negative_prompt=None, style_preset=None)
    assert body_of("core", bare) == {"prompt": "a red fox"} | WIDE | PNG


def test_the_last_of_ten_variations_is_sent_while_the_job_waits():
    """Of images that take the 10 to 60 s that were measured: a call that finds no free slot by then is given up."""
    rounds_before = math.ceil(MAX_VARIATIONS / SPEC.in_flight) - 1
    assert rounds_before * 60 <= Settings().poll_hold_seconds


# -- answers


def made(**changes):
    return json_response({"seeds": [42], "finish_reasons": [None], "images": ["UE5H"]} | changes)


@pytest.mark.parametrize(("seeds", "seed"), [([42], 42), (["42"], 42), ([], None), (None, None), (["x"], None)])
def test_answers(seeds, seed):
    """One image; the guide shows seeds as numbers and calls them texts."""
    assert read_response(CORE, made(seeds=seeds)) == ProviderImage(b"PNG", seed)


@pytest.mark.parametrize("reason", ["Filter reason: prompt", "Filter reason: input image"])
def test_what_is_refused_before_the_work_is_free(reason):
    """With or without the other fields."""
    for reply in (made(finish_reasons=[reason]), json_response({"finish_reasons": [reason]})):
        with pytest.raises(ContentRefused, match=f"refused this request: {reason}"):
            read_response(CORE, reply)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (json_response({"finish_reasons": ["Filter reason: output image"]}), ResultUnusable, "withholds the image"),
        (json_response({"finish_reasons": ["Filter reason: news"]}), ResultUnusable, "withholds the image"),
        (json_response({"finish_reasons": ["Inference error"]}), ResultUnusable, "the image: Inference error"),
        (made(finish_reasons=["Something else"]), ResultUnusable, "the image: Something else"),
        (made(images=[]), ResultUnusable, "without an image"),
        (made(images=["%%%"]), ResultUnusable, "without an image"),
        (json_response({}), ResultUnusable, "without an image"),
        (json_response([]), UnknownCharge, "could not be read"),
        (HttpResponse(200, {}, b'{"images": ["aaa'), UnknownCharge, "could not be read"),
    ],
)
def test_answers_without_an_image(reply, error, words):
    """What isn't known to be refused before the work may have been charged."""
    with pytest.raises(error) as failed:
        read_response(CORE, reply)
    assert words in failed.value.detail
    assert isinstance(failed.value, MaybeCharged)


@pytest.mark.parametrize(
    ("status", "name", "error", "words"),
    [
        (400, "ValidationException", NotCharged, "did not accept the request: said"),
        (400, "ServiceQuotaExceededException", ProviderUnavailable, "quota of this account is used up"),
        (403, "AccessDeniedException", ProviderUnavailable, "the model is not enabled in this account"),
        (403, "UnrecognizedClientException", ProviderUnavailable, "refused our AWS credentials"),
        (403, "ExpiredTokenException", ProviderUnavailable, "refused our AWS credentials"),
        (403, "InvalidSignatureException", ProviderUnavailable, "refused our AWS credentials"),
        (404, "ResourceNotFoundException", NotThere, "no longer offers this model"),
        (408, "ModelTimeoutException", UnknownCharge, "lost (ModelTimeoutException)"),
        (424, "ModelErrorException", UnknownCharge, "lost (ModelErrorException)"),
        (429, "ThrottlingException", ProviderBusy, "rate limit"),
        (429, "ModelNotReadyException", ProviderBusy, "model is starting"),
        (500, "InternalServerException", UnknownCharge, "lost (InternalServerException)"),
        (503, "ServiceUnavailableException", UnknownCharge, "lost (ServiceUnavailableException)"),
        (400, "ANewException", UnknownCharge, "lost (ANewException)"),
    ],
)
def test_errors(status, name, error, words):
    """By the exception's name, with or without the URI that AWS may append; an unknown one may have been charged."""
    for header in (name, f"{name}:http://internal.amazon.com/coral/"):
        found = read_error(json_response({"message": "said"}, status, **{"x-amzn-errortype": header}))
        assert type(found) is error
        assert words in found.detail


def test_an_unknown_model_id_is_no_fault_of_the_request():
    reply = json_response({"message": "The provided model identifier is invalid."}, 400)
    reply.headers["x-amzn-errortype"] = "ValidationException"
    assert type(read_error(reply)) is NotThere


@pytest.mark.parametrize("name", ["ValidationException", "ModelErrorException", "AccessDeniedException", ""])
def test_a_response_over_the_cap_was_made(name):
    """Whatever exception carries the refusal: as a ValidationException it would count as free."""
    message = {"message": "Response exceeds 16777216 bytes"}
    found = read_error(json_response(message, 400, **{"x-amzn-errortype": name}))
    assert type(found) is UnknownCharge
    assert "too large" in found.detail


def test_a_gateways_page_is_an_unknown_charge():
    assert type(read_error(HttpResponse(504, {"content-type": "text/html"}, b"<html>"))) is UnknownCharge


def test_there_is_nothing_to_poll():
    """Every call is answered with its image."""
    with pytest.raises(ResultUnusable):
        build_poll(CORE, "x")


def test_whether_a_model_is_enabled_is_asked_for_by_its_own_id():
    """A generator's in its only region, an image service's in the operator's; not by the profile's id."""
    core, fast = (build_check(SPEC.model(name)) for name in ("core", "fast"))
    assert (core.service, core.operation, core.region) == (
        *("bedrock", "get_foundation_model_availability", "us-west-2"),
    )
    assert core.parameters == {"modelId": "stability.stable-image-core-v1:1"}
    assert (fast.parameters, fast.region) == ({"modelId": "stability.stable-fast-upscale-v1:0"}, None)


READY = {
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}


@pytest.mark.parametrize(
    ("changed", "ready"),
    [
        ({}, True),
        ({"agreementAvailability": {"status": "PENDING"}}, False),
        ({"agreementAvailability": None}, False),
        ({"authorizationStatus": "NOT_AUTHORIZED"}, False),
        ({"entitlementAvailability": "NOT_AVAILABLE"}, False),
        ({"regionAvailability": "NOT_AVAILABLE"}, False),
    ],
)
def test_a_model_is_enabled_where_all_four_answers_say_so(changed, ready):
    assert read_check(json_response(READY | changed)) is ready
