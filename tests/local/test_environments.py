"""Execution environments: a process each, one event at a time, ended at the function's timeout."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local import environments
from local.backend import Call, FunctionFailed, StillRunning
from local.environments import Pool, load_of
from local.stack import Stack
from local.template import Function
from tests.local.conftest import TOY

PATIENCE = 60.0  # seconds, for what takes less than one


def _ask(toy: Stack, do: str = "", **query: Any) -> Any:
    return requests.get(f"{toy.origin}/open", params={"do": do, **query}, timeout=60).json()


def test_an_environment_is_warm_the_second_time(toy: Stack) -> None:
    """The second event runs in the same process."""
    first, second = _ask(toy)["seen"], _ask(toy)["seen"]
    assert first["pid"] == second["pid"]
    assert second["calls"] == first["calls"] + 1


def test_what_a_function_sees(toy: Stack) -> None:
    """It sees its layer, its own variables and the local AWS, and nothing of the developer's environment."""
    seen = _ask(toy)["seen"]
    assert seen["layer"] == "from the layer"
    assert seen["function"] == "Echo"
    assert 1000 < seen["remaining"] <= 3000
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
    assert requests.get(f"{toy.origin}/open?do=fail", timeout=60).status_code == 500
    assert _ask(toy)["seen"]["pid"] == before
    assert requests.get(f"{toy.origin}/open?do=exit", timeout=60).status_code == 500
    assert _ask(toy)["seen"]["pid"] != before


def test_an_environment_whose_pipe_ended_is_not_used_again(toy: Stack) -> None:
    """A process that ends closes its pipe some time before, and is not used meanwhile."""
    before = _ask(toy)["seen"]["pid"]
    assert requests.get(f"{toy.origin}/open?do=fade", timeout=60).status_code == 500
    assert _ask(toy)["seen"]["pid"] != before


def test_failures_are_in_the_log(toy: Stack) -> None:
    """The log has the traceback."""
    requests.get(f"{toy.origin}/open?do=fail", timeout=60)
    log = toy.log.read_text()
    assert "ValueError: as asked" in log
    assert 'app.py"' in log


def _toy_function(seconds: float = 60) -> Function:
    return Function("Echo", TOY.parent / "functions/echo", "app.handler", seconds, 128)


def _event(do: str = "", **query: str) -> Call:
    return Call("Echo", json.dumps({"queryStringParameters": {"do": do, **query}}).encode())


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """The environments of the toy function, started by this process."""
    function = _toy_function()
    made = Pool(function, load_of(function, [TOY.parent / "layer"], tmp_path / "log"))
    yield made
    made.close()


def _until(true: Callable[[], bool]) -> bool:
    ends = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < ends:
        time.sleep(0.01)
    return true()


def test_events_at_the_same_time_have_processes_of_their_own(pool: Pool, tmp_path: Path) -> None:
    """Six events run in six processes, so code may keep the current event in a global."""
    (folder := tmp_path / "met").mkdir()
    event = _event("meet", folder=str(folder), count="6")
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: json.loads(pool.invoke(event, PATIENCE)), range(6)))
    assert len({answer["pid"] for answer in answers}) == 6


def test_an_event_that_was_not_read_runs_in_another_process(pool: Pool) -> None:
    """If an idle process dies when it gets an event, another one runs the event."""
    pool.invoke(_event(), PATIENCE)
    gone = pool.idle_pid()
    os.kill(gone, signal.SIGSTOP)  # alive, and reads nothing
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(pool.invoke, _event(), PATIENCE)
        assert _until(lambda: bool(pool._busy))
        os.kill(gone, signal.SIGKILL)
        assert json.loads(answer.result())["seen"]["pid"] != gone


def test_an_event_that_was_read_runs_once(pool: Pool) -> None:
    """If a process ends after it read an event, the event fails, because what it did is unknown."""
    with pytest.raises(FunctionFailed, match="without an answer"):
        pool.invoke(_event("exit"), PATIENCE)
    assert (pool._starting, pool._busy, pool._idle) == (0, set(), [])


def test_code_that_ends_its_process_fails_the_event(tmp_path: Path) -> None:
    """The event fails at once."""
    (tmp_path / "app.py").write_text("import os\nos._exit(1)\n")
    function = Function("F", tmp_path, "app.handler", 60, 128)
    broken = Pool(function, load_of(function, [], tmp_path / "log"))
    with pytest.raises(FunctionFailed, match="before it was ready"):
        broken.invoke(_event(), PATIENCE)
    assert (broken._starting, broken._busy, broken._idle) == (0, set(), [])


def test_no_more_environments_than_allowed_exist(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event beyond the limit waits for its timeout at most, and is not run later."""
    monkeypatch.setattr(environments, "MAX_ENVIRONMENTS", 1)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(pool.invoke, _event("sleep", seconds="2"), PATIENCE)
        assert _until(lambda: bool(pool._busy))
        with pytest.raises(StillRunning):
            pool.invoke(_event(), 0.05)
        first.result()
    assert json.loads(pool.invoke(_event(), PATIENCE))["seen"]["calls"] == 2


def test_a_closed_pool_ends_what_runs_and_starts_nothing(pool: Pool) -> None:
    """The running event fails, and so does every later one."""
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pool.invoke, _event("sleep", seconds="30"), PATIENCE)
        assert _until(lambda: bool(pool._busy))
        pool.close()
        with pytest.raises(FunctionFailed):
            running.result()
    with pytest.raises(FunctionFailed, match="being stopped"):
        pool.invoke(_event(), PATIENCE)


def test_idle_environments_end(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute of idling one is kept."""
    (folder := tmp_path / "met").mkdir()
    event = _event("meet", folder=str(folder), count="2")
    with ThreadPoolExecutor(2) as threads:
        pids = [json.loads(each)["pid"] for each in threads.map(lambda _: pool.invoke(event, PATIENCE), range(2))]
    pool.shrink()
    monkeypatch.setattr(environments, "IDLE_SECONDS", -1.0)
    kept = pool.idle_pid()
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    pool.shrink()
    assert _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids if pid != kept))
    assert pool.idle_pid() == kept
