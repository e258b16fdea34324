"""WaveSpeed AI, REST v3. Sources: its Python SDK 2.0.5 and its models' machine pages, read 2026-11.

Submit, then poll by prediction id. Every response is an envelope {code, message, data}; an error can come in
the envelope of a 200. Every accepted submit is charged, so a submit whose answer is lost is never repeated.

The models' prices are US dollars of one run; their names are those that clients of the original send.
"""

from functools import partial
from typing import Any

from image_studio.errors import ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, Outcome, Pending, ResultUrl, Task
from image_studio.providers.payload import IN_PROMPT, data_uri, image_roles, provider_fields, size_label
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, withheld
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, NativeSize, ProviderSpec, Range, nearest_size

POLL_SECONDS = 1.0  # the SDK's interval
_WORKING = frozenset({"created", "processing", "queued", "starting"})
_DONE = frozenset({"completed", "succeeded"})
_MODERATION_WORDS = ("nsfw", "safety", "moderat", "sensitive", "content policy", "prohibited")

_QWEN_SIZE = FreeSize(256, 1_536)
_INPUT = InputLimits(min_side=64, max_side=1_536)  # more pixels than the result can have are not worth sending
_LARGE = InputLimits(min_side=64, max_side=4_096, max_pixels=4_194_304)
_FILE_TYPES = ("png", "jpeg", "webp")
#: "8k" is left out: a square one has 67 MP, far above the 25 MP that the API decodes.
#: No page says how large a class is; a long side of 3,840 pixels for "4k" is the smaller of two readings.
_CLASSES = (NativeSize("2k", 2_048, 2_048), NativeSize("4k", 3_840, 3_840))
_EDITS = frozenset({"prompt", "image"}) | IN_PROMPT
_EDITS_SEVERAL = _EDITS | {"mask", "style", "background", "lighting"}


#: For models without a field for it whose text encoder is a language model: what to avoid is said in the prompt.
_AVOIDS = frozenset({"negative_prompt"})

_generator = partial(
    ModelSpec,
    operations=frozenset({"create"}),
    sizes=_QWEN_SIZE,
    accepts=frozenset({"prompt", "seed"}) | _AVOIDS,
    in_prompt=_AVOIDS,
)
#: Edits by instruction, search and replace included.
_editor = partial(
    ModelSpec,
    operations=frozenset({"edit.general_edit"}),
    emulates=frozenset({"edit.search_replace", "edit.search_recolor"}),
    accepts=_EDITS,
    in_prompt=IN_PROMPT,
    max_images=1,
    inputs=_LARGE,
)


#: Paints into a mask: white is painted, as in ours.
_inpainter = partial(ModelSpec, accepts=frozenset({"prompt", "image", "mask"}), field_names={"mask": "mask_image"})


def _upscaler(name: str, usd: float, *operations: str) -> ModelSpec:
    return ModelSpec(
        name,
        f"wavespeed-ai/{name}",
        usd,
        operations=frozenset(operations),
        sizes=_CLASSES,
        accepts=frozenset({"image", "target_resolution"}),
        file_types=_FILE_TYPES,
        inputs=InputLimits(min_side=64, max_side=4_096, max_pixels=9_437_184),
        deadline=180.0,
        auto={name: {"draft": 3, "standard": 3, "premium": 3} for name in operations},
    )


MODELS = (
    ModelSpec(
        "ideogram-v3-turbo",
        "ideogram-ai/ideogram-v3-turbo",
        0.03,
        alias="ideogram",
        operations=frozenset({"create", "edit.inpaint", "control.style"}),
        credits=5,  # the API reference's own number
        sizes=(  # five ratios of about 1 MP
            NativeSize("1:1", 1_024, 1_024),
            NativeSize("16:9", 1_344, 768),
            NativeSize("9:16", 768, 1_344),
            NativeSize("4:3", 1_152, 896),
            NativeSize("3:4", 896, 1_152),
        ),
        accepts=frozenset({"prompt", "image", "mask", "aspect_ratio"}) | _AVOIDS,
        in_prompt=_AVOIDS,
        field_names={"mask": "mask_image"},
        inputs=_LARGE,
        auto={"create": {"premium": 4}, "lettering": {"draft": 1, "standard": 1, "premium": 1}},
    ),
    _generator(
        "qwen-image",
        "wavespeed-ai/qwen-image/text-to-image",
        0.02,
        alias="qwen",
        file_types=_FILE_TYPES,
        auto={"create": {"draft": 1, "standard": 3}},
    ),
    _generator("z-image-turbo", "wavespeed-ai/z-image/turbo", 0.005),
    _editor(
        "qwen-edit",
        "wavespeed-ai/qwen-image/edit",
        0.02,
        accepts=_EDITS | {"seed"},
        sizes=_QWEN_SIZE,
        file_types=_FILE_TYPES,
        inputs=_INPUT,
        auto={f"edit.{name}": {"draft": 1} for name in ("general_edit", "search_replace", "search_recolor")},
    ),
    _editor(
        "qwen-edit-plus",
        "wavespeed-ai/qwen-image/edit-plus",
        0.02,
        accepts=_EDITS_SEVERAL | {"seed"},
        emulates=frozenset({"edit.search_replace", "edit.search_recolor", "edit.relight", "control.style_transfer"}),
        sizes=_QWEN_SIZE,
        file_types=_FILE_TYPES,
        max_images=3,
        inputs=_INPUT,
    ),
    _editor(
        "flux-kontext-pro",
        "wavespeed-ai/flux-kontext-pro",
        0.04,
        accepts=_EDITS | {"guidance_scale"},
        ranges={"guidance_scale": Range(1, 20)},
        auto={"edit.general_edit": {"standard": 2}},
    ),
    _editor(
        "seedream-v4.5-edit",
        "bytedance/seedream-v4.5/edit",
        0.04,
        accepts=_EDITS_SEVERAL,
        sizes=FreeSize(1_024, 4_096),
        max_images=10,
        auto={"edit.general_edit": {"premium": 2}},
    ),
    _editor(
        "seedream-v5.0-flash-edit",
        "bytedance/seedream-v5.0-flash/edit",
        0.027,  # flat, so always the largest resolution
        accepts=_EDITS_SEVERAL,
        fixed_fields={"resolution": "2k"},
        file_types=("png", "jpeg"),
        max_images=10,
    ),
    _editor(
        "nano-banana-2.1-edit",
        "google/nano-banana-2.1/edit",
        0.04,  # planning values: its page names no price, these are fal's for the same model
        emulates=frozenset({"edit.search_replace", "edit.search_recolor", "edit.relight", "control.style_transfer"}),
        accepts=_EDITS_SEVERAL | {"target_resolution"},
        field_names={"target_resolution": "resolution"},
        sizes=(
            NativeSize("1k", 1_024, 1_024, usd=0.04),
            NativeSize("2k", 2_048, 2_048, usd=0.059),
            NativeSize("4k", 4_096, 4_096, usd=0.134),
        ),
        file_types=("png", "jpeg"),
        max_images=14,
        deadline=180.0,
    ),
    _editor(
        "nano-banana-pro-edit-ultra",
        "google/nano-banana-pro/edit-ultra",
        0.15,
        accepts=_EDITS_SEVERAL,
        fixed_fields={"resolution": "4k"},
        file_types=("png", "jpeg"),
        max_images=14,
        deadline=180.0,
    ),
    _inpainter(
        "z-image-turbo-inpaint",
        "wavespeed-ai/z-image/turbo-inpaint",
        0.02,
        operations=frozenset({"edit.inpaint"}),
        emulates=frozenset({"edit.erase", "edit.outpaint"}),
        sizes=_QWEN_SIZE,
        accepts=frozenset({"prompt", "image", "mask"}) | _AVOIDS,
        in_prompt=_AVOIDS,
        inputs=_INPUT,
        auto={"edit.inpaint": {"draft": 1}},
    ),
    _inpainter(
        "image-eraser",
        "wavespeed-ai/image-eraser",
        0.025,
        operations=frozenset({"edit.erase"}),
        inputs=_LARGE,
        auto={"edit.erase": {"draft": 1}},
    ),
    ModelSpec(
        "image-background-remover",
        "wavespeed-ai/image-background-remover",
        0.004,
        operations=frozenset({"edit.remove_background"}),
        accepts=frozenset({"image"}),
        inputs=_LARGE,
        auto={"edit.remove_background": {"draft": 1, "standard": 3}},
    ),
    _upscaler("image-upscaler", 0.01, "upscale.fast"),
    _upscaler("ultimate-image-upscaler", 0.06, "upscale.conservative", "upscale.creative"),
    ModelSpec(
        "flux-controlnet-union-pro-2.0",
        "wavespeed-ai/flux-controlnet-union-pro-2.0",
        0.04,  # a planning value: its pages name no price
        operations=frozenset({"control.sketch", "control.structure"}),
        sizes=FreeSize(512, 1_536),
        accepts=frozenset(
            {"prompt", "image", "control_strength", "guidance_scale", "steps", "seed", "width", "height"}
        ),
        field_names={
            "image": "control_image",
            "control_strength": "controlnet_conditioning_scale",
            "steps": "num_inference_steps",
        },
        ranges={"control_strength": Range(0, 2, 0.7), "guidance_scale": Range(0, 20), "steps": Range(1, 50)},
        inputs=_LARGE,
    ),
)


SPEC = ProviderSpec(
    name="wavespeed",
    title="WaveSpeed AI",
    base_url="https://api.wavespeed.ai",
    key_variable="WAVESPEED_API_KEY",
    base_url_variable="WAVESPEED_BASE_URL",
    in_flight=10,  # a Silver account runs 100 tasks at a time; a Bronze one returns 429, and the client waits
    result_hosts=frozenset({"d1q70pf5vjeyhc.cloudfront.net", "cdn.wavespeed.ai"}),
    max_resolution=(1024, 1024),  # as the API reference lists it; qwen-image paints up to 1536 x 1536
    listed_cost=(1, 6),  # as the API reference lists it; the dearest generator costs 5
    submit_timeout=60.0,
    poll_seconds=POLL_SECONDS,
    result_seconds=7 * 24 * 3600,  # outputs stay on its CDN for about 7 days
    busy_seconds=15.0,  # its windows are minutes: pauses of 15, 30 and 60 s reach into the next one
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """Build the JSON of one submit, with only the fields that the model's page lists."""
    fields: dict[str, Any] = provider_fields(model, task)
    if model.max_images:
        images = [task.images[role] for role in image_roles(model, task)]
        fields |= {"image": images[0]} if model.max_images == 1 else {"images": images}
    elif task.operation == "control.style":
        fields["reference_images"] = [fields.pop("image")]
    fields |= _size(model, task, edits="image" in fields)
    body = {name: _encode(value) for name, value in fields.items()}
    return HttpRequest(method="POST", path=f"/api/v3/{model.endpoint}", json=body)


def _size(model: ModelSpec, task: Task, *, edits: bool) -> dict[str, Any]:
    """Return the provider fields of the size; an edit by a model of fixed ratios keeps its image's own ratio."""
    if isinstance(model.sizes, FreeSize):
        native = nearest_size(model, task.width, task.height)
        apart = "width" in model.accepts
        return {"width": native.width, "height": native.height} if apart else {"size": native.label}
    for field in ("target_resolution", "aspect_ratio"):
        if field in model.accepts and not (edits and field == "aspect_ratio"):
            return {model.field_names.get(field, field): size_label(model, task, task.settings.get(field))}
    return {}


def _encode(value: Any) -> Any:
    if isinstance(value, Blob):
        return data_uri(value)

    return [_encode(item) for item in value] if isinstance(value, list) else value


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    return HttpRequest(method="GET", path=f"/api/v3/predictions/{handle}/result")


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Read the prediction in the envelope (or without one, as some model pages show it)."""
    document = response.json_object(SPEC.title)
    code = document.get("code", 200)
    if isinstance(code, int) and code != 200:
        raise read_error(HttpResponse(code, response.headers, response.body))
    data = document.get("data", document)
    if not isinstance(data, dict):
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    status = str(data.get("status") or "")
    if status in _DONE:
        return _read_output(data)
    if status in _WORKING:
        return _read_handle(data, handle)
    message = str(data.get("error") or status or "no status")
    if _is_moderation(message):
        raise content_refused(SPEC.title, message)
    # It is refunded within hours, but not surely free, so it is not repeated.
    raise ResultUnusable(f"{SPEC.title} could not make the image: {message[:MAX_QUOTED]}")


def _read_handle(data: dict[str, Any], handle: str | None) -> Pending:
    found = data.get("id") or handle
    if not isinstance(found, str) or not found.isalnum():
        raise UnknownCharge(f"{SPEC.title}'s answer has no prediction id.")
    return Pending(found, POLL_SECONDS)


def _read_output(data: dict[str, Any]) -> ResultUrl:
    flags = data.get("has_nsfw_contents")
    if isinstance(flags, list) and any(flags):
        raise withheld(SPEC.title)
    outputs = data.get("outputs")
    if not isinstance(outputs, list) or not outputs or not isinstance(outputs[0], str):
        raise ResultUnusable(f"{SPEC.title} finished without an image.")
    seed = data.get("seed")
    return ResultUrl(outputs[0], seed if isinstance(seed, int) else None)


def _is_moderation(message: str) -> bool:
    return any(word in message.lower() for word in _MODERATION_WORDS)


def read_error(response: HttpResponse) -> StudioError:
    message = str((response.fields() or {}).get("message") or "")
    if response.status == 403 and _is_moderation(message):
        return content_refused(SPEC.title, message)
    return http_error(SPEC.title, response, message)
