"""Every cell of the table, all the way: our request, the provider's protocol, an image that shows the operation."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from image_studio.imaging.masks import grow, read_mask
from image_studio.operations.context import OperationContext
from image_studio.providers import SPECS
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.client import ProviderClient
from local.emulators import Emulator
from tests.operations.cells import BODIES, CELLS, SIDES, SIZE, Cell
from tests.operations.workshop import block_mask, photo, result

Emulators = dict[str, Emulator]


class Keys:
    """A key for each emulator."""

    def __init__(self, emulators: Emulators) -> None:
        self.emulators = emulators

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials:
        """Its own address."""
        return ProviderCredentials("key", self.emulators[provider].url)


def connected(emulators: Emulators) -> OperationContext:
    """A studio whose providers are the emulators; waiting is short."""
    wire = ProviderClient(sleep=lambda seconds: time.sleep(min(seconds, 0.02)))
    return OperationContext(configured=frozenset(emulators), keyring=Keys(emulators), wire=wire)


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
    """Exactly by the sides; the original lies in it; the new part was painted."""
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
    """One paid call to the right provider, the estimate's price, the answer's fields, an image that shows it."""
    room = connected(emulators)
    request = cell.request()
    reserved = cell.row.estimate(request, room)
    answer: Any = cell.row.run(request, room)
    assert (answer.success, answer.provider, answer.model) == (True, cell.provider, cell.model)
    assert {name: emulator.paid_calls for name, emulator in emulators.items() if emulator.paid_calls} == {
        cell.provider: 1
    }
    asked = [call for call in emulators[cell.provider].calls if call.kind == "generate"]
    assert [(call.status, call.unknown_fields) for call in asked] == [(200, [])]
    assert reserved == price(cell, answer.metadata["native_size"])
    made = result(room)
    assert made.size == (answer.width, answer.height)
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
