"""WaveSpeed tasks: from submit over polls to outputs."""

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.encoding import encode, to_text
from local.emulators.faults import Marker, Plan
from local.emulators.provider import Provider
from local.emulators.recording import Call
from local.emulators.shelf import Shelf
from local.emulators.wavespeed_inputs import Submit
from local.emulators.wavespeed_kinds import Model
from local.emulators.wavespeed_replies import envelope, error, now, refusals
from local.emulators.wavespeed_studio import perform
from local.emulators.wire import Visit, play

MOST_TASKS = 500
#: How long a sync submit waits before it answers 5004, seconds.
SYNC_WINDOW_SECONDS = 60.0
SYNC_TIMEOUT_CODE = 5004

#: Faults that let the submit succeed and the task end badly: the state and the words of `error`.
ENDINGS = {
    "failed": ("failed", "Failed to run the model: upstream returned HTTP 500, please try again later"),
    "moderated": ("failed", "Content flagged as potentially sensitive. Please try different prompts or inputs."),
    "filtered": ("failed", "Content flagged as potentially sensitive. Please try different prompts or inputs."),
    "cancelled": ("cancelled", "The task was cancelled"),
    "tasktimeout": ("timeout", "The task timed out"),
    "deleted": ("deleted", "The task was deleted"),
}


@dataclass
class Task:
    """One prediction."""

    model: Model
    submit: Submit
    seed: int
    plan: Plan
    price: float
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: str = ""
    origin: str = ""
    ready_at: float = 0.0
    polls_left: int = 0
    ending: str = ""
    status: str = "created"
    outputs: list[str] = field(default_factory=list)
    inference: int = 0
    call: Call | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status not in {"created", "processing"}


class Tasks:
    """The tasks of one emulator, the newest few hundred."""

    def __init__(self, provider: Provider, shelf: Shelf) -> None:
        self._provider = provider
        self._shelf = shelf
        self._tasks: dict[str, Task] = {}

    def clear(self) -> None:
        """Forget them."""
        self._tasks.clear()

    def start(self, visit: Visit, task: Task) -> Response:
        """Accept and charge a task; in sync mode wait for it."""
        provider = self._provider
        provider.take(visit, task.price)
        seconds, ending = task.plan.strike("work")
        task.call, task.origin, task.created_at = visit.call, visit.origin, now()
        task.ready_at = time.monotonic() + seconds
        task.polls_left = task.plan.polls or 0
        task.ending = _ending(ending)
        task.plan = task.plan.at(())
        with provider.lock:
            self._tasks[task.id] = task
            while len(self._tasks) > MOST_TASKS:
                self._tasks.pop(next(iter(self._tasks)))
        provider.recorder.opened()
        if task.model.sync and task.submit.values.get("enable_sync_mode") is True:
            return self._wait(visit, task)
        return _reply(task)

    def _wait(self, visit: Visit, task: Task) -> Response:
        remaining = max(0.0, task.ready_at - time.monotonic())
        if task.ending == "5004" or remaining > SYNC_WINDOW_SECONDS:
            visit.sleep(0 if task.ending == "5004" else SYNC_WINDOW_SECONDS)
            task.ending = ""
            task.status = "processing"
            said = f"Sync mode timed out. The task is still running, query the result later at: {_url(task)}"
            return _reply(task, code=SYNC_TIMEOUT_CODE, error=said)
        visit.sleep(remaining)
        task.polls_left = 0
        self._advance(task)
        return _reply(task)

    def result(self, visit: Visit, identifier: str) -> Response:
        """Answer a poll."""
        visit.call.kind = "poll"
        task = self._tasks.get(identifier)
        if task is None:
            return error(404, f"task not found: {identifier}")

        def work() -> Response:
            self._advance(task)
            return _reply(task)

        return play(visit, task.plan.at(visit.aimed), ("poll",), refusals(), work, scope=identifier)

    def _advance(self, task: Task) -> None:
        """Move a task on; its image is painted when it completes."""
        with task.lock:
            if task.over:
                return
            if task.polls_left > 0 or time.monotonic() < task.ready_at:
                task.polls_left -= 1
                task.status = "processing"
                return
            self._provider.recorder.closed()
            if task.ending in ENDINGS:
                task.status = ENDINGS[task.ending][0]
                self._refund(task)
                return
            self._complete(task)

    def _refund(self, task: Task) -> None:
        provider = self._provider
        with provider.lock:
            if task.call and task.call.charged:
                provider.balance += task.price
                provider.recorder.refund(task.call)

    def _complete(self, task: Task) -> None:
        started = time.monotonic()
        count = int(task.submit.values.get("num_images") or 1)
        images = [self._painted(task, number) for number in range(0 if task.ending == "empty" else count)]
        task.inference = int((time.monotonic() - started) * 1000)
        task.outputs = images
        task.status = "completed"

    def _painted(self, task: Task, number: int) -> str:
        file_type = task.submit.text("output_format") or task.model.file_type
        data = encode(perform(task.model, task.submit, task.seed + number), file_type)
        if task.submit.values.get("enable_base64_output") is True:
            return to_text(data)
        return task.origin + self._shelf.put(data, f"image/{file_type}", task.plan)


def _ending(marker: Marker | None) -> str:
    """How a task will end; a fault that isn't an ending of its own is a failed task."""
    if marker is None:
        return ""
    return marker.fault if marker.fault in {*ENDINGS, "5004", "empty"} else "failed"


def _url(task: Task) -> str:
    return f"{task.origin}/api/v3/predictions/{task.id}/result"


def _reply(task: Task, **extra: Any) -> Response:
    sensitive = task.ending in {"moderated", "filtered"} and task.over
    said = ENDINGS[task.ending][1] if task.over and task.ending in ENDINGS else ""
    data = {
        "id": task.id,
        "model": task.model.id,
        "outputs": task.outputs,
        "urls": {"get": _url(task)},
        "has_nsfw_contents": [sensitive] if task.over else [],
        "status": task.status,
        "created_at": task.created_at,
        "error": said,
        "executionTime": task.inference,
        "timings": {"inference": task.inference},
    }
    return envelope(data | extra)
