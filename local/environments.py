"""The backend of `make run`: warm processes per function, each with one event at a time, more when all are busy.

Processes and not threads, because a Lambda environment never serves two requests at once and code relies on it:
powertools keeps the current event on a class.
"""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from local import runtime_process
from local.backend import Call, FunctionFailed, StillRunning, Throttled, check_size
from local.intrinsics import ACCOUNT, REGION
from local.template import ROOT, Function

MAX_ENVIRONMENTS = 64  # environments of one function
MAX_STARTS = os.cpu_count() or 1  # of one function; more would only make each of them slower
START_SECONDS = 60.0  # to start and to import the code: Lambda gives 10, on a machine with nothing else to do
MAX_OFFERS = 3  # environments that are tried for an event, where processes are gone
IDLE_SECONDS = 60.0  # after which an environment ends, but for the last one of its function
SHRINK_SECONDS = 10.0  # between checks for idle environments
#: Imported once and inherited by every environment: what functions import from outside this repository.
PRELOAD = ("local.runtime_process", "aws_lambda_powertools.event_handler", "boto3", "pydantic", "PIL.Image", "requests")

_start = multiprocessing.get_context("forkserver")


class NotTaken(FunctionFailed):
    """The process ended before it read the event, so another environment may run it."""


class Environment:
    """One process of a function, with its code imported. Raises FunctionFailed when it can't be started."""

    def __init__(self, load: runtime_process.Load) -> None:
        self.idle_since = 0.0  # time.monotonic()
        self._pipe: Connection
        self._pipe, theirs = _start.Pipe()
        self._process = _start.Process(target=runtime_process.run, args=(theirs, load), name=load.name, daemon=True)
        try:
            self._process.start()
            theirs.close()
            self._await_word(START_SECONDS)
        except (EOFError, OSError) as gone:
            raise FunctionFailed("Runtime.ExitError", "the process ended before it was ready") from gone

    def send(self, call: Call, deadline: float) -> None:
        """Send an event; `deadline` as time.time(). Raises NotTaken, and FunctionFailed at the deadline."""
        head = {"request_id": call.request_id, "deadline": deadline, "account": ACCOUNT}
        try:
            self._pipe.send_bytes(json.dumps(head).encode())
            self._pipe.send_bytes(call.event)
            self._await_word(deadline - time.time())
        except (EOFError, OSError) as gone:
            raise NotTaken("Runtime.ExitError", "the process was gone before it had the event") from gone

    def wait(self, seconds: float) -> bool:
        """Wait; return whether there is a result or the process is gone."""
        return self._pipe.poll(max(0.0, seconds))

    def receive(self) -> bytes:
        """Return the result. Raises FunctionFailed."""
        try:
            word = self._pipe.recv_bytes()
            data = self._pipe.recv_bytes()
        except (EOFError, OSError) as gone:
            raise FunctionFailed("Runtime.ExitError", "the process ended without an answer") from gone
        if word != runtime_process.OK:
            raise FunctionFailed(*json.loads(data))
        check_size(data, "Response")
        return data

    def _await_word(self, seconds: float) -> None:
        """Wait for READY or TAKEN; kill the process if it doesn't come in time."""
        if not self.wait(seconds):
            self.kill()
            raise FunctionFailed("Sandbox.Timedout", f"the process did not respond for {seconds:.2f} seconds")
        self._pipe.recv_bytes()

    @property
    def alive(self) -> bool:
        """Whether it can take another event. An idle pipe with something to read has ended, and its process will."""
        return not self._pipe.poll() and self._process.is_alive()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    def kill(self) -> None:
        """Kill the process. The pipe stays open, so that a reader sees its end."""
        self._process.kill()
        self._process.join()


class Account:
    """The invocations of all functions at a time: at most `limit`, as Lambda limits an account; 0 means any number."""

    def __init__(self, limit: int = 0) -> None:
        self._room = threading.Semaphore(limit) if limit else None

    def enter(self) -> None:
        """Count an invocation. Raises Throttled."""
        if self._room and not self._room.acquire(blocking=False):
            raise Throttled

    def leave(self) -> None:
        """Count it as ended."""
        if self._room:
            self._room.release()


class Pool:
    """The environments of one function."""

    def __init__(self, function: Function, load: runtime_process.Load, account: Account | None = None) -> None:
        self.function = function
        self._account = account or Account()
        self._load = load
        self._changed = threading.Condition()  # of what follows
        self._idle: list[Environment] = []  # the longest idle first
        self._busy: set[Environment] = set()
        self._waiting = self._starting = 0  # callers and environments
        self._failed: list[FunctionFailed] = []  # starts, until a caller gets the failure
        self._closed = False

    def invoke(self, call: Call, timeout: float) -> bytes:
        """Run one event; see Backend.invoke."""
        ends = time.monotonic() + timeout
        for _ in range(MAX_OFFERS - 1):
            with suppress(NotTaken):
                return self._try(call, ends)
        return self._try(call, ends)

    def _try(self, call: Call, ends: float) -> bytes:
        self._account.enter()
        try:
            environment = self._acquire(ends)
        except BaseException:
            self._account.leave()
            raise
        stops = time.monotonic() + self.function.seconds
        try:
            environment.send(call, time.time() + self.function.seconds)
        except FunctionFailed:
            self._release(environment)
            raise
        if not environment.wait(min(ends, stops) - time.monotonic()) and stops > ends:
            threading.Thread(target=self._finish_late, args=(environment, stops), daemon=True).start()
            raise StillRunning(self.function.name)
        return self._finish(environment, stops)

    def _finish(self, environment: Environment, stops: float) -> bytes:
        try:
            if not environment.wait(stops - time.monotonic()):
                environment.kill()
                raise FunctionFailed("Sandbox.Timedout", f"Task timed out after {self.function.seconds:.2f} seconds")
            return environment.receive()
        finally:
            self._release(environment)

    def _finish_late(self, environment: Environment, stops: float) -> None:
        with suppress(FunctionFailed):
            self._finish(environment, stops)

    def _acquire(self, ends: float) -> Environment:
        """Return an idle environment; start new ones meanwhile. Raises FunctionFailed, StillRunning."""
        with self._changed:
            self._waiting += 1
            try:
                if not self._changed.wait_for(self._can_acquire, max(0.0, ends - time.monotonic())):
                    raise StillRunning(f"{self.function.name}: no environment is free")
                if not self._idle:
                    raise self._failed.pop()
                environment = self._idle.pop()
                self._busy.add(environment)
                return environment
            finally:
                self._waiting -= 1

    def _can_acquire(self) -> bool:
        """Whether the wait is over; if not, start an environment where one more is allowed."""
        if self._closed:
            raise FunctionFailed("Runtime.ExitError", "the functions are being stopped")
        while self._idle and not self._idle[-1].alive:
            self._idle.pop().kill()
        if self._idle or self._failed:
            return True
        most = min(MAX_STARTS, self._waiting, MAX_ENVIRONMENTS - len(self._busy))
        if self._starting < most:
            self._starting += 1
            threading.Thread(target=self._start, daemon=True).start()
        return False

    def _start(self) -> None:
        made: list[Environment] = []
        failed: list[FunctionFailed] = []
        try:
            made.append(Environment(self._load))
        except FunctionFailed as failure:
            failed.append(failure)
        with self._changed:
            self._starting -= 1
            self._failed = failed if self._waiting else []
            for environment in made:
                self._put(environment)
            self._changed.notify_all()

    def _release(self, environment: Environment) -> None:
        self._account.leave()
        with self._changed:
            self._busy.discard(environment)
            self._put(environment)
            self._changed.notify()

    def _put(self, environment: Environment) -> None:
        """Add it to the idle ones, unless the pool is closed or it has ended; the caller holds the lock."""
        if self._closed or not environment.alive:
            environment.kill()
            return
        environment.idle_since = time.monotonic()
        self._idle.append(environment)

    def idle_pid(self) -> int:
        """Return the process id of the environment that is used next."""
        with self._changed:
            return self._idle[-1].pid

    def shrink(self) -> None:
        """Kill environments that are idle for IDLE_SECONDS, but keep one."""
        long_ago = time.monotonic() - IDLE_SECONDS
        with self._changed:
            old = [each for each in self._idle[:-1] if each.idle_since < long_ago]
            self._idle = [each for each in self._idle if each not in old]
        for environment in old:
            environment.kill()

    def close(self) -> None:
        """Kill all environments, and start no more."""
        with self._changed:
            self._closed = True
            environments = [*self._idle, *self._busy]
            self._idle.clear()
            self._changed.notify_all()
        for environment in environments:
            environment.kill()


class Environments:
    """A Backend of processes on this machine; see `backend.py`."""

    def __init__(
        self, functions: Mapping[str, Function], layers: list[Path], log: Path, account: Account | None = None
    ) -> None:
        _start.set_forkserver_preload(list(PRELOAD))
        shared = account or Account()
        self._pools = {name: Pool(each, load_of(each, layers, log), shared) for name, each in functions.items()}
        threading.Thread(target=self._keep_small, name="shrink", daemon=True).start()

    def _keep_small(self) -> None:
        while True:
            time.sleep(SHRINK_SECONDS)
            for pool in self._pools.values():
                pool.shrink()

    def invoke(self, call: Call, timeout: float) -> bytes:
        """Run one event; see Backend.invoke."""
        check_size(call.event, "Request")
        return self._pools[call.function].invoke(call, timeout)

    def pid(self, function: str) -> int:
        """Return the process id of the function's environment that is used next. Raises IndexError without one."""
        return self._pools[function].idle_pid()

    def close(self) -> None:
        """Kill all processes."""
        for pool in self._pools.values():
            pool.close()


def load_of(function: Function, layers: list[Path], log: Path) -> runtime_process.Load:
    """Return the settings of an environment's process."""
    return runtime_process.Load(
        name=function.name,
        handler=function.handler,
        path=(str(function.folder), *map(str, layers)),
        environment={**lambda_variables(function), **function.environment},
        memory=function.memory,
        log=str(log),
        forget=(str(ROOT),),
    )


def lambda_variables(function: Function) -> dict[str, str]:
    """Return the variables that Lambda itself sets for a function."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(function.folder),
        "_HANDLER": function.handler,
    }
