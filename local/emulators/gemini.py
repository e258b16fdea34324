"""Google Gemini: generateContent of the generativelanguage API, for image and text models.

Text models answer by the style rule of `words.py`. Retired models and Imagen's `:predict` answer 404.
"""

import re
from functools import partial
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.encoding import encode, to_text
from local.emulators.faults import Marker, Plan
from local.emulators.gemini_models import IMAGE_MODELS, TEXT_MODELS, ImageModel, nearest_ratio, size_of
from local.emulators.gemini_replies import bad_key, candidates, error, no_model, refusals
from local.emulators.gemini_request import Asked, read_request
from local.emulators.instruct import follow
from local.emulators.painting import Order, paint
from local.emulators.provider import Provider, random_seed
from local.emulators.wire import Refusals, Visit, json_reply, play
from local.emulators.words import as_json, enhanced, tokens_in

METHOD = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[\w.\-]+):(?P<method>\w+)")
MODELS = re.compile(r"/v1(?:beta|alpha)?/models(?:/(?P<model>[\w.\-]+))?")
LARGEST_REQUEST_BYTES = 20 * 1024 * 1024
TOKENS_PER_IMAGE = 1120
SIGNATURE = to_text(b"emulated thought signature")


class Gemini(Provider):
    """generativelanguage.googleapis.com, as far as Image Studio and google-genai speak to it."""

    name = "gemini"

    def answer(self, visit: Visit) -> Response:
        """Check the key, then route."""
        key = visit.request.headers.get("x-goog-api-key") or visit.request.args.get("key", "")
        if not key:
            return error(403, "Method doesn't allow unregistered callers. Please use API Key.")
        if not self.knows(key):
            return bad_key()
        called = METHOD.fullmatch(visit.path)
        if called and visit.request.method == "POST":
            return self._call(visit, called["model"], called["method"])
        listed = MODELS.fullmatch(visit.path)
        if listed and visit.request.method == "GET":
            return _listed(listed["model"])
        return error(404, "Requested entity was not found.")

    def _call(self, visit: Visit, model: str, method: str) -> Response:
        visit.call.operation = f"{model}:{method}"
        visit.call.kind = "text" if model in TEXT_MODELS else "generate"
        if method != "generateContent" or model not in {*IMAGE_MODELS, *TEXT_MODELS}:
            visit.json()
            return no_model(model, method)
        if (visit.request.content_length or 0) > LARGEST_REQUEST_BYTES:
            return error(400, "Request payload size exceeds the limit: 20971520 bytes.")
        asked = read_request(visit)
        if asked.refused:
            return asked.refused
        if model in TEXT_MODELS:
            return self._write(visit, model, asked)
        wrong = _wrong_settings(model, IMAGE_MODELS[model], asked)
        if wrong:
            return error(400, wrong)
        seed = asked.config.get("seed")
        plan = self.plan(visit, *asked.texts, seed=seed if isinstance(seed, int) else None)
        return self._paint(visit, model, asked, plan)

    def _paint(self, visit: Visit, model: str, asked: Asked, plan: Plan) -> Response:
        spec = IMAGE_MODELS[model]
        price = spec.prices[asked.image_config.get("imageSize", "1K")]
        tokens = (tokens_in(asked.text) + 258 * len(asked.images), TOKENS_PER_IMAGE)

        def work() -> Response:
            parts = _image_parts(spec, asked)
            self.take(visit, price)
            return candidates(model, parts, tokens)

        def nothing(finish: str, marker: Marker) -> Response:
            self.take(visit, price, charged=False)
            return candidates(model, [], (tokens[0], 0), marker.options.get("reason", finish))

        def prose(_marker: Marker) -> Response:
            self.take(visit, price)
            return candidates(model, [{"text": "I can't make that image."}], (tokens[0], 8))

        own: Refusals = {
            "filtered": partial(nothing, "IMAGE_SAFETY"),
            "noimage": partial(nothing, "NO_IMAGE"),
            "empty": prose,
        }
        with self.recorder.in_flight():
            return play(visit, plan, ("submit", "work"), {**refusals(model), **own}, work)

    def _write(self, visit: Visit, model: str, asked: Asked) -> Response:
        if "IMAGE" in (asked.config.get("responseModalities") or []):
            return error(400, f"{model} does not support the response modality IMAGE")

        def work() -> Response:
            self.recorder.answered_text()
            said = enhanced(asked.text)
            if asked.config.get("responseMimeType") == "application/json":
                said = as_json(said, asked.config.get("responseSchema") or asked.config.get("responseJsonSchema"))
            most = asked.config.get("maxOutputTokens") or 8192
            tokens = (tokens_in(asked.system + asked.text), min(most, tokens_in(said)))
            if tokens_in(said) > most:
                return candidates(model, [{"text": said[: most * 4]}], tokens, "MAX_TOKENS")
            return candidates(model, [{"text": said}], tokens)

        return play(visit, self.plan(visit, *asked.texts), ("text",), refusals(model), work)


def _wrong_settings(model: str, spec: ImageModel, asked: Asked) -> str:
    """What the model can't do of what was asked, or nothing."""
    wanted = asked.image_config
    ratio, size = wanted.get("aspectRatio"), wanted.get("imageSize", "1K")
    modalities = asked.config.get("responseModalities") or ["TEXT", "IMAGE"]
    if ratio is not None and ratio not in spec.ratios:
        return f"Invalid aspect ratio {ratio!r} for {model}. Supported: {', '.join(spec.ratios)}."
    if size not in spec.prices:
        return f"Invalid image size {size!r} for {model}. Supported: {', '.join(spec.prices)}."
    if "IMAGE" not in modalities or set(modalities) - {"TEXT", "IMAGE"}:
        return f"{model} does not support the requested combination of response modalities: {modalities}"
    if asked.config.get("candidateCount", 1) != 1:
        return "Multiple candidates is not enabled for this model"
    if len(asked.images) > spec.most_references:
        return f"At most {spec.most_references} images are supported"
    if not asked.text.strip():
        return "A text part is required"
    return ""


def _image_parts(spec: ImageModel, asked: Asked) -> list[dict[str, Any]]:
    """The parts of an answer: words if asked for, a thinking model's draft, the image."""
    ratio = asked.image_config.get("aspectRatio")
    ratio = ratio or (nearest_ratio(spec, asked.images[0].size) if asked.images else "1:1")
    seed = asked.config.get("seed")
    order = Order(asked.text, size_of(ratio, asked.image_config.get("imageSize", "1K")), seed or random_seed())
    image = follow(order, asked.images) if asked.images else paint(order)
    inline = {"mimeType": f"image/{spec.file_type}", "data": to_text(encode(image, spec.file_type))}
    parts: list[dict[str, Any]] = []
    if spec.thinks:
        draft = {"mimeType": "image/jpeg", "data": to_text(encode(image.resize((128, 128)), "jpeg"))}
        parts += [{"text": "Thinking about the composition.", "thought": True}, {"inlineData": draft, "thought": True}]
    if "TEXT" in (asked.config.get("responseModalities") or ["TEXT"]):
        parts.append({"text": "Here is your image."})
    return [*parts, {"inlineData": inline} | ({"thoughtSignature": SIGNATURE} if spec.thinks else {})]


def _listed(model: str | None) -> Response:
    rows = [
        {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": ["generateContent"]}
        for name in (*IMAGE_MODELS, *TEXT_MODELS)
    ]
    if model is None:
        return json_reply({"models": rows})
    found = [row for row in rows if row["name"] == f"models/{model}"]
    return json_reply(found[0]) if found else no_model(model, "getModel")
