"""Execution environments: a process each, one event at a time, ended at the function's timeout."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local import environments
from local.backend import Call, FunctionFailed, StillRunning, Throttled
from local.environments import Account, Pool, load_of
from local.stack import Stack
from local.template import Function
from tests.local.conftest import TOY
from tests.waiting import until

TIMEOUT = 60.0  # seconds, for what takes less than one


def _ask(toy: Stack, do: str = "", **query: Any) -> Any:
    return requests.get(f"{toy.origin}/open", params={"do": do, **query}, timeout=60).json()


def test_what_a_function_sees(toy: Stack) -> None:
    """It sees its layer, its own variables and the local AWS, and nothing of the developer's environment.

    The second event runs in the same process.
    """
    first, seen = _ask(toy)["seen"], _ask(toy)["seen"]
    assert (first["pid"], first["calls"] + 1) == (seen["pid"], seen["calls"])
    assert seen["layer"] == "from the layer"
    assert seen["function"] == "Echo"
    assert 1000 < seen["remaining"] <= 3000
    environment = seen["environment"]
    own = {"WORD": "hello", "BUCKET": toy.resources["Bucket"]["Ref"], "AWS_ENDPOINT_URL": toy.aws.endpoint}
    assert {**environment, **own, "AWS_LAMBDA_FUNCTION_NAME": "Echo"} == environment
    assert not {"ONLY_HERE", "AWS_CONFIG_FILE"} & environment.keys()


def test_an_environment_that_failed_serves_again(toy: Stack) -> None:
    """An exception keeps the process and is in the log; an exit brings a new one, also where the pipe ends earlier."""
    pids = [_ask(toy)["seen"]["pid"]]
    for how in ("fail", "exit", "fade"):
        assert requests.get(f"{toy.origin}/open?do={how}", timeout=60).status_code == 500
        pids.append(_ask(toy)["seen"]["pid"])
    assert pids[0] == pids[1]
    assert len(set(pids)) == 3
    log = toy.log.read_text()
    assert "ValueError: as asked" in log
    assert 'app.py"' in log


def _event(do: str = "", **query: str) -> Call:
    return Call("Echo", json.dumps({"queryStringParameters": {"do": do, **query}}).encode())


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    function = Function("Echo", TOY.parent / "functions/echo", "app.handler", 60, 128)
    made = Pool(function, load_of(function, [TOY.parent / "layer"], tmp_path / "log"))
    yield made
    made.close()


def test_an_event_that_was_not_read_runs_in_another_process(pool: Pool) -> None:
    """If an idle process dies when it gets an event, another one runs the event."""
    pool.invoke(_event(), TIMEOUT)
    gone = pool.idle_pid()
    os.kill(gone, signal.SIGSTOP)  # alive, and reads nothing
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(pool.invoke, _event(), TIMEOUT)
        assert until(lambda: bool(pool._busy))
        os.kill(gone, signal.SIGKILL)
        assert json.loads(answer.result())["seen"]["pid"] != gone


def test_an_event_that_was_read_runs_once(pool: Pool) -> None:
    """If a process ends after it read an event, the event fails, because what it did is unknown."""
    with pytest.raises(FunctionFailed, match="without an answer"):
        pool.invoke(_event("exit"), TIMEOUT)
    assert (pool._starting, pool._busy, pool._idle) == (0, set(), [])


def test_code_that_ends_its_process_fails_the_event(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\nos._exit(1)\n")
    function = Function("F", tmp_path, "app.handler", 60, 128)
    broken = Pool(function, load_of(function, [], tmp_path / "log"))
    with pytest.raises(FunctionFailed, match="before it was ready"):
        broken.invoke(_event(), TIMEOUT)
    assert (broken._starting, broken._busy, broken._idle) == (0, set(), [])


def test_no_more_environments_than_allowed_exist(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event beyond the limit waits for its timeout at most, and is not run later."""
    (folder := tmp_path / "met").mkdir()
    monkeypatch.setattr(environments, "MAX_ENVIRONMENTS", 1)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(pool.invoke, _event("meet", folder=str(folder), count="2"), TIMEOUT)
        assert until(lambda: bool(pool._busy))
        with pytest.raises(StillRunning):
            pool.invoke(_event(), 0.05)
        (folder / "the second").touch()
        first.result()
    assert json.loads(pool.invoke(_event(), TIMEOUT))["seen"]["calls"] == 2


def test_a_closed_pool_ends_what_runs_and_starts_nothing(pool: Pool) -> None:
    """The running event fails, and so does every later one."""
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pool.invoke, _event("sleep", seconds="30"), TIMEOUT)
        assert until(lambda: bool(pool._busy))
        pool.close()
        with pytest.raises(FunctionFailed):
            running.result()
    with pytest.raises(FunctionFailed, match="being stopped"):
        pool.invoke(_event(), TIMEOUT)


def test_idle_environments_end(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two events at once run in two processes; after a minute of idling one is kept."""
    (folder := tmp_path / "met").mkdir()
    event = _event("meet", folder=str(folder), count="2")
    with ThreadPoolExecutor(2) as threads:
        pids = [json.loads(each)["pid"] for each in threads.map(lambda _: pool.invoke(event, TIMEOUT), range(2))]
    assert len(set(pids)) == 2
    pool.shrink()
    monkeypatch.setattr(environments, "IDLE_SECONDS", -1.0)
    kept = pool.idle_pid()
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    pool.shrink()
    assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids if pid != kept))
    assert pool.idle_pid() == kept


def test_an_account_runs_so_many_at_once(tmp_path: Path) -> None:
    """One more is throttled, whatever its function; one that ended makes room, a late one as well."""
    account = Account(1)
    function = Function("Echo", TOY.parent / "functions/echo", "app.handler", 60, 128)
    made = [Pool(function, load_of(function, [TOY.parent / "layer"], tmp_path / "log"), account) for _ in range(2)]
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(made[0].invoke, _event("sleep", seconds="2"), 0.5)
        assert until(lambda: bool(made[0]._busy))
        with pytest.raises(Throttled):
            made[1].invoke(_event(), TIMEOUT)
        with pytest.raises(StillRunning):
            running.result()
        assert until(lambda: not made[0]._busy)
    assert made[1].invoke(_event(), TIMEOUT)
    for each in made:
        each.close()
