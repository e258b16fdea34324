"""Stability AI, REST v2beta. Source: Stability's OpenAPI document (api.stability.ai, 2026), read 2026-11.

Every call is multipart/form-data, also without a file. An image is returned as bytes, with `seed` and `finish-reason`
as headers; two operations return an id that is polled, at most every 10 seconds. Only successful generations are
charged, so its own 5xx are free.
"""

from image_studio.errors import ProviderOutage, ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, Outcome, Pending, ProviderImage, Task
from image_studio.providers.payload import provider_fields, size_label
from image_studio.providers.responses import content_refused, http_error
from image_studio.providers.spec import ModelSpec, ProviderSpec
from image_studio.providers.stability_models import MODELS
from image_studio.schemas.limits import MAX_SEED

ZERO_SEED = MAX_SEED + 1  # the API reads 0 as "random", so our seed 0 is sent as its largest seed
POLL_SECONDS = 10.0  # "no more than once every 10 seconds"

SPEC = ProviderSpec(
    name="stability",
    title="Stability AI",
    base_url="https://api.stability.ai",
    key_variable="STABILITY_API_KEY",
    base_url_variable="STABILITY_BASE_URL",
    auth_header="authorization",
    auth_format="Bearer {key}",
    in_flight=10,  # 150 requests per 10 s are allowed
    max_resolution=(2048, 2048),  # as the API reference lists it; native generation is 1 to 1.5 MP
    busy_seconds=60.0,  # exceeding the rate locks an account out for a minute
    request_bytes=10 * 1024 * 1024,
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    fields = provider_fields(model, task)
    if model.sizes:
        fields["aspect_ratio"] = size_label(model, task, task.settings.get("aspect_ratio"))
    if fields.get("seed") == 0:
        fields["seed"] = ZERO_SEED
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
    mime = response.headers.get("content-type", "")
    if mime.startswith("application/json"):
        return _read_id(response)
    if response.headers.get("finish-reason") == "CONTENT_FILTERED":
        raise content_refused(SPEC.title)
    if not mime.startswith("image/"):
        raise UnknownCharge(f"{SPEC.title} answered with {mime or 'no content type'} instead of an image.")
    if not response.body:
        raise ResultUnusable(f"{SPEC.title} answered an empty image.")
    return ProviderImage(response.body, _seed(response.headers.get("seed")))


def _read_id(response: HttpResponse) -> Outcome:
    document = response.json()
    handle = document.get("id") if isinstance(document, dict) else None
    if not isinstance(handle, str) or not handle.isalnum():
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    return Pending(handle, POLL_SECONDS)


def _seed(text: str | None) -> int | None:
    if not text or not text.isdigit():
        return None
    return 0 if int(text) == ZERO_SEED else int(text)


def read_error(response: HttpResponse) -> StudioError:
    """Return the error of a status and a JSON body; Stability's own 5xx are never charged.

    v2beta explains an error in `errors`, v1 in `message`; a proxy's 5xx has no `name` and stays unknown.
    """
    document = response.json()
    body = document if isinstance(document, dict) else {}
    message = "; ".join(str(error) for error in body.get("errors") or [body.get("message") or ""])
    name = body.get("name")
    if response.status == 422 or name == "content_moderation":
        return content_refused(SPEC.title, message)
    if response.status >= 500 and name:
        return ProviderOutage(f"{SPEC.title} failed ({response.status}).")
    return http_error(SPEC.title, response, message)
