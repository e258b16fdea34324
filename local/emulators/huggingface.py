"""Hugging Face: the inference router (hf-inference, fal-ai, replicate, together, nscale, chat) and the hub's mapping.

Images are served without a token below /media/, as from the providers' CDNs.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.exchange import Exchange, json_response, respond
from local.emulators.huggingface_contract import (
    HUB,
    I2I,
    T2I,
    HubModel,
    ImageRequest,
    error,
    read_request,
    refusals,
    served_by,
    unauthorized,
)
from local.emulators.huggingface_fal import REQUEST, Fal
from local.emulators.image_files import encode, to_base64
from local.emulators.server import MEDIA, MediaStore, Provider, bearer_key
from local.emulators.text_model import as_json, count_tokens, enhance

MAPPING = "/api/models/"
CHAT = "/v1/chat/completions"
SQUARE = (1024, 1024)


class HuggingFace(Provider):
    """router.huggingface.co and the model pages of huggingface.co, as far as Image Studio and the SDK use them."""

    name = "huggingface"

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self.media = MediaStore()
        self.fal = Fal(self, self.media)

    def reset(self) -> None:
        """Return to the first state."""
        super().reset()
        self.media.clear()
        self.fal.clear()

    def answer(self, exchange: Exchange) -> Response:
        """Serve the CDN and the hub's public pages; check the token for the rest."""
        path = exchange.path
        if path.startswith(MEDIA):
            return self.media.serve(exchange)
        if path.startswith(MAPPING):
            return _model_page(exchange, path.removeprefix(MAPPING))
        if not self.accepts_key(bearer_key(exchange)):
            return unauthorized()
        polled = REQUEST.fullmatch(path)
        if polled and exchange.request.method == "GET":
            return self.fal.poll(exchange, polled)
        return self._post(exchange, path) if exchange.request.method == "POST" else error(404, "Not Found")

    def _post(self, exchange: Exchange, path: str) -> Response:
        if path == CHAT:
            return self._chat(exchange)
        provider, _, route = path.lstrip("/").partition("/")
        match provider:
            case "fal-ai":
                return self.fal.submit(exchange, route)
            case "hf-inference" if route.startswith("models/"):
                return self._hf_inference(exchange, route.removeprefix("models/"))
            case "replicate":
                return self._replicate(exchange, route)
            case "together" | "nscale" if route == "v1/images/generations":
                return self._openai_images(exchange, provider)
        return error(404, "Not Found")

    def _hf_inference(self, exchange: Exchange, model_id: str) -> Response:
        """hf-inference: JSON or bare image bytes in, image bytes out."""  # its name
        model = HUB.get(model_id)
        if model is None or "hf-inference" not in model.providers:
            exchange.json()
            return error(404, f"Model {model_id} is not supported by provider hf-inference")
        bare = (exchange.request.mimetype or "").startswith("image/")
        body: dict[str, Any] | None = {"inputs": exchange.request.get_data()} if bare else exchange.json()
        if body is None or not body.get("inputs"):
            return error(422, "`inputs` is required", error_type="validation")
        inputs, asked = body["inputs"], body.get("parameters") or {}
        if model.task == T2I:
            request = read_request(exchange, {**asked, "prompt": inputs}, size=_sides(asked), sources=[])
        else:
            request = read_request(exchange, asked, size=asked.get("target_size"), sources=[inputs])
        return self._deliver(exchange, model, request, lambda data: Response(data, content_type="image/jpeg"))

    def _replicate(self, exchange: Exchange, route: str) -> Response:
        """replicate: `input` in, a prediction with its output's URL out."""  # its name
        body = exchange.json() or {}
        name = route.removeprefix("v1/models/").removesuffix("/predictions")
        model = served_by("replicate", name)
        if model is None:
            problem = {"title": "Not found", "detail": "The requested resource could not be found.", "status": 404}
            return json_response(problem, 404)
        asked = body.get("input") or {}
        sources = [asked.get("image")] if model.task == I2I else []
        request = read_request(exchange, asked, size=_sides(asked), sources=sources)
        text = request.prompt.text

        def reply(data: bytes) -> Response:
            url = exchange.origin + self.media.add(data, "image/jpeg", self.plan(exchange, text).later())
            state = {"id": uuid.uuid4().hex[:26], "model": name, "input": {"prompt": text}, "error": None}
            return json_response(state | {"status": "succeeded", "output": [url]}, 201)

        return self._deliver(exchange, model, request, reply)

    def _openai_images(self, exchange: Exchange, provider: str) -> Response:
        """Together and nscale: OpenAI's images format, base64 out."""
        body = exchange.json() or {}
        model = served_by(provider, str(body.get("model")))
        if model is None:
            return error(404, f"Model {body.get('model')} is not supported by provider {provider}")
        request = read_request(exchange, body, size=body.get("size") or _sides(body), sources=[])

        def reply(data: bytes) -> Response:
            return json_response({"data": [{"b64_json": to_base64(data)}]})

        return self._deliver(exchange, model, request, reply)

    def _deliver(
        self, exchange: Exchange, model: HubModel, request: ImageRequest, reply: Callable[[bytes], Response]
    ) -> Response:
        """Carry out a synchronous request and reply in the provider's own way."""
        exchange.call.kind, exchange.call.operation = "generate", model.id
        prompt = request.prompt
        if model.task == T2I and not prompt.text.strip():
            request.error = request.error or ("prompt", "field required")
        if request.error:
            return error(422, ": ".join(request.error), error_type="validation")

        def work() -> Response:
            data = encode(request.perform(model.task, SQUARE), "jpeg")
            self.accept(exchange, model.usd_per_mp)
            return reply(data)

        own = {"moderated": lambda _marker: error(400, "The input was flagged by the safety checker")}
        plan = self.plan(exchange, prompt.text, prompt.negative, seed=prompt.seed)
        with self.log.in_flight():
            return respond(exchange, plan, ("submit", "work"), {**refusals(model.id), **own}, work)

    def _chat(self, exchange: Exchange) -> Response:
        exchange.call.kind = "text"
        body = exchange.json() or {}
        model, messages = body.get("model"), body.get("messages")
        exchange.call.operation = str(model)
        if not isinstance(model, str) or "/" not in model or model in HUB:
            problem = {"message": f"The requested model '{model}' does not exist", "type": "invalid_request_error"}
            return json_response({"error": problem | {"param": "model", "code": "model_not_found"}}, 400)
        if not isinstance(messages, list) or not messages:
            return error(422, "messages: field required", error_type="validation")
        asked = _user_text(messages)

        def work() -> Response:
            with self.lock:
                self.log.texts += 1
            written = enhance(asked)
            wanted = body.get("response_format") or {}
            if wanted.get("type") in {"json_object", "json_schema"}:
                written = as_json(written, (wanted.get("json_schema") or {}).get("schema"))
            return json_response(_completion(model, asked, written))

        return respond(exchange, self.plan(exchange, asked), ("text",), refusals(model), work)


def _sides(asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return the width and height where both are given."""
    return asked if asked.get("width") and asked.get("height") else None


def _model_page(exchange: Exchange, model_id: str) -> Response:
    model, asked = HUB.get(model_id), exchange.request.args
    if model is None:
        response = error(404, "Repository not found")
        response.headers["X-Error-Code"] = "RepoNotFound"
        return response
    mapping = "inferenceProviderMapping" in (*asked.getlist("expand[]"), asked.get("expand"))
    return json_response(model.as_json(mapping=mapping))


def _user_text(messages: list[Any]) -> str:
    """Return all texts of the user; a message is a text or a list of parts."""
    texts: list[str] = []
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts += [str(part["text"]) for part in parts if isinstance(part.get("text"), str)]
    return "\n".join(texts)


def _completion(model: str, asked: str, written: str) -> dict[str, Any]:
    usage = {"prompt_tokens": count_tokens(asked), "completion_tokens": count_tokens(written)}
    message = {"role": "assistant", "content": written}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.partition(":")[0],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }
