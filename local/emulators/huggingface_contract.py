"""Hugging Face's models as data, the reading of requests to the router, its errors and refusals."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from werkzeug.wrappers import Response

from local.emulators import painter
from local.emulators.exchange import Exchange, Refusals, json_response
from local.emulators.faults import Marker
from local.emulators.image_files import NotAnImage, decode, from_base64
from local.emulators.painter import Prompt, Size
from local.emulators.server import seed_or_random

T2I, I2I, SEGMENT = "text-to-image", "image-to-image", "image-segmentation"
NAMED_SIZES: dict[str, Size] = {
    "square_hd": (1024, 1024), "square": (512, 512), "portrait_4_3": (768, 1024), "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768), "landscape_16_9": (1024, 576),
}  # fmt: skip
LEAST_SIDE, MOST_SIDE = 64, 2048
STEP = 16
COLD_SECONDS = 20.0


@dataclass(frozen=True)
class HubModel:
    """A model of the hub: its task, a planning price (USD per megapixel), and its id at each provider."""

    id: str
    task: str
    usd_per_mp: float
    providers: dict[str, str] = field(default_factory=dict)

    def as_json(self, *, mapping: bool) -> dict[str, Any]:
        """Describe it as the hub's API does."""
        shown: dict[str, Any] = {"_id": "0" * 24, "id": self.id}
        if not mapping:
            return shown | {"modelId": self.id, "pipeline_tag": self.task, "tags": [self.task], "private": False}
        rows = [
            {"provider": name, "providerId": mapped, "status": "live", "task": self.task}
            for name, mapped in self.providers.items()
        ]
        return shown | {"inferenceProviderMapping": rows}


FLUX = "black-forest-labs/"
SD3 = "stabilityai/stable-diffusion-3-medium-diffusers"
PIX2PIX = "timbrooks/instruct-pix2pix"
_ROWS = (
    HubModel(
        f"{FLUX}FLUX.1-dev", T2I, 0.025,
        {"fal-ai": "fal-ai/flux/dev", "replicate": f"{FLUX}flux-dev", "together": f"{FLUX}FLUX.1-dev"}
    ),
    HubModel(
        f"{FLUX}FLUX.1-schnell", T2I, 0.003,
        {"fal-ai": "fal-ai/flux/schnell", "nscale": f"{FLUX}FLUX.1-schnell", "together": f"{FLUX}FLUX.1-schnell"}
    ),
    HubModel(f"{FLUX}FLUX.1-Krea-dev", T2I, 0.025, {"fal-ai": "fal-ai/flux/krea"}),
    HubModel("Qwen/Qwen-Image", T2I, 0.02, {"fal-ai": "fal-ai/qwen-image"}),
    HubModel(SD3, T2I, 0.0012, {"hf-inference": SD3}),
    HubModel("stabilityai/stable-diffusion-xl-base-1.0", T2I, 0.0012),
    HubModel(f"{FLUX}FLUX.1-Kontext-dev", I2I, 0.025, {"fal-ai": "fal-ai/flux-kontext/dev"}),
    HubModel("Qwen/Qwen-Image-Edit", I2I, 0.03, {"fal-ai": "fal-ai/qwen-image-edit"}),
    HubModel(
        f"{FLUX}FLUX.2-klein-9B", I2I, 0.015,
        {"fal-ai": "fal-ai/flux-2/klein/9b/edit", "replicate": f"{FLUX}flux-2-klein-9b"}
    ),
    HubModel(PIX2PIX, I2I, 0.0012, {"hf-inference": PIX2PIX}),
    HubModel("briaai/RMBG-2.0", SEGMENT, 0.018, {"fal-ai": "fal-ai/bria/background/remove"}),
)  # fmt: skip
HUB: dict[str, HubModel] = {row.id: row for row in _ROWS}


def served_by(provider: str, mapped: str) -> HubModel | None:
    """Return the model that a provider serves under an id."""
    return next((model for model in HUB.values() if model.providers.get(provider) == mapped), None)


@dataclass
class ImageRequest:
    """A generation or an edit by any provider. `error` is a field's name and what is wrong with it."""

    prompt: Prompt
    size: Size | None = None
    images: list[Image.Image] = field(default_factory=list)
    error: tuple[str, str] | None = None

    def perform(self, task: str, default: Size, number: int = 0) -> Image.Image:
        """Carry the task out; `number` is the image's place in a batch."""
        size = self.size or (self.images[0].size if self.images else default)
        prompt = Prompt(self.prompt.text, self.prompt.seed + number, negative=self.prompt.negative)
        if task == T2I:
            return painter.paint(prompt, size)
        return painter.remove_background(self.images[0]) if task == SEGMENT else painter.edit(prompt, self.images, size)


def read_request(exchange: Exchange, body: dict[str, Any], *, size: Any, sources: list[Any]) -> ImageRequest:
    """Read `prompt`, `seed` and `negative_prompt` from a flat body; the size and the images as given."""
    negative = str(body.get("negative_prompt") or "")
    request = ImageRequest(Prompt(str(body.get("prompt") or ""), seed_or_random(body.get("seed")), negative=negative))
    try:
        request.size = _size(size)
    except (TypeError, ValueError) as wrong:
        request.error = ("image_size", str(wrong) if "between" in str(wrong) else "value is not a valid image size")
    for number, source in enumerate(sources):
        request.error = request.error or _add_image(exchange, request, f"image{number}", source)
    return request


def _size(asked: Any) -> Size | None:
    """Return a size in steps of 16 pixels from a name, `WxH` or width and height. Raises ValueError, TypeError."""
    if asked is None:
        return None
    if isinstance(asked, str):
        asked = asked.split("x") if asked not in NAMED_SIZES else NAMED_SIZES[asked]
    elif isinstance(asked, dict):
        asked = asked.get("width"), asked.get("height")
    width, height = (int(side) for side in asked)
    if not (LEAST_SIDE <= width <= MOST_SIDE and LEAST_SIDE <= height <= MOST_SIDE):
        raise ValueError(f"width and height must be between {LEAST_SIDE} and {MOST_SIDE}")
    return width // STEP * STEP, height // STEP * STEP


def _add_image(exchange: Exchange, request: ImageRequest, name: str, source: Any) -> tuple[str, str] | None:
    try:
        data = source if isinstance(source, bytes) else from_base64(str(source))
        request.images.append(decode(data))
    except NotAnImage as broken:
        return "image_url", f"Failed to load the image: {broken}"
    exchange.call.images[name] = data
    exchange.call.files[name] = {"bytes": len(data)}
    return None


def error(status: int, message: str, **extra: Any) -> Response:
    """Return a failure of the router: `{"error": ...}`, with the message in a header, too."""
    headers = {"X-Error-Message": message, "X-Request-Id": f"Root=1-{uuid.uuid4().hex[:24]}"}
    return json_response({"error": message, **extra}, status, headers)


def unauthorized() -> Response:
    """Return the response to a missing or invalid token."""
    return error(401, "Invalid credentials in Authorization header")


def fal_invalid(field: str, message: str, kind: str = "value_error") -> Response:
    """Return a validation error of fal, passed through by the router."""
    return json_response({"detail": [{"loc": ["body", field], "msg": message, "type": kind}]}, 422)


def refusals(model: str) -> Refusals:
    """Return the router's own refusals, by the name of the fault."""

    def say(status: int, message: str, **extra: Any) -> Callable[[Marker], Response]:
        return lambda _marker: error(status, message, **extra)

    def busy(marker: Marker) -> Response:
        response = error(429, "You have reached your rate limit")
        if marker.fault == "429":
            seconds = max(1, int(marker.number("after", 1)))
            response.headers["RateLimit"] = f'"api";r=0;t={seconds}'
            response.headers["RateLimit-Policy"] = '"fixed window";"api";q=500;w=300'
            response.headers["Retry-After"] = str(seconds)
        return response

    def loading(marker: Marker) -> Response:
        seconds = marker.number("after", COLD_SECONDS)
        return json_response({"error": f"Model {model} is currently loading", "estimated_time": seconds}, 503)

    no_credit = say(
        402,
        "You have exceeded your monthly included credits for Inference Providers. "
        "Subscribe to PRO to get 20x more monthly included credits.",
    )
    policy = "The content could not be processed because it contained material flagged by a content checker."
    return {
        "400": say(400, "Bad request"),
        "401": lambda _marker: unauthorized(),
        "402": no_credit,
        "nocredit": no_credit,
        "403": say(403, "This authentication method does not have sufficient permissions to call Inference Providers"),
        "422": say(422, "Input validation error", error_type="validation"),
        "429": busy,
        "429now": busy,
        "500": say(500, "Internal Server Error"),
        "503": loading,
        "504": say(504, "Gateway Timeout"),
        "retired": say(404, f"Model {model} does not exist or is no longer served"),
        "policy": lambda _marker: fal_invalid("prompt", policy, "content_policy_violation"),
    }
