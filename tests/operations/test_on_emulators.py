"""What only a provider's emulator shows: operations by the models that can do them, faults, long waits."""

import io
import math
from typing import Any

import pytest
from PIL import Image

from image_studio.errors import JobFailed
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Stage
from image_studio.providers import find_model
from image_studio.providers.client import StillRunning
from local.emulators import Emulator
from tests.operations.cells import BY_PROVIDER, CELLS, SIDES, SIZE, Cell
from tests.operations.fakes import RecordingJournal, emulator_context, photo, result, result_bytes, to_text

Emulators = dict[str, Emulator]


def run(cell: Cell, context: OperationContext, **more: Any) -> Any:
    return cell.row.run(cell.request(**more), context)


#: Width x height by operation, where it isn't the input's. None: as large as the model makes it.
SIZES = {
    "edit.outpaint": (SIZE[0] + SIDES["expand_left"], SIZE[1] + SIDES["expand_up"]),
    **dict.fromkeys(("upscale.fast", "upscale.conservative", "upscale.creative"), (1080, 810)),
    "control.style": (1360, 765),
    "control.style_transfer": None,
}
#: Searches by a provider's first model only: the others get them as a general edit in other words.
CALLED = [cell for cell in CELLS if cell in BY_PROVIDER or not cell.operation.startswith("edit.search")]


#: Fields and the words by which the provider's request shows them.
SHOWN = {"negative_prompt": "smudges", "style_preset": "anime", "seed": "987654"}


#: Providers whose emulator charges the published price, and its unit in credits. Hugging Face publishes none.
BILLED = {"stability": 1, "wavespeed": 100, "gemini": 100, "bedrock": 100}


@pytest.mark.parametrize("cell", CALLED, ids=str)
def test_a_cell(cell: Cell, emulators: Emulators) -> None:
    """One paid call to the right provider, the estimate's price, the response's fields; what isn't sent is named."""
    context = emulator_context(emulators)
    reserved = cell.row.estimate(cell.request(), context)
    response = run(cell, context, **SHOWN)
    assert (response.success, response.provider, response.model) == (True, cell.provider, cell.model)
    assert [name for name in emulators if emulators[name].paid_calls] == [cell.provider]
    (call,) = [call for call in emulators[cell.provider].calls if call.kind == "generate"]
    assert (call.status, call.unknown_fields) == (200, [])
    ignored = response.metadata.get("ignored", [])
    assert [name for name, word in SHOWN.items() if word not in str(call.fields)] == [n for n in SHOWN if n in ignored]
    _, model = find_model(cell.provider, cell.model)
    sizes = model.sizes if isinstance(model.sizes, tuple) else ()
    native = {f"{size.width}x{size.height}": size for size in sizes}.get(response.metadata["native_size"])
    assert reserved == model.price(native)
    if cell.provider in BILLED and not model.credits:
        assert reserved == math.ceil(round(emulators[cell.provider].charged * BILLED[cell.provider], 6))
    size = result(context).size
    assert size == (response.width, response.height) == (SIZES.get(cell.operation, SIZE) or size)
    assert getattr(response, "mode" if cell.row.name == "upscale" else "operation") == cell.operation.partition(".")[2]


INPAINT = Cell("edit.inpaint", "stability", "inpaint")
SKETCH = Cell("control.sketch", "stability", "sketch")
QWEN = Cell("edit.general_edit", "wavespeed", "qwen-edit")


@pytest.mark.parametrize(
    ("cell", "marker", "status", "code"),
    [
        (INPAINT, "filtered", 400, "content_refused"),
        (SKETCH, "moderated", 400, "content_refused"),
        (SKETCH, "429", 500, "provider_unavailable"),
        (QWEN, "402", 500, "provider_unavailable"),
        (QWEN, "failed", 500, "unknown_charge"),
        (INPAINT, "413", 500, "provider_failed"),
        (INPAINT, "reset", 500, "unknown_charge"),
        (INPAINT, "notimage", 500, "unknown_charge"),
    ],
)
def test_a_requested_provider_fails(cell: Cell, marker: str, status: int, code: str, emulators: Emulators) -> None:
    """At most one paid call, to nobody else; refused content is the caller's to correct, and free."""
    emulators[cell.provider].script(f"[[fault={marker}]]", times=10)
    with pytest.raises(JobFailed) as caught:
        run(cell, emulator_context(emulators))
    assert (caught.value.status, caught.value.code) == (status, code)
    assert sum(emulator.paid_calls for emulator in emulators.values()) <= 1
    if status == 400:
        assert emulators[cell.provider].charged == 0


@pytest.mark.parametrize("size", [(1000, 300), (300, 1000)])
def test_a_narrow_style_is_cropped_for_a_model_that_refuses_it(size: tuple[int, int], emulators: Emulators) -> None:
    """Only for such a model: Stability's own API takes any ratio."""
    style = to_text(photo(*size))
    for provider, ratio in (("bedrock", 2.5), ("stability", 1000 / 300)):
        cell = Cell("control.style_transfer", provider, "style-transfer")
        assert run(cell, emulator_context(emulators), style_image_base64=style).success
        (call,) = emulators[provider].calls
        with Image.open(io.BytesIO(call.images["style_image"])) as sent:
            assert max(sent.size) / min(sent.size) == pytest.approx(ratio)


def test_a_long_operation_goes_on_in_another_run(emulators: Emulators) -> None:
    """A worker that may not wait gives the job back with its handle; the next one polls it, and pays nothing more."""
    emulators["stability"].script("[[polls=2]]")
    cell = Cell("edit.relight", "stability", "replace-background-and-relight")
    journal = RecordingJournal()
    with pytest.raises(StillRunning) as running:
        run(cell, emulator_context(emulators, journal=journal, wait_seconds=5.0))
    assert (running.value.wait, journal.entries[1].stage) == (10.0, Stage.ORDERED)
    assert run(cell, emulator_context(emulators, journal=journal)).success
    assert emulators["stability"].paid_calls == 1


def test_a_run_that_died_after_the_image_came_is_finished_without_a_call(emulators: Emulators) -> None:
    """The received bytes are encoded as the model that made them needs it, padding and all."""
    journal = RecordingJournal()
    cell = Cell("edit.outpaint", "gemini", "gemini-nano-banana-2.1")
    first, again = (emulator_context(emulators, journal=journal) for _ in range(2))
    expected = run(cell, first)
    data = result_bytes(first)
    journal.entries[1] = journal.entries[1].with_(stage=Stage.ORDERED, handle=None)
    response = run(cell, again)
    assert (response.width, response.height) == (expected.width, expected.height)
    assert result_bytes(again) == data
    assert emulators["gemini"].paid_calls == 1
