"""The other backend: built functions under AWS's Runtime Interface Emulator, with Lambda's own runtime client.

The emulator comes in aws-sam-cli's wheel, the client is awslambdaric, so events are read, results written and timeouts
enforced by the code that does it on AWS. The emulator breaks down at a second event while one is running, so each
function has one, and a lock. It enforces neither memory nor a read-only disk; a container does.
"""

import http.client
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.backend import Call, FunctionFailed, StillRunning, check_size
from local.child_processes import free_port, wait_for_port
from local.environments import lambda_variables
from local.template import ROOT, Function

START_SECONDS = 20.0
STOP_SECONDS = 5.0
GRACE_SECONDS = 10.0  # beyond a function's timeout, until an emulator that does not respond counts as broken
INVOKE_PATH = "/2015-03-31/functions/function/invocations"
EMULATORS = ".venv-sam/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-"
#: Packages of the runtime itself: the client and the AWS SDK, each with what it imports.
CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
#: The emulator ends with the standard input, which it hasn't itself: whatever ends its parent.
LAUNCH = '"$@" </dev/null & read -r _; kill -TERM $!; wait $!'


class NoEmulator(RuntimeError):
    """The emulator can't run here; the message says what is missing."""


@dataclass(frozen=True)
class _Tools:
    """The emulator's program, and a folder that holds what the runtime has of its own."""

    program: Path
    runtime: Path


def machine() -> str:
    """This machine's architecture, by SAM's name."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def _tools(state: Path) -> _Tools:
    found = sorted(ROOT.glob(EMULATORS + machine()))
    if not found:
        raise NoEmulator("The Runtime Interface Emulator is missing. It comes with sam: make build.")
    return _Tools(found[0], _runtime_folder(state / "runtime"))


def _runtime_folder(folder: Path) -> Path:
    """A folder of links to the runtime's own packages and to no other of this Python: the layer must be whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CLIENT + SDK:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise NoEmulator(f"The package {name} is missing; requirements/dev.txt has it for Linux.")
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        with suppress(FileExistsError):
            (folder / source.name).symlink_to(source)
    return folder


class Emulator:
    """One function under one emulator, which is started when it is needed."""

    def __init__(self, function: Function, layers: list[Path], log: Path, tools: _Tools) -> None:
        self.function = function
        self._path = [str(function.folder), *map(str, layers), str(tools.runtime)]
        self._log = log
        self._tools = tools
        self._free = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._closed = False

    def invoke(self, call: Call, timeout: float) -> bytes:
        """Run one event when the previous one has ended; see Backend.invoke."""
        ends = time.monotonic() + timeout
        if not self._free.acquire(timeout=timeout):
            raise StillRunning(f"{self.function.name} is busy")
        reply: Future[bytes] = Future()
        threading.Thread(target=self._run, args=(call, reply), daemon=True).start()
        try:
            return reply.result(timeout=max(0.0, ends - time.monotonic()))
        except TimeoutError:
            raise StillRunning(self.function.name) from None

    def _run(self, call: Call, reply: "Future[bytes]") -> None:
        """Send the event and wait as long as it takes, because the emulator takes no other event meanwhile."""
        try:
            reply.set_result(read_reply(*self._ask(call.event)))
        except (FunctionFailed, NoEmulator) as failure:
            reply.set_exception(failure)
        except (OSError, http.client.HTTPException) as broken:
            self._stop()
            reply.set_exception(FunctionFailed("Runtime.ExitError", f"the emulator broke down: {broken}"))
        finally:
            self._free.release()

    def _ask(self, event: bytes) -> tuple[int, bytes]:
        if self._process is None:
            self._start()
        if self._closed:
            self._stop()
            raise FunctionFailed("Runtime.ExitError", "the functions are being stopped")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self.function.seconds + GRACE_SECONDS)
        try:
            connection.request("POST", INVOKE_PATH, event)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _start(self) -> None:
        self._port, internal = free_port(), free_port()
        command = [self._tools.program, "--log-level", "error"]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{internal}"]
        # -S: no site-packages but those on PYTHONPATH
        command += [sys.executable, "-S", "-m", "awslambdaric", self.function.handler]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own programs
                ["/bin/sh", "-c", LAUNCH, "sh", *map(str, command)],
                cwd=self.function.folder,
                env=self._variables(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for_port(self._port, START_SECONDS)
        except TimeoutError:
            self._stop()
            raise NoEmulator(f"The emulator of {self.function.name} did not start; see {self._log}.") from None

    def _variables(self) -> dict[str, str]:
        own = {
            "PYTHONPATH": os.pathsep.join(self._path),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(int(self.function.seconds)),
        }
        return {**lambda_variables(self.function), **self.function.environment, **own}

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """Stop the emulator and what runs in it; events that wait are not run."""
        self._closed = True
        self._stop()


class Emulators:
    """A Backend of emulators; `functions` and `layers` are built ones."""

    def __init__(self, functions: Mapping[str, Function], layers: list[Path], log: Path) -> None:
        """Raises NoEmulator where they can't run."""
        tools = _tools(log.parent)
        self._emulators = {name: Emulator(each, layers, log, tools) for name, each in functions.items()}

    def invoke(self, call: Call, timeout: float) -> bytes:
        """Run one event; see Backend.invoke."""
        check_size(call.event, "Request")  # the emulator would cut it, and fail on what is left
        return self._emulators[call.function].invoke(call, timeout)

    def close(self) -> None:
        """Stop all emulators."""
        for emulator in self._emulators.values():
            emulator.close()


def read_reply(status: int, body: bytes) -> bytes:
    """Return the function's result. Raises FunctionFailed for an error of the emulator."""
    if body.startswith(b"Task timed out"):
        raise FunctionFailed("Sandbox.Timedout", body.decode())
    try:
        document = json.loads(body)
    except ValueError:
        raise FunctionFailed("Runtime.Unknown", body[:200].decode(errors="replace")) from None
    # an answer to the gateway has a status; the emulator reports an exception with 200, too
    if status != 200 or (isinstance(document, dict) and "errorType" in document and "statusCode" not in document):
        raise FunctionFailed(str(document.get("errorType", status)), str(document.get("errorMessage", ""))[:500])
    return body
