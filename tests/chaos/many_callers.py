"""One of the processes of test_same_key.py: sends the same request from many threads at once.

Each thread has its own copy of the app: powertools' resolver handles one event at a time. Reads the gateway's event
from standard input, prints what each thread got at last: status and body's digest.
"""

import importlib.util
import json
import sys
import threading
import time
from hashlib import sha256
from typing import Any

MOST_TRIES = 40


class Context:
    """The time that a function has left on Lambda."""

    def get_remaining_time_in_millis(self) -> int:
        """All of it."""
        return 30_000


def load() -> Any:
    """The handler of functions/create, which is on this process's path, imported anew."""
    spec = importlib.util.find_spec("app")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def insist(handler: Any, event: Any) -> tuple[int, str]:
    """The answer that isn't "later": a caller that is sent on, or told to come back, does so with the same key."""
    status, body = 0, ""
    for _ in range(MOST_TRIES):
        answer = handler(event, Context())
        status, body = answer["statusCode"], answer["body"]
        if status not in (303, 429, 503):
            break
        time.sleep(min(1.0, float(answer["headers"].get("retry-after", 1))))
    return status, sha256(body.encode()).hexdigest()


def main() -> None:
    """Start all threads at one moment."""
    threads = int(sys.argv[1])
    event = json.load(sys.stdin)
    gate = threading.Barrier(threads)
    got: list[tuple[int, str]] = []

    def call() -> None:
        handler = load()
        gate.wait()
        got.append(insist(handler, event))

    running = [threading.Thread(target=call) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    sys.stdout.write(json.dumps(got))


main()
