"""Stability AI, REST v2beta. Source: Stability's OpenAPI document (api.stability.ai, 2026), read 2026-11.

Every call is multipart/form-data, also without a file. An image is returned as bytes, with `seed` and `finish-reason`
as headers; two operations return an id that is polled, at most every 10 seconds. Only successful generations are
charged, so its own 5xx are free.

The models are a row per generator and per endpoint, whose last path segment is the name that callers use for it. One
Stability credit is one US cent.
"""

from collections.abc import Mapping, Set
from typing import Any

from image_studio.errors import ProviderOutage, ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, Outcome, Pending, ProviderImage, Task
from image_studio.providers.payload import provider_fields, size_label
from image_studio.providers.responses import content_refused, http_error, is_image
from image_studio.providers.spec import InputLimits, ModelSpec, ProviderSpec, Range
from image_studio.providers.stability_models import (
    EDITED,
    EXPAND,
    MAX_PIXELS,
    NARROW,
    RATIOS,
    STYLED,
    UPSCALED_CREATIVE,
    UPSCALED_FAST,
    read_seed,
    send_zero_seed,
)
from image_studio.schemas.limits import MAX_SEED

POLL_SECONDS = 10.0  # "no more than once every 10 seconds"
_REFUSALS = frozenset({"content_moderation", "public_figure"})  # by the error's name

_SD3 = "generate/sd3"
_IMAGES = ("png", "jpeg", "webp")

_EVERY = {"draft": 1, "standard": 1, "premium": 1}
_BETTER = {"draft": 2, "standard": 1, "premium": 1}  # drafts go to a cheaper model first


def _generator(name: str, usd: float, *, endpoint: str = _SD3, auto: Mapping[str, int] | None = None) -> ModelSpec:
    family = endpoint == _SD3
    return ModelSpec(
        name=name,
        endpoint=endpoint,
        operations=frozenset({"create"}),
        usd=usd,
        sizes=RATIOS,
        accepts=STYLED | ({"guidance_scale"} if family else set()),
        field_names={"guidance_scale": "cfg_scale"},
        fixed_fields={"model": name} if family else {},
        file_types=_IMAGES,
        ranges={"guidance_scale": Range(1, 10)} if family else {},
        max_seed=MAX_SEED,
        auto={"create": auto} if auto else {},
    )


def _endpoint(
    endpoint: str,
    usd: float,
    accepts: Set[str] = frozenset(),
    ranges: Mapping[str, Range] | None = None,
    auto: Mapping[str, int] = _EVERY,
    **data: Any,
) -> ModelSpec:
    """Return the row of an endpoint, which accepts `accepts`, the fields of `ranges`, and an image.

    Its operation has the endpoint's name, without `and`, unless `operation` has another.
    """
    operation = data.pop("operation", endpoint.replace("/", ".").replace("-and-", "_").replace("-", "_"))
    ranges = ranges or {}
    return ModelSpec(
        **{
            "name": endpoint.rpartition("/")[2],
            "endpoint": endpoint,
            "operations": frozenset({operation}),
            "usd": usd,
            "accepts": frozenset({"image", *accepts, *ranges}),
            "ranges": ranges,
            "file_types": _IMAGES,
            "inputs": NARROW,
            "max_seed": MAX_SEED,
            "auto": {operation: auto},
            **data,
        }
    )


MODELS = (
    _generator("ultra", 0.08, endpoint="generate/ultra", auto={"premium": 1}),
    _generator("core", 0.03, endpoint="generate/core", auto={"draft": 4, "standard": 1}),
    _generator("sd3.5-large", 0.065, auto={"premium": 5}),
    _generator("sd3.5-large-turbo", 0.04),
    _generator("sd3.5-medium", 0.035),
    _generator("sd3.5-flash", 0.025),
    _endpoint(
        "edit/remove-background",
        0.05,
        inputs=InputLimits(min_side=64, min_pixels=4_096, max_pixels=4_194_304),
        file_types=("png", "webp"),  # the result has an alpha channel
        auto={"draft": 3, "standard": 1, "premium": 1},
    ),
    _endpoint("edit/inpaint", 0.05, STYLED | {"mask"}, {"grow_mask": Range(0, 100, 5)}, _BETTER, inputs=EDITED),
    _endpoint("edit/erase", 0.05, {"seed", "mask"}, {"grow_mask": Range(0, 20, 5)}, _BETTER, inputs=EDITED),
    _endpoint(
        "edit/outpaint",
        0.04,
        {"prompt", "seed", "style_preset"},
        {"creativity": Range(0, 1, 0.5)} | {side: Range(0, 2_000) for side in EXPAND},
        field_names=EXPAND,
    ),
    _endpoint("edit/search-and-replace", 0.05, STYLED | {"search_prompt"}, {"grow_mask": Range(0, 20, 3)}, _BETTER),
    _endpoint("edit/search-and-recolor", 0.05, STYLED | {"select_prompt"}, {"grow_mask": Range(0, 20, 3)}, _BETTER),
    _endpoint(
        "edit/replace-background-and-relight",
        0.08,
        {"prompt", "negative_prompt", "seed", "background", "lighting", "foreground_prompt"}
        | {"keep_original_background", "light_source_direction"},
        {
            "preserve_original_subject": Range(0, 1, 0.6),
            "original_background_depth": Range(0, 1, 0.5),
            "light_source_strength": Range(0, 1, 0.3),
        },
        field_names={
            "image": "subject_image",
            "prompt": "background_prompt",
            "background": "background_reference",
            "lighting": "light_reference",
        },
        operation="edit.relight",
        asynchronous=True,
        deadline=300.0,
        auto={"standard": 1, "premium": 1},
    ),
    _endpoint(
        "upscale/fast",
        0.02,
        inputs=UPSCALED_FAST,
        factor=4.0,
        max_output=16_777_216,
    ),
    _endpoint(
        "upscale/conservative",
        0.40,
        {"prompt", "negative_prompt", "seed"},
        {"creativity": Range(0.2, 0.5, 0.35)},
        max_output=4_194_304,  # "4 megapixels"
        deadline=180.0,
    ),
    _endpoint(
        "upscale/creative",
        0.60,
        STYLED,
        {"creativity": Range(0.1, 0.5, 0.3)},
        inputs=UPSCALED_CREATIVE,
        max_output=8_294_400,  # "4K"
        asynchronous=True,
        deadline=300.0,
    ),
    _endpoint(
        "control/sketch",
        0.05,
        STYLED,
        {"control_strength": Range(0, 1, 0.7)},
        inputs=InputLimits(min_side=64, max_pixels=MAX_PIXELS, max_aspect=2.5),
    ),
    _endpoint("control/structure", 0.05, STYLED, {"control_strength": Range(0, 1, 0.7)}),
    _endpoint("control/style", 0.05, STYLED | {"aspect_ratio"}, {"fidelity": Range(0, 1, 0.5)}, sizes=RATIOS),
    _endpoint(
        "control/style-transfer",
        0.08,
        {"prompt", "negative_prompt", "seed", "style"},
        {
            "style_strength": Range(0, 1, 1),
            "composition_fidelity": Range(0, 1, 0.9),
            "change_strength": Range(0.1, 1, 0.9),
        },
        field_names={"image": "init_image", "style": "style_image"},
        inputs=InputLimits(min_side=64, max_side=16_383, min_pixels=4_096, max_pixels=MAX_PIXELS, max_aspect=2.5),
        max_output=1_048_576,
    ),
)

SPEC = ProviderSpec(
    name="stability",
    title="Stability AI",
    base_url="https://api.stability.ai",
    key_variable="STABILITY_API_KEY",
    base_url_variable="STABILITY_BASE_URL",
    in_flight=10,  # 150 requests per 10 s are allowed
    max_resolution=(2048, 2048),  # as the API reference lists it; native generation is 1 to 1.5 MP
    poll_seconds=POLL_SECONDS,
    result_seconds=24 * 3600,  # its results page: 24 hours
    busy_seconds=60.0,  # exceeding the rate locks an account out for a minute
    request_bytes=10 * 1024 * 1024,
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    fields = provider_fields(model, task)
    if model.sizes:
        fields["aspect_ratio"] = size_label(model, task, task.settings.get("aspect_ratio"))
    fields = send_zero_seed(fields)
    if task.operation == "edit.relight" and not fields.keys() & {"background_prompt", "background_reference"}:
        # The API requires a background even where only the light changes: the original one is named.
        fields |= {"background_prompt": "the original background", "keep_original_background": True}
    return HttpRequest(
        method="POST",
        path=f"/v2beta/stable-image/{model.endpoint}",
        headers={} if model.asynchronous else {"accept": "image/*"},
        form={name: _form_value(value) for name, value in fields.items()},
    )


def _form_value(value: object) -> str | Blob:
    """Format a value as a form field: numbers and flags are text."""
    if isinstance(value, Blob):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Build the poll of an asynchronous result, which is kept for 24 hours."""
    return HttpRequest(method="GET", path=f"/v2beta/results/{handle}", headers={"accept": "*/*"})


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Return the image and the seed of its header; a 202, or a body with an id, is still in progress."""
    if response.status == 202 and handle:
        return Pending(handle, POLL_SECONDS)
    if response.headers.get("finish-reason") == "CONTENT_FILTERED":
        raise content_refused(SPEC.title)
    mime = response.headers.get("content-type", "")
    found = is_image(response.body)
    if mime.startswith("application/json") and not found:
        handle = response.json_object(SPEC.title).get("id")
        if not isinstance(handle, str) or not handle.isalnum():
            raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
        return Pending(handle, POLL_SECONDS)
    if not mime.startswith("image/") and not found:
        raise UnknownCharge(f"{SPEC.title} answered with {mime or 'no content type'} instead of an image.")
    if not response.body:
        raise ResultUnusable(f"{SPEC.title} answered an empty image.")
    return ProviderImage(response.body, read_seed(response.headers.get("seed")))


def read_error(response: HttpResponse) -> StudioError:
    """Return the error of a status and a JSON body; Stability's own 5xx are never charged.

    v2beta explains an error in `errors`, v1 in `message`; a proxy's 5xx has no `name` and stays unknown.
    """
    body = response.fields() or {}
    errors = body.get("errors")
    message = "; ".join(map(str, errors if isinstance(errors, list) and errors else [body.get("message") or ""]))
    name = body.get("name")
    if str(name) in _REFUSALS:
        return content_refused(SPEC.title, message)
    if response.status >= 500 and name:
        return ProviderOutage(f"{SPEC.title} failed ({response.status}).")
    return http_error(SPEC.title, response, message)
