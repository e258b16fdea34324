"""WaveSpeed's tasks: from submit over polls to outputs, and what each task does to pixels."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image, ImageOps
from werkzeug.wrappers import Response

from local.emulators import painter
from local.emulators.exchange import Exchange, Refusals, json_response, respond
from local.emulators.faults import FaultPlan, Marker
from local.emulators.image_files import encode, flatten, to_base64
from local.emulators.painter import Prompt, Size
from local.emulators.request_log import Call
from local.emulators.server import MediaStore, Provider
from local.emulators.wavespeed_contract import Model, Submit

MAX_TASKS = 500
#: How long a sync submit waits before it responds with 5004, seconds.
SYNC_WINDOW_SECONDS = 60.0
SQUARE = (1024, 1024)
MAX_SIDE = 1536
#: Long side in pixels by the name of a resolution; the provider publishes no exact sizes.
LONG_SIDES = {"1k": 1024, "1.5k": 1536, "2k": 2048, "4k": 3840, "8k": 7680}
_SENSITIVE = "Content flagged as potentially sensitive. Please try different prompts or inputs."
#: Faults that let the submit succeed and the task end badly: its state and its `error`.
ENDINGS = {
    "failed": ("failed", "Failed to run the model: upstream returned HTTP 500, please try again later"),
    "moderated": ("failed", _SENSITIVE),
    "filtered": ("failed", _SENSITIVE),
    "cancelled": ("cancelled", "The task was cancelled"),
    "tasktimeout": ("timeout", "The task timed out"),
    "deleted": ("deleted", "The task was deleted"),
}


def envelope(data: Any) -> Response:
    """Return a success."""
    return json_response({"code": 200, "message": "success", "data": data})


def error(status: int, message: str, **extra: Any) -> Response:
    """Return a failure."""
    return json_response({"code": status, "message": message, "data": None, **extra}, status)


@dataclass
class Task:
    """One prediction."""

    model: Model
    submit: Submit
    seed: int
    plan: FaultPlan
    price: float
    call: Call
    origin: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    ready_at: float = 0.0
    polls_left: int = 0
    ending: str = ""
    status: str = "created"
    outputs: list[str] = field(default_factory=list)
    inference: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.status not in {"created", "processing"}

    @property
    def url(self) -> str:
        """Where its result is polled."""
        return f"{self.origin}/api/v3/predictions/{self.id}/result"

    def response(self, **extra: Any) -> Response:
        """Return the provider's description of it."""
        data = {
            "id": self.id,
            "model": self.model.id,
            "outputs": self.outputs,
            "urls": {"get": self.url},
            "has_nsfw_contents": [self.ending in {"moderated", "filtered"}] if self.ended else [],
            "status": self.status,
            "created_at": self.created_at,
            "error": ENDINGS[self.ending][1] if self.ended and self.ending in ENDINGS else "",
            "executionTime": self.inference,
            "timings": {"inference": self.inference},
        }
        return envelope(data | extra)


class Tasks:
    """The tasks of one emulator, the newest few hundred."""

    def __init__(self, provider: Provider, media: MediaStore) -> None:
        self._provider = provider
        self._media = media
        self._tasks: dict[str, Task] = {}

    def clear(self) -> None:
        """Remove all tasks."""
        self._tasks.clear()

    def start(self, exchange: Exchange, task: Task) -> Response:
        """Accept and charge a task; in sync mode wait for it."""
        provider = self._provider
        provider.accept(exchange, task.price)
        seconds, ending = task.plan.apply("work")
        task.ready_at, task.polls_left = time.monotonic() + seconds, task.plan.polls
        if ending:  # a fault that isn't an ending of its own is a failed task
            task.ending = ending.fault if ending.fault in {*ENDINGS, "5004", "empty"} else "failed"
        task.plan = task.plan.later()
        with provider.lock:
            self._tasks[task.id] = task
            while len(self._tasks) > MAX_TASKS:
                self._tasks.pop(next(iter(self._tasks)))
        provider.log.opened()
        if task.model.sync and task.submit.values.get("enable_sync_mode") is True:
            return self._wait(exchange, task)
        return task.response()

    def _wait(self, exchange: Exchange, task: Task) -> Response:
        remaining = max(0.0, task.ready_at - time.monotonic())
        if task.ending == "5004" or remaining > SYNC_WINDOW_SECONDS:
            exchange.sleep(0 if task.ending == "5004" else SYNC_WINDOW_SECONDS)
            task.ending, task.status = "", "processing"
            message = f"Sync mode timed out. The task is still running, query the result later at: {task.url}"
            return task.response(code=5004, error=message)
        exchange.sleep(remaining)
        task.polls_left = 0
        self._advance(task)
        return task.response()

    def result(self, exchange: Exchange, identifier: str) -> Response:
        """Answer a poll."""
        exchange.call.kind = "poll"
        task = self._tasks.get(identifier)
        if task is None:
            return error(404, f"task not found: {identifier}")

        def work() -> Response:
            self._advance(task)
            return task.response()

        return respond(exchange, task.plan.later(exchange.aimed), ("poll",), refusals(), work, scope=identifier)

    def _advance(self, task: Task) -> None:
        """Move a task on; its images are painted when it completes."""
        with task.lock:
            if task.ended:
                return
            if task.polls_left > 0 or time.monotonic() < task.ready_at:
                task.polls_left -= 1
                task.status = "processing"
                return
            self._provider.log.closed()
            if task.ending in ENDINGS:
                task.status = ENDINGS[task.ending][0]
                self._refund(task)
                return
            started = time.monotonic()
            count = 0 if task.ending == "empty" else int(task.submit.values.get("num_images") or 1)
            task.outputs = [self._output(task, number) for number in range(count)]
            task.inference = int((time.monotonic() - started) * 1000)
            task.status = "completed"

    def _refund(self, task: Task) -> None:
        with self._provider.lock:
            if task.call.charged:
                self._provider.balance += task.price
                self._provider.log.refund(task.call)

    def _output(self, task: Task, number: int) -> str:
        file_type = task.submit.text("output_format") or task.model.file_type
        data = encode(_PERFORM[task.model.task](task.model, task.submit, task.seed + number), file_type)
        if task.submit.values.get("enable_base64_output") is True:
            return to_base64(data)
        return task.origin + self._media.add(data, f"image/{file_type}", task.plan)


def refusals() -> Refusals:
    """Return the provider's own refusals, by the name of the fault."""

    def busy(marker: Marker) -> Response:
        response = error(429, "Too many requests: rate limit exceeded, limits reset every minute")
        if marker.fault == "429":
            response.headers["Retry-After"] = f"{marker.number('after', 1):g}"
        return response

    def no_credit(_marker: Marker) -> Response:
        return error(402, "Insufficient credits. Please top up.")

    return {
        "400": lambda _m: error(400, "invalid request"),
        "401": lambda _m: error(401, "Unauthorized: invalid API key"),
        "402": no_credit,
        "nocredit": no_credit,
        "403": lambda _m: error(403, "Forbidden: content policy", error_code="CONTENT_POLICY"),
        "404": lambda _m: error(404, "task not found"),
        "413": lambda _m: error(413, "payload too large"),
        "422": lambda _m: error(422, "input could not be processed"),
        "429": busy,
        "429now": busy,
        "500": lambda _m: error(500, "internal server error"),
        "503": lambda _m: error(503, "service unavailable"),
        "retired": lambda _m: error(404, "model not found"),
        "code500": lambda _m: json_response({"code": 500, "message": "internal error", "data": None}),
    }


# What each task does to pixels.


def _image(submit: Submit) -> Image.Image:
    """Return the image to work on, whatever the model calls it."""
    return next(images[0] for name, images in submit.images.items() if name != "mask_image")


def _prompt(submit: Submit, seed: int) -> Prompt:
    return Prompt(submit.text("prompt"), seed, submit.text("style"))


def _bounded(image: Image.Image) -> Size:
    return painter.size_of_long_side(image, MAX_SIDE) if max(image.size) > MAX_SIDE else image.size


def _generate(model: Model, submit: Submit, seed: int) -> Image.Image:
    if submit.image("image"):
        return (_inpaint if submit.image("mask_image") else _edit)(model, submit, seed)
    size, reference = submit.size(model, SQUARE), submit.image("reference_images")
    prompt = _prompt(submit, seed)
    return painter.paint_in_style(prompt, size, reference, 0.7) if reference else painter.paint(prompt, size)


def _edit(model: Model, submit: Submit, seed: int) -> Image.Image:
    images = [*submit.images.get("image", []), *submit.images.get("images", [])]
    long_side = LONG_SIDES.get(submit.text("resolution"))
    default = painter.size_of_long_side(images[0], long_side) if long_side else _bounded(images[0])
    return painter.edit(_prompt(submit, seed), images, submit.size(model, default))


def _inpaint(model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    image = ImageOps.fit(image, submit.size(model, _bounded(image)))
    return painter.inpaint(image, painter.mask_for(image, submit.image("mask_image")), _prompt(submit, seed))


def _erase(_model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    return painter.erase(image, painter.mask_for(image, submit.image("mask_image")), seed)


def _zoom_out(_model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    wide, tall = image.width // 4, image.height // 4
    return painter.outpaint(image, (wide, wide, tall, tall), seed)


def _background(_model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    return painter.replace_background(image, painter.paint_background(_prompt(submit, seed), image.size))


def _upscale(_model: Model, submit: Submit, _seed: int) -> Image.Image:
    image, times = flatten(_image(submit)), submit.values.get("desired_increase")
    long_side = max(image.size) * int(times) if times else LONG_SIDES[submit.text("target_resolution") or "4k"]
    return painter.upscale(image, painter.size_of_long_side(image, long_side))


def _control(model: Model, submit: Submit, seed: int) -> Image.Image:
    image = flatten(_image(submit))
    image = ImageOps.fit(image, submit.size(model, _bounded(image)))
    asked = submit.values.get("controlnet_conditioning_scale", submit.values.get("control_scale", 0.7))
    mostly_white = sum(image.convert("L").resize((1, 1)).tobytes()) > 195
    perform = painter.color_sketch if model.task == "sketch" or mostly_white else painter.keep_structure
    return perform(image, _prompt(submit, seed), min(1.0, float(asked)))


def _style(model: Model, submit: Submit, seed: int) -> Image.Image:
    return painter.paint_in_style(_prompt(submit, seed), submit.size(model, SQUARE), _image(submit), 0.8)


_PERFORM: dict[str, Callable[[Model, Submit, int], Image.Image]] = {
    "generate": _generate,
    "edit": _edit,
    "inpaint": _inpaint,
    "erase": _erase,
    "remove_background": lambda _model, submit, _seed: painter.remove_background(_image(submit)),
    "zoom_out": _zoom_out,
    "background": _background,
    "upscale": _upscale,
    "structure": _control,
    "sketch": _control,
    "style": _style,
}
