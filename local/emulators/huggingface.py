"""Hugging Face: the inference router (hf-inference, fal-ai, replicate, together, nscale, chat) and the hub's mapping.

ImageInputs are served without a token below /media/, as from the providers' CDNs. Chat answers by the style rule of
`words.py`.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.encoding import encode, to_text
from local.emulators.huggingface_fal import REQUEST, Fal
from local.emulators.huggingface_inputs import Wish, read_wish
from local.emulators.huggingface_models import HUB, I2I, T2I, HubModel, served_by
from local.emulators.huggingface_replies import error, refusals, unauthorized
from local.emulators.huggingface_studio import perform
from local.emulators.provider import Provider, bearer_key
from local.emulators.shelf import SHELF, Shelf
from local.emulators.wire import Visit, json_reply, play
from local.emulators.words import as_json, enhanced, tokens_in

MAPPING = "/api/models/"
CHAT = "/v1/chat/completions"
SQUARE = (1024, 1024)


class HuggingFace(Provider):
    """router.huggingface.co and the model pages of huggingface.co, as far as Image Studio and the SDK use them."""

    name = "huggingface"

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self.shelf = Shelf()
        self.fal = Fal(self, self.shelf)

    def reset(self) -> None:
        """Forget all state."""
        super().reset()
        self.shelf.clear()
        self.fal.clear()

    def answer(self, visit: Visit) -> Response:
        """Serve the CDN and the hub's public pages; check the token for the rest."""
        path = visit.path
        if path.startswith(SHELF):
            return self.shelf.answer(visit)
        if path.startswith(MAPPING):
            return _model_page(visit, path.removeprefix(MAPPING))
        if not self.knows(bearer_key(visit)):
            return unauthorized()
        polled = REQUEST.fullmatch(path)
        if polled and visit.request.method == "GET":
            return self.fal.poll(visit, polled)
        if visit.request.method != "POST":
            return error(404, "Not Found")
        return self._post(visit, path)

    def _post(self, visit: Visit, path: str) -> Response:
        if path == CHAT:
            return self._chat(visit)
        provider, _, route = path.lstrip("/").partition("/")
        match provider:
            case "fal-ai":
                return self.fal.submit(visit, route)
            case "hf-inference" if route.startswith("models/"):
                return self._own(visit, route.removeprefix("models/"))
            case "replicate":
                return self._replicate(visit, route)
            case "together" | "nscale" if route == "v1/images/generations":
                return self._openai_images(visit, provider)
        return error(404, "Not Found")

    def _own(self, visit: Visit, model_id: str) -> Response:
        """hf-inference: JSON or a bare image in, image bytes out."""
        model = HUB.get(model_id)
        if model is None or "hf-inference" not in model.providers:
            visit.json()
            return error(404, f"Model {model_id} is not supported by provider hf-inference")
        bare = (visit.request.mimetype or "").startswith("image/")
        body: dict[str, Any] | None = {"inputs": visit.request.get_data()} if bare else visit.json()
        if body is None or not body.get("inputs"):
            return error(422, "`inputs` is required", error_type="validation")
        wish = _own_wish(visit, model, body)
        return self._deliver(visit, model, wish, lambda data: Response(data, content_type="image/jpeg"))

    def _replicate(self, visit: Visit, route: str) -> Response:
        """replicate: `input` in, a prediction with its output's URL out."""
        body = visit.json() or {}
        name = route.removeprefix("v1/models/").removesuffix("/predictions")
        model = served_by("replicate", name)
        if model is None:
            said = {"title": "Not found", "detail": "The requested resource could not be found.", "status": 404}
            return json_reply(said, 404)
        asked = body.get("input") or {}
        sources = [asked.get("image")] if model.task == I2I else []
        size = asked if asked.get("width") and asked.get("height") else None
        wish = read_wish(visit, asked, size=size, sources=sources)

        def reply(data: bytes) -> Response:
            url = visit.origin + self.shelf.put(data, "image/jpeg", self.plan(visit, wish.prompt).at(()))
            state = {"id": uuid.uuid4().hex[:26], "model": name, "input": {"prompt": wish.prompt}, "error": None}
            return json_reply(state | {"status": "succeeded", "output": [url]}, 201)

        return self._deliver(visit, model, wish, reply)

    def _openai_images(self, visit: Visit, provider: str) -> Response:
        """Together and nscale: OpenAI's images format, base64 out."""
        body = visit.json() or {}
        model = served_by(provider, str(body.get("model")))
        if model is None:
            return error(404, f"Model {body.get('model')} is not supported by provider {provider}")
        size = body.get("size") or (body if body.get("width") and body.get("height") else None)
        wish = read_wish(visit, body, size=size, sources=[])
        return self._deliver(visit, model, wish, lambda data: json_reply({"data": [{"b64_json": to_text(data)}]}))

    def _deliver(self, visit: Visit, model: HubModel, wish: Wish, reply: Callable[[bytes], Response]) -> Response:
        """Carry out a synchronous wish and answer in the provider's own way."""
        visit.call.kind, visit.call.operation = "generate", model.id
        if model.task == T2I and not wish.prompt.strip():
            wish.error = wish.error or ("prompt", "field required")
        if wish.error:
            return error(422, ": ".join(wish.error), error_type="validation")

        def work() -> Response:
            size = wish.size or (wish.images[0].size if wish.images else SQUARE)
            data = encode(perform(model.task, wish, size), "jpeg")
            self.take(visit, model.usd_per_mp)
            return reply(data)

        own = {"moderated": lambda _marker: error(400, "The input was flagged by the safety checker")}
        plan = self.plan(visit, wish.prompt, wish.negative, seed=wish.seed)
        with self.recorder.in_flight():
            return play(visit, plan, ("submit", "work"), {**refusals(model.id), **own}, work)

    def _chat(self, visit: Visit) -> Response:
        visit.call.kind = "text"
        body = visit.json() or {}
        model, messages = body.get("model"), body.get("messages")
        visit.call.operation = str(model)
        if not isinstance(model, str) or "/" not in model or model in HUB:
            said = {"message": f"The requested model '{model}' does not exist", "type": "invalid_request_error"}
            return json_reply({"error": said | {"param": "model", "code": "model_not_found"}}, 400)
        if not isinstance(messages, list) or not messages:
            return error(422, "messages: field required", error_type="validation")
        asked = _said_by(messages, "user")

        def work() -> Response:
            self.recorder.answered_text()
            said = enhanced(asked)
            wanted = body.get("response_format") or {}
            if wanted.get("type") in {"json_object", "json_schema"}:
                said = as_json(said, (wanted.get("json_schema") or {}).get("schema"))
            return json_reply(_completion(model, asked, said))

        return play(visit, self.plan(visit, asked), ("text",), refusals(model), work)


def _model_page(visit: Visit, model_id: str) -> Response:
    model = HUB.get(model_id)
    if model is None:
        reply = error(404, "Repository not found")
        reply.headers["X-Error-Code"] = "RepoNotFound"
        return reply
    return json_reply(
        model.as_json(
            mapping="inferenceProviderMapping" in visit.request.args.getlist("expand[]")
            or visit.request.args.get("expand") == "inferenceProviderMapping"
        )
    )


def _own_wish(visit: Visit, model: HubModel, body: dict[str, Any]) -> Wish:
    asked = body.get("parameters") or {}
    if model.task == T2I:
        size = asked if asked.get("width") and asked.get("height") else None
        return read_wish(visit, {**asked, "prompt": body["inputs"]}, size=size, sources=[])
    return read_wish(visit, asked, size=asked.get("target_size"), sources=[body["inputs"]])


def _said_by(messages: list[Any], role: str) -> str:
    """All texts of one side of a conversation; a message is a text or a list of parts."""
    said: list[str] = []
    for message in messages:
        if isinstance(message, dict) and message.get("role") == role:
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            said += [str(part["text"]) for part in parts if isinstance(part.get("text"), str)]
    return "\n".join(said)


def _completion(model: str, asked: str, said: str) -> dict[str, Any]:
    usage = {"prompt_tokens": tokens_in(asked), "completion_tokens": tokens_in(said)}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.partition(":")[0],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }
