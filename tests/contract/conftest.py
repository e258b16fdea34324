"""A stack whose providers may fail: what its workers learn from that doesn't reach other tests."""

from collections.abc import Iterator

import pytest

from local.stack import Options, Stack
from tests.contract.caller import Caller


@pytest.fixture(scope="session")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose providers may fail: what its workers learn from that stays here."""
    with Stack(Options(state=tmp_path_factory.mktemp("faults"))) as stack:
        yield stack


@pytest.fixture
def studio(own_stack: Stack) -> Iterator[Stack]:
    """The stack with nothing recorded, and every provider well afterwards."""
    for emulator in own_stack.emulators.values():
        emulator.reset()
    yield own_stack
    caller = Caller(own_stack)
    for name, emulator in own_stack.emulators.items():
        if any(call.status >= 400 or call.fault for call in emulator.calls):
            emulator.reset()
            assert caller.create("All is well", provider=name).status_code == 200
