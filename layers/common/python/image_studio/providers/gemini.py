"""Google Gemini, generateContent of the Developer API. Sources: google-genai 3.6.1 and Google's pages, read 2026-11.

One synchronous call makes one image. Images are base64 in JSON, in both directions. There is no field for a mask, a
negative prompt or a size in pixels: the prompt states them, or we do the work. A refusal is a 200 without an image.

The models, retired ones too, are those of Google's model and deprecation pages; sizes and prices are from tables of
third parties.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pybase64

from image_studio.errors import (
    ProviderBusy,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
)
from image_studio.providers.adapter import HttpRequest, HttpResponse, Outcome, ProviderImage, Task
from image_studio.providers.payload import IN_PROMPT, build_prompt, from_base64, image_roles, provider_seed
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, retry_after
from image_studio.providers.spec import (
    InputLimits,
    Lifecycle,
    ModelSpec,
    NativeSize,
    ProviderSpec,
    TextModel,
    nearest_size,
)

#: Finish reasons that mean a refusal; any other one without an image is a failure.
_REFUSALS = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}) | {
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
}

#: Pixels at 1K; 2K doubles each side, 4K doubles it twice, 512 halves it.
_RATIOS = {"1:1": (1_024, 1_024), "2:3": (848, 1_264), "3:2": (1_264, 848), "3:4": (896, 1_200)}
_RATIOS |= {"4:3": (1_200, 896), "4:5": (928, 1_152), "5:4": (1_152, 928)}
_RATIOS |= {"9:16": (768, 1_376), "16:9": (1_376, 768), "21:9": (1_584, 672)}
_EXTREME = {"1:4": (512, 2_048), "4:1": (2_048, 512), "1:8": (384, 3_072), "8:1": (3_072, 384)}
_SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}

_CONTROLS = ("control.sketch", "control.structure", "control.style", "control.style_transfer")
_EDITS = frozenset({"edit.inpaint", "edit.erase", "edit.outpaint", "edit.relight", *_CONTROLS}) | {
    "edit.search_replace",
    "edit.search_recolor",
}


def _model(name: str, prices: Mapping[str, float], ratios: Mapping[str, tuple[int, int]], **data: Any) -> ModelSpec:
    sizes = tuple(
        NativeSize(ratio, int(width * _SCALES[size]), int(height * _SCALES[size]), size, usd)
        for size, usd in prices.items()
        for ratio, (width, height) in ratios.items()
    )
    return ModelSpec(
        **{
            "name": name,
            "endpoint": name,
            "operations": frozenset({"create"}),
            "usd": prices["1K"],
            "sizes": sizes,
            "accepts": frozenset({"prompt", "seed", "negative_prompt"}),
            "in_prompt": frozenset({"negative_prompt"}),
            **data,
        }
    )


def _editing(*more: str) -> dict[str, Any]:
    return {
        "operations": frozenset({"create", "edit.general_edit"}),
        "emulates": _EDITS | set(more),
        "accepts": frozenset({"prompt", "seed", "image", "mask", "style", "background", "lighting"}) | IN_PROMPT,
        "in_prompt": IN_PROMPT,
        "max_images": 14,
        "inputs": InputLimits(min_side=64, max_side=4_096, max_pixels=9_437_184),
    }


def _thinking(**levels: str) -> dict[str, Any]:
    """Return the provider fields by quality of a model with thinking levels."""
    return {quality: {"thinkingConfig": {"thinkingLevel": level}} for quality, level in levels.items()}


FLASH = _model(
    "gemini-nano-banana-2.1",
    {"1K": 0.0336, "2K": 0.0504, "4K": 0.1134},
    _RATIOS | _EXTREME,
    deadline=180.0,  # 15 to 40 s, 4K longer
    quality_fields=_thinking(draft="MINIMAL", standard="MEDIUM", premium="HIGH"),
    auto={"create": {"standard": 4}, "edit.general_edit": {"standard": 1}, "edit.relight": {"draft": 1}},
    **_editing(),
)
PRO = _model(
    "gemini-3-pro-image",
    {"1K": 0.134, "2K": 0.134, "4K": 0.24},
    _RATIOS,
    deadline=180.0,
    auto={
        "create": {"premium": 3},
        "lettering": {"premium": 2},
        "edit.general_edit": {"premium": 1},
        **{control: {"premium": 3} for control in _CONTROLS},
    },
    **_editing("upscale.creative"),
)
LITE = _model("gemini-3.1-flash-lite-image", {"1K": 0.0336}, _RATIOS | _EXTREME, auto={"create": {"draft": 3}})

_DEPRECATIONS = "ai.google.dev/gemini-api/docs/deprecations"
_CHANGELOG = "ai.google.dev/gemini-api/docs/changelog"


def _retired(name: str, use: ModelSpec, end: date | None, why: str | None = None) -> ModelSpec:
    """Return the row of a model that Google shut down on the day `end`, or on an unknown one before 2026."""
    why = why or f"Google shut it down {f'on {end}' if end else 'before 2026'}"
    return ModelSpec(
        name,
        name,
        use.usd,
        operations=frozenset({"create"}),
        lifecycle=Lifecycle(retires=end, source=_DEPRECATIONS) if end else None,
        retired=f"{why}. Use {use.name}.",
    )


_PREVIEWS_END = date(2026, 6, 25)
_IMAGEN_END = date(2026, 8, 17)
MODELS = (
    FLASH,
    PRO,
    LITE,
    _model(  # the whole row: jobs that were in progress when it was retired are finished with it
        "gemini-3.1-flash-image",
        {"512": 0.045, "1K": 0.067, "2K": 0.101, "4K": 0.151},
        _RATIOS | _EXTREME,
        # Google gives no date for its end; third parties name 2026-10-29.
        lifecycle=Lifecycle(deprecated=date(2026, 10, 6), source=_CHANGELOG),
        retired=f"Google deprecated it on 2026-10-06, at twice its successor's price. Use {FLASH.name}.",
        **_editing(),
    ),
    _retired(
        "gemini-2.5-flash-image",
        LITE,
        date(2027, 3, 15),
        "since 2026-09-18 Google offers it only to accounts that used it before",
    ),
    _retired("gemini-2.5-flash-image-preview", LITE, None),
    _retired("gemini-3.1-flash-image-preview", FLASH, _PREVIEWS_END),
    _retired("gemini-3-pro-image-preview", PRO, _PREVIEWS_END),
    _retired("imagen-4.0-generate-001", FLASH, _IMAGEN_END),
    _retired("imagen-4.0-ultra-generate-001", PRO, _IMAGEN_END),
    _retired("imagen-4.0-fast-generate-001", LITE, _IMAGEN_END),
    _retired("imagen-3.0-generate-001", FLASH, None),
    _retired("imagen-3.0-generate-002", FLASH, None),
    _retired("imagen-3.0", FLASH, None),
)

SPEC = ProviderSpec(
    name="gemini",
    title="Google Gemini",
    base_url="https://generativelanguage.googleapis.com",
    key_variable="GEMINI_API_KEY",
    base_url_variable="GEMINI_BASE_URL",
    auth_header="x-goog-api-key",
    auth_format="{key}",
    in_flight=10,
    text=TextModel("gemini-3.5-flash-lite", rank=1),
    max_resolution=(4096, 4096),
    submit_timeout=180.0,  # a 4K image of the largest model takes up to a minute
    models=MODELS,
)


def _path(model: str) -> str:
    return f"/v1beta/models/{model}:generateContent"


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """Build the JSON of one call. An edit keeps its image's ratio; an image in the style of another is no edit."""
    size = nearest_size(model, task.width, task.height)
    images = [task.images[role] for role in image_roles(model, task)]
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": blob.mime, "data": pybase64.b64encode_as_string(blob.data)}} for blob in images
    ]
    edits = images and task.operation != "control.style"
    image: dict[str, Any] = {} if edits else {"aspectRatio": size.label}
    if isinstance(model.sizes, tuple) and len({each.size_class for each in model.sizes}) > 1:
        image["imageSize"] = size.size_class  # Vertex answers a 400 to it where there is only one
    config: dict[str, Any] = {"responseModalities": ["IMAGE"], "imageConfig": image}
    config |= model.quality_fields.get(task.quality or "", {})
    seed = provider_seed(model, task.seed)
    if seed is not None and "seed" in model.accepts:
        config["seed"] = seed
    contents = [{"role": "user", "parts": [*parts, {"text": build_prompt(model, task)}]}]
    return HttpRequest(
        method="POST", path=_path(model.endpoint), json={"contents": contents, "generationConfig": config}
    )


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Raise ResultUnusable: every response has its image, so there is nothing to poll."""
    raise ResultUnusable(f"{SPEC.title} has nothing to ask for.")


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Return the last image that isn't part of the model's thoughts. Raises why there is none."""
    document = response.json_object(SPEC.title)
    candidates = document.get("candidates")
    if not isinstance(candidates, list) or not candidates or not isinstance(candidates[0], dict):
        raise _blocked(document)
    parts = _parts(candidates[0])
    for part in reversed(parts):
        inline = part.get("inlineData")
        if isinstance(inline, dict):
            data = from_base64(inline.get("data"))
            if data is None:
                raise ResultUnusable(f"{SPEC.title}'s image could not be read.")
            return ProviderImage(data)
    raise _nothing(str(candidates[0].get("finishReason") or "no reason"), parts)


def _parts(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts or [] if isinstance(part, dict) and part.get("thought") is not True]


def _blocked(document: dict[str, Any]) -> StudioError:
    feedback = document.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if reason:
        return content_refused(SPEC.title, reason)
    return ResultUnusable(f"{SPEC.title} answered without an image.")


def _nothing(reason: str, parts: list[dict[str, Any]]) -> StudioError:
    if reason in _REFUSALS:
        return content_refused(SPEC.title, reason)
    words = " ".join(str(part["text"]) for part in parts if part.get("text"))
    if words:
        return ResultUnusable(f"{SPEC.title} answered in words instead of an image: {words[:MAX_QUOTED]}")
    return ResultUnusable(f"{SPEC.title} answered without an image ({reason}).")


def read_error(response: HttpResponse) -> StudioError:
    """Return Google's RPC error: a bad key is a 400, and a used-up daily quota a 429 that no pause helps.

    A 500 and a 503 of Google's own count as free. That is inferred: answers are charged by their `usageMetadata`, which
    an error lacks, but no page of Google's says so. A 504, or a body that isn't Google's, may hide a finished image.
    """
    error = (response.fields() or {}).get("error")
    error = error if isinstance(error, dict) else {}
    details = [detail for detail in error.get("details") or [] if isinstance(detail, dict)]
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        return ProviderKeyRefused(f"{SPEC.title} refused our key.")
    if response.status == 429:
        return _quota(response, details)
    if error.get("status") == "FAILED_PRECONDITION":
        return ProviderUnavailable(f"{SPEC.title} can't be used from here, or its billing is not set up.")
    if (response.status, error.get("status")) in _FREE_FAILURES:
        return ProviderOutage(f"{SPEC.title} failed ({response.status}).")
    return http_error(SPEC.title, response, str(error.get("message") or ""))


_FREE_FAILURES = {(500, "INTERNAL"), (503, "UNAVAILABLE")}


def _quota(response: HttpResponse, details: list[dict[str, Any]]) -> StudioError:
    violations = [v for detail in details for v in detail.get("violations") or [] if isinstance(v, dict)]
    if any("PerDay" in str(violation.get("quotaId")) for violation in violations):
        return ProviderUnavailable(f"{SPEC.title}'s quota of today is used up.")
    delays = [seconds for detail in details if (seconds := _seconds(detail.get("retryDelay"))) is not None]
    pause = max(delays) if delays else retry_after(response)
    return ProviderBusy(f"{SPEC.title}'s rate limit is reached.", retry_after=pause)


def _seconds(text: object) -> float | None:
    """Parse a protobuf duration such as "37s" into seconds."""
    try:
        return max(0.0, float(str(text).removesuffix("s"))) if text else None
    except ValueError:
        return None


def build_text(model: TextModel, instruction: str, text: str, max_tokens: int) -> HttpRequest:
    return HttpRequest(
        method="POST",
        path=_path(model.id),
        json={
            "systemInstruction": {"parts": [{"text": instruction}]},
            "contents": [{"role": "user", "parts": [{"text": text}]}],
            "generationConfig": {"maxOutputTokens": max_tokens},
        },
    )


def read_text(response: HttpResponse) -> str | None:
    """Return the generated text, or None where it is not complete."""
    candidates = response.json_object(SPEC.title).get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict) else {}
    text = "".join(str(part.get("text") or "") for part in _parts(first))
    return text if text and first.get("finishReason") == "STOP" else None
