"""The same Idempotency-Key from many threads in each of several processes: one job, one paid call, identical bodies."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.payload import HttpRequest, build_event
from local.routes import RouteTable
from local.stack import Stack

HERE = Path(__file__).parent
CREATE = {"prompt": "one lamp", "provider": "wavespeed", "width": 64, "height": 64, "enhance_prompt": False}


def event_of(stack: Stack, sub: str) -> bytes:
    """The event of a POST /create with a key, as the gateway hands it on."""
    path = "/api/image-studio/create"
    headers = (("content-type", "application/json"), ("idempotency-key", "the same"))
    match = RouteTable(stack.settings().resolved().routes()).match("POST", path)
    assert match is not None
    claims = {"jwt": {"claims": {"sub": sub, "tier": "enterprise"}, "scopes": None}}
    event = build_event(HttpRequest("POST", path, "", headers, json.dumps(CREATE).encode()), match, claims)
    return json.dumps(event).encode()


def start(stack: Stack, threads: int) -> subprocess.Popen[bytes]:
    """A process with the code and the environment of the create function."""
    settings = stack.settings()
    template = settings.resolved()
    function = settings.functions(template)["CreateFunction"]
    path = ":".join(map(str, (function.folder, *template.layers())))
    environment = {**function.environment, "PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.Popen(
        [sys.executable, str(HERE / "many_callers.py"), str(threads)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(("processes", "threads"), [(2, 12), pytest.param(4, 50, marks=pytest.mark.slow)])
def test_all_at_once_are_one(stack: Stack, processes: int, threads: int) -> None:
    """Whoever comes second joins, waits, and gets the first one's answer to the byte."""
    event = event_of(stack, "crowd")
    with ThreadPoolExecutor(processes) as pool:
        outputs = pool.map(lambda _: start(stack, threads).communicate(event)[0], range(processes))
        got = Counter((status, digest) for text in outputs for status, digest in json.loads(text))
    assert got.total() == threads * processes
    assert len(got) == 1
    assert next(iter(got))[0] == 200
    assert stack.emulators["wavespeed"].paid_calls == 1
