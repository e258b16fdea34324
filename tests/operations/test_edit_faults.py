"""What providers do wrong on edits, upscales and controls, and what a caller is told."""

import time
from typing import Any

import pytest

from image_studio.errors import JobFailed, ProviderUnavailable
from image_studio.operations import find_operation
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry, NullJournal, Stage
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.client import ProviderClient, StillRunning
from local.emulators import Emulator
from tests.operations.cells import Cell
from tests.operations.workshop import result_bytes

Emulators = dict[str, Emulator]
INPAINT = Cell("edit.inpaint", "stability", "inpaint")
RELIGHT = Cell("edit.relight", "stability", "replace-background-and-relight")
CREATIVE = Cell("upscale.creative", "stability", "creative")
SKETCH = Cell("control.sketch", "stability", "sketch")
QWEN = Cell("edit.general_edit", "wavespeed", "qwen-edit")


class Keys:
    """A key for each emulator."""

    def __init__(self, emulators: Emulators) -> None:
        self.emulators = emulators

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials:
        """Its own address."""
        return ProviderCredentials("key", self.emulators[provider].url)


class Memory(NullJournal):
    """A journal that outlives a run."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, Entry] = {}
        self.data: dict[int, bytes] = {}

    def entry(self, variation: int) -> Entry:
        """As it was last noted."""
        return self.known.get(variation, Entry(variation=variation))

    def _note(self, entry: Entry) -> None:
        self.known[entry.variation] = entry

    intend = order = release = fail = _note

    def receive(self, variation: int, data: bytes) -> None:
        """Keep the provider's bytes."""
        self.data[variation] = data

    def received(self, variation: int) -> bytes | None:
        """What an earlier run received."""
        return self.data.get(variation)

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        """Keep the image and the entry."""
        done = super().keep(entry, data, mime)
        self._note(done)
        return done


def connected(emulators: Emulators, **more: Any) -> OperationContext:
    """A studio whose providers are the emulators; waiting is short."""
    wire = ProviderClient(sleep=lambda seconds: time.sleep(min(seconds, 0.02)))
    return OperationContext(configured=frozenset(emulators), keyring=Keys(emulators), wire=wire, **more)


def run(cell: Cell, room: OperationContext, **body: Any) -> Any:
    """The cell's operation."""
    return find_operation(cell.operation.partition(".")[0]).run(cell.request(**body), room)


@pytest.mark.parametrize("cell", [INPAINT, SKETCH], ids=str)
@pytest.mark.parametrize("marker", ["filtered", "moderated", "422"])
def test_moderation_is_the_callers_to_mend(cell: Cell, marker: str, emulators: Emulators) -> None:
    """A blurred 200, a 403 and a 422 are 400 `content_refused`; nothing is charged, nobody else is asked."""
    emulators["stability"].script(f"[[fault={marker}]]")
    with pytest.raises(JobFailed) as caught:
        run(cell, connected(emulators))
    assert (caught.value.status, caught.value.code) == (400, "content_refused")
    assert sum(emulator.charged for emulator in emulators.values()) == 0


@pytest.mark.parametrize(
    ("cell", "marker", "code"),
    [
        (INPAINT, "402", "provider_unavailable"),
        (INPAINT, "413", "provider_failed"),
        (SKETCH, "429", "provider_unavailable"),
        (QWEN, "402", "provider_unavailable"),
        (QWEN, "failed", "provider_failed"),
        (INPAINT, "reset", "unknown_charge"),
        (INPAINT, "html502", "unknown_charge"),
        (INPAINT, "mime", "unknown_charge"),
        (INPAINT, "notimage", "provider_failed"),
        (QWEN, "5004", None),
    ],
)
def test_a_provider_that_was_asked_for_fails(cell: Cell, marker: str, code: str | None, emulators: Emulators) -> None:
    """A 500 with its code, at most one paid call; WaveSpeed's sync timeout is only a wait."""
    emulators[cell.provider].script(f"[[fault={marker}]]", times=10)
    if code is None:
        assert run(cell, connected(emulators)).success
    else:
        with pytest.raises(JobFailed) as caught:
            run(cell, connected(emulators))
        assert (caught.value.status, caught.value.code) == (500, code)
    assert emulators[cell.provider].paid_calls <= 1


def test_what_was_surely_free_falls_back(emulators: Emulators) -> None:
    """Stability without credit: the next provider that can inpaint does it, in one paid call."""
    emulators["stability"].script("[[fault=402]]")
    answer = run(INPAINT, connected(emulators), provider=None, model=None)
    assert answer.provider != "stability"
    assert sum(emulator.paid_calls for emulator in emulators.values()) == 1


@pytest.mark.parametrize("cell", [RELIGHT, CREATIVE], ids=str)
def test_asynchronous_operations_are_polled(cell: Cell, emulators: Emulators) -> None:
    """202 while running, then the image; one submit."""
    emulators["stability"].script("[[polls=3]]")
    assert run(cell, connected(emulators)).success
    calls = emulators["stability"].calls
    assert [call.kind for call in calls].count("generate") == 1
    assert [call.status for call in calls if call.kind == "poll"] == [202, 202, 202, 200]


@pytest.mark.parametrize("cell", [RELIGHT, CREATIVE], ids=str)
def test_a_long_operation_goes_on_in_another_run(cell: Cell, emulators: Emulators) -> None:
    """A worker that may not wait gives the job back with its handle; the next one polls it, and pays nothing more."""
    emulators["stability"].script("[[polls=2]]")
    journal = Memory()
    with pytest.raises(StillRunning) as running:
        run(cell, connected(emulators, journal=journal, hold=5.0))
    assert running.value.wait == 10.0
    assert journal.known[1].stage is Stage.ORDERED
    answer = run(cell, connected(emulators, journal=journal))
    assert answer.success
    assert emulators["stability"].paid_calls == 1
    assert result_bytes(connected(emulators, journal=journal))


def test_a_run_that_died_after_the_image_came_is_finished_without_a_call(emulators: Emulators) -> None:
    """The bytes are there: they are polished as the model that made them needs it, padding and all."""
    journal = Memory()
    cell = Cell("edit.outpaint", "gemini", "gemini-3.1-flash-image")
    first = connected(emulators, journal=journal)
    expected = run(cell, first)
    data = result_bytes(first)
    journal.known[1] = journal.known[1].with_(stage=Stage.ORDERED, handle=None)
    again = connected(emulators, journal=journal)
    answer = run(cell, again)
    assert (answer.width, answer.height) == (expected.width, expected.height)
    assert result_bytes(again) == data
    assert emulators["gemini"].paid_calls == 1


def test_nobody_is_configured(emulators: Emulators) -> None:
    """Told before anything is reserved."""
    room = OperationContext(configured=frozenset(), keyring=Keys(emulators))
    with pytest.raises(ProviderUnavailable):
        find_operation("control").estimate(SKETCH.request(provider=None, model=None), room)
