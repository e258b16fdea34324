"""ADDING.md is true: its steps are carried out on a copy of the tree."""

from pathlib import Path

import pytest

from image_studio import operations
from tests.recipes import PACKAGE, blocks, carry_out, copy_tree, python, steps

PAGE = (Path(operations.__file__).parent / "ADDING.md").read_text()
EDIT, KIND = "Add an edit or a control", "Add a kind of operation"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the layer, the functions and the tests of operations."""
    return copy_tree(tmp_path, "functions", "tests/operations")


@pytest.mark.parametrize("section", [EDIT, KIND])
def test_the_sections_have_five_steps(section: str) -> None:
    """Each recipe is five numbered steps, with something to do in them."""
    assert steps(PAGE, section) == list("12345")
    assert len(blocks(PAGE, section)) >= 4


def test_an_edit_is_data_and_its_words(tree: Path) -> None:
    """The toy is listed, priced, refused with its own sentence, and driven through every model that emulates it."""
    for block in blocks(PAGE, EDIT):
        carry_out(block, tree)
    suite = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "deblur or every_operation")
    run = python(tree, *suite, "tests/operations/test_cells.py")
    assert run.returncode == 0, run.stdout[-2000:]
    assert "5 passed" in run.stdout  # four editors of WaveSpeed, and the table
    told = python(tree, "-c", TOLD)
    assert told.stdout.splitlines() == [
        "wavespeed True",
        "Prompt is required for deblurring",
        "2",
    ], told.stderr[-2000:]


TOLD = """
from image_studio.catalog.check import check
from image_studio.catalog.operations import table
from image_studio.operations.estimate_cost import estimate_cost
from image_studio.operations.operation_info import edit_operations

check()
shown = list(edit_operations()["operations"].items())[-1]
print(shown[1]["provider"], shown[0] == "deblur" and shown[1]["fields"]["prompt"])
print(table("edit").choose("deblur").missing(frozenset()))
print(estimate_cost({"provider": "auto", "operation": "deblur"})["total_cost"])
"""


def test_a_kind_of_operation_by_the_page(tree: Path) -> None:
    """The toy is found by its name, makes its picture, bounds its request and has its route."""
    for block in blocks(PAGE, KIND):
        carry_out(block, tree)
    made = python(tree, "-c", MADE)
    assert made.stdout.splitlines() == ["(96, 96) image/png", "side", "True"], made.stderr[-2000:]


MADE = """
import os, runpy
from pydantic import ValidationError
from image_studio.imaging.gate import open_picture
from image_studio.operations import find_operation
from image_studio.operations.journal import Unwritten
from image_studio.operations.studio import Studio
from tests.operations.workshop import photo, to_text

row, journal = find_operation("thumbnail"), Unwritten()
room = Studio(configured=frozenset(), journal=journal)
request = row.request(image_base64=to_text(photo()), side=96)
assert row.estimate(request, room) == 0
answer = row.run(request, room)
print(open_picture(journal.pictures["1"]).size, answer.stored.mime)
try:
    row.request(image_base64="x", side=513)
except ValidationError as error:
    print(error.errors()[0]["loc"][0])
api = runpy.run_path("functions/social/app.py")["api"]
print(("POST", "/api/image-studio/social/thumbnail") in [(route.method, route.path) for route in api.routes])
"""


def test_what_the_page_shows_passes_the_gates(tree: Path) -> None:
    """As clean as what it stands beside."""
    for block in blocks(PAGE, KIND):
        carry_out(block, tree)
    toys = [f"{PACKAGE}/{folder}/thumbnail.py" for folder in ("schemas", "operations")]
    for tool in (
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("mypy", "--no-incremental", "--cache-dir=/dev/null"),
    ):
        found = python(tree, "-m", *tool, *toys)
        assert found.returncode == 0, found.stdout + found.stderr
