"""Wait for what other threads and processes do, or not at all."""

import threading
import time
from collections.abc import Callable

import pytest


def until(holds: Callable[[], object], seconds: float = 120) -> bool:
    ends = time.monotonic() + seconds
    while not (held := bool(holds())) and time.monotonic() < ends:
        time.sleep(0.02)
    return held


def replace_sleep(monkeypatch: pytest.MonkeyPatch, instead: Callable[[float], None]) -> None:
    """For this thread and those it starts. The ones that run, such as a stack's of other tests, sleep for real."""
    others, sleep = set(threading.enumerate()) - {threading.current_thread()}, time.sleep

    def replaced(seconds: float) -> None:
        (sleep if threading.current_thread() in others else instead)(seconds)

    monkeypatch.setattr(time, "sleep", replaced)
