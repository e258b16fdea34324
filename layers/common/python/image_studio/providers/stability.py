"""Stability AI, REST v2beta. Source: Stability's OpenAPI document (api.stability.ai, 2026), read 2026-11.

Every call is multipart/form-data, also without a file. An image comes back as bytes, with `seed` and
`finish-reason` as headers; two operations answer with an id that is polled, at most every 10 seconds.
Only successful generations are charged, so its own 5xx are never paid for.
"""

from image_studio.errors import ProviderOutage, ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, Outcome, Pending, ProviderImage, Task
from image_studio.providers.payload import provider_fields, size_word
from image_studio.providers.responses import content_refused, http_error
from image_studio.providers.spec import ModelSpec, ProviderSpec
from image_studio.providers.stability_models import MODELS
from image_studio.schemas.limits import MAX_SEED

ZERO_SEED = MAX_SEED + 1  # its wire reads 0 as "random", so our seed 0 travels as its largest seed
POLL_SECONDS = 10.0  # "no more than once every 10 seconds"

SPEC = ProviderSpec(
    name="stability",
    title="Stability AI",
    base_url="https://api.stability.ai",
    key_variable="STABILITY_API_KEY",
    base_url_variable="STABILITY_BASE_URL",
    auth_header="authorization",
    auth_format="Bearer {key}",
    in_flight=10,  # 150 requests per 10 s are allowed; ten images at a time stay far below
    max_resolution=(2048, 2048),  # as the API reference lists it; native generation is 1 to 1.5 MP
    busy_seconds=60.0,  # who exceeds the rate is locked out for a minute
    request_bytes=10 * 1024 * 1024,
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """The multipart form of one call."""
    fields = provider_fields(model, task)
    if model.sizes:
        fields["aspect_ratio"] = size_word(model, task, task.settings.get("aspect_ratio"))
    if fields.get("seed") == 0:
        fields["seed"] = ZERO_SEED
    if task.operation == "edit.relight" and not fields.keys() & {"background_prompt", "background_reference"}:
        # Light alone: the wire wants a background all the same, so it is told to keep the one that is there.
        fields |= {"background_prompt": "the original background", "keep_original_background": True}
    return HttpRequest(
        method="POST",
        path=f"/v2beta/stable-image/{model.wire}",
        headers={} if model.asynchronous else {"accept": "image/*"},
        form={name: _form_value(value) for name, value in fields.items()},
    )


def _form_value(value: object) -> str | Blob:
    """All numbers and flags are text on the wire."""
    if isinstance(value, Blob):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Ask for an asynchronous result; it lives 24 hours."""
    return HttpRequest(method="GET", path=f"/v2beta/results/{handle}", headers={"accept": "*/*"})


def read_response(model: ModelSpec, reply: HttpResponse, handle: str | None = None) -> Outcome:
    """Bytes with the seed in a header; 202, or a body with an id, is still in progress."""
    if reply.status == 202 and handle:
        return Pending(handle, POLL_SECONDS)
    mime = reply.headers.get("content-type", "")
    if mime.startswith("application/json"):
        return _read_id(reply)
    if reply.headers.get("finish-reason") == "CONTENT_FILTERED":
        raise content_refused(SPEC.title)
    if not mime.startswith("image/"):
        raise UnknownCharge(f"{SPEC.title} answered with {mime or 'no content type'} instead of an image.")
    if not reply.body:
        raise ResultUnusable(f"{SPEC.title} answered an empty image.")
    return ProviderImage(reply.body, _seed(reply.headers.get("seed")))


def _read_id(reply: HttpResponse) -> Outcome:
    document = reply.json()
    handle = document.get("id") if isinstance(document, dict) else None
    if not isinstance(handle, str) or not handle.isalnum():
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    return Pending(handle, POLL_SECONDS)


def _seed(text: str | None) -> int | None:
    if not text or not text.isdigit():
        return None
    return 0 if int(text) == ZERO_SEED else int(text)


def read_error(reply: HttpResponse) -> StudioError:
    """Stability's own words over the plain statuses; its own 5xx are never charged.

    v2beta says what is wrong in `errors`, v1 in `message`; a proxy's 5xx has no `name` and stays unknown.
    """
    document = reply.json()
    body = document if isinstance(document, dict) else {}
    said = "; ".join(str(error) for error in body.get("errors") or [body.get("message") or ""])
    name = body.get("name")
    if reply.status == 422 or name == "content_moderation":
        return content_refused(SPEC.title, said)
    if reply.status >= 500 and name:
        return ProviderOutage(f"{SPEC.title} failed ({reply.status}).")
    return http_error(SPEC.title, reply, said)
