"""Amazon Bedrock: Stability's models, called with the function's role instead of a key.

Sources: botocore 1.44.8's service model, AWS's user guide and samples, read 2026-11; prices are from tables of third
parties. Every call is one synchronous InvokeModel: JSON in both directions, images in base64. A refusal is a 200 with a
reason. AWS doesn't say which failures are charged, so only what is refused before the model runs counts as free.

The models are a row per generator, which run in one region, and per image service, which are called through an
inference profile for the US (its id begins with `us.`) and run in any of its regions. `endpoint` is the id that is
sent. A response may have 16 MiB, so images above 3 megapixels are requested as WebP.
"""

import json
from collections.abc import Mapping, Set
from typing import Any

import pybase64

from image_studio.errors import (
    NotCharged,
    ProviderBusy,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import AwsCall, Blob, HttpResponse, NotThere, Outcome, ProviderImage, Task
from image_studio.providers.payload import from_base64, provider_fields, size_label
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, withheld
from image_studio.providers.spec import ModelSpec, ProviderSpec, Range, nearest_size
from image_studio.providers.stability_models import (
    EXPAND,
    NARROW,
    RATIOS,
    STYLED,
    UPSCALED_CREATIVE,
    UPSCALED_FAST,
    read_seed,
    send_zero_seed,
)
from image_studio.schemas.limits import MAX_SEED

GENERATORS_REGION = "us-west-2"  # the only one that has the generators
PROFILE = "us."  # prefix of an image service's id: the inference profile that it is called through
PROFILE_REGIONS = ("us-east-1", "us-east-2", "us-west-2")  # each calls and serves the image services

_PNG_PIXELS = 3_000_000  # of the largest image that surely fits into a response as PNG
_RESPONSE_CAP = "16777216"  # bytes; the refusal of a larger response names them, and its image was made
_IMAGES = ("png", "jpeg", "webp")
_GROW_MASK = {"grow_mask": Range(0, 20, 5)}
_EVERY = {"draft": 2, "standard": 2, "premium": 2}  # behind the same model of Stability's own API
_THIRD = {"draft": 3, "standard": 2, "premium": 2}  # where a cheaper model than Stability's comes first for drafts


def _generator(name: str, endpoint: str, usd: float, auto: Mapping[str, int]) -> ModelSpec:
    return ModelSpec(
        name,
        endpoint,
        usd,
        operations=frozenset({"create"}),
        sizes=RATIOS,
        accepts=STYLED - {"style_preset"},
        file_types=_IMAGES[:2],
        max_seed=MAX_SEED,
        auto={"create": auto},
    )


def _service(
    operation: str,
    endpoint: str,
    usd: float,
    accepts: Set[str] = frozenset(),
    ranges: Mapping[str, Range] | None = None,
    **data: Any,
) -> ModelSpec:
    """Return the row of an image service, which accepts `accepts`, the fields of `ranges`, and an image."""
    ranges = ranges or {}
    auto = {operation: data.pop("auto", _EVERY)}
    return ModelSpec(
        **{
            "name": operation.partition(".")[2].replace("_", "-"),
            "endpoint": PROFILE + endpoint,
            "operations": frozenset({operation}),
            "usd": usd,
            "accepts": frozenset({"image", *accepts, *ranges}),
            "ranges": ranges,
            "file_types": _IMAGES,
            "inputs": NARROW,
            "max_seed": MAX_SEED,
            "auto": auto,
            **data,
        }
    )


MODELS = (
    _generator("ultra", "stability.stable-image-ultra-v1:1", 0.14, {"premium": 2}),
    _generator("core", "stability.stable-image-core-v1:1", 0.04, {"draft": 5, "standard": 2}),
    _generator("sd3.5-large", "stability.sd3-5-large-v1:0", 0.08, {"premium": 6}),
    _service(
        "edit.remove_background",
        "stability.stable-image-remove-background-v1:0",
        0.07,
        file_types=("png", "webp"),  # the result has an alpha channel
        auto={"draft": 4, "standard": 2, "premium": 2},
    ),
    _service("edit.inpaint", "stability.stable-image-inpaint-v1:0", 0.07, STYLED | {"mask"}, _GROW_MASK, auto=_THIRD),
    _service("edit.erase", "stability.stable-image-erase-object-v1:0", 0.07, {"seed", "mask"}, _GROW_MASK, auto=_THIRD),
    _service(
        "edit.outpaint",
        "stability.stable-outpaint-v1:0",
        0.06,
        {"prompt", "seed", "style_preset"},
        {"creativity": Range(0.1, 1, 0.5)} | {side: Range(0, 2_000) for side in EXPAND},
        field_names=EXPAND,
    ),
    _service(
        "edit.search_replace",
        "stability.stable-image-search-replace-v1:0",
        0.07,
        STYLED | {"search_prompt"},
        _GROW_MASK,
        auto=_THIRD,
        name="search-and-replace",
    ),
    _service(
        "edit.search_recolor",
        "stability.stable-image-search-recolor-v1:0",
        0.07,
        STYLED | {"select_prompt"},
        _GROW_MASK,
        auto=_THIRD,
        name="search-and-recolor",
    ),
    _service(
        "upscale.fast",
        "stability.stable-fast-upscale-v1:0",
        0.03,
        inputs=UPSCALED_FAST,
        factor=4.0,
        max_output=16_777_216,
    ),
    _service(
        "upscale.conservative",
        "stability.stable-conservative-upscale-v1:0",
        0.40,
        {"prompt", "negative_prompt", "seed"},
        {"creativity": Range(0.1, 0.5, 0.35)},
        max_output=9_684_544,  # 3112 x 3112, as measured
        deadline=240.0,
    ),
    _service(
        "upscale.creative",
        "stability.stable-creative-upscale-v1:0",
        0.60,
        STYLED,
        {"creativity": Range(0.1, 0.5, 0.3)},
        inputs=UPSCALED_CREATIVE,
        max_output=9_922_500,  # 3150 x 3150, as measured
        deadline=240.0,
    ),
    _service(
        "control.sketch",
        "stability.stable-image-control-sketch-v1:0",
        0.07,
        STYLED,
        {"control_strength": Range(0, 1, 0.7)},
    ),
    _service(
        "control.structure",
        "stability.stable-image-control-structure-v1:0",
        0.07,
        STYLED,
        {"control_strength": Range(0, 1, 0.7)},
    ),
    _service(
        "control.style",
        "stability.stable-image-style-guide-v1:0",
        0.07,
        STYLED | {"aspect_ratio"},
        {"fidelity": Range(0, 1, 0.5)},
        sizes=RATIOS,
    ),
    _service(
        "control.style_transfer",
        "stability.stable-style-transfer-v1:0",
        0.08,
        {"prompt", "negative_prompt", "seed", "style"},
        {
            "style_strength": Range(0, 1, 1),
            "composition_fidelity": Range(0, 1, 0.9),
            "change_strength": Range(0.1, 1, 0.9),
        },
        field_names={"image": "init_image", "style": "style_image"},
        further_max_aspect=NARROW.max_aspect,
    ),
)

SPEC = ProviderSpec(
    name="bedrock",
    title="Amazon Bedrock",
    region_variable="BEDROCK_REGION",
    base_url_variable="BEDROCK_BASE_URL",
    # Its quotas are per model and account, and aren't published: 429 tells. With fewer calls at a time, the last of ten
    # variations would not be sent within the minute that a job waits for its turn.
    in_flight=5,
    max_resolution=(2048, 2048),  # as Stability's; native generation is 1 MP
    submit_timeout=240.0,  # the slowest upscalers take 90 s and more, and the SDK gives up after 60 s
    busy_seconds=15.0,  # its windows are minutes
    request_bytes=25 * 10**6,
    models=MODELS,
)


def _region(model: ModelSpec) -> str | None:
    """Return a generator's only region; None for an image service, which is called in the operator's."""
    return None if model.endpoint.startswith(PROFILE) else GENERATORS_REGION


def build_request(model: ModelSpec, task: Task) -> AwsCall:
    """Build one InvokeModel."""
    fields = send_zero_seed(provider_fields(model, task))
    size = nearest_size(model, task.width, task.height)
    if model.sizes:
        fields["aspect_ratio"] = size_label(model, task, task.settings.get("aspect_ratio"))
    if (model.max_output or size.width * size.height) > _PNG_PIXELS:
        fields["output_format"] = "webp"
    body = {name: _base64(value) if isinstance(value, Blob) else value for name, value in fields.items()}
    return AwsCall(
        service="bedrock-runtime",
        operation="invoke_model",
        region=_region(model),
        parameters={
            "modelId": model.endpoint,
            "body": json.dumps(body).encode(),
            "contentType": "application/json",
            "accept": "application/json",
        },
    )


def _base64(blob: Blob) -> str:
    return pybase64.b64encode_as_string(blob.data)


def build_poll(model: ModelSpec, handle: str) -> AwsCall:
    """Raise ResultUnusable: every response has its image, so there is nothing to poll."""
    raise ResultUnusable(f"{SPEC.title} has nothing to ask for.")


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Return the only image and its seed. Raises why there is none."""
    document = response.json_object(SPEC.title)
    reason = _first(document.get("finish_reasons"))
    if reason is not None:
        raise _refused(str(reason))
    data = from_base64(_first(document.get("images")))
    if data is None:
        raise ResultUnusable(f"{SPEC.title} answered without an image.")
    return ProviderImage(data, read_seed(_first(document.get("seeds"))))


def build_check(model: ModelSpec) -> AwsCall:
    """Build the free call that says whether the account can use a model."""
    return AwsCall(
        service="bedrock",
        operation="get_foundation_model_availability",
        region=_region(model),
        parameters={"modelId": model.endpoint.removeprefix(PROFILE)},
    )


def read_check(response: HttpResponse) -> bool:
    """Whether the model is offered in the region, and the account agreed to its terms and may use it."""
    found = response.json_object(SPEC.title)
    agreement = found.get("agreementAvailability")
    agreed = isinstance(agreement, dict) and agreement.get("status") == "AVAILABLE"
    offered = found.get("regionAvailability") == found.get("entitlementAvailability") == "AVAILABLE"
    return agreed and offered and found.get("authorizationStatus") == "AUTHORIZED"


def _first(values: object) -> object:
    return values[0] if isinstance(values, list) and values else None


def _refused(reason: str) -> StudioError:
    """Return the error of a finish reason. Only what was refused before the work is known to be free."""
    if reason in ("Filter reason: prompt", "Filter reason: input image"):
        return content_refused(SPEC.title, reason)
    if reason.startswith("Filter reason"):
        return withheld(SPEC.title)
    return ResultUnusable(f"{SPEC.title} could not make the image: {reason[:MAX_QUOTED]}")


#: Exceptions that mean that the call was refused before the model ran, and what they are to us.
_REFUSALS: Mapping[str, tuple[type[NotCharged], str]] = {
    "ServiceQuotaExceededException": (ProviderUnavailable, "'s quota of this account is used up."),
    "AccessDeniedException": (
        ProviderUnavailable,
        " denied access: the model is not enabled in this account, or the worker's role does not allow it.",
    ),
    **dict.fromkeys(
        ("UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"),
        (ProviderUnavailable, " refused our AWS credentials."),
    ),
    "ResourceNotFoundException": (NotThere, " no longer offers this model."),
    "ThrottlingException": (ProviderBusy, "'s rate limit is reached."),
    "ModelNotReadyException": (ProviderBusy, "'s model is starting."),
}


def read_error(response: HttpResponse) -> StudioError:
    """Return the error of an exception's name (a header) and message; one that isn't known to be free is unknown."""
    name = response.headers.get("x-amzn-errortype", "").partition(":")[0]
    message = str((response.fields() or {}).get("message") or "")
    if _RESPONSE_CAP in message:
        return UnknownCharge(f"{SPEC.title} made an image that is too large for its answer; the call is not repeated.")
    if name == "ValidationException":
        if "identifier is invalid" in message:
            return NotThere(f"{SPEC.title} does not offer this model in this region.")
        return http_error(SPEC.title, response, message)
    if name in _REFUSALS:
        kind, words = _REFUSALS[name]
        return kind(SPEC.title + words)
    return UnknownCharge(
        f"{SPEC.title}'s answer was lost ({name or response.status}); whether it charged is unknown, so the call is"
        " not repeated."
    )
