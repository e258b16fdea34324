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
from tests.contract.witness import paid, recorded
from tests.waiting import until

CALLERS = 12
LIMIT = 10  # of a fresh account
PACE = 0.4  # seconds between two requests at least: they take 0.05 s on Lambda, but longer where two cores do all
SHARE = 0.8  # of the images that callers get who don't wait
BODY = {"prompt": "A boat [[delay=1]]", "width": 64, "height": 64, "enhance_prompt": False}
WAIT_SECONDS = 25  # of a request, by default
ASYNC = {"prefer": "respond-async"}


def at_once(number: int, action: Callable[[int], Any]) -> None:
    threads = [threading.Thread(target=action, args=(each,), daemon=True) for each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A stack with the limit, which its worker knows, and with warm environments for creating images."""
    with Stack(Options(state=tmp_path, concurrency=LIMIT, schedule_seconds=1e6)) as stack:
        assert until(lambda: bool(recorded(stack)))
        at_once(5, lambda n: requests.post(f"{stack.url}/create", json=BODY, headers=stack.headers(), timeout=60))
        yield stack


def images(stack: Stack, seconds: float, prefer: dict[str, str], pace: float) -> "Counter[str]":
    """What the callers got within so many seconds, by status; each asks for one image after another."""
    seen: Counter[str] = Counter()
    lock = threading.Lock()
    ends = time.monotonic() + seconds

    def ask(session: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        with lock:
            time.sleep(pace)
        answer = session.request(method, url, timeout=60, **more)
        if time.monotonic() < ends:
            seen["gateway" if answer.text.startswith('{"message"') else str(answer.status_code)] += 1
        return answer

    def call(number: int) -> None:
        with requests.Session() as session:
            session.headers.update(stack.headers(sub=f"{prefer} {number}", tier="enterprise") | prefer)
            while time.monotonic() < ends:
                answer = ask(session, "POST", f"{stack.url}/create", json=BODY)
                while answer.status_code == 202 and time.monotonic() < ends:
                    time.sleep(float(answer.headers["retry-after"]))
                    answer = ask(session, "GET", stack.origin + answer.json()["result_url"])

    at_once(CALLERS, call)
    return seen


def test_callers_who_wait_leave_the_worker_room(fresh: Stack) -> None:
    """As many as the account runs at once ask and wait: workers start nevertheless, before the first wait is over."""

    def ask(number: int) -> None:
        headers = fresh.headers(sub=f"caller {number}", tier="enterprise")
        requests.post(f"{fresh.url}/create", json=BODY, headers=headers, timeout=60)

    before = sum(paid(fresh).values())
    asking = threading.Thread(target=at_once, args=(LIMIT, ask), daemon=True)
    asking.start()
    assert until(lambda: sum(paid(fresh).values()) - before >= LIMIT / 2, WAIT_SECONDS - 5)
    asking.join()


@pytest.mark.slow
def test_callers_who_wait_get_as_many_images_as_those_who_do_not(fresh: Stack) -> None:
    for path in ("providers", "jobs"):  # warm
        at_once(6, lambda _, path=path: requests.get(f"{fresh.url}/{path}", headers=fresh.headers(), timeout=60))
    began = time.monotonic()
    requests.post(f"{fresh.url}/create", json=BODY, headers=fresh.headers() | ASYNC, timeout=60)
    pace = max(PACE, time.monotonic() - began)
    without, waiting = images(fresh, 60, ASYNC, pace), images(fresh, 60, {}, pace)
    sys.stdout.write(f"{dict(waiting)}; with respond-async {dict(without)}\n")
    assert set(without) | set(waiting) <= {"200", "202"}
    assert waiting["200"] >= SHARE * without["200"] > 0
