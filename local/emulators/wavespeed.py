"""WaveSpeed AI: REST v3. Every JSON response is an envelope `{code, message, data}`.

A submit is charged when it is accepted; a task that fails is refunded. Outputs are served without a key
below /media/, as from the provider's CDN.
"""

import uuid
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from local.emulators.exchange import Exchange, respond
from local.emulators.server import MEDIA, MediaStore, Provider, bearer_key, seed_or_random
from local.emulators.wavespeed_contract import MODELS, RESOLUTION_PRICES, Model, read_submit
from local.emulators.wavespeed_tasks import Task, Tasks, envelope, error, refusals

API = "/api/v3/"
MAX_UPLOAD_BYTES = 200 * 1024 * 1024


class WaveSpeed(Provider):
    """api.wavespeed.ai, as far as Image Studio and the official SDK use it."""

    name = "wavespeed"
    first_balance = 100.0

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self.media = MediaStore()
        self.tasks = Tasks(self, self.media)

    def reset(self) -> None:
        """Return to the first state."""
        super().reset()
        self.media.clear()
        self.tasks.clear()

    def is_submit(self, method: str, path: str) -> bool:
        """Whether this starts a task."""
        return method == "POST" and path.removeprefix(API) in MODELS

    def answer(self, exchange: Exchange) -> Response:
        """Serve the CDN; below /api/v3/ check the key, then route."""
        path, method = exchange.path, exchange.request.method
        if path.startswith(MEDIA):
            return self._store(exchange) if method == "PUT" else self.media.serve(exchange)
        if not path.startswith(API):
            return error(404, "page not found")
        if not self.accepts_key(bearer_key(exchange)):
            return error(401, "Unauthorized: invalid API key")
        return self._route(exchange, method, path.removeprefix(API))

    def _route(self, exchange: Exchange, method: str, route: str) -> Response:
        if method == "GET":
            return self._get(exchange, route)
        if method == "POST" and route in MODELS:
            return self._submit(exchange, MODELS[route])
        match (method, route):
            case ("POST", "model/price"):
                return self._price(exchange)
            case ("POST", "media/uploads"):
                return self._ticket(exchange)
            case ("POST", "media/upload/binary" | "upload"):
                return self._upload(exchange, route)
        return error(404, f"model not found: {route}")

    def _get(self, exchange: Exchange, route: str) -> Response:
        match route.split("/"):
            case ["balance"]:
                return self._read(exchange, {"balance": round(self.balance, 4)})
            case ["account", "balance"]:
                return self._read(exchange, {"balance": round(self.balance, 4), "currency": "USD"})
            case ["models"]:
                return self._read(exchange, [_listed(model) for model in MODELS.values()])
            case ["predictions", identifier, "result"] | ["predictions", identifier]:
                return self.tasks.result(exchange, identifier)
        return error(404, "page not found")

    def _read(self, exchange: Exchange, data: Any) -> Response:
        return respond(exchange, self.plan(exchange), ("read",), refusals(), lambda: envelope(data))

    def _submit(self, exchange: Exchange, model: Model) -> Response:
        exchange.call.kind, exchange.call.operation = "generate", model.id
        body = exchange.json()
        if body is None:
            return error(400, "invalid request body: not a JSON object")
        submit = read_submit(exchange, model, body, self._fetch)
        if submit.error:
            return error(400, submit.error)
        price = price_of(model, body)
        if self.balance < price:
            return error(402, "Insufficient credits. Please top up.")
        plan = self.plan(exchange, *_texts(body), seed=body.get("seed"))
        task = Task(model, submit, seed_or_random(body.get("seed")), plan, price, exchange.call, exchange.origin)
        return respond(exchange, plan, ("submit",), refusals(), lambda: self.tasks.start(exchange, task))

    def _fetch(self, url: str) -> bytes | None:
        """Return an image by URL: one that was uploaded here, since an emulator reaches no other host."""
        file = self.media.get(urlsplit(url).path)
        return file.data if file else None

    def _price(self, exchange: Exchange) -> Response:
        body = exchange.json() or {}
        model = MODELS.get(str(body.get("model_id")))
        if model is None:
            return error(404, f"model not found: {body.get('model_id')}")
        price = price_of(model, body.get("inputs") or {})
        quote = {"model_id": model.id, "price": price, "discounted_price": price, "currency": "USD"}
        return self._read(exchange, quote)

    def _ticket(self, exchange: Exchange) -> Response:
        exchange.call.kind = "upload"
        body = exchange.json() or {}
        name, size = body.get("filename"), body.get("size")
        if not isinstance(name, str) or not isinstance(size, int):
            return error(400, "filename and size are required")
        if size > MAX_UPLOAD_BYTES:
            return error(413, "file too large")
        kind = body.get("content_type") or "application/octet-stream"
        path = f"{MEDIA}uploads/{uuid.uuid4().hex}/{name.rpartition('/')[2]}"

        def grant() -> Response:
            self.media.put(path, b"", kind, self.plan(exchange))
            url = exchange.origin + path
            upload = {"method": "PUT", "url": url, "headers": {"Content-Type": kind}}
            return envelope({"upload": upload, "download_url": url})

        return respond(exchange, self.plan(exchange), ("submit",), refusals(), grant)

    def _store(self, exchange: Exchange) -> Response:
        exchange.call.kind = "upload"
        file = self.media.get(exchange.path)
        if file is None or file.data:
            return Response("forbidden", 403)
        data = exchange.request.get_data()
        exchange.call.files["body"] = {"bytes": len(data), "content_type": exchange.request.content_type}
        self.media.put(exchange.path, data, file.content_type, self.plan(exchange).later())
        return Response("", 200)

    def _upload(self, exchange: Exchange, route: str) -> Response:
        exchange.call.kind = "upload"
        part = exchange.request.files.get("file")
        if part is None:
            return error(400, "file is required")
        data = part.read()
        name = (part.filename or "upload").rpartition("/")[2]
        exchange.call.files["file"] = {"filename": name, "content_type": part.content_type, "bytes": len(data)}

        def keep() -> Response:
            kind = part.mimetype or "application/octet-stream"
            url = exchange.origin + self.media.add(data, kind, self.plan(exchange).later(), name)
            if route == "upload":
                return envelope({"url": url})
            return envelope({"type": "image", "download_url": url, "filename": name, "size": len(data)})

        return respond(exchange, self.plan(exchange), ("submit",), refusals(), keep)


def price_of(model: Model, inputs: dict[str, Any]) -> float:
    """Return the price in USD, of a resolution where it has one of its own."""
    usd = RESOLUTION_PRICES.get(model.id, {}).get(str(inputs.get("resolution")), model.usd)
    images = inputs.get("num_images", 1)
    return round(usd * (images if isinstance(images, int) else 1), 6)


def _texts(body: dict[str, Any]) -> list[str]:
    """Return the short texts of a body, where markers may stand."""
    return [value for value in body.values() if isinstance(value, str) and len(value) <= 20_000]


def _listed(model: Model) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"title": type(spec).__name__} for name, spec in model.inputs.items()}
    schema = {"type": "object", "properties": properties, "required": list(model.required)}
    return {
        "model_id": model.id,
        "name": model.id.partition("/")[2],
        "description": f"{model.id} (emulated)",
        "type": "image-to-image" if "image" in model.required else "text-to-image",
        "base_price": model.usd,
        "formula": "",
        "api_schema": {"api_schemas": [{"request_schema": schema}]},
    }
