"""Images and fields that a request carries."""

from typing import Any

import pytest

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidImage, InvalidRequest, NotFound, UnknownChoice
from image_studio.operations.context import References
from image_studio.operations.single_image import (
    check_style,
    checked_options,
    decode_input,
    quality_of,
    read_image,
    request_fields,
    require,
    unsupported_fields,
)
from image_studio.schemas.limits import Quality
from image_studio.schemas.single_image import EditRequest
from tests.operations.fakes import make_context, photo, to_bytes, to_text


class Shelf(References):
    """A caller with one upload and one finished job."""

    def image(self, reference: str) -> bytes:
        """By its reference."""
        if reference in ("upload:1", "job:2/1", "job:2"):
            return to_bytes(photo(40, 30))
        raise NotFound(f"'{reference}' was not found.")


@pytest.mark.parametrize("reference", ["upload:1", "job:2/1", "job:2"])
def test_references_are_looked_up(reference: str) -> None:
    """The caller's own library is asked."""
    assert decode_input(reference, make_context(references=Shelf())).size == (40, 30)


def test_another_callers_reference_is_not_found() -> None:
    """As if it weren't there."""
    with pytest.raises(NotFound):
        read_image("upload:9", make_context(references=Shelf()))


def test_text_is_decoded() -> None:
    """Raw base64 and data URLs."""
    text = to_text(photo(40, 30))
    assert read_image(text, make_context()) == read_image(f"data:image/png;base64,{text}", make_context())


def test_the_main_image_gets_the_documented_sentence() -> None:
    """`Invalid base64 image payload`, word for word; a further image is named."""
    with pytest.raises(InvalidImage) as caught:
        decode_input("!", make_context())
    assert caught.value.detail == "Invalid base64 image payload"
    with pytest.raises(InvalidImage) as caught:
        decode_input("!", make_context(), "mask_base64")
    assert caught.value.detail == "mask_base64: Invalid base64 image payload"


def test_bytes_that_are_no_image() -> None:
    """Valid base64 of something else says which files are taken."""
    with pytest.raises(InvalidImage, match="not a PNG, JPEG or WebP"):
        decode_input("aGVsbG8=", make_context())


OUTPAINT = load_catalog().operations["edit"].choose("outpaint")
RELIGHT = load_catalog().operations["edit"].choose("relight")


def edit(**fields: Any) -> EditRequest:
    """An edit with an image."""
    return EditRequest(image_base64="x", operation="outpaint", **fields)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, set()),
        ({"mask_base64": ""}, set()),
        ({"mask_base64": "x"}, {"mask"}),
        ({"expand_left": 0}, set()),
        ({"expand_up": 1}, {"expansion"}),
        ({"lighting_image_base64": "x", "prompt": "p"}, {"lighting", "prompt"}),
    ],
)
def test_fields_are_called_as_the_table_calls_them(fields: dict[str, Any], names: set[str]) -> None:
    """Null, empty and a side of 0 give nothing."""
    every = ("mask", "expansion", "lighting", "prompt")
    assert request_fields(edit(**fields), every) == names


def test_a_missing_field_is_the_documented_sentence() -> None:
    """Any side is enough for outpainting."""
    with pytest.raises(InvalidRequest, match="required for"):
        require(OUTPAINT, frozenset())
    require(OUTPAINT, frozenset({"expansion"}))


def test_what_an_operation_has_no_use_for_is_told_by_its_wire_name() -> None:
    """Fields and options; `quality` is everybody's."""
    request = edit(mask_base64="x", expand_left=5, options={"quality": "draft", "shadow": True, "creativity": 0.2})
    told = unsupported_fields(request, OUTPAINT, request_fields(request, ("mask", "expansion")))
    assert told == ["mask_base64", "options.shadow"]


def test_options_are_checked_and_null_is_not_given() -> None:
    """Only the operation's own come through."""
    name = next(iter(RELIGHT.options))
    assert checked_options(RELIGHT, {name: None, "of another operation": 1}) == {}
    with pytest.raises((InvalidRequest, UnknownChoice), match=rf"options\.{name}"):
        checked_options(RELIGHT, {name: ["not", "that"]})


@pytest.mark.parametrize("asked", [*Quality])
def test_a_quality_is_one_of_three(asked: str) -> None:
    """As a word."""
    assert quality_of({"quality": asked}) is Quality(asked)


@pytest.mark.parametrize("options", [{}, {"quality": None}])
def test_nothing_asked_is_standard(options: dict[str, Any]) -> None:
    """Absent and null are the same."""
    assert quality_of(options) is Quality.STANDARD


@pytest.mark.parametrize("asked", ["best", 5, "", True])
def test_another_quality_is_a_400_with_the_list(asked: Any) -> None:
    """The sentence names the option."""
    with pytest.raises(UnknownChoice, match=r"options\.quality.*draft.*standard.*premium"):
        quality_of({"quality": asked})


def test_styles_are_the_catalogs() -> None:
    """Every listed one passes, none is fine, another isn't."""
    for style in load_catalog().styles:
        check_style(style)
    check_style(None)
    with pytest.raises(UnknownChoice, match="style_preset"):
        check_style("no-such-style")
