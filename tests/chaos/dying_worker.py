"""The worker's handler in a process that ends with kill -9 at the step that DIE_AT names.

Nothing of this is in the code that is shipped: the steps are methods of its classes, wrapped here.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from app import handler  # functions/worker, which is on the path of a worker process

from image_studio.providers.client import ProviderClient
from image_studio.runtime import worker
from image_studio.runtime.job_journal import JobJournal
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore

__all__ = ["handler"]

BEFORE, AFTER = "before", "after"
INSIDE_SECONDS = 0.3

#: Step -> class, method, on which side of it, and at which of its calls that count.
STEPS: dict[str, tuple[type, str, str, int]] = {
    "claimed": (JobStore, "claim", AFTER, 1),
    "decided": (JobJournal, "remember", AFTER, 1),
    "about to intend": (JobJournal, "intend", BEFORE, 1),
    "intended": (JobJournal, "intend", AFTER, 1),
    "paid call answered": (ProviderClient, "exchange", AFTER, 1),
    "about to note the handle": (JobJournal, "order", BEFORE, 1),
    "handle noted": (JobJournal, "order", AFTER, 1),
    "polled": (ProviderClient, "exchange", AFTER, 2),
    "given back": (JobStore, "give_back", AFTER, 1),
    "about to keep the bytes": (JobJournal, "receive", BEFORE, 1),
    "bytes kept": (JobJournal, "receive", AFTER, 1),
    "image stored": (ObjectStore, "put_once", AFTER, 2),
    "variation done": (JobJournal, "keep", AFTER, 1),
    "about to end": (JobStore, "finish", BEFORE, 1),
    "ended": (JobStore, "finish", AFTER, 1),
}
INSIDE = "inside the paid call"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str) -> None:
    kind, name, side, at = (ProviderClient, "exchange", INSIDE, 1) if step == INSIDE else STEPS[step]
    method: Callable[..., Any] = getattr(kind, name)
    calls = 0

    def mortal(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and side == BEFORE:
            die()
        if calls == at and side == INSIDE:
            threading.Timer(INSIDE_SECONDS, die).start()
        result = method(*given, **named)
        if calls == at and side == AFTER:
            die()
        return result

    setattr(kind, name, mortal)


worker.GIVE_BACK_MARGIN = 1  # seconds; the reaper looks sooner
arm(os.environ["DIE_AT"])
