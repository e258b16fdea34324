"""Every operation by every model against the emulators, and what providers do wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from image_studio.errors import JobFailed, ProviderUnavailable
from image_studio.imaging.masks import grow, read_mask
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Stage
from image_studio.operations.table import find_operation
from image_studio.providers import SPECS
from image_studio.providers.client import StillRunning
from local.emulators import Emulator
from tests.operations.cells import BODIES, CELLS, SIDES, SIZE, Cell
from tests.operations.fakes import (
    FakeCredentials,
    RecordingJournal,
    block_mask,
    emulator_context,
    photo,
    result,
    result_bytes,
)

Emulators = dict[str, Emulator]


def changed(made: Image.Image, image: Image.Image) -> float:
    """Mean difference of two images of one size, 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(made.convert("RGB"), image)).mean)


def background_is_gone(made: Image.Image, image: Image.Image) -> None:
    """Corners transparent, the disc's middle opaque."""
    assert (made.mode, made.size) == ("RGBA", image.size)
    assert made.getpixel((3, 3))[3] < 40  # type: ignore[index]
    assert made.getpixel((SIZE[0] // 2, SIZE[1] // 2))[3] > 200  # type: ignore[index]


def only_the_mask_changed(made: Image.Image, image: Image.Image) -> None:
    """Outside of the grown mask to the bit; inside something else is there."""
    grown = grow(read_mask(block_mask(*SIZE).convert("RGB"), *SIZE), 5)
    hole = Image.new("RGB", SIZE)
    assert Image.composite(hole, made, grown).tobytes() == Image.composite(hole, image, grown).tobytes()
    box = block_mask(*SIZE).getbbox()
    assert changed(made.crop(box), image.crop(box)) > 8


def the_canvas_is_larger(made: Image.Image, image: Image.Image) -> None:
    """Exactly by the sides; the original lies in it; the new part was corner_image."""
    left, up = SIDES["expand_left"], SIDES["expand_up"]
    assert made.size == (SIZE[0] + left, SIZE[1] + up)
    assert made.crop((left, up, left + SIZE[0], up + SIZE[1])).tobytes() == image.tobytes()
    assert made.crop((0, 0, left, made.height)).getextrema() != ((128, 128),) * 3
    assert len(made.crop((0, 0, left, made.height)).getcolors(100_000) or [0] * 100) > 50


def something_changed(made: Image.Image, image: Image.Image) -> None:
    """Of the same size, and not the same."""
    assert made.size == image.size
    assert changed(made, image) > 2


def it_is_larger(made: Image.Image, image: Image.Image) -> None:
    """1080 pixels on the long side, and still the same scene."""
    assert made.size == (1080, 810)
    assert changed(made.resize(image.size, Image.Resampling.BOX), image) < 40


def it_is_new(made: Image.Image, image: Image.Image) -> None:
    """16:9, not the reference."""
    assert made.size == (1360, 765)
    assert changed(made.resize(image.size), image) > 8


def it_is_restyled(made: Image.Image, image: Image.Image) -> None:
    """In the content's shape, changed."""
    assert made.width / made.height == pytest.approx(SIZE[0] / SIZE[1], rel=0.02)
    assert changed(made.resize(image.size), image) > 4


SHOWS: dict[str, Callable[[Image.Image, Image.Image], None]] = {
    "edit.remove_background": background_is_gone,
    "edit.inpaint": only_the_mask_changed,
    "edit.erase": only_the_mask_changed,
    "edit.outpaint": the_canvas_is_larger,
    "upscale.fast": it_is_larger,
    "upscale.conservative": it_is_larger,
    "upscale.creative": it_is_larger,
    "control.style": it_is_new,
    "control.style_transfer": it_is_restyled,
}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_cell(cell: Cell, emulators: Emulators) -> None:
    """One paid call to the right provider, the estimate's price, the response's fields, an image that shows it."""
    context = emulator_context(emulators)
    request = cell.request()
    reserved = cell.row.estimate(request, context)
    response: Any = cell.row.run(request, context)
    assert (response.success, response.provider, response.model) == (True, cell.provider, cell.model)
    assert {name: emulator.paid_calls for name, emulator in emulators.items() if emulator.paid_calls} == {
        cell.provider: 1
    }
    asked = [call for call in emulators[cell.provider].calls if call.kind == "generate"]
    assert [(call.status, call.unknown_fields) for call in asked] == [(200, [])]
    assert reserved == price(cell, response.metadata["native_size"])
    made = result(context)
    assert made.size == (response.width, response.height)
    SHOWS.get(cell.operation, something_changed)(made, photo(*SIZE))


def price(cell: Cell, native: str) -> int:
    """What an image of the size that came back costs by the specs."""
    spec = next(spec for spec in SPECS if spec.name == cell.provider)
    model = spec.model(cell.model)
    assert model is not None
    by_size = (
        {f"{size.width}x{size.height}": size for size in model.sizes or ()} if isinstance(model.sizes, tuple) else {}
    )
    return model.price(by_size.get(native))


def test_every_operation_of_the_table_has_a_cell() -> None:
    """And every cell's operation is in the table: nothing is listed that nobody does."""
    assert {cell.operation for cell in CELLS} == set(BODIES)
    done = {name for spec in SPECS for model in spec.live_models() for name in model.operations | model.emulates}
    assert done - {"create"} == set(BODIES)


INPAINT = Cell("edit.inpaint", "stability", "inpaint")
RELIGHT = Cell("edit.relight", "stability", "replace-background-and-relight")
CREATIVE = Cell("upscale.creative", "stability", "creative")
SKETCH = Cell("control.sketch", "stability", "sketch")
QWEN = Cell("edit.general_edit", "wavespeed", "qwen-edit")


def run(cell: Cell, context: OperationContext, **body: Any) -> Any:
    """The cell's operation."""
    return find_operation(cell.operation.partition(".")[0]).run(cell.request(**body), context)


@pytest.mark.parametrize("cell", [INPAINT, SKETCH], ids=str)
@pytest.mark.parametrize("marker", ["filtered", "moderated", "422"])
def test_moderation_is_the_callers_to_mend(cell: Cell, marker: str, emulators: Emulators) -> None:
    """A blurred 200, a 403 and a 422 are 400 `content_refused`; nothing is charged, nobody else is asked."""
    emulators["stability"].script(f"[[fault={marker}]]")
    with pytest.raises(JobFailed) as caught:
        run(cell, emulator_context(emulators))
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
        assert run(cell, emulator_context(emulators)).success
    else:
        with pytest.raises(JobFailed) as caught:
            run(cell, emulator_context(emulators))
        assert (caught.value.status, caught.value.code) == (500, code)
    assert emulators[cell.provider].paid_calls <= 1


@pytest.mark.parametrize("cell", [RELIGHT, CREATIVE], ids=str)
def test_asynchronous_operations_are_polled(cell: Cell, emulators: Emulators) -> None:
    """202 while running, then the image; one submit."""
    emulators["stability"].script("[[polls=3]]")
    assert run(cell, emulator_context(emulators)).success
    calls = emulators["stability"].calls
    assert [call.kind for call in calls].count("generate") == 1
    assert [call.status for call in calls if call.kind == "poll"] == [202, 202, 202, 200]


@pytest.mark.parametrize("cell", [RELIGHT, CREATIVE], ids=str)
def test_a_long_operation_goes_on_in_another_run(cell: Cell, emulators: Emulators) -> None:
    """A worker that may not wait gives the job back with its handle; the next one polls it, and pays nothing more."""
    emulators["stability"].script("[[polls=2]]")
    journal = RecordingJournal()
    with pytest.raises(StillRunning) as running:
        run(cell, emulator_context(emulators, journal=journal, hold_seconds=5.0))
    assert running.value.wait == 10.0
    assert journal.entries[1].stage is Stage.ORDERED
    response = run(cell, emulator_context(emulators, journal=journal))
    assert response.success
    assert emulators["stability"].paid_calls == 1
    assert result_bytes(emulator_context(emulators, journal=journal))


def test_a_run_that_died_after_the_image_came_is_finished_without_a_call(emulators: Emulators) -> None:
    """The bytes are there: they are polished as the model that made them needs it, padding and all."""
    journal = RecordingJournal()
    cell = Cell("edit.outpaint", "gemini", "gemini-3.1-flash-image")
    first = emulator_context(emulators, journal=journal)
    expected = run(cell, first)
    data = result_bytes(first)
    journal.entries[1] = journal.entries[1].with_(stage=Stage.ORDERED, handle=None)
    again = emulator_context(emulators, journal=journal)
    response = run(cell, again)
    assert (response.width, response.height) == (expected.width, expected.height)
    assert result_bytes(again) == data
    assert emulators["gemini"].paid_calls == 1


def test_nobody_is_configured(emulators: Emulators) -> None:
    """Told before anything is reserved."""
    context = OperationContext(configured=frozenset(), credentials=FakeCredentials(emulators))
    with pytest.raises(ProviderUnavailable):
        find_operation("control").estimate(SKETCH.request(provider=None, model=None), context)
