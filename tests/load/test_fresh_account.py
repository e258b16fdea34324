"""A fresh account of AWS runs ten invocations at once: callers who wait must leave the worker room."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.stack import Options, Stack
from tests.contract.witness import recorded, until

CALLERS = 12
LIMIT = 10  # of a fresh account
PACE = 0.4  # seconds between two requests: they take 0.05 s on Lambda, but half a second where two cores do all
SHARE = 0.8  # of the images that callers get who don't wait
BODY = {"prompt": "A boat [[delay=1]]", "width": 64, "height": 64, "enhance_prompt": False}
ASYNC = {"prefer": "respond-async"}


def at_once(number: int, action: Callable[[int], Any]) -> None:
    threads = [threading.Thread(target=action, args=(each,), daemon=True) for each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A stack with the limit, which its worker knows, and with warm environments."""
    with Stack(Options(state=tmp_path, concurrency=LIMIT, schedule_seconds=1e6)) as stack:
        until(lambda: bool(recorded(stack)))
        for path in ("providers", "jobs"):
            at_once(6, lambda n, path=path: requests.get(f"{stack.url}/{path}", headers=stack.headers(), timeout=60))
        at_once(5, lambda n: requests.post(f"{stack.url}/create", json=BODY, headers=stack.headers(), timeout=60))
        yield stack


def images(stack: Stack, seconds: float, prefer: dict[str, str]) -> "Counter[str]":
    """What the callers got within so many seconds, by status; each asks for one image after another."""
    seen: Counter[str] = Counter()
    lock = threading.Lock()
    until = time.monotonic() + seconds

    def ask(session: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        with lock:
            time.sleep(PACE)
        answer = session.request(method, url, timeout=60, **more)
        if time.monotonic() < until:
            seen["gateway" if answer.text.startswith('{"message"') else str(answer.status_code)] += 1
        return answer

    def call(number: int) -> None:
        with requests.Session() as session:
            session.headers.update(stack.headers(sub=f"{prefer} {number}", tier="enterprise") | prefer)
            while time.monotonic() < until:
                answer = ask(session, "POST", f"{stack.url}/create", json=BODY)
                while answer.status_code == 202 and time.monotonic() < until:
                    time.sleep(float(answer.headers["retry-after"]))
                    answer = ask(session, "GET", stack.origin + answer.json()["result_url"])

    at_once(CALLERS, call)
    return seen


def test_callers_who_wait_leave_the_worker_room(fresh: Stack) -> None:
    """Nobody gets an error of the gateway, and images come; without the limit, there was none in 100 s."""
    seen = images(fresh, 6, {})
    assert set(seen) <= {"200", "202"}
    assert seen["200"] > 0


@pytest.mark.slow
def test_callers_who_wait_get_as_many_images_as_those_who_do_not(fresh: Stack) -> None:
    without, waiting = images(fresh, 60, ASYNC), images(fresh, 60, {})
    sys.stdout.write(f"{dict(waiting)}; with respond-async {dict(without)}\n")
    assert set(without) | set(waiting) <= {"200", "202"}
    assert waiting["200"] >= SHARE * without["200"] > 0
