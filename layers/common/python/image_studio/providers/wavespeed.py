"""WaveSpeed AI, REST v3. Sources: its Python SDK 2.0.5 and its models' machine pages, read 2026-11.

Submit, then poll by prediction id. Every response is an envelope {code, message, data}; an error can come in
the envelope of a 200. Every accepted submit is charged, so a submit whose answer is lost is never repeated.
"""

from typing import Any

from image_studio.errors import ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, Outcome, Pending, ResultUrl, Task
from image_studio.providers.instructions import image_roles
from image_studio.providers.payload import data_uri, provider_fields, size_label
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error
from image_studio.providers.spec import FreeSize, ModelSpec, ProviderSpec, nearest_size
from image_studio.providers.wavespeed_models import MODELS

POLL_SECONDS = 1.0  # the SDK's interval
_WORKING = frozenset({"created", "processing", "queued", "starting"})
_DONE = frozenset({"completed", "succeeded"})
_MODERATION_WORDS = ("nsfw", "safety", "moderat", "sensitive", "content policy", "prohibited")

SPEC = ProviderSpec(
    name="wavespeed",
    title="WaveSpeed AI",
    base_url="https://api.wavespeed.ai",
    key_variable="WAVESPEED_API_KEY",
    base_url_variable="WAVESPEED_BASE_URL",
    auth_header="Authorization",
    auth_format="Bearer {key}",
    in_flight=10,  # a Silver account runs 100 tasks at a time; a Bronze one returns 429, and the client waits
    result_hosts=frozenset({"d1q70pf5vjeyhc.cloudfront.net", "cdn.wavespeed.ai"}),
    max_resolution=(1024, 1024),  # as the API reference lists it; qwen-image paints up to 1536 x 1536
    listed_cost=(1, 6),  # as the API reference lists it; the dearest generator costs 5
    submit_timeout=60.0,
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
    return HttpRequest(method="POST", path=f"/api/v3/{model.endpoint}", json=_encode(fields))


def _size(model: ModelSpec, task: Task, *, edits: bool) -> dict[str, Any]:
    """Return the provider fields of the size; an edit by a model of fixed ratios keeps its image's own ratio."""
    if isinstance(model.sizes, FreeSize):
        native = nearest_size(model, task.width, task.height)
        apart = "width" in model.accepts
        return {"width": native.width, "height": native.height} if apart else {"size": native.label}
    for field in ("target_resolution", "aspect_ratio"):
        if field in model.accepts and not (edits and field == "aspect_ratio"):
            return {field: size_label(model, task, task.settings.get(field))}
    return {}


def _encode(value: Any) -> Any:
    if isinstance(value, Blob):
        return data_uri(value)
    if isinstance(value, dict):
        return {name: _encode(item) for name, item in value.items()}
    return [_encode(item) for item in value] if isinstance(value, list) else value


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    return HttpRequest(method="GET", path=f"/api/v3/predictions/{handle}/result")


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Read the prediction in the envelope (or without one, as some model pages show it)."""
    document = response.json()
    if not isinstance(document, dict):
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
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
    raise _failure(str(data.get("error") or status or "no status"))


def _read_handle(data: dict[str, Any], handle: str | None) -> Pending:
    found = data.get("id") or handle
    if not isinstance(found, str) or not found.isalnum():
        raise UnknownCharge(f"{SPEC.title}'s answer has no prediction id.")
    return Pending(found, POLL_SECONDS)


def _read_output(data: dict[str, Any]) -> ResultUrl:
    flags = data.get("has_nsfw_contents")
    if isinstance(flags, list) and any(flags):
        raise content_refused(SPEC.title)
    outputs = data.get("outputs")
    if not isinstance(outputs, list) or not outputs or not isinstance(outputs[0], str):
        raise ResultUnusable(f"{SPEC.title} finished without an image.")
    seed = data.get("seed")
    return ResultUrl(outputs[0], seed if isinstance(seed, int) else None)


def _failure(message: str) -> StudioError:
    """Return the error of a failed task: it is refunded within hours, but not surely free, so it is not repeated."""
    if _is_moderation(message):
        return content_refused(SPEC.title, message)
    return ResultUnusable(f"{SPEC.title} could not make the image: {message[:MAX_QUOTED]}")


def _is_moderation(message: str) -> bool:
    return any(word in message.lower() for word in _MODERATION_WORDS)


def read_error(response: HttpResponse) -> StudioError:
    document = response.json()
    message = str(document.get("message") or "") if isinstance(document, dict) else ""
    if response.status == 403 and _is_moderation(message):
        return content_refused(SPEC.title, message)
    return http_error(SPEC.title, response, message)
