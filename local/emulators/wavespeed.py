"""WaveSpeed AI: REST v3. Every JSON reply is an envelope `{code, message, data}`.

A submit is charged when it is accepted; a task that fails is refunded. Outputs are served without a key
below /media/, as from the provider's CDN.
"""

import uuid
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from local.emulators.provider import Provider, bearer_key, random_seed
from local.emulators.shelf import SHELF, Shelf
from local.emulators.wavespeed_inputs import read_submit
from local.emulators.wavespeed_kinds import Model
from local.emulators.wavespeed_models import MODELS
from local.emulators.wavespeed_replies import envelope, error, refusals
from local.emulators.wavespeed_tasks import Task, Tasks
from local.emulators.wire import Visit, play

API = "/api/v3/"
LARGEST_UPLOAD_BYTES = 200 * 1024 * 1024


class WaveSpeed(Provider):
    """api.wavespeed.ai, as far as Image Studio and the official SDK speak to it."""

    name = "wavespeed"
    first_balance = 100.0

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self.shelf = Shelf()
        self.tasks = Tasks(self, self.shelf)

    def reset(self) -> None:
        """Forget all state."""
        super().reset()
        self.shelf.clear()
        self.tasks.clear()

    def is_submit(self, method: str, path: str) -> bool:
        """Whether this starts a task."""
        return method == "POST" and path.removeprefix(API) in MODELS

    def answer(self, visit: Visit) -> Response:
        """Serve the CDN; below /api/v3/ check the key, then route."""
        path, method = visit.path, visit.request.method
        if path.startswith(SHELF):
            return self._store(visit) if method == "PUT" else self.shelf.answer(visit)
        if not path.startswith(API):
            return error(404, "page not found")
        if not self.knows(bearer_key(visit)):
            return error(401, "Unauthorized: invalid API key")
        return self._route(visit, method, path.removeprefix(API))

    def _route(self, visit: Visit, method: str, route: str) -> Response:
        if method == "GET":
            return self._get(visit, route)
        if method == "POST" and route in MODELS:
            return self._submit(visit, MODELS[route])
        match (method, route):
            case ("POST", "model/price"):
                return self._price(visit)
            case ("POST", "media/uploads"):
                return self._ticket(visit)
            case ("POST", "media/upload/binary" | "upload"):
                return self._upload(visit, route)
        return error(404, f"model not found: {route}")

    def _get(self, visit: Visit, route: str) -> Response:
        match route.split("/"):
            case ["balance"]:
                return self._read(visit, {"balance": round(self.balance, 4)})
            case ["account", "balance"]:
                return self._read(visit, {"balance": round(self.balance, 4), "currency": "USD"})
            case ["models"]:
                return self._read(visit, [_listed(model) for model in MODELS.values()])
            case ["predictions", identifier, "result"] | ["predictions", identifier]:
                return self.tasks.result(visit, identifier)
        return error(404, "page not found")

    def _read(self, visit: Visit, data: Any) -> Response:
        return play(visit, self.plan(visit), ("read",), refusals(), lambda: envelope(data))

    def _submit(self, visit: Visit, model: Model) -> Response:
        visit.call.kind, visit.call.operation = "generate", model.id
        body = visit.json()
        if body is None:
            return error(400, "invalid request body: not a JSON object")
        submit = read_submit(visit, model, body, self._fetch)
        if submit.error:
            return error(400, submit.error)
        price = price_of(model, body)
        if self.balance < price:
            return error(402, "Insufficient credits. Please top up.")
        asked = body.get("seed")
        seed = asked if isinstance(asked, int) and asked >= 0 else random_seed()
        plan = self.plan(visit, *_texts(body), seed=asked)
        task = Task(model, submit, seed, plan, price)
        return play(visit, plan, ("submit",), refusals(), lambda: self.tasks.start(visit, task))

    def _fetch(self, url: str) -> bytes | None:
        """An image by URL: only what was uploaded here, since an emulator reaches no other host."""
        filed = self.shelf.get(urlsplit(url).path)
        return filed.data if filed else None

    def _price(self, visit: Visit) -> Response:
        body = visit.json() or {}
        model = MODELS.get(str(body.get("model_id")))
        if model is None:
            return error(404, f"model not found: {body.get('model_id')}")
        price = price_of(model, body.get("inputs") or {})
        quote = {"model_id": model.id, "price": price, "discounted_price": price, "currency": "USD"}
        return self._read(visit, quote)

    def _ticket(self, visit: Visit) -> Response:
        visit.call.kind = "upload"
        body = visit.json() or {}
        name, size = body.get("filename"), body.get("size")
        if not isinstance(name, str) or not isinstance(size, int):
            return error(400, "filename and size are required")
        if size > LARGEST_UPLOAD_BYTES:
            return error(413, "file too large")
        kind = body.get("content_type") or "application/octet-stream"
        path = f"{SHELF}uploads/{uuid.uuid4().hex}/{name.rpartition('/')[2]}"

        def grant() -> Response:
            self.shelf.place(path, b"", kind, self.plan(visit))
            url = visit.origin + path
            return envelope(
                {
                    "upload": {"method": "PUT", "url": url, "headers": {"Content-Type": kind}},
                    "download_url": url,
                }
            )

        return play(visit, self.plan(visit), ("submit",), refusals(), grant)

    def _store(self, visit: Visit) -> Response:
        visit.call.kind = "upload"
        filed = self.shelf.get(visit.path)
        if filed is None or filed.data:
            return Response("forbidden", 403)
        data = visit.request.get_data()
        visit.call.files["body"] = {"bytes": len(data), "content_type": visit.request.content_type}
        self.shelf.place(visit.path, data, filed.content_type, self.plan(visit).at(()))
        return Response("", 200)

    def _upload(self, visit: Visit, route: str) -> Response:
        visit.call.kind = "upload"
        part = visit.request.files.get("file")
        if part is None:
            return error(400, "file is required")
        data = part.read()
        name = (part.filename or "upload").rpartition("/")[2]
        visit.call.files["file"] = {"filename": name, "content_type": part.content_type, "bytes": len(data)}

        def keep() -> Response:
            kind = part.mimetype or "application/octet-stream"
            url = visit.origin + self.shelf.put(data, kind, self.plan(visit).at(()), name)
            if route == "upload":
                return envelope({"url": url})
            return envelope({"type": "image", "download_url": url, "filename": name, "size": len(data)})

        return play(visit, self.plan(visit), ("submit",), refusals(), keep)


def price_of(model: Model, inputs: dict[str, Any]) -> float:
    """The price in USD; the ultra edit costs more at 8k."""
    if model.id.endswith("/edit-ultra") and inputs.get("resolution") == "8k":
        return 0.18
    images = inputs.get("num_images", 1)
    return round(model.usd * (images if isinstance(images, int) else 1), 6)


def _texts(body: dict[str, Any]) -> list[str]:
    """The short texts of a body, where markers may stand."""
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
