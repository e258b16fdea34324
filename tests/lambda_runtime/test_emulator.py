"""The emulator as a backend: Lambda's limits and failures, tried on the toy function."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.backend import PAYLOAD_BYTES, Call, FunctionFailed, StillRunning
from local.rie import Emulators, read_reply
from local.template import ROOT, Function
from tests.waiting import until

TOY = ROOT / "tests/local/toy"


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """The toy function twice: once with time, once with a second."""
    folder = TOY / "functions/echo"
    slow, quick = (Function(name, folder, "app.handler", seconds, 128) for name, seconds in (("Slow", 9), ("Quick", 1)))
    log = tmp_path_factory.mktemp("toys") / "functions.log"
    emulators = Emulators({"Slow": slow, "Quick": quick}, [TOY / "layer"], log)
    yield emulators
    emulators.close()


def _ask(toys: Emulators, do: str = "", function: str = "Slow", timeout: float = 30, **query: Any) -> Any:
    event = {"queryStringParameters": {"do": do, **query}}
    return json.loads(toys.invoke(Call(function, json.dumps(event).encode()), timeout))


def test_a_function_sees_lambda(toys: Emulators) -> None:
    """Its layer, its time, the variables of the runtime; of this Python only what the runtime has; it stays warm."""
    first, seen = _ask(toys)["seen"], _ask(toys)["seen"]
    assert (seen["pid"], seen["calls"]) == (first["pid"], first["calls"] + 1)
    assert seen["layer"] == "from the layer"
    assert 5000 < seen["remaining"] <= 9000
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "Slow"
    assert seen["environment"]["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert "site-packages" not in seen["environment"]["PYTHONPATH"]


def test_events_take_turns(toys: Emulators) -> None:
    """The emulator breaks down at two at once, so it never sees two."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: _ask(toys, "sleep", seconds=0.05)["pid"], range(8)))
    assert len(set(answers)) == 1


def test_lambdas_limits_hold_to_the_byte(toys: Emulators) -> None:
    """A larger event isn't sent; a larger answer meets the emulator's own limit, and it serves on."""
    empty = json.dumps({"queryStringParameters": {"do": "size"}, "pad": ""}).encode()
    event = empty.replace(b'""', b'"' + b"x" * (PAYLOAD_BYTES - len(empty)) + b'"')
    assert len(event) == PAYLOAD_BYTES
    assert json.loads(toys.invoke(Call("Slow", event), 30)) == {"bytes": PAYLOAD_BYTES}
    with pytest.raises(FunctionFailed, match="RequestSizeTooLarge"):
        toys.invoke(Call("Slow", event + b" "), 30)
    assert len(_ask(toys, "large", bytes=PAYLOAD_BYTES - 100)) == PAYLOAD_BYTES - 102
    with pytest.raises(FunctionFailed) as refused:
        _ask(toys, "large", bytes=PAYLOAD_BYTES + 100)
    assert refused.value.kind == "Function.ResponseSizeTooLarge"
    assert _ask(toys)["seen"]["calls"] >= 1


def test_a_failure_keeps_the_process_and_an_exit_brings_a_new_one(toys: Emulators) -> None:
    """An exception has its class and words; what isn't JSON fails by the runtime client's own word."""
    before = _ask(toys)["seen"]["pid"]
    for how, kind in (("fail", "ValueError: as asked"), ("unwritable", "Runtime.MarshalError")):
        with pytest.raises(FunctionFailed) as failed:
            _ask(toys, how)
        assert str(failed.value).startswith(kind)
        assert _ask(toys)["seen"]["pid"] == before
    with pytest.raises(FunctionFailed):
        _ask(toys, "exit")
    assert _ask(toys)["seen"]["pid"] != before


def test_a_function_is_stopped_at_its_timeout(toys: Emulators) -> None:
    """And starts again for the next event."""
    before = _ask(toys, function="Quick")["seen"]["pid"]
    with pytest.raises(FunctionFailed, match="timed out after 1") as failed:
        _ask(toys, "sleep", function="Quick", seconds=5)
    assert failed.value.kind == "Sandbox.Timedout"
    assert _ask(toys, function="Quick")["seen"]["pid"] != before


def test_a_caller_that_goes_away_does_not_disturb_the_function(toys: Emulators) -> None:
    """Its event runs on, and the next one waits for it."""
    with pytest.raises(StillRunning):
        _ask(toys, "sleep", timeout=0.2, seconds=1)
    with pytest.raises(StillRunning):
        _ask(toys, timeout=0.1)
    assert _ask(toys)["seen"]["calls"] >= 1


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Closing ends the emulator and the function in it, even one that runs."""
    function = Function("Left", TOY / "functions/echo", "app.handler", 60, 128)
    emulators = Emulators({"Left": function}, [TOY / "layer"], tmp_path / "functions.log")
    pid = _ask(emulators, function="Left")["seen"]["pid"]
    with pytest.raises(StillRunning):
        _ask(emulators, "sleep", function="Left", timeout=0.2, seconds=50)
    emulators.close()
    assert until(lambda: not _is_alive(pid))
    with pytest.raises(FunctionFailed, match="being stopped"):
        _ask(emulators, function="Left")


def _is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"Task timed out after 2.00 seconds", "Sandbox.Timedout"),
        (200, b'{"errorType": "ValueError", "errorMessage": "x"}', "ValueError"),
        (502, b'{"errorType": "Runtime.ExitError"}', "Runtime.ExitError"),
        (500, b"<html>", "Runtime.Unknown"),
        (200, b'{"statusCode": 200, "errorType": "x"}', ""),
    ],
)
def test_what_the_emulator_says_of_failures(status: int, body: bytes, kind: str) -> None:
    """In four ways; but what has a status is an answer to the gateway, whatever else is in it."""
    if not kind:
        assert read_reply(status, body) == body
        return
    with pytest.raises(FunctionFailed) as failed:
        read_reply(status, body)
    assert failed.value.kind == kind
