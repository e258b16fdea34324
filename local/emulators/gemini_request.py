"""Reading generateContent: names in either case, unknown ones refused as Google's APIs do, images decoded."""

import re
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from werkzeug.wrappers import Response

from local.emulators.encoding import NotAImage, decode, from_text
from local.emulators.gemini_replies import error, unknown_fields
from local.emulators.wire import Visit

TOP = {"contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig", "cachedContent"}
CONFIG = {
    "responseModalities", "imageConfig", "candidateCount", "seed", "temperature", "topP", "topK", "maxOutputTokens",
    "stopSequences", "thinkingConfig", "responseMimeType", "responseSchema", "responseJsonSchema", "presencePenalty",
    "frequencyPenalty", "responseLogprobs", "logprobs", "mediaResolution",
}  # fmt: skip
#: Below these the names are the caller's own.
SCHEMAS = {"responseSchema", "responseJsonSchema"}
IMAGE_CONFIG = {"aspectRatio", "imageSize"}
IMAGE_TYPES = {"image/png", "image/jpeg", "image/webp"}


@dataclass
class Asked:
    """One request: its texts in order, its images, its settings."""

    texts: list[str] = field(default_factory=list)
    images: list[Image.Image] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    system: str = ""
    refused: Response | None = None

    @property
    def text(self) -> str:
        """All texts of the user."""
        return "\n".join(self.texts)

    @property
    def image_config(self) -> dict[str, Any]:
        """The aspectRatio and imageSize, as far as given."""
        found = self.config.get("imageConfig")
        return found if isinstance(found, dict) else {}


def read_request(visit: Visit) -> Asked:
    """The request of a visit; `refused` is set when it can't be served."""
    body = visit.json()
    if body is None:
        return Asked(refused=error(400, "Invalid JSON payload received."))
    body = _camel(body)
    violations = _strangers(body)
    if violations:
        visit.call.unknown_fields = sorted(violations)
        return Asked(refused=unknown_fields(violations))
    asked = Asked(config=body.get("generationConfig") or {})
    asked.system = " ".join(part.get("text", "") for part in _parts([body.get("systemInstruction") or {}]))
    parts = _parts(body.get("contents"))
    if not parts:
        asked.refused = error(400, "* GenerateContentRequest.contents: contents is not specified")
    for number, part in enumerate(parts):
        asked.refused = asked.refused or _take(visit, asked, number, part)
    return asked


def _camel(value: Any) -> Any:
    """Names in camelCase: the API takes snake_case as well."""
    if isinstance(value, dict):
        renamed = {re.sub(r"_([a-z])", lambda m: m[1].upper(), str(name)): item for name, item in value.items()}
        return {name: item if name in SCHEMAS else _camel(item) for name, item in renamed.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _strangers(body: dict[str, Any]) -> dict[str, str]:
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


def _take(visit: Visit, asked: Asked, number: int, part: dict[str, Any]) -> Response | None:
    if isinstance(part.get("text"), str):
        asked.texts.append(part["text"])
        return None
    inline = part.get("inlineData")
    if not isinstance(inline, dict):
        return error(400, "Unable to submit request because it must have a text or inlineData part.")
    if inline.get("mimeType") not in IMAGE_TYPES:
        return error(400, f"Unsupported MIME type: {inline.get('mimeType')}")
    try:
        data = from_text(_standard(str(inline.get("data"))))
        asked.images.append(decode(data))
    except NotAImage:
        return error(400, "Unable to process input image. Please retry or report the problem.")
    visit.call.images[f"part{number}"] = data
    visit.call.files[f"part{number}"] = {"content_type": inline["mimeType"], "bytes": len(data)}
    return None


def _standard(text: str) -> str:
    """Base64 in its standard alphabet: Google's JSON takes the URL-safe one as well, and its SDK sends that."""
    return text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
