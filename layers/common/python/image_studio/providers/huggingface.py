"""Hugging Face Inference Providers. Sources: huggingface_hub 2.4.0 and the inference-providers docs, read 2026-11.

Three protocols behind one router: hf-inference returns an image's bytes; fal generates synchronously and returns a
URL; fal edits through a queue: submit, poll the status, then read the result. A handle is the path of the queued
request, with a prefix once the request is completed.

The models are hub models, served by fal or by hf-inference. `endpoint` is the path below the router. Prices are
planning values per image of one megapixel (the router adds nothing, the pages name no price per image), so larger
images are not requested.
"""

import re
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from image_studio.errors import ProviderOutage, ProviderUnavailable, ResultUnusable, StudioError, UnknownCharge
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
from image_studio.providers.payload import IN_PROMPT, data_uri, from_base64, image_roles, provider_fields
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, is_image, withheld
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, ProviderSpec, Range, TextModel, nearest_size

POLL_SECONDS = 0.5  # huggingface_hub's interval
_FAL = "/fal-ai"
_QUEUE = {"_subdomain": "queue"}
_DONE_PREFIX = "done:"
#: The only paths that are polled: those of a queued request.
_REQUEST_PATH = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*){2,4}/requests/[A-Za-z0-9-]{8,64}")
_POLICY = "content_policy_violation"

ONE_MEGAPIXEL = FreeSize(256, 1_536, step=16, max_pixels=1_048_576)
HF_INFERENCE = "hf-inference/models/"
_STEPS = {"steps": "num_inference_steps"}
_INPUT = InputLimits(min_side=64, max_side=4_096, max_pixels=4_194_304)
_BY_INSTRUCTION = frozenset(
    {"edit.search_replace", "edit.search_recolor", "control.sketch", "control.structure", "control.style"}
)
#: Operations that need a second image: a mask, a style, a background, a light.
_BY_MORE_IMAGES = frozenset({"edit.inpaint", "edit.erase", "edit.outpaint", "edit.relight", "control.style_transfer"})


_generator = partial(
    ModelSpec, operations=frozenset({"create"}), sizes=ONE_MEGAPIXEL, field_names=_STEPS, max_seed=2**32 - 1
)
_GENERATES = frozenset({"prompt", "seed", "steps"})
_editor = partial(
    ModelSpec,
    operations=frozenset({"edit.general_edit"}),
    emulates=_BY_INSTRUCTION,
    accepts=frozenset({"prompt", "image", "guidance_scale", "steps"}) | IN_PROMPT,
    in_prompt=IN_PROMPT,
    field_names=_STEPS,
    max_images=1,
    ranges={"guidance_scale": Range(0, 20), "steps": Range(1, 50)},
    inputs=_INPUT,
)


MODELS = (
    _generator(
        "FLUX.1-schnell",
        "fal-ai/fal-ai/flux/schnell",
        0.003,
        accepts=_GENERATES,
        ranges={"steps": Range(1, 12)},
        auto={"create": {"draft": 2}},
    ),
    _generator(
        "FLUX.1-Krea-dev",
        "fal-ai/fal-ai/flux/krea",
        0.025,
        accepts=_GENERATES | {"guidance_scale"},
        auto={"create": {"standard": 5}},
        ranges={"guidance_scale": Range(1, 20), "steps": Range(1, 50)},
    ),
    _generator(
        "Qwen-Image",
        "fal-ai/fal-ai/qwen-image",
        0.02,
        accepts=_GENERATES | {"guidance_scale", "negative_prompt"},
        ranges={"guidance_scale": Range(0, 20), "steps": Range(2, 50)},
    ),
    _generator(
        "stable-diffusion-3-medium",
        f"{HF_INFERENCE}stabilityai/stable-diffusion-3-medium-diffusers",
        0.0012,
        accepts=_GENERATES | {"guidance_scale", "negative_prompt"},
        ranges={"guidance_scale": Range(0, 20), "steps": Range(1, 50)},
    ),
    _editor("FLUX.1-Kontext-dev", "fal-ai/fal-ai/flux-kontext/dev", 0.025, auto={"edit.general_edit": {"standard": 3}}),
    _editor("Qwen-Image-Edit", "fal-ai/fal-ai/qwen-image-edit", 0.03, auto={"edit.general_edit": {"draft": 2}}),
    _editor(
        "FLUX.2-klein-9B",
        "fal-ai/fal-ai/flux-2/klein/9b/edit",
        0.015,
        emulates=_BY_INSTRUCTION | _BY_MORE_IMAGES,
        accepts=frozenset({"prompt", "image", "mask", "style", "background", "lighting", "steps"}) | IN_PROMPT,
        ranges={"steps": Range(1, 50)},
        max_images=4,
    ),
    ModelSpec(
        "RMBG-2.0",
        "fal-ai/fal-ai/bria/background/remove",
        0.018,
        operations=frozenset({"edit.remove_background"}),
        accepts=frozenset({"image"}),
        field_names={"image": "image_url"},
        fixed_fields={"sync_mode": True},  # the response contains the image, as a data URI
        inputs=_INPUT,
        auto={"edit.remove_background": {"draft": 2}},
    ),
    _generator(
        "stable-diffusion-xl-base-1.0",
        f"{HF_INFERENCE}stabilityai/stable-diffusion-xl-base-1.0",
        0.0,
        accepts=_GENERATES,
        retired="no provider behind the router serves it any more. Use FLUX.1-schnell.",
    ),
)

SPEC = ProviderSpec(
    name="huggingface",
    title="Hugging Face",
    base_url="https://router.huggingface.co",
    key_variable="HF_TOKEN",
    base_url_variable="HUGGINGFACE_BASE_URL",
    in_flight=10,
    poll_seconds=POLL_SECONDS,
    result_seconds=3600,  # fal keeps a request's result for an hour (its page "Get request result", read 2026-11)
    text=TextModel("meta-llama/Llama-3.1-8B-Instruct", rank=2),
    result_hosts=frozenset({"fal.media", "v2.fal.media", "v3.fal.media", "v3b.fal.media"}),
    models=MODELS,
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    """Build the JSON of one paid call: to hf-inference, to fal, or to fal's queue."""
    fields = provider_fields(model, task)
    size = nearest_size(model, task.width, task.height)
    sides = {"width": size.width, "height": size.height}
    query: dict[str, str] = {}
    if model.endpoint.startswith(HF_INFERENCE):
        body: dict[str, Any] = {"inputs": fields.pop("prompt", ""), "parameters": {**fields, **sides}}
    elif task.operation == "create":
        body = {**fields, "image_size": sides}
    else:
        # fal's editors take images in both fields, as the official client sends them.
        uris = [data_uri(task.images[role]) for role in image_roles(model, task)]
        body = {"image_url": uris[0], "image_urls": uris} if uris else {}
        body |= {name: data_uri(value) if isinstance(value, Blob) else value for name, value in fields.items()}
        query = _QUEUE
    return HttpRequest(
        method="POST", path=f"/{model.endpoint}", query=query, headers={"accept": "image/png"}, json=body
    )


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    """Build the poll of a queued request's status, or of its result once it is completed."""
    done = handle.startswith(_DONE_PREFIX)
    path = handle.removeprefix(_DONE_PREFIX)
    if not _REQUEST_PATH.fullmatch(path):
        raise ResultUnusable(f"{SPEC.title}'s queued request has an address that we don't call.")
    return HttpRequest(method="GET", path=_FAL + path + ("" if done else "/status"), query=_QUEUE)


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Read an image's bytes, a queued request's status, or fal's JSON with a URL or a data URI."""
    if response.headers.get("content-type", "").startswith("image/") or is_image(response.body):
        return _bytes(response.body)
    document = response.json_object(SPEC.title)
    if "images" in document or "image" in document:
        return _read_images(document)
    if "status" in document or "response_url" in document:
        return _read_status(document, handle)
    raise ResultUnusable(f"{SPEC.title} finished without an image.")


def _read_status(document: dict[str, Any], handle: str | None) -> Pending:
    """Return a queued request's handle. The result of a completed one is read without a pause."""
    path = handle or _path_of(document.get("response_url"))
    if not _REQUEST_PATH.fullmatch(path.removeprefix(_DONE_PREFIX)):
        raise UnknownCharge(f"{SPEC.title}'s answer has no address to ask for the result.")
    if document.get("status") == "COMPLETED" and not path.startswith(_DONE_PREFIX):
        return Pending(_DONE_PREFIX + path, 0.0)
    return Pending(path, POLL_SECONDS)


def _path_of(url: object) -> str:
    try:
        return urlsplit(str(url or "")).path
    except ValueError:
        return ""


def _read_images(document: dict[str, Any]) -> ProviderImage | ResultUrl:
    flags = document.get("has_nsfw_concepts")
    if isinstance(flags, list) and any(flags):
        raise withheld(SPEC.title)
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


def read_error(response: HttpResponse) -> StudioError:
    """Return the error of a status and the router's `error`, or fal's `detail`."""
    body = response.fields() or {}
    message, kind = _message(body)
    if kind == _POLICY:
        return content_refused(SPEC.title, message)
    if response.status == 503 and isinstance(body.get("estimated_time"), int | float):
        return ProviderOutage(f"{SPEC.title} is loading the model.", retry_after=max(0.0, body["estimated_time"]))
    if response.status == 402 or "exceeded your monthly included credits" in message:
        return ProviderUnavailable(f"{SPEC.title} has no credit left.")
    if response.status == 500 and "detail" in body:  # the model's own failure, which fal repeats for a queued request
        return ResultUnusable(f"{SPEC.title} could not make the image: {message[:MAX_QUOTED]}")
    return http_error(SPEC.title, response, message)


def _message(body: dict[str, Any]) -> tuple[str, str]:
    """Return an error's message, and its kind where fal names one."""
    detail = body.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return str(detail[0].get("msg") or ""), str(detail[0].get("type") or "")
    message = body.get("error") or detail or ""
    return message if isinstance(message, str) else "", ""


def build_text(model: TextModel, instruction: str, text: str, max_tokens: int) -> HttpRequest:
    messages = [{"role": "system", "content": instruction}, {"role": "user", "content": text}]
    return HttpRequest(
        method="POST",
        path="/v1/chat/completions",
        json={"model": model.id, "messages": messages, "max_tokens": max_tokens},
    )


def read_text(response: HttpResponse) -> str | None:
    """Return the generated text, or None where it is not complete."""
    choices = response.json_object(SPEC.title).get("choices") or [{}]
    choice = choices[0] if isinstance(choices, list) and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    return text if isinstance(text, str) and choice.get("finish_reason") == "stop" else None
