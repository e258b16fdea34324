"""fal-ai behind the Hugging Face router: the synchronous route, and the queue with its status and result."""

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from werkzeug.wrappers import Response

from local.emulators.encoding import encode, to_text
from local.emulators.faults import Marker, Plan
from local.emulators.huggingface_inputs import Wish, read_wish
from local.emulators.huggingface_models import I2I, SEGMENT, T2I, HubModel, served_by
from local.emulators.huggingface_replies import error, fal_invalid, refusals
from local.emulators.huggingface_studio import perform
from local.emulators.provider import Provider
from local.emulators.shelf import Shelf
from local.emulators.wire import Visit, json_reply, play

QUEUE = "queue"
#: The router's prefix may be missing: the official client drops it for hosts other than the router's own.
REQUEST = re.compile(r"(?:/fal-ai)?/(?P<app>fal-ai/.+)/requests/(?P<id>[0-9a-f-]{36})(?P<status>/status)?")
DEFAULT_SIZE = (1024, 768)
MOST_JOBS = 300
KNOWN = {
    "prompt", "image_size", "num_inference_steps", "guidance_scale", "negative_prompt", "seed", "image_url",
    "image_urls", "sync_mode", "num_images", "output_format", "enable_safety_checker", "acceleration", "strength",
}  # fmt: skip


@dataclass
class Job:
    """One request of the queue."""

    app: str
    model: HubModel
    wish: Wish
    body: dict[str, Any]
    plan: Plan
    origin: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    ready_at: float = 0.0
    polls_left: int = 0
    ending: str = ""
    result: dict[str, Any] | None = None


class Fal:
    """fal's part of the router."""

    def __init__(self, provider: Provider, shelf: Shelf) -> None:
        self._provider = provider
        self._shelf = shelf
        self._jobs: dict[str, Job] = {}

    def clear(self) -> None:
        """Forget all jobs."""
        self._jobs.clear()

    def submit(self, visit: Visit, mapped: str) -> Response:
        """Run a model at once, or put the request in the queue when `_subdomain=queue` says so."""
        visit.call.kind, visit.call.operation = "generate", mapped
        body = visit.json()
        model = served_by("fal-ai", mapped)
        if model is None:
            return error(404, f"Model {mapped} is not supported by provider fal-ai")
        if body is None:
            return fal_invalid("", "value is not a valid dict", "type_error.dict")
        visit.call.unknown_fields = sorted(set(body) - KNOWN)
        wrong = _missing(model, body)
        sources = body.get("image_urls") or [body["image_url"]] if model.task != T2I and not wrong else []
        wish = read_wish(visit, body, size=body.get("image_size"), sources=sources)
        if wrong or wish.error:
            return fal_invalid(*(wrong or wish.error or ("", "")))
        plan = self._provider.plan(visit, wish.prompt, wish.negative, seed=body.get("seed"))
        job = Job(_app(mapped), model, wish, body, plan, visit.origin)
        if visit.request.args.get("_subdomain") == QUEUE:
            return play(visit, plan, ("submit",), refusals(model.id), lambda: self._enqueue(visit, job))
        return self._now(visit, job)

    def _now(self, visit: Visit, job: Job) -> Response:
        def work() -> Response:
            result = self._finished(job)
            self._provider.take(visit, self._price(job))
            return json_reply(result)

        def ended(marker: Marker) -> Response:
            job.ending = marker.fault
            return work()

        own = {"empty": ended, "moderated": ended, "filtered": ended}
        with self._provider.recorder.in_flight():
            return play(visit, job.plan, ("submit", "work"), {**refusals(job.model.id), **own}, work)

    def _enqueue(self, visit: Visit, job: Job) -> Response:
        self._provider.take(visit, self._price(job))
        seconds, ending = job.plan.strike("work")
        job.ready_at = time.monotonic() + seconds
        job.polls_left = job.plan.polls or 0
        job.ending = ending.fault if ending else ""
        job.plan = job.plan.at(())
        with self._provider.lock:
            self._jobs[job.id] = job
            while len(self._jobs) > MOST_JOBS:
                self._jobs.pop(next(iter(self._jobs)))
        self._provider.recorder.opened()
        return json_reply(self._state(job, "IN_QUEUE") | {"queue_position": 0})

    def _state(self, job: Job, status: str) -> dict[str, Any]:
        address = f"{job.origin}/{job.app}/requests/{job.id}"
        places = {"response_url": address, "status_url": f"{address}/status", "cancel_url": f"{address}/cancel"}
        return {"request_id": job.id, "status": status, "logs": None, "metrics": {}, **places}

    def poll(self, visit: Visit, found: re.Match[str]) -> Response:
        """Answer a status or a result request."""
        visit.call.kind = "poll"
        job = self._jobs.get(found["id"])
        if job is None or job.app != found["app"]:
            return json_reply({"detail": "Request not found"}, 404)
        work = self._status if found["status"] else self._result
        scope = f"{job.id}{found['status'] or ''}"
        return play(visit, job.plan.at(visit.aimed), ("poll",), refusals(job.model.id), lambda: work(job), scope=scope)

    def _status(self, job: Job) -> Response:
        with self._provider.lock:
            if job.result is None and (job.polls_left > 0 or time.monotonic() < job.ready_at):
                job.polls_left -= 1
                return json_reply(self._state(job, "IN_PROGRESS"), 202)
            if job.result is None:
                self._provider.recorder.closed()
                job.result = self._finished(job)
        return json_reply(self._state(job, "COMPLETED"))

    def _result(self, job: Job) -> Response:
        if job.result is None:
            return json_reply({"detail": "Request is still in progress"}, 400)
        if job.ending == "failed":
            return json_reply({"detail": "Internal Server Error"}, 500)
        return json_reply(job.result)

    def _finished(self, job: Job) -> dict[str, Any]:
        count = int(job.body.get("num_images") or 1)
        flagged = job.ending in {"moderated", "filtered"}
        images = [] if job.ending == "empty" else [self._published(job, n, black=flagged) for n in range(count)]
        if job.model.task == SEGMENT:
            return {"image": images[0]} if images else {}
        return {
            "images": images,
            "timings": {"inference": 0.1},
            "seed": job.wish.seed,
            "has_nsfw_concepts": [flagged] * len(images),
            "prompt": job.wish.prompt,
        }

    def _published(self, job: Job, number: int, *, black: bool) -> dict[str, Any]:
        size = job.wish.size or (DEFAULT_SIZE if job.model.task == T2I else job.wish.images[0].size)
        image = Image.new("RGB", size) if black else perform(job.model.task, job.wish, size, number)
        file_type = "png" if job.model.task == SEGMENT else str(job.body.get("output_format") or "jpeg")
        data, kind = encode(image, file_type), f"image/{file_type}"
        if job.body.get("sync_mode") is True:
            url = f"data:{kind};base64,{to_text(data)}"
        else:
            url = job.origin + self._shelf.put(data, kind, job.plan)
        return {"url": url, "width": image.width, "height": image.height, "content_type": kind}

    def _price(self, job: Job) -> float:
        width, height = job.wish.size or DEFAULT_SIZE
        return round(job.model.usd_per_mp * max(1.0, width * height / 1_000_000), 6)


def _app(mapped: str) -> str:
    """The first two segments: a result's address names the app, not the endpoint below it."""
    return "/".join(mapped.split("/")[:2])


def _missing(model: HubModel, body: dict[str, Any]) -> tuple[str, str] | None:
    if model.task in {T2I, I2I} and not str(body.get("prompt") or "").strip():
        return "prompt", "field required"
    if model.task != T2I and not (body.get("image_url") or body.get("image_urls")):
        return "image_url", "field required"
    return None
