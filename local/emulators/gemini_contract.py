"""Gemini's models as data, and the reading of generateContent requests.

Names come in either case; unknown ones are refused, as Google's APIs do.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from local.emulators.exchange import Exchange
from local.emulators.image_files import NotAnImage, decode, from_base64
from local.emulators.painter import Size

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
#: Width x height at 1K, pixels.
SIZES_1K: dict[str, Size] = {
    "1:1": (1024, 1024), "2:3": (848, 1264), "3:2": (1264, 848), "3:4": (896, 1200), "4:3": (1200, 896),
    "4:5": (928, 1152), "5:4": (1152, 928), "9:16": (768, 1376), "16:9": (1376, 768), "21:9": (1584, 672),
    "1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384),
}  # fmt: skip
SCALES = {"1K": 1, "2K": 2, "4K": 4}


@dataclass(frozen=True)
class ImageModel:
    """A model that makes images: prices (USD) by image size, ratios, file type of its images, thinking levels."""

    prices: dict[str, float]
    ratios: tuple[str, ...]
    file_type: str = "png"
    thinks: bool = False
    levels: tuple[str, ...] = ()


MAX_REFERENCES = 14
IMAGE_MODELS = {
    "gemini-nano-banana-2.1": ImageModel(
        {"1K": 0.0336, "2K": 0.0504, "4K": 0.1134}, tuple(SIZES_1K), "jpeg", thinks=True,
        levels=("MINIMAL", "MEDIUM", "HIGH"),
    ),
    "gemini-3-pro-image": ImageModel({"1K": 0.134, "2K": 0.134, "4K": 0.24}, RATIOS, "jpeg", thinks=True),
    "gemini-3.1-flash-lite-image": ImageModel(
        {"1K": 0.0336}, tuple(SIZES_1K), "jpeg", levels=("MINIMAL", "HIGH")
    ),
}  # fmt: skip
#: Any other model is a 404, deprecated ones (gemini-3.1-flash-image) and those that were shut down (imagen) among them.
TEXT_MODELS = ("gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-3.1-flash-lite")

TOP = {"contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig", "cachedContent"}
CONFIG = {
    "responseModalities", "imageConfig", "candidateCount", "seed", "temperature", "topP", "topK", "maxOutputTokens",
    "stopSequences", "thinkingConfig", "responseMimeType", "responseSchema", "responseJsonSchema", "presencePenalty",
    "frequencyPenalty", "responseLogprobs", "logprobs", "mediaResolution",
}  # fmt: skip
IMAGE_CONFIG = {"aspectRatio", "imageSize"}
#: Below these the names are the caller's own.
SCHEMAS = {"responseSchema", "responseJsonSchema"}
IMAGE_TYPES = {"image/png", "image/jpeg", "image/webp"}


@dataclass
class GenerateRequest:
    """One request: its texts in order, its images, its settings; `error` where it can't be served."""

    texts: list[str] = field(default_factory=list)
    images: list[Image.Image] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    system: str = ""
    error: str = ""
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All texts of the user."""
        return "\n".join(self.texts)

    @property
    def image_config(self) -> dict[str, Any]:
        """The aspectRatio and imageSize, where given."""
        found = self.config.get("imageConfig")
        return found if isinstance(found, dict) else {}

    def size(self, model: ImageModel) -> Size:
        """Return the size of the image: by its ratio, else by the model's ratio nearest to the first image."""
        ratio = self.image_config.get("aspectRatio")
        if ratio is None and self.images:
            wanted = self.images[0].width / self.images[0].height
            ratio = min(model.ratios, key=lambda each: abs(SIZES_1K[each][0] / SIZES_1K[each][1] / wanted - 1))
        width, height = SIZES_1K[ratio or "1:1"]
        scale = SCALES[self.image_config.get("imageSize", "1K")]
        return width * scale, height * scale


def read_request(exchange: Exchange) -> GenerateRequest:
    """Read the request of an exchange."""
    body = exchange.json()
    if body is None:
        return GenerateRequest(error="Invalid JSON payload received.")
    body = _camel_case(body)
    unknown = _unknown_names(body)
    if unknown:
        exchange.call.unknown_fields = sorted(unknown)
        lines = "\n".join(unknown.values())
        return GenerateRequest(error=f"Invalid JSON payload received. {lines}", unknown=unknown)
    request = GenerateRequest(config=body.get("generationConfig") or {})
    request.system = " ".join(part.get("text", "") for part in _parts([body.get("systemInstruction") or {}]))
    parts = _parts(body.get("contents"))
    if not parts:
        request.error = "* GenerateContentRequest.contents: contents is not specified"
    for number, part in enumerate(parts):
        request.error = request.error or _add_part(exchange, request, f"part{number}", part)
    return request


def _camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        renamed = {re.sub(r"_([a-z])", lambda m: m[1].upper(), str(name)): item for name, item in value.items()}
        return {name: item if name in SCHEMAS else _camel_case(item) for name, item in renamed.items()}
    return [_camel_case(item) for item in value] if isinstance(value, list) else value


def _unknown_names(body: dict[str, Any]) -> dict[str, str]:
    """Return a sentence for each unknown name, by its path."""
    config = body.get("generationConfig") or {}
    levels = {"": (body, TOP), "generation_config": (config, CONFIG)}
    levels["generation_config.image_config"] = (config.get("imageConfig") or {}, IMAGE_CONFIG)
    found = {}
    for place, (names, known) in levels.items():
        for name in set(names) - known:
            at = f" at '{place}'" if place else ""
            found[f"{place}.{name}".strip(".")] = f'Unknown name "{name}"{at}: Cannot find field.'
    return found


def _parts(contents: Any) -> list[dict[str, Any]]:
    turns = contents if isinstance(contents, list) else [contents]
    return [part for turn in turns if isinstance(turn, dict) for part in turn.get("parts") or []]


def _add_part(exchange: Exchange, request: GenerateRequest, name: str, part: dict[str, Any]) -> str:
    """Add a text or an image; return what is wrong with it."""
    if isinstance(part.get("text"), str):
        request.texts.append(part["text"])
        return ""
    inline = part.get("inlineData")
    if not isinstance(inline, dict):
        return "Unable to submit request because it must have a text or inlineData part."
    if inline.get("mimeType") not in IMAGE_TYPES:
        return f"Unsupported MIME type: {inline.get('mimeType')}"
    # Google's JSON takes base64 in the URL-safe alphabet and without padding, too; its SDK sends that.
    text = str(inline.get("data")).replace("-", "+").replace("_", "/")
    try:
        data = from_base64(text + "=" * (-len(text) % 4))
        request.images.append(decode(data))
    except NotAnImage:
        return "Unable to process input image. Please retry or report the problem."
    exchange.call.images[name] = data
    exchange.call.files[name] = {"content_type": inline["mimeType"], "bytes": len(data)}
    return ""


def wrong_settings(name: str, model: ImageModel, request: GenerateRequest) -> str:
    """Return what an image model can't do of a request, or an empty string."""
    config, ratio = request.config, request.image_config.get("aspectRatio")
    size = request.image_config.get("imageSize", "1K")
    level = (config.get("thinkingConfig") or {}).get("thinkingLevel")
    modalities = config.get("responseModalities") or ["TEXT", "IMAGE"]
    wrong = {
        f"Invalid aspect ratio {ratio!r} for {name}. Supported: {', '.join(model.ratios)}.": (
            ratio is not None and ratio not in model.ratios
        ),
        # Seen on Vertex; whether the Developer API refuses it, too, is unknown, so we don't rely on it.
        f"imageSize is not supported for {name}.": len(model.prices) == 1 and "imageSize" in request.image_config,
        f"Invalid image size {size!r} for {name}. Supported: {', '.join(model.prices)}.": size not in model.prices,
        f"Thinking level {level!r} is not supported for this model.": level is not None and level not in model.levels,
        f"{name} does not support the requested combination of response modalities: {modalities}": (
            "IMAGE" not in modalities or bool(set(modalities) - {"TEXT", "IMAGE"})
        ),
        "Multiple candidates is not enabled for this model": config.get("candidateCount", 1) != 1,
        f"At most {MAX_REFERENCES} images are supported": len(request.images) > MAX_REFERENCES,
        "A text part is required": not request.text.strip(),
    }
    return next((sentence for sentence, applies in wrong.items() if applies), "")
