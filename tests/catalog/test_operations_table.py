"""The table of operations says what is needed, in the documented sentences."""

import json
import shutil
from pathlib import Path

import pytest

from image_studio.catalog import DATA
from image_studio.catalog.check import check
from image_studio.catalog.operations import Option, table
from image_studio.errors import InvalidRequest, UnknownChoice

SENTENCES = [
    ("edit", "inpaint", set(), "Prompt is required for inpainting"),
    ("edit", "general_edit", set(), "Prompt is required for general edits"),
    ("edit", "search_replace", {"prompt"}, "Both prompt and search_prompt are required for search & replace"),
    ("edit", "search_replace", {"search_prompt"}, "Both prompt and search_prompt are required for search & replace"),
    ("edit", "search_recolor", set(), "Both prompt and select_prompt are required for search & recolor"),
    ("edit", "erase", {"prompt"}, "Mask is required for erasing"),
    ("edit", "relight", set(), "At least one reference (background or lighting) is required for relight"),
    (
        "edit",
        "outpaint",
        {"prompt"},
        "At least one side above 0 (expand_left, expand_right, expand_up or expand_down) is required for outpainting",
    ),
    ("control", "sketch", set(), "Prompt is required for sketch to image"),
    ("control", "style_transfer", {"prompt"}, "Style image is required for style transfer"),
]
COMPLETE = [
    ("edit", "remove_background", set()),
    ("edit", "inpaint", {"prompt"}),
    ("edit", "search_recolor", {"prompt", "select_prompt"}),
    ("edit", "outpaint", {"expansion"}),
    ("edit", "relight", {"lighting"}),
    ("edit", "relight", {"background"}),
    ("edit", "relight", {"prompt"}),
    ("edit", "relight", {"light_source_direction"}),
    ("control", "style_transfer", {"prompt", "style_image"}),
]


@pytest.mark.parametrize(("studio", "operation", "given", "sentence"), SENTENCES)
def test_what_is_missing_is_said_as_documented(studio: str, operation: str, given: set[str], sentence: str) -> None:
    """The sentence follows from what the operation requires."""
    assert table(studio).choose(operation).missing(frozenset(given)) == sentence


@pytest.mark.parametrize(("studio", "operation", "given"), COMPLETE)
def test_nothing_is_missing(studio: str, operation: str, given: set[str]) -> None:
    """What is required is enough."""
    assert table(studio).choose(operation).missing(frozenset(given)) is None


def test_an_unknown_operation_names_the_known() -> None:
    """In their published order."""
    with pytest.raises(UnknownChoice) as caught:
        table("control").choose("depth")
    assert caught.value.detail == "Unknown operation 'depth'. Valid: sketch, structure, style, style_transfer."


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        (Option(low=0, high=100, whole=True), 101, "options.x must be a whole number from 0 to 100."),
        (Option(low=0, high=100, whole=True), 1.5, "options.x must be a whole number from 0 to 100."),
        (Option(low=0, high=100, whole=True), True, "options.x must be a whole number from 0 to 100."),
        (Option(low=0.5, high=1), "1", "options.x must be a number from 0.5 to 1."),
        (Option(low=0, high=1), float("nan"), "options.x must be a number from 0 to 1."),
        (Option(one_of=("a", "b")), "c", "Unknown options.x 'c'. Valid: a, b."),
        (Option(one_of=("a", "b")), ["a"], "Unknown options.x '['a']'. Valid: a, b."),
        (Option(text=True), 7, "options.x must be a text of at most 10,000 characters."),
        (Option(text=True), "x" * 10_001, "options.x must be a text of at most 10,000 characters."),
    ],
)
def test_options_are_checked(option: Option, value: object, sentence: str) -> None:
    """What doesn't fit is explained."""
    with pytest.raises(InvalidRequest) as caught:
        option.check("x", value)
    assert caught.value.detail == sentence


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (Option(low=0, high=100, whole=True), 0),
        (Option(low=0, high=100, whole=True), 100),
        (Option(), 0.0),
        (Option(one_of=("a", "b")), "b"),
        (Option(text=True), ""),
    ],
)
def test_values_at_the_bounds_are_values(option: Option, value: object) -> None:
    """Zero and both ends are taken as they are."""
    assert option.check("x", value) == value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shows": ["color"]}, "shows a field that is no flag"),
        ({"requires": [["color"]]}, "requires a field that it neither shows nor takes"),
        ({"options": {"x": {"low": 0}}}, "an option has either low and high, or one_of, or text"),
        ({"options": {"x": {"low": 0, "high": 1, "default": 2}}}, "an option's default lies within its bounds"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_wrong_row_is_found_by_the_check(tmp_path: Path, change: dict[str, object], said: str) -> None:
    """Before anything is shipped."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    path = folder / "operations/edit.json"
    document = json.loads(path.read_text())
    document["operations"]["inpaint"] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=said):
        check(folder)
