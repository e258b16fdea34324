"""Hugging Face Inference Providers. Sources: huggingface_hub 2.4.0 and the inference-providers docs, read 2026-11.

Three shapes behind one router: hf-inference answers an image's bytes; fal paints at once and answers a URL; fal
edits through a queue: submit, poll the status, then read the result. A handle is the path of the queued request,
and, once it is known to be done, the same path after a mark.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from image_studio.errors import (
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import (
    Blob,
    HttpRequest,
    HttpResponse,
    Outcome,
    Pending,
    ProviderImage,
    ResultUrl,
    Task,
)
from image_studio.providers.huggingface_models import HF_INFERENCE, MODELS
from image_studio.providers.instructions import shown
from image_studio.providers.payload import data_uri, from_base64, provider_fields
from image_studio.providers.responses import content_refused, http_error
from image_studio.providers.spec import ModelSpec, ProviderSpec, TextModel, nearest_size

POLL_SECONDS = 0.5  # huggingface_hub's interval
_FAL = "/fal-ai"
_QUEUE = {"_subdomain": "queue"}
_DONE_MARK = "done:"
#: The only paths that we poll: what a queued request's own address looks like.
_REQUEST_PATH = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*){2,4}/requests/[A-Za-z0-9-]{8,64}")
_POLICY = "content_policy_violation"

SPEC = ProviderSpec(
    name="huggingface",
    title="Hugging Face",
    base_url="https://router.huggingface.co",
    key_variable="HF_TOKEN",
    base_url_variable="HUGGINGFACE_BASE_URL",
    auth_header="authorization",
    auth_format="Bearer {key}",
    in_flight=10,
    text=TextModel("meta-llama/Llama-3.1-8B-Instruct", rank=2),
    result_hosts=frozenset({"fal.media", "v2.fal.media", "v3.fal.media", "v3b.fal.media"}),
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """The JSON of one paid call: to hf-inference, to fal at once, or to fal's queue."""
    fields = provider_fields(model, task)
    size = nearest_size(model, task.width, task.height)
    sides = {"width": size.width, "height": size.height}
    query: dict[str, str] = {}
    if model.wire.startswith(HF_INFERENCE):
        body: dict[str, Any] = {"inputs": fields.pop("prompt", ""), "parameters": {**fields, **sides}}
    elif task.operation == "create":
        body = {**fields, "image_size": sides}
    else:
        body = {**_images(model, task), **{name: _encoded(value) for name, value in fields.items()}}
        query = _QUEUE
    return HttpRequest(method="POST", path=f"/{model.wire}", query=query, headers={"accept": "image/png"}, json=body)


def _images(model: ModelSpec, task: Task) -> dict[str, Any]:
    """Both names under which fal's editors take images, as the official client sends them."""
    uris = [data_uri(task.images[role]) for role in shown(model, task)]
    return {"image_url": uris[0], "image_urls": uris} if uris else {}


def _encoded(value: Any) -> Any:
    return data_uri(value) if isinstance(value, Blob) else value


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Ask how a queued request stands, or for its result once it is done."""
    done = handle.startswith(_DONE_MARK)
    path = handle.removeprefix(_DONE_MARK)
    if not _REQUEST_PATH.fullmatch(path):
        raise UnknownCharge(f"{SPEC.title}'s queued request has an address that we don't call.")
    return HttpRequest(method="GET", path=_FAL + path + ("" if done else "/status"), query=_QUEUE)


def read_response(model: ModelSpec, reply: HttpResponse, handle: str | None = None) -> Outcome:
    """An image's bytes, a queued request's state, or fal's JSON with a URL or a data URI."""
    if reply.headers.get("content-type", "").startswith("image/"):
        return _bytes(reply.body)
    document = reply.json()
    if not isinstance(document, dict):
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    if "images" in document or "image" in document:
        return _read_images(document)
    if "status" in document or "response_url" in document:
        return _read_state(document, handle)
    raise ResultUnusable(f"{SPEC.title} finished without an image.")


def _read_state(document: dict[str, Any], handle: str | None) -> Pending:
    """The state of a queued request. A request that is done is asked for its result at once."""
    path = handle or _path_of(document.get("response_url"))
    if not _REQUEST_PATH.fullmatch(path.removeprefix(_DONE_MARK)):
        raise UnknownCharge(f"{SPEC.title}'s answer has no address to ask for the result.")
    if document.get("status") == "COMPLETED" and not path.startswith(_DONE_MARK):
        return Pending(_DONE_MARK + path, 0.0)
    return Pending(path, POLL_SECONDS)


def _path_of(address: object) -> str:
    try:
        return urlsplit(str(address or "")).path
    except ValueError:
        return ""


def _read_images(document: dict[str, Any]) -> ProviderImage | ResultUrl:
    flags = document.get("has_nsfw_concepts")
    if isinstance(flags, list) and any(flags):
        raise content_refused(SPEC.title)
    images = document.get("images") or [document.get("image")]
    first = images[0] if isinstance(images, list) else None
    url = first.get("url") if isinstance(first, dict) else None
    if not isinstance(url, str) or not url:
        raise ResultUnusable(f"{SPEC.title} finished without an image.")
    seed = document.get("seed")
    if url.startswith("data:"):
        return _bytes(from_base64(url) or b"")
    return ResultUrl(url, seed if isinstance(seed, int) else None)


def _bytes(data: bytes) -> ProviderImage:
    if not data:
        raise ResultUnusable(f"{SPEC.title} answered an empty image.")
    return ProviderImage(data)


def read_error(reply: HttpResponse) -> StudioError:
    """The router's `error`, or fal's `detail` passed through it."""
    document = reply.json()
    body = document if isinstance(document, dict) else {}
    said, kind = _words(body)
    if kind == _POLICY:
        return content_refused(SPEC.title, said)
    if reply.status == 503 and isinstance(body.get("estimated_time"), int | float):
        return ProviderOutage(f"{SPEC.title} is loading the model.", retry_after=max(0.0, body["estimated_time"]))
    if reply.status == 402 or "exceeded your monthly included credits" in said:
        return ProviderUnavailable(f"{SPEC.title} has no credit left.")
    return http_error(SPEC.title, reply, said)


def _words(body: dict[str, Any]) -> tuple[str, str]:
    """What an error says, and its kind where fal names one."""
    detail = body.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return str(detail[0].get("msg") or ""), str(detail[0].get("type") or "")
    said = body.get("error") or detail or ""
    return said if isinstance(said, str) else "", ""


def build_text(model: TextModel, instruction: str, said: str, most_tokens: int) -> HttpRequest:
    """One chat completion."""
    messages = [{"role": "system", "content": instruction}, {"role": "user", "content": said}]
    return HttpRequest(
        method="POST",
        path="/v1/chat/completions",
        json={"model": model.wire, "messages": messages, "max_tokens": most_tokens},
    )


def read_text(reply: HttpResponse) -> str | None:
    """What the model wrote, or None where it didn't finish."""
    choices = reply.json_object().get("choices") or [{}]
    choice = choices[0] if isinstance(choices, list) and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    return text if isinstance(text, str) and choice.get("finish_reason") == "stop" else None
