"""The same Idempotency-Key from many callers at once, each in a process of its own: one job, one paid call."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from local.stack import Stack

CREATE = {"prompt": "one lamp", "provider": "wavespeed", "width": 64, "height": 64, "enhance_prompt": False}


@pytest.mark.parametrize("callers", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_all_at_once_are_one(stack: Stack, callers: int) -> None:
    """Whoever comes second joins, waits, and gets the first one's answer to the byte."""
    headers = stack.headers(sub=f"crowd of {callers}", tier="enterprise") | {"Idempotency-Key": "the same"}
    start = Barrier(callers)

    def ask(_: int) -> tuple[int, bytes]:
        start.wait(60)
        while True:  # a caller with too many open waits comes again
            answer = requests.post(f"{stack.url}/create", json=CREATE, headers=headers, timeout=120)
            if answer.status_code not in (429, 503):
                return answer.status_code, answer.content
            time.sleep(1)

    with ThreadPoolExecutor(callers) as pool:
        answers = set(pool.map(ask, range(callers)))
    assert [status for status, _ in answers] == [200]
    assert stack.emulators["wavespeed"].paid_calls == 1
