"""Execution environments: a process each, one event at a time, ended at the function's timeout."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from local import environments
from local.backend import Call, FunctionFailed, StillRunning
from local.environments import HAND_OVERS, NotTaken, Pool, load_of
from local.stack import Stack
from local.template import Function
from tests.local.conftest import TOY

PATIENCE = 60.0  # seconds, for what takes less than one


def _ask(toy: Stack, do: str = "", **query: Any) -> Any:
    return requests.get(f"{toy.origin}/open", params={"do": do, **query}, timeout=60).json()


def test_an_environment_is_warm_the_second_time(toy: Stack) -> None:
    """The same process, which remembers its calls."""
    first, second = _ask(toy)["seen"], _ask(toy)["seen"]
    assert first["pid"] == second["pid"]
    assert second["calls"] == first["calls"] + 1


def test_what_a_function_sees(toy: Stack) -> None:
    """Its layer, its own variables, a local AWS; nothing of the person's environment."""
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
    """Though its process is still there: a process that ends closes its pipe some time before."""
    before = _ask(toy)["seen"]["pid"]
    assert requests.get(f"{toy.origin}/open?do=fade", timeout=60).status_code == 500
    assert _ask(toy)["seen"]["pid"] != before


def test_what_goes_wrong_is_in_the_log(toy: Stack) -> None:
    """With its traceback, as CloudWatch would have it."""
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
    """Code that keeps the current event in a global is safe, as it is on Lambda: each waits until all six are there."""
    (folder := tmp_path / "met").mkdir()
    event = _event("meet", folder=str(folder), count="6")
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: json.loads(pool.invoke(event, PATIENCE)), range(6)))
    assert len({answer["pid"] for answer in answers}) == 6


def test_an_event_that_nobody_has_seen_is_taken_by_another(pool: Pool) -> None:
    """A process that dies idle, unnoticed until the event is there, costs nobody an answer."""
    pool.invoke(_event(), PATIENCE)
    gone = pool.idle_pid()
    os.kill(gone, signal.SIGSTOP)  # alive, and reads nothing
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(pool.invoke, _event(), PATIENCE)
        assert _until(lambda: bool(pool._busy))
        os.kill(gone, signal.SIGKILL)
        assert json.loads(answer.result())["seen"]["pid"] != gone


def test_an_event_that_was_seen_is_not_given_to_another(pool: Pool) -> None:
    """Its process ended in the middle: what it did is unknown, so it fails."""
    with pytest.raises(FunctionFailed, match="without an answer"):
        pool.invoke(_event("exit"), PATIENCE)
    assert (pool._starting, pool._busy, pool._idle) == (0, set(), [])


def test_code_that_ends_its_process_fails_whoever_asks(tmp_path: Path) -> None:
    """At once, and not by waiting."""
    (tmp_path / "app.py").write_text("import os\nos._exit(1)\n")
    function = Function("F", tmp_path, "app.handler", 60, 128)
    broken = Pool(function, load_of(function, [], tmp_path / "log"))
    with pytest.raises(FunctionFailed, match="before it was ready"):
        broken.invoke(_event(), PATIENCE)
    assert (broken._starting, broken._busy, broken._idle) == (0, set(), [])


class _Fake:
    """An environment without a process; events are answered when they may be."""

    def __init__(self, since: float = 0.0) -> None:
        self.idle_since, self.alive = since, True
        self.events = 0
        self.may_answer = threading.Event()

    def send(self, call: Call, deadline: float) -> None:
        self.events += 1

    def wait(self, seconds: float) -> bool:
        return self.may_answer.wait(seconds)

    def receive(self) -> bytes:
        return b"{}"

    def kill(self) -> None:
        self.alive = False


class _Gone(_Fake):
    """One that is gone whenever it gets an event."""

    def send(self, call: Call, deadline: float) -> None:
        self.alive = False
        raise NotTaken("Runtime.ExitError", "gone")


class _Maker:
    """Makes environments when it may, and remembers them."""

    def __init__(self, kind: type[_Fake] = _Fake) -> None:
        self.kind = kind
        self.may_start = threading.Semaphore(0)
        self.asked = 0
        self.made: list[_Fake] = []

    def __call__(self, load: Any) -> _Fake:
        self.asked += 1
        assert self.may_start.acquire(timeout=PATIENCE)
        self.made.append(self.kind())
        return self.made[-1]


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> _Maker:
    """What makes the environments of `empty`."""
    made = _Maker()
    monkeypatch.setattr(environments, "Environment", made)
    return made


@pytest.fixture
def empty(maker: _Maker) -> Pool:
    """A pool without an environment."""
    return Pool(_toy_function(), None)  # type: ignore[arg-type]  # the maker needs no load


def test_so_many_start_at_once_and_no_more(maker: _Maker, empty: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a start takes an environment that comes free before."""
    monkeypatch.setattr(environments, "STARTS_AT_ONCE", 2)
    with ThreadPoolExecutor(5) as threads:
        answers = [threads.submit(empty.invoke, _event(), PATIENCE) for _ in range(5)]
        assert _until(lambda: empty._waiting == 5)
        assert _until(lambda: maker.asked == 2)
        maker.may_start.release()
        assert _until(lambda: maker.asked == 3)  # a start has ended, the next may begin
        assert _until(lambda: len(empty._busy) == 1)
        assert (empty._starting, empty._waiting) == (2, 4)
        maker.made[0].may_answer.set()
        assert [answer.result() for answer in answers] == [b"{}"] * 5
    assert (maker.asked, maker.made[0].events) == (3, 5)
    maker.may_start.release(2)
    assert _until(lambda: len(empty._idle) == 3)
    assert (empty._busy, empty._starting) == (set(), 0)


def test_so_many_exist_and_no_more(maker: _Maker, empty: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that one waits, and no longer than one's patience; the event is not run later."""
    monkeypatch.setattr(environments, "MOST_AT_ONCE", 1)
    maker.may_start.release(2)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(empty.invoke, _event(), PATIENCE)
        assert _until(lambda: bool(empty._busy))
        with pytest.raises(StillRunning):
            empty.invoke(_event(), 0.05)
        maker.made[0].may_answer.set()
        assert first.result() == b"{}"
    assert empty.invoke(_event(), PATIENCE) == b"{}"
    assert (maker.asked, maker.made[0].events) == (1, 2)


def test_an_event_is_offered_so_often(maker: _Maker, empty: Pool) -> None:
    """To the third that is gone, and then it fails."""
    maker.kind = _Gone
    maker.may_start.release(HAND_OVERS + 1)
    with pytest.raises(NotTaken):
        empty.invoke(_event(), PATIENCE)
    assert maker.asked == HAND_OVERS


def test_a_closed_pool_starts_nothing(maker: _Maker, empty: Pool) -> None:
    """What runs is killed, what is being started ends, and who asks is told."""
    maker.may_start.release(1)
    with ThreadPoolExecutor(2) as threads:
        running, waiting = (threads.submit(empty.invoke, _event(), PATIENCE) for _ in range(2))
        assert _until(lambda: len(empty._busy) == 1 and empty._starting == 1)
        empty.close()
        assert not maker.made[0].alive
        maker.made[0].may_answer.set()
        for each in (running, waiting):
            with suppress(FunctionFailed):
                assert each.result() == b"{}"
    maker.may_start.release(1)
    assert _until(lambda: empty._starting == 0)
    assert [each.alive for each in maker.made] == [False, False]
    with pytest.raises(FunctionFailed, match="being ended"):
        empty.invoke(_event(), PATIENCE)
    assert (maker.asked, empty._idle, empty._busy) == (2, [], set())


def test_environments_that_nobody_needs_end(empty: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but one that were idle for a minute; younger ones stay."""
    monkeypatch.setattr(environments.time, "monotonic", lambda: 1000.0)
    old, older, young = _Fake(930), _Fake(900), _Fake(990)
    empty._idle = [older, old, young]  # type: ignore[list-item]
    empty.shrink()
    assert [each.alive for each in (older, old, young)] == [False, False, True]
    empty._idle = [lonely := _Fake(0)]  # type: ignore[list-item]
    empty.shrink()
    assert lonely.alive
