"""fal-ai behind the Hugging Face router: the synchronous route, and the queue with its status and result."""

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from werkzeug.wrappers import Response

from local.emulators.exchange import Exchange, json_response, respond
from local.emulators.faults import FaultPlan, Marker
from local.emulators.huggingface_contract import (
    SEGMENT,
    T2I,
    HubModel,
    ImageRequest,
    error,
    fal_invalid,
    read_request,
    refusals,
    served_by,
)
from local.emulators.image_files import encode, to_base64
from local.emulators.server import MediaStore, Provider

#: The router's prefix may be missing: the official client drops it for hosts other than the router's own.
REQUEST = re.compile(r"(?:/fal-ai)?/(?P<app>fal-ai/.+)/requests/(?P<id>[0-9a-f-]{36})(?P<status>/status)?")
DEFAULT_SIZE = (1024, 768)
MAX_JOBS = 300
KNOWN = {
    "prompt", "image_size", "num_inference_steps", "guidance_scale", "negative_prompt", "seed", "image_url",
    "image_urls", "sync_mode", "num_images", "output_format", "enable_safety_checker", "acceleration", "strength",
}  # fmt: skip


@dataclass
class Job:
    """One request. `app` is the first two segments of the model's id, which address a queued result."""

    app: str
    model: HubModel
    request: ImageRequest
    body: dict[str, Any]
    plan: FaultPlan
    origin: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    ready_at: float = 0.0
    polls_left: int = 0
    ending: str = ""
    result: dict[str, Any] | None = None

    def state(self, status: str) -> dict[str, Any]:
        """Return the queue's description of the job."""
        address = f"{self.origin}/{self.app}/requests/{self.id}"
        urls = {"response_url": address, "status_url": f"{address}/status", "cancel_url": f"{address}/cancel"}
        return {"request_id": self.id, "status": status, "logs": None, "metrics": {}, **urls}

    @property
    def price(self) -> float:
        """USD, by the megapixel, at least for one."""
        width, height = self.request.size or DEFAULT_SIZE
        return round(self.model.usd_per_mp * max(1.0, width * height / 1_000_000), 6)


class Fal:
    """fal's part of the router."""

    def __init__(self, provider: Provider, media: MediaStore) -> None:
        self._provider = provider
        self._media = media
        self._jobs: dict[str, Job] = {}

    def clear(self) -> None:
        """Remove all jobs."""
        self._jobs.clear()

    def submit(self, exchange: Exchange, mapped: str) -> Response:
        """Run a model at once, or put the request in the queue when `_subdomain=queue` says so."""
        exchange.call.kind, exchange.call.operation = "generate", mapped
        body = exchange.json()
        model = served_by("fal-ai", mapped)
        if model is None:
            return error(404, f"Model {mapped} is not supported by provider fal-ai")
        if body is None:
            return fal_invalid("", "value is not a valid dict", "type_error.dict")
        exchange.call.unknown_fields = sorted(set(body) - KNOWN)
        missing = _missing(model, body)
        if missing:
            return fal_invalid(missing, "field required")
        sources = [] if model.task == T2I else body.get("image_urls") or [body["image_url"]]
        request = read_request(exchange, body, size=body.get("image_size"), sources=sources)
        if request.error:
            return fal_invalid(*request.error)
        plan = self._provider.plan(exchange, request.prompt.text, request.prompt.negative, seed=body.get("seed"))
        job = Job("/".join(mapped.split("/")[:2]), model, request, body, plan, exchange.origin)
        if exchange.request.args.get("_subdomain") == "queue":
            return respond(exchange, plan, ("submit",), refusals(model.id), lambda: self._enqueue(exchange, job))
        return self._run(exchange, job)

    def _run(self, exchange: Exchange, job: Job) -> Response:
        def work() -> Response:
            result = self._finish(job)
            self._provider.accept(exchange, job.price)
            return json_response(result)

        def ended(marker: Marker) -> Response:
            job.ending = marker.fault
            return work()

        own = {"empty": ended, "moderated": ended, "filtered": ended}
        with self._provider.log.in_flight():
            return respond(exchange, job.plan, ("submit", "work"), {**refusals(job.model.id), **own}, work)

    def _enqueue(self, exchange: Exchange, job: Job) -> Response:
        self._provider.accept(exchange, job.price)
        seconds, ending = job.plan.apply("work")
        job.ready_at, job.polls_left = time.monotonic() + seconds, job.plan.polls
        job.ending = ending.fault if ending else ""
        job.plan = job.plan.later()
        with self._provider.lock:
            self._jobs[job.id] = job
            while len(self._jobs) > MAX_JOBS:
                self._jobs.pop(next(iter(self._jobs)))
        self._provider.log.opened()
        return json_response(job.state("IN_QUEUE") | {"queue_position": 0})

    def poll(self, exchange: Exchange, found: re.Match[str]) -> Response:
        """Answer a status or a result request."""
        exchange.call.kind = "poll"
        job = self._jobs.get(found["id"])
        if job is None or job.app != found["app"]:
            return json_response({"detail": "Request not found"}, 404)
        work = self._status if found["status"] else _result
        plan, scope = job.plan.later(exchange.aimed), f"{job.id}{found['status'] or ''}"
        return respond(exchange, plan, ("poll",), refusals(job.model.id), lambda: work(job), scope=scope)

    def _status(self, job: Job) -> Response:
        with self._provider.lock:
            if job.result is None and (job.polls_left > 0 or time.monotonic() < job.ready_at):
                job.polls_left -= 1
                return json_response(job.state("IN_PROGRESS"), 202)
            if job.result is None:
                self._provider.log.closed()
                job.result = self._finish(job)
        return json_response(job.state("COMPLETED"))

    def _finish(self, job: Job) -> dict[str, Any]:
        count = int(job.body.get("num_images") or 1)
        flagged = job.ending in {"moderated", "filtered"}
        images = [] if job.ending == "empty" else [self._publish(job, n, black=flagged) for n in range(count)]
        if job.model.task == SEGMENT:
            return {"image": images[0]} if images else {}
        return {
            "images": images,
            "timings": {"inference": 0.1},
            "seed": job.request.prompt.seed,
            "has_nsfw_concepts": [flagged] * len(images),
            "prompt": job.request.prompt.text,
        }

    def _publish(self, job: Job, number: int, *, black: bool) -> dict[str, Any]:
        image = job.request.perform(job.model.task, DEFAULT_SIZE, number)
        if black:
            image = Image.new("RGB", image.size)
        file_type = "png" if job.model.task == SEGMENT else str(job.body.get("output_format") or "jpeg")
        data, kind = encode(image, file_type), f"image/{file_type}"
        if job.body.get("sync_mode") is True:
            url = f"data:{kind};base64,{to_base64(data)}"
        else:
            url = job.origin + self._media.add(data, kind, job.plan)
        return {"url": url, "width": image.width, "height": image.height, "content_type": kind}


def _result(job: Job) -> Response:
    if job.result is None:
        return json_response({"detail": "Request is still in progress"}, 400)
    if job.ending == "failed":
        return json_response({"detail": "Internal Server Error"}, 500)
    return json_response(job.result)


def _missing(model: HubModel, body: dict[str, Any]) -> str:
    if model.task != SEGMENT and not str(body.get("prompt") or "").strip():
        return "prompt"
    return "image_url" if model.task != T2I and not (body.get("image_url") or body.get("image_urls")) else ""
