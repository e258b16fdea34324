"""One execution environment: a process that holds one function's code and runs one event at a time, as Lambda does."""

import contextlib
import importlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Handler = Callable[[Any, "Context"], Any]
#: Words from the process: its code is imported; it has read the event; before a result, whether it failed.
READY, TAKEN, OK, FAILED = b"ready", b"taken", b"ok", b"failed"


@dataclass(frozen=True)
class Load:
    """The settings of an environment's process; it must not import from the folders in `forget`."""

    name: str
    handler: str
    path: tuple[str, ...]
    environment: Mapping[str, str]
    memory: int
    log: str
    forget: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """The context object of a Python function on Lambda."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    deadline: float  # time.time()
    function_version: str = "$LATEST"
    log_group_name: str = "/local"
    log_stream_name: str = "local"
    identity: Any = None
    client_context: Any = None
    tenant_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return max(0, int((self.deadline - time.time()) * 1000))


def run(pipe: Connection, load: Load) -> None:
    """Run events until the pipe closes or the parent ends: read head and event, write word and result."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_parent()
    _become(load)
    handler: Handler | None = None
    with contextlib.suppress(Exception):  # the first event imports it again and reports the failure
        handler = _import(load.handler)
    with contextlib.suppress(OSError):
        pipe.send_bytes(READY)
    while True:
        try:
            head = json.loads(pipe.recv_bytes())
            event = pipe.recv_bytes()
            pipe.send_bytes(TAKEN)
        except (EOFError, OSError):
            return
        try:
            handler = handler or _import(load.handler)
            word, data = OK, _answer(handler, head, event, load)
        except Exception as failure:  # noqa: BLE001  # whatever the function raised is its failure
            traceback.print_exc()
            word, data = FAILED, json.dumps([_kind(failure), str(failure)]).encode()
        sys.stdout.flush()
        with contextlib.suppress(OSError):
            pipe.send_bytes(word)
            pipe.send_bytes(data)


def _answer(handler: Handler, head: dict[str, Any], event: bytes, load: Load) -> bytes:
    region = load.environment["AWS_REGION"]
    context = Context(
        function_name=load.name,
        aws_request_id=head["request_id"],
        memory_limit_in_mb=load.memory,
        invoked_function_arn=f"arn:aws:lambda:{region}:{head['account']}:function:{load.name}",
        deadline=head["deadline"],
    )
    # as Lambda's runtime client writes it
    return json.dumps(handler(json.loads(event), context), ensure_ascii=False).encode()


def _kind(failure: Exception) -> str:
    return "Runtime.ImportModuleError" if isinstance(failure, ImportError) else type(failure).__name__


def _import(handler: str) -> Handler:
    module, _, name = handler.rpartition(".")
    found: Handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    return found


def _become(load: Load) -> None:
    os.environ.clear()
    os.environ.update(load.environment)
    time.tzset()
    forget = {str(Path(each).resolve()) for each in load.forget}
    sys.path[:] = [*load.path, *(each for each in sys.path if str(Path(each).resolve()) not in forget)]
    log = os.open(load.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real file since the line above


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=(parent,), name="end-with-parent", daemon=True).start()


def _wait_and_exit(parent: Any) -> None:
    parent.join()
    os._exit(0)
