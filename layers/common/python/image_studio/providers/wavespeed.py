"""WaveSpeed AI, REST v3. Sources: its Python SDK 2.0.5 and its models' machine pages, read 2026-11.

Submit, then poll by prediction id. Every reply is an envelope {code, message, data}; an error can come in
the envelope of a 200. Every accepted submit is charged, so a submit whose answer is lost is never repeated.
"""

from typing import Any

from image_studio.errors import ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, Outcome, Pending, ResultUrl, Task
from image_studio.providers.instructions import shown
from image_studio.providers.payload import data_uri, provider_fields, size_word
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
    in_flight=10,  # a Silver account runs 100 tasks at a time; a Bronze one answers 429, and we wait
    result_hosts=frozenset({"d1q70pf5vjeyhc.cloudfront.net", "cdn.wavespeed.ai"}),
    max_resolution=(1024, 1024),  # as the API reference lists it; qwen-image paints up to 1536 x 1536
    listed_cost=(1, 6),  # as the API reference lists it; the dearest generator costs 5
    submit_timeout=60.0,
    busy_seconds=15.0,  # its limits start anew every minute: 15, 30 and 60 s reach into the next one
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """The JSON of one submit; only fields that the model's page lists."""
    fields: dict[str, Any] = provider_fields(model, task)
    if model.images:
        images = [task.images[role] for role in shown(model, task)]
        fields |= {"image": images[0]} if model.images == 1 else {"images": images}
    elif task.operation == "control.style":
        fields["reference_images"] = [fields.pop("image")]
    fields |= _size(model, task, edits="image" in fields)
    return HttpRequest(method="POST", path=f"/api/v3/{model.wire}", json=_encoded(fields))


def _size(model: ModelSpec, task: Task, *, edits: bool) -> dict[str, Any]:
    """The wire's fields for the size; an edit in fixed ratios keeps its image's own."""
    if isinstance(model.sizes, FreeSize):
        native = nearest_size(model, task.width, task.height)
        apart = "width" in model.accepts
        return {"width": native.width, "height": native.height} if apart else {"size": native.word}
    for field in ("target_resolution", "aspect_ratio"):
        if field in model.accepts and not (edits and field == "aspect_ratio"):
            return {field: size_word(model, task, task.settings.get(field))}
    return {}


def _encoded(value: Any) -> Any:
    """Images travel as data URIs."""
    if isinstance(value, Blob):
        return data_uri(value)
    if isinstance(value, dict):
        return {name: _encoded(item) for name, item in value.items()}
    return [_encoded(item) for item in value] if isinstance(value, list) else value


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Ask for a prediction's result."""
    return HttpRequest(method="GET", path=f"/api/v3/predictions/{handle}/result")


def read_response(model: ModelSpec, reply: HttpResponse, handle: str | None = None) -> Outcome:
    """The prediction inside the envelope (or bare, as some model pages show it)."""
    document = reply.json()
    if not isinstance(document, dict):
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    code = document.get("code", 200)
    if isinstance(code, int) and code != 200:
        raise read_error(HttpResponse(code, reply.headers, reply.body))
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


def _failure(said: str) -> StudioError:
    """A task that ended badly after its submit: refunded within hours, but not surely free; not repeated."""
    if _is_moderation(said):
        return content_refused(SPEC.title, said)
    return ResultUnusable(f"{SPEC.title} could not make the image: {said[:MAX_QUOTED]}")


def _is_moderation(said: str) -> bool:
    return any(word in said.lower() for word in _MODERATION_WORDS)


def read_error(reply: HttpResponse) -> StudioError:
    """WaveSpeed's statuses, of HTTP or of the envelope."""
    document = reply.json()
    said = str(document.get("message") or "") if isinstance(document, dict) else ""
    if reply.status == 403 and _is_moderation(said):
        return content_refused(SPEC.title, said)
    return http_error(SPEC.title, reply, said)
