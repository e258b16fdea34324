"""Wait for what other threads and processes do."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], seconds: float = 120) -> bool:
    ends = time.monotonic() + seconds
    while not (held := bool(holds())) and time.monotonic() < ends:
        time.sleep(0.02)
    return held
