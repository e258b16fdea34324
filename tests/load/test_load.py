"""Many callers at once, and many requests one after another: no errors, no growth."""

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.backend import Call
from local.environments import Environments
from local.stack import Stack
from scripts.events import EVENTS, small_png

CALLERS = 50
MINUTE = 60.0
FEW, SHORT = 10, 1.5  # callers and seconds in every run of the tests, beside which another runs
WARM, MANY = 1_000, 10_000  # requests between which memory may hardly grow
GROWTH = 1.05
IMAGE = f"data:image/png;base64,{base64.b64encode(small_png()).decode()}"
#: What a caller asks in turn: mostly reads, sometimes work.
ASKED: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/templates", None),
    ("POST", "/estimate-cost", {"provider": "stability", "operation": "generate", "num_images": 2}),
    ("GET", "/providers", None),
    ("GET", "/edit/operations", None),
    ("GET", "/templates/search?query=instagram", None),
    ("POST", "/social/optimize", {"image_base64": IMAGE, "platforms": ["instagram"]}),
    ("GET", "/usage", None),
    ("POST", "/create", {"prompt": "A boat", "width": 64, "height": 64, "enhance_prompt": False}),
)


def _call(stack: Stack, number: int, until: float, seen: "Counter[str]", lock: threading.Lock) -> None:
    headers = stack.headers(sub=f"load {number}", tier="enterprise")
    turn = number
    with requests.Session() as session:
        while time.monotonic() < until:
            method, path, body = ASKED[turn % len(ASKED)]
            turn += 1
            try:
                answer = session.request(method, f"{stack.url}{path}", json=body, headers=headers, timeout=60)
                outcome = str(answer.status_code)
            except requests.RequestException as problem:
                outcome = type(problem).__name__
            with lock:
                seen[outcome if outcome == "200" else f"{method} {path} {outcome}"] += 1


def _storm(stack: Stack, callers: int, seconds: float) -> "Counter[str]":
    seen: Counter[str] = Counter()
    lock = threading.Lock()
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_call, args=(stack, number, until, seen, lock), daemon=True)
        for number in range(callers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return seen


def test_a_few_callers_for_a_moment(stack: Stack) -> None:
    """Each gets what it asks for, every time."""
    seen = _storm(stack, FEW, SHORT)
    assert set(seen) == {"200"}, seen
    assert seen["200"] >= FEW


@pytest.mark.slow
def test_fifty_callers_for_a_minute(stack: Stack) -> None:
    """The same, for as long as a burst lasts."""
    seen = _storm(stack, CALLERS, MINUTE)
    print(f"load: {CALLERS} callers, {MINUTE:.0f} s: {dict(seen)}")  # noqa: T201  # what one runs it for
    assert set(seen) == {"200"}, seen


@pytest.fixture
def environments(stack: Stack, tmp_path: Path) -> Iterator[Environments]:
    """The functions on their own, with the stack's AWS: one event at a time is one process each."""
    settings = stack.settings()
    template = settings.resolved()
    made = Environments(settings.functions(template), template.layers(), tmp_path / "functions.log")
    yield made
    made.close()


def _events(function: str) -> list[bytes]:
    """What the function is asked in turn, by callers who may do much."""
    found: list[bytes] = []
    names = {"CreateFunction": ["get-templates", "post-estimate-cost", "get-templates-search", "get-providers"]}
    for path in sorted((EVENTS / function.removesuffix("Function").lower()).glob("*.json")):
        if path.stem in names.get(function, [path.stem]):
            event = json.loads(path.read_text())
            for caller in range(CALLERS):
                claims = {"sub": f"memory {caller}", "tier": "enterprise"}
                event["requestContext"]["authorizer"]["jwt"]["claims"] |= claims
                found.append(json.dumps(event).encode())
    return found


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    ("function", "warm", "many"),
    [
        ("CreateFunction", WARM // 5, WARM),
        pytest.param("CreateFunction", WARM, MANY, marks=pytest.mark.slow),
        pytest.param("SocialFunction", WARM, MANY, marks=pytest.mark.slow),
    ],
)
def test_memory_stays(environments: Environments, function: str, warm: int, many: int) -> None:
    """From the first thousand requests of one process to the ten thousandth, or in short."""
    events = _events(function)
    early = 0
    for number in range(1, many + 1):
        answer = json.loads(environments.invoke(Call(function, events[number % len(events)]), 60))
        assert answer["statusCode"] == 200, answer
        if number == warm:
            early = _resident(environments.pid(function))
    late = _resident(environments.pid(function))
    print(f"memory: {function} {early / 1e6:.1f} MB after {warm:,} requests, {late / 1e6:.1f} MB after {many:,}")  # noqa: T201  # the same
    assert late <= early * GROWTH
