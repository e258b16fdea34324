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


class Stored(References):
    """A caller with one upload, one finished job and one stored input."""

    def image(self, reference: str) -> bytes:
        if reference in ("upload:1", "job:2/1", "job:2", "input:3"):
            return to_bytes(photo(40, 30))
        raise NotFound(f"'{reference}' was not found.")


def test_references_are_looked_up() -> None:
    """Another caller's is not found."""
    context = make_context(references=Stored())
    for reference in ("upload:1", "job:2/1", "job:2", "input:3"):
        assert decode_input(reference, context).size == (40, 30)
    with pytest.raises(NotFound):
        read_image("upload:9", context)


def test_the_main_image_gets_the_documented_sentence() -> None:
    """`Invalid base64 image payload`, word for word; a further image is named."""
    text = to_text(photo(40, 30))
    assert read_image(f"data:image/png;base64,{text}", make_context()) == to_bytes(photo(40, 30))
    for field, sentence in ((None, ""), ("mask_base64", "mask_base64: ")):
        with pytest.raises(InvalidImage) as caught:
            decode_input("!", make_context(), field)
        assert caught.value.detail == f"{sentence}Invalid base64 image payload"
    with pytest.raises(InvalidImage, match="not a PNG, JPEG or WebP"):
        decode_input("aGVsbG8=", make_context())


OUTPAINT = load_catalog().operations["edit"].choose("outpaint")
RELIGHT = load_catalog().operations["edit"].choose("relight")


def edit(**fields: Any) -> EditRequest:
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
    assert request_fields(edit(**fields), ("mask", "expansion", "lighting", "prompt")) == names


def test_a_missing_field_is_the_documented_sentence() -> None:
    """Any side is enough for outpainting."""
    with pytest.raises(InvalidRequest, match="required for"):
        require(OUTPAINT, frozenset())
    require(OUTPAINT, frozenset({"expansion"}))


def test_what_an_operation_has_no_use_for_has_its_requests_name() -> None:
    """Fields and options; `quality` is everybody's."""
    request = edit(mask_base64="x", expand_left=5, options={"quality": "draft", "shadow": True, "creativity": 0.2})
    unsupported = unsupported_fields(request, OUTPAINT, request_fields(request, ("mask", "expansion")))
    assert unsupported == ["mask_base64", "options.shadow"]


def test_options_are_checked_and_null_is_not_given() -> None:
    """Only the operation's own come through."""
    name = next(iter(RELIGHT.options))
    assert checked_options(RELIGHT, {name: None, "of another operation": 1}) == {}
    with pytest.raises((InvalidRequest, UnknownChoice), match=rf"options\.{name}"):
        checked_options(RELIGHT, {name: ["not", "that"]})


def test_a_quality_is_one_of_three() -> None:
    """As a word; standard where it is absent or null. The sentence names the option."""
    for quality in Quality:
        assert quality_of({"quality": quality.value}) is quality
    for options in ({}, {"quality": None}):
        assert quality_of(options) is Quality.STANDARD
    for wrong in ("best", 5, "", True):
        with pytest.raises(UnknownChoice, match=r"options\.quality.*draft.*standard.*premium"):
            quality_of({"quality": wrong})


def test_styles_are_the_catalogs() -> None:
    for style in (*load_catalog().styles, None):
        check_style(style)
    with pytest.raises(UnknownChoice, match="style_preset"):
        check_style("no-such-style")
