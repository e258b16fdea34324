"""A worker killed at each step: at most one paid call, and what was paid for and could be known is delivered."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from image_studio.storage.keys import tenant_of
from local.backend import Call, FunctionFailed
from local.environments import Environment
from tests.chaos.harness import WORKER, ChaosStack, Worker

HERE = Path(__file__).parent
INSIDE = "inside the paid call"
Case = tuple[str, str]  # a provider and a step
#: Steps between intent and the first thing that a later run could know the paid call by.
BLIND = {"intended", INSIDE, "paid call answered"}
CALL = [INSIDE, "paid call answered", "about to keep the bytes", "bytes kept"]
BEFORE = ["claimed", "decided", "about to intend", "intended"]
AFTER = ["image stored", "variation done", "about to end", "ended"]
#: Provider -> its steps, and those after which the charge is unknown. What comes before and after the call is the same.
CASES = {
    "stability": ([*BEFORE, *CALL, *AFTER], BLIND | {"about to keep the bytes"}),
    "bedrock": (CALL, BLIND | {"about to keep the bytes"}),
    "wavespeed": (
        [*CALL, "about to note the handle", "handle noted", "polled", "given back"],
        BLIND | {"about to note the handle"},
    ),
}
EVERY = [(provider, step) for provider, (steps, _) in CASES.items() for step in steps]
SOME = [("stability", "intended"), ("bedrock", INSIDE), ("wavespeed", "handle noted"), ("stability", "image stored")]
SUB, TIER = "mortal", "enterprise"
#: The paid call lasts longer than it takes to die in it.
MARKERS = {"stability": "[[delay=0.6]]", "bedrock": "[[delay=0.6]]", "wavespeed": "[[delay=0.6;stage=submit]]"}
STAY_SECONDS = 30  # for which a worker stays with a slow task; too short where it is to be given back


@dataclass(frozen=True)
class Ending:
    died: bool
    status: dict[str, Any]
    result: requests.Response
    paid: int


def prompt(provider: str, step: str) -> str:
    return f"{provider} {step} {MARKERS[provider]}"


def submit(chaos: ChaosStack, provider: str, step: str) -> str:
    body = {"prompt": prompt(provider, step), "provider": provider, "width": 64, "height": 64, "enhance_prompt": False}
    headers = {**chaos.stack.headers(SUB, TIER), "Prefer": "respond-async"}
    answer = requests.post(f"{chaos.stack.url}/create", json=body, headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def kill_at(chaos: ChaosStack, job_id: str, step: str) -> bool:
    """Run the job in a process that dies at the step; whether it did."""
    stay = "1" if step == "given back" else str(STAY_SECONDS)
    load = replace(
        chaos.load,
        handler="dying_worker.handler",
        path=(str(HERE), *chaos.load.path),
        environment={**chaos.load.environment, "DIE_AT": step, "POLL_HOLD_SECONDS": stay},
    )
    environment = Environment(load)
    message = {"messageId": "m", "body": json.dumps({"tenant": tenant_of(SUB), "job": job_id})}
    environment.send(Call(WORKER, json.dumps({"Records": [message]}).encode()), time.time() + 60)
    environment.wait(60)
    try:
        environment.receive()
    except FunctionFailed as failure:
        return failure.kind == "Runtime.ExitError"
    finally:
        environment.kill()
    return False


VARIABLES = {"LEASE_SECONDS": "2", "POLL_HOLD_SECONDS": str(STAY_SECONDS)}


def endings(folder: Path, cases: Sequence[Case]) -> dict[Case, Ending]:
    """Each case: its worker killed, its job mended by the reaper and another worker."""
    with ChaosStack(folder, 0, VARIABLES) as chaos:
        jobs = {case: submit(chaos, *case) for case in cases}
        with ThreadPoolExecutor(4) as pool:
            died = dict(zip(cases, pool.map(lambda case: kill_at(chaos, jobs[case], case[1]), cases), strict=True))
        chaos.workers += [Worker(chaos) for _ in range(2)]
        wait_for_all(chaos, list(jobs.values()))
        return {case: ending(chaos, case, job_id, died[case]) for case, job_id in jobs.items()}


def wait_for_all(chaos: ChaosStack, jobs: list[str]) -> None:
    """Let the clock run until every job has ended; two minutes at most."""
    until = time.monotonic() + 120
    while jobs and time.monotonic() < until:
        time.sleep(0.5)
        jobs = [job_id for job_id in jobs if get(chaos, job_id).json()["status"] not in ("succeeded", "failed")]
    assert not jobs


def get(chaos: ChaosStack, job_id: str, path: str = "") -> requests.Response:
    return requests.get(f"{chaos.stack.url}/jobs/{job_id}{path}", headers=chaos.stack.headers(SUB, TIER), timeout=60)


def ending(chaos: ChaosStack, case: Case, job_id: str, died: bool) -> Ending:
    """What became of it, and how often it was paid for."""
    calls = chaos.stack.emulators[case[0]].recorder.calls
    paid = sum(call.accepted and str(call.fields.get("prompt")).startswith(f"{case[0]} {case[1]} [[") for call in calls)
    return Ending(died, get(chaos, job_id).json(), get(chaos, job_id, "/result"), paid)


@pytest.mark.parametrize("cases", [SOME, pytest.param(EVERY, marks=pytest.mark.slow)], ids=["some", "every"])
def test_a_worker_killed_at_any_step(tmp_path: Path, cases: Sequence[Case]) -> None:
    """One paid call at most; an image, unless the process died between intent and the first trace of the call."""
    for case, found in endings(tmp_path, cases).items():
        provider, step = case
        assert found.died, case
        assert found.paid == (0 if step == "intended" else 1), case
        if step in CASES[provider][1]:
            assert (found.status["status"], found.status["error"]["code"]) == ("failed", "unknown_charge"), case
            assert found.result.status_code == 500, case
            assert found.status["credits"]["held"] == found.status["credits"]["reserved"], case
        else:
            assert found.status["status"] == "succeeded", case
            assert found.result.json()["results"][0]["image_base64"], case
            assert found.status["credits"]["held"] == 0, case
