"""A new model is one row of data: it is listed, priced, chosen and run, and its test is one row here."""

from dataclasses import replace

import pytest

from image_studio import operations, providers
from image_studio.operations import choose_model, edit_models, one_picture, upscale_mode
from image_studio.operations.estimate_cost import estimate_cost
from image_studio.providers import wavespeed
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec
from image_studio.providers.wording import TELLABLE
from local.emulators import Emulator
from tests.operations.cells import Cell
from tests.operations.test_cells import connected
from tests.operations.workshop import result

#: The row, as it would stand in a provider's file: a second name for an editor that WaveSpeed serves.
ROW = ModelSpec(
    name="qwen-edit-next",
    wire="wavespeed-ai/qwen-image/edit",
    operations=frozenset({"edit.general_edit"}),
    emulates=frozenset({"edit.search_replace"}),
    usd=0.031,
    sizes=FreeSize(256, 1536),
    accepts=frozenset({"prompt", "image", "seed"}) | TELLABLE,
    worded=TELLABLE,
    formats=("png",),
    pictures=1,
    inputs=InputLimits(min_side=64, max_side=1536),
)
#: The test rows: each of its operations, and its credits.
TEST_ROWS = [("edit.general_edit", 4), ("edit.search_replace", 4)]


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's file with one more row."""
    spec = replace(wavespeed.SPEC, models=(*wavespeed.SPEC.models, ROW))
    monkeypatch.setattr(wavespeed, "SPEC", spec)
    specs = tuple(spec if each.name == spec.name else each for each in providers.SPECS)
    for module in (providers, choose_model, edit_models, one_picture, upscale_mode):
        monkeypatch.setattr(module, "SPECS", specs)


@pytest.mark.parametrize(("operation", "credits"), TEST_ROWS)
def test_a_row_is_enough(operation: str, credits: int, emulators: dict[str, Emulator]) -> None:
    """Listed, priced and run to the picture, without a line of code."""
    cell = Cell(operation, "wavespeed", ROW.name)
    short = operation.partition(".")[2]
    assert ROW.name in {model["id"] for model in edit_models.edit_models(short)["models"]}
    body = {"provider": "wavespeed", "model": ROW.name, "operation": operation}
    assert estimate_cost(body)["total_cost"] == credits
    room = connected(emulators)
    row = operations.find_operation("edit")
    assert row.estimate(cell.request(), room) == credits
    answer = row.run(cell.request(), room)
    assert (answer.provider, answer.model) == ("wavespeed", ROW.name)
    assert result(room).size == (answer.width, answer.height)
    assert emulators["wavespeed"].paid_calls == 1
