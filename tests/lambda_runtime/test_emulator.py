"""The emulator as a backend: Lambda's limits and failures, tried on the toy function."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.backend import PAYLOAD_BYTES, Call, FunctionFailed, StillRunning
from local.rie import Emulators, read_reply
from local.template import ROOT, Function

TOY = ROOT / "tests/local/toy"


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """The toy function twice: once with time, once with two seconds."""
    folder = TOY / "functions/echo"
    slow, quick = (Function(name, folder, "app.handler", seconds, 128) for name, seconds in (("Slow", 9), ("Quick", 2)))
    log = tmp_path_factory.mktemp("toys") / "functions.log"
    emulators = Emulators({"Slow": slow, "Quick": quick}, [TOY / "layer"], log)
    yield emulators
    emulators.close()


def _ask(toys: Emulators, do: str = "", function: str = "Slow", patience: float = 30, **query: Any) -> Any:
    event = {"queryStringParameters": {"do": do, **query}}
    return json.loads(toys.invoke(Call(function, json.dumps(event).encode()), patience))


def test_a_function_sees_lambda(toys: Emulators) -> None:
    """Its layer, its time, the variables of the runtime; of this Python only what the runtime has."""
    seen = _ask(toys)["seen"]
    assert seen["layer"] == "from the layer"
    assert 5000 < seen["remaining"] <= 9000
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "Slow"
    assert seen["environment"]["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert "site-packages" not in seen["environment"]["PYTHONPATH"]


def test_it_stays_warm(toys: Emulators) -> None:
    """The same process, which remembers its calls."""
    first, second = _ask(toys)["seen"], _ask(toys)["seen"]
    assert (second["pid"], second["calls"]) == (first["pid"], first["calls"] + 1)


def test_events_take_turns(toys: Emulators) -> None:
    """The emulator breaks down at two at once, so it never sees two."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: _ask(toys, "sleep", seconds=0.05)["pid"], range(8)))
    assert len(set(answers)) == 1


def test_a_large_event_gets_through_and_a_larger_one_is_refused(toys: Emulators) -> None:
    """Up to Lambda's limit to the byte."""
    empty = json.dumps({"queryStringParameters": {"do": "size"}, "pad": ""}).encode()
    event = empty.replace(b'""', b'"' + b"x" * (PAYLOAD_BYTES - len(empty)) + b'"')
    assert len(event) == PAYLOAD_BYTES
    assert json.loads(toys.invoke(Call("Slow", event), 30)) == {"bytes": PAYLOAD_BYTES}
    with pytest.raises(FunctionFailed, match="RequestSizeTooLarge"):
        toys.invoke(Call("Slow", event + b" "), 30)


def test_a_large_answer_gets_through_and_a_larger_one_does_not(toys: Emulators) -> None:
    """The emulator's own limit; it serves on."""
    assert len(_ask(toys, "large", bytes=PAYLOAD_BYTES - 100)) == PAYLOAD_BYTES - 102
    with pytest.raises(FunctionFailed) as refused:
        _ask(toys, "large", bytes=PAYLOAD_BYTES + 100)
    assert refused.value.kind == "Function.ResponseSizeTooLarge"
    assert _ask(toys)["seen"]["calls"] >= 1


def test_an_exception_keeps_the_process(toys: Emulators) -> None:
    """It is told by its class and its words."""
    before = _ask(toys)["seen"]["pid"]
    with pytest.raises(FunctionFailed, match="as asked") as failed:
        _ask(toys, "fail")
    assert failed.value.kind == "ValueError"
    assert _ask(toys)["seen"]["pid"] == before


def test_an_exit_brings_a_new_process(toys: Emulators) -> None:
    """The event fails, the next one is served."""
    before = _ask(toys)["seen"]["pid"]
    with pytest.raises(FunctionFailed):
        _ask(toys, "exit")
    assert _ask(toys)["seen"]["pid"] != before


def test_what_cannot_be_written_fails(toys: Emulators) -> None:
    """An answer that isn't JSON, by the runtime client's own word."""
    with pytest.raises(FunctionFailed) as failed:
        _ask(toys, "unwritable")
    assert failed.value.kind == "Runtime.MarshalError"


def test_a_function_is_stopped_at_its_timeout(toys: Emulators) -> None:
    """And starts anew for the next event."""
    before = _ask(toys, function="Quick")["seen"]["pid"]
    with pytest.raises(FunctionFailed, match="timed out after 2") as failed:
        _ask(toys, "sleep", function="Quick", seconds=5)
    assert failed.value.kind == "Sandbox.Timedout"
    assert _ask(toys, function="Quick")["seen"]["pid"] != before


def test_impatience_does_not_disturb_the_function(toys: Emulators) -> None:
    """Who asked goes away, the event runs on, the next one waits for it."""
    with pytest.raises(StillRunning):
        _ask(toys, "sleep", patience=0.2, seconds=2)
    with pytest.raises(StillRunning):
        _ask(toys, patience=0.1)
    assert _ask(toys)["seen"]["calls"] >= 1


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Closing ends the emulator and the function in it, even one that runs."""
    function = Function("Left", TOY / "functions/echo", "app.handler", 60, 128)
    emulators = Emulators({"Left": function}, [TOY / "layer"], tmp_path / "functions.log")
    pid = _ask(emulators, function="Left")["seen"]["pid"]
    with pytest.raises(StillRunning):
        _ask(emulators, "sleep", function="Left", patience=0.2, seconds=50)
    emulators.close()
    ends = time.monotonic() + 60
    while _alive(pid) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not _alive(pid)
    with pytest.raises(FunctionFailed, match="being stopped"):
        _ask(emulators, function="Left")
    assert emulators._emulators["Left"]._process is None


def _alive(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(listed.strip()) and not listed.startswith("Z") and os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"Task timed out after 2.00 seconds", "Sandbox.Timedout"),
        (200, b'{"errorType": "ValueError", "errorMessage": "x"}', "ValueError"),
        (502, b'{"errorType": "Runtime.ExitError"}', "Runtime.ExitError"),
        (500, b"<html>", "Runtime.Unknown"),
    ],
)
def test_what_the_emulator_says_of_failures(status: int, body: bytes, kind: str) -> None:
    """Four ways of telling it."""
    with pytest.raises(FunctionFailed) as failed:
        read_reply(status, body)
    assert failed.value.kind == kind


def test_an_answer_may_speak_of_errors() -> None:
    """What has a status is an answer to the gateway, whatever else is in it."""
    body = b'{"statusCode": 200, "errorType": "x"}'
    assert read_reply(200, body) == body
