"""Execution environments: a process each, one event at a time, ended at the function's timeout."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local import environments
from local.environments import Pool
from local.stack import Stack
from local.template import Function


def _ask(toy: Stack, do: str = "", **query: Any) -> Any:
    return requests.get(f"{toy.origin}/open", params={"do": do, **query}, timeout=30).json()


def test_an_environment_is_warm_the_second_time(toy: Stack) -> None:
    """The same process, which remembers its calls."""
    first, second = _ask(toy)["seen"], _ask(toy)["seen"]
    assert first["pid"] == second["pid"]
    assert second["calls"] == first["calls"] + 1


def test_events_at_the_same_time_have_processes_of_their_own(toy: Stack) -> None:
    """Code that keeps the current event in a global is safe, as it is on Lambda."""
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: _ask(toy, "sleep", seconds=0.5), range(6)))
    assert len({answer["pid"] for answer in answers}) == 6


def test_what_a_function_sees(toy: Stack) -> None:
    """Its layer, its own variables, a local AWS; nothing of the person's environment."""
    seen = _ask(toy)["seen"]
    assert seen["layer"] == "from the layer"
    assert seen["function"] == "Echo"
    assert 2000 < seen["remaining"] <= 3000
    environment = seen["environment"]
    assert environment["WORD"] == "hello"
    assert environment["BUCKET"] == toy.resources["Bucket"]["Ref"]
    assert environment["AWS_ENDPOINT_URL"] == toy.aws.endpoint
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "Echo"
    assert "ONLY_HERE" not in environment
    assert "AWS_CONFIG_FILE" not in environment


def test_an_environment_that_failed_serves_again(toy: Stack) -> None:
    """An exception keeps the process; an exit brings a new one."""
    before = _ask(toy)["seen"]["pid"]
    assert requests.get(f"{toy.origin}/open?do=fail", timeout=30).status_code == 500
    assert _ask(toy)["seen"]["pid"] == before
    assert requests.get(f"{toy.origin}/open?do=exit", timeout=30).status_code == 500
    assert _ask(toy)["seen"]["pid"] != before


def test_what_goes_wrong_is_in_the_log(toy: Stack) -> None:
    """With its traceback, as CloudWatch would have it."""
    requests.get(f"{toy.origin}/open?do=fail", timeout=30)
    log = toy.log.read_text()
    assert "ValueError: as asked" in log
    assert 'app.py"' in log


class _Idle:
    """An environment that has been idle since a moment."""

    def __init__(self, since: float) -> None:
        self.idle_since, self.killed = since, False

    def kill(self) -> None:
        self.killed = True


def test_environments_that_nobody_needs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but one that were idle for a minute; younger ones stay."""
    pool = Pool(Function("F", Path(), "app.handler", 3, 128), None)  # type: ignore[arg-type]  # none is started
    monkeypatch.setattr(environments.time, "monotonic", lambda: 1000.0)
    old, older, young = _Idle(930), _Idle(900), _Idle(990)
    pool._idle = [older, old, young]  # type: ignore[list-item]
    pool.shrink()
    assert [each.killed for each in (older, old, young)] == [True, True, False]
    pool._idle = [lonely := _Idle(0)]  # type: ignore[list-item]
    pool.shrink()
    assert not lonely.killed
