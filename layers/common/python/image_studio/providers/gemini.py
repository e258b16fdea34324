"""Google Gemini, generateContent of the Developer API. Sources: google-genai 3.4.0 and Google's pages, read 2026-11.

One call, one image, synchronously. Images go in and come out as base64 in JSON. There is no field for a mask, a
negative prompt or a size in pixels: they are told in words, or done by us. A refusal is a 200 without an image.
"""

from typing import Any

from image_studio.errors import (
    ProviderBusy,
    ProviderKeyRefused,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import HttpRequest, HttpResponse, Outcome, ProviderImage, Task
from image_studio.providers.gemini_models import MODELS
from image_studio.providers.instructions import prompt_for, shown
from image_studio.providers.payload import folded_seed, from_base64, to_base64
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, retry_after
from image_studio.providers.spec import ModelSpec, ProviderSpec, TextModel, nearest_size

#: Ends of an answer that mean a refusal; the other ones without an image are failures.
_REFUSALS = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
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


def _path(wire: str) -> str:
    return f"/v1beta/models/{wire}:generateContent"


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """The JSON of one call. An edit keeps its image's ratio, which is what the API does when none is given.

    An image in another one's style is no edit: its ratio is asked for.
    """
    size = nearest_size(model, task.width, task.height)
    images = [task.images[role] for role in shown(model, task)]
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": blob.mime, "data": to_base64(blob.data)}} for blob in images
    ]
    edits = images and task.operation != "control.style"
    image = {"imageSize": size.size_class} if edits else {"aspectRatio": size.word, "imageSize": size.size_class}
    config: dict[str, Any] = {"responseModalities": ["IMAGE"], "imageConfig": image}
    seed = folded_seed(model, task.seed)
    if seed is not None and "seed" in model.accepts:
        config["seed"] = seed
    contents = [{"role": "user", "parts": [*parts, {"text": prompt_for(model, task)}]}]
    return HttpRequest(method="POST", path=_path(model.wire), json={"contents": contents, "generationConfig": config})


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Never needed: every call is answered with its image."""
    raise UnknownCharge(f"{SPEC.title} has nothing to ask for.")


def read_response(model: ModelSpec, reply: HttpResponse, handle: str | None = None) -> Outcome:
    """The first image that isn't a draft of the model's thinking. Without one, why there is none."""
    document = reply.json()
    if not isinstance(document, dict):
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    candidates = document.get("candidates")
    if not isinstance(candidates, list) or not candidates or not isinstance(candidates[0], dict):
        raise _blocked(document)
    parts = _parts(candidates[0])
    for part in parts:
        inline = part.get("inlineData")
        if isinstance(inline, dict):
            return _image(inline)
    raise _nothing(str(candidates[0].get("finishReason") or "no reason"), parts)


def _parts(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of an answer, without the model's thinking aloud."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts or [] if isinstance(part, dict) and part.get("thought") is not True]


def _image(inline: dict[str, Any]) -> ProviderImage:
    data = from_base64(inline.get("data"))
    if data is None:
        raise ResultUnusable(f"{SPEC.title}'s image could not be read.")
    return ProviderImage(data)


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


def read_error(reply: HttpResponse) -> StudioError:
    """Google's RPC errors: a bad key is a 400 here, and a used-up day a 429 that no waiting helps."""
    document = reply.json()
    error = document.get("error") if isinstance(document, dict) else None
    error = error if isinstance(error, dict) else {}
    details = [detail for detail in error.get("details") or [] if isinstance(detail, dict)]
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        return ProviderKeyRefused(f"{SPEC.title} refused our key.")
    if reply.status == 429:
        return _quota(reply, details)
    if error.get("status") == "FAILED_PRECONDITION":
        return ProviderUnavailable(f"{SPEC.title} can't be used from here, or its billing is not set up.")
    return http_error(SPEC.title, reply, str(error.get("message") or ""))


def _quota(reply: HttpResponse, details: list[dict[str, Any]]) -> StudioError:
    violations = [v for detail in details for v in detail.get("violations") or [] if isinstance(v, dict)]
    if any("PerDay" in str(violation.get("quotaId")) for violation in violations):
        return ProviderUnavailable(f"{SPEC.title}'s quota of today is used up.")
    delays = [seconds for detail in details if (seconds := _seconds(detail.get("retryDelay"))) is not None]
    asked = max(delays) if delays else retry_after(reply)
    return ProviderBusy(f"{SPEC.title}'s rate limit is reached.", retry_after=asked)


def _seconds(text: object) -> float | None:
    """A protobuf duration such as "37s" in seconds."""
    try:
        return max(0.0, float(str(text).removesuffix("s"))) if text else None
    except ValueError:
        return None


def build_text(model: TextModel, instruction: str, said: str, most_tokens: int) -> HttpRequest:
    """One answer of a text model."""
    return HttpRequest(
        method="POST",
        path=_path(model.wire),
        json={
            "systemInstruction": {"parts": [{"text": instruction}]},
            "contents": [{"role": "user", "parts": [{"text": said}]}],
            "generationConfig": {"maxOutputTokens": most_tokens},
        },
    )


def read_text(reply: HttpResponse) -> str | None:
    """What the model wrote, or None where it didn't finish."""
    candidates = reply.json_object().get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict) else {}
    text = "".join(str(part.get("text") or "") for part in _parts(first))
    return text if text and first.get("finishReason") == "STOP" else None
