"""The shared stack for tests in which providers fail, and a stack of its own for keys and for long waits."""

from collections.abc import Iterator

import pytest

from local.stack import Options, Stack
from tests.contract.caller import Caller
from tests.contract.witness import recorded, secret, until


@pytest.fixture
def stack_with_faults(stack: Stack) -> Iterator[Stack]:
    """The shared stack, and every provider that failed works again afterwards."""
    yield stack
    caller = Caller(stack)
    for name, emulator in stack.emulators.items():
        if any(call.status >= 400 or call.fault for call in emulator.calls):
            emulator.reset()
            assert caller.create("All is well", provider=name).status_code == 200


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which only WaveSpeed has a key, and no request waits longer than a second."""
    state = tmp_path_factory.mktemp("lone")
    with Stack(
        Options(state=state, variables={"WAIT_SECONDS": "1", "BEDROCK_REGION": ""}, schedule_seconds=1e6)
    ) as stack:
        secret(stack, STABILITY_API_KEY="", HF_TOKEN="", GEMINI_API_KEY="")  # before anything has read it
        stack.tick()
        until(lambda: recorded(stack) == ["wavespeed"])
        yield stack
