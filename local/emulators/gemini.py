"""Google Gemini: generateContent of the generativelanguage API, for image and text models.

Retired models and Imagen's `:predict` are 404.
"""

import re
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from werkzeug.wrappers import Response

from local.emulators import painter
from local.emulators.exchange import Exchange, Refusals, json_response, respond
from local.emulators.faults import Marker
from local.emulators.gemini_contract import (
    IMAGE_MODELS,
    TEXT_MODELS,
    GenerateRequest,
    ImageModel,
    read_request,
    wrong_settings,
)
from local.emulators.image_files import encode, to_base64
from local.emulators.painter import Prompt
from local.emulators.server import Provider, seed_or_random
from local.emulators.text_model import as_json, count_tokens, enhance

METHOD = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[\w.\-]+):(?P<method>\w+)")
MODELS = re.compile(r"/v1(?:beta|alpha)?/models(?:/(?P<model>[\w.\-]+))?")
MAX_REQUEST_BYTES = 20 * 1024 * 1024
TOKENS_PER_IMAGE = 1120
SIGNATURE = to_base64(b"emulated thought signature")
RPC = "type.googleapis.com/google.rpc."
STATUSES = {
    400: "INVALID_ARGUMENT",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Gemini(Provider):
    """generativelanguage.googleapis.com, as far as Image Studio and google-genai use it."""

    name = "gemini"

    def answer(self, exchange: Exchange) -> Response:
        """Check the key, then route."""
        request = exchange.request
        key = request.headers.get("x-goog-api-key") or request.args.get("key", "")
        if not key:
            return _error(403, "Method doesn't allow unregistered callers. Please use API Key.")
        if not self.accepts_key(key):
            return _bad_key()
        called = METHOD.fullmatch(exchange.path)
        if called and request.method == "POST":
            return self._call(exchange, called["model"], called["method"])
        listed = MODELS.fullmatch(exchange.path)
        if listed and request.method == "GET":
            return _list_models(listed["model"])
        return _error(404, "Requested entity was not found.")

    def _call(self, exchange: Exchange, model: str, method: str) -> Response:
        exchange.call.operation = f"{model}:{method}"
        exchange.call.kind = "text" if model in TEXT_MODELS else "generate"
        if method != "generateContent" or model not in {*IMAGE_MODELS, *TEXT_MODELS}:
            exchange.json()
            return _no_model(model, method)
        if (exchange.request.content_length or 0) > MAX_REQUEST_BYTES:
            return _error(400, "Request payload size exceeds the limit: 20971520 bytes.")
        request = read_request(exchange)
        wrong = request.error or (
            wrong_settings(model, IMAGE_MODELS[model], request)
            if model in IMAGE_MODELS
            else _asks_for_image(model, request)
        )
        if wrong:
            violations = [{"field": place, "description": text} for place, text in request.unknown.items()]
            return _error(400, wrong, *([_detail("BadRequest", fieldViolations=violations)] if violations else []))
        return (self._paint if model in IMAGE_MODELS else self._write)(exchange, model, request)

    def _paint(self, exchange: Exchange, name: str, request: GenerateRequest) -> Response:
        model, seed = IMAGE_MODELS[name], request.config.get("seed")
        price = model.prices[request.image_config.get("imageSize", "1K")]
        asked = count_tokens(request.text) + 258 * len(request.images)

        def work() -> Response:
            parts = _image_parts(model, request)
            self.accept(exchange, price)
            return _candidate(name, parts, asked, TOKENS_PER_IMAGE)

        def no_image(finish: str, marker: Marker) -> Response:
            self.accept(exchange, price, charged=False)
            return _candidate(name, [], asked, 0, marker.options.get("reason", finish))

        def prose(_marker: Marker) -> Response:
            self.accept(exchange, price)
            return _candidate(name, [{"text": "I can't make that image."}], asked, 8)

        own: Refusals = {
            "filtered": partial(no_image, "IMAGE_SAFETY"),
            "noimage": partial(no_image, "NO_IMAGE"),
            "empty": prose,
        }
        plan = self.plan(exchange, *request.texts, seed=seed if isinstance(seed, int) else None)
        with self.log.in_flight():
            return respond(exchange, plan, ("submit", "work"), {**refusals(name), **own}, work)

    def _write(self, exchange: Exchange, model: str, request: GenerateRequest) -> Response:
        config = request.config

        def work() -> Response:
            with self.lock:
                self.log.texts += 1
            written = enhance(request.text)
            if config.get("responseMimeType") == "application/json":
                written = as_json(written, config.get("responseSchema") or config.get("responseJsonSchema"))
            most, tokens = config.get("maxOutputTokens") or 8192, count_tokens(written)
            finish = "MAX_TOKENS" if tokens > most else "STOP"
            parts = [{"text": written[: most * 4]}]
            return _candidate(model, parts, count_tokens(request.system + request.text), min(most, tokens), finish)

        return respond(exchange, self.plan(exchange, *request.texts), ("text",), refusals(model), work)


def _asks_for_image(model: str, request: GenerateRequest) -> str:
    asked = "IMAGE" in (request.config.get("responseModalities") or [])
    return f"{model} does not support the response modality IMAGE" if asked else ""


def _image_parts(model: ImageModel, request: GenerateRequest) -> list[dict[str, Any]]:
    """Return the parts of a response: text if asked for, a thinking model's draft, the image."""
    prompt, size = Prompt(request.text, seed_or_random(request.config.get("seed") or None)), request.size(model)
    image = painter.edit(prompt, request.images, size) if request.images else painter.paint(prompt, size)
    inline = {"mimeType": f"image/{model.file_type}", "data": to_base64(encode(image, model.file_type))}
    parts: list[dict[str, Any]] = []
    if model.thinks:
        draft = {"mimeType": "image/jpeg", "data": to_base64(encode(image.resize((128, 128)), "jpeg"))}
        parts += [{"text": "Thinking about the composition.", "thought": True}, {"inlineData": draft, "thought": True}]
    if "TEXT" in (request.config.get("responseModalities") or ["TEXT"]):
        parts.append({"text": "Here is your image."})
    return [*parts, {"inlineData": inline} | ({"thoughtSignature": SIGNATURE} if model.thinks else {})]


def _list_models(model: str | None) -> Response:
    rows = {
        f"models/{name}": {
            "name": f"models/{name}", "displayName": name, "supportedGenerationMethods": ["generateContent"],
        }
        for name in (*IMAGE_MODELS, *TEXT_MODELS)
    }  # fmt: skip
    if model is None:
        return json_response({"models": list(rows.values())})
    found = rows.get(f"models/{model}")
    return json_response(found) if found else _no_model(model, "getModel")


def _error(code: int, message: str, *details: dict[str, Any]) -> Response:
    """Return a failure as google.rpc.Status."""
    body: dict[str, Any] = {"code": code, "message": message, "status": STATUSES[code]}
    if details:
        body["details"] = list(details)
    return json_response({"error": body}, code)


def _detail(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": RPC + kind, **fields}


def _bad_key() -> Response:
    """Refuse a key: it is a bad argument here, not a 401."""
    metadata = {"service": "generativelanguage.googleapis.com"}
    info = _detail("ErrorInfo", reason="API_KEY_INVALID", domain="googleapis.com", metadata=metadata)
    return _error(400, "API key not valid. Please pass a valid API key.", info)


def _no_model(model: str, method: str) -> Response:
    what = f"models/{model} is not found for API version v1beta, or is not supported for {method}."
    return _error(404, what + " Call ListModels to see the list of available models and their supported methods.")


def _candidate(model: str, parts: list[dict[str, Any]], asked: int, written: int, finish: str = "STOP") -> Response:
    """Return a success: one candidate with its parts; the tokens of prompt and response."""
    candidate: dict[str, Any] = {"finishReason": finish, "index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    if finish not in {"STOP", "MAX_TOKENS"}:
        candidate["finishMessage"] = "Unable to show the generated image."
    return json_response({"candidates": [candidate], **_usage(model, asked, written)})


def _usage(model: str, asked: int, written: int) -> dict[str, Any]:
    usage = {
        "promptTokenCount": asked,
        "candidatesTokenCount": written,
        "totalTokenCount": asked + written,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked}],
    }
    return {"usageMetadata": usage, "modelVersion": model, "responseId": uuid.uuid4().hex[:22]}


def refusals(model: str) -> Refusals:
    """Return the provider's own refusals, by the name of the fault."""

    def say(code: int, message: str) -> Callable[[Marker], Response]:
        return lambda _marker: _error(code, message)

    def quota(marker: Marker) -> Response:
        period = "PerDay" if marker.fault == "429day" else "PerMinute"
        violation = {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
            "quotaId": f"GenerateRequests{period}PerProjectPerModel",
        }
        details = [_detail("QuotaFailure", violations=[violation])]
        if marker.fault == "429":
            details.append(_detail("RetryInfo", retryDelay=f"{marker.number('after', 1):g}s"))
        return _error(429, "You exceeded your current quota, please check your plan and billing details.", *details)

    def blocked(marker: Marker) -> Response:
        feedback = {"blockReason": marker.options.get("reason", "PROHIBITED_CONTENT")}
        return json_response({"promptFeedback": feedback, **_usage(model, 12, 0)})

    no_credit = say(402, "Your prepayment credits are depleted.")
    return {
        "400": say(400, "Request contains an invalid argument."),
        "401": lambda _marker: _bad_key(),
        "402": no_credit,
        "nocredit": no_credit,
        "403": say(403, "The caller does not have permission"),
        "429": quota,
        "429now": quota,
        "429day": quota,
        "500": say(500, "An internal error has occurred. Please retry or report the problem."),
        "503": say(503, "The model is overloaded. Please try again later."),
        "504": say(504, "Deadline expired before operation could complete."),
        "retired": lambda _marker: _no_model(model, "generateContent"),
        "moderated": blocked,
    }
