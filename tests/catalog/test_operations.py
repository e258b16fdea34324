"""Operations: what they require, in the documented sentences, and what their options accept."""

import pytest

from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import Option
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


@pytest.mark.parametrize(("group", "operation", "fields", "sentence"), SENTENCES)
def test_the_sentence_for_what_is_missing(group: str, operation: str, fields: set[str], sentence: str) -> None:
    assert load_catalog().operations[group].choose(operation).missing(frozenset(fields)) == sentence


@pytest.mark.parametrize(("group", "operation", "fields"), COMPLETE)
def test_what_is_required_is_enough(group: str, operation: str, fields: set[str]) -> None:
    assert load_catalog().operations[group].choose(operation).missing(frozenset(fields)) is None


def test_an_unknown_operation_names_the_known() -> None:
    """In their published order."""
    with pytest.raises(UnknownChoice) as caught:
        load_catalog().operations["control"].choose("depth")
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
    with pytest.raises(InvalidRequest) as caught:
        option.check("x", value)
    assert caught.value.detail == sentence


def test_values_at_the_limits_are_accepted() -> None:
    """Zero and both ends are returned as they are."""
    for value in (0, 100):
        assert Option(low=0, high=100, whole=True).check("x", value) == value
    assert Option(low=0, high=1).check("x", 0.0) == 0.0
    assert Option(one_of=("a", "b")).check("x", "b") == "b"
    for text in ("", "x" * 10_000):
        assert Option(text=True).check("x", text) == text
