"""Images that a request carries, and its quality. What is refused and ignored is in the tests of the operations."""

import pytest

from image_studio.errors import InvalidImage, NotFound, UnknownChoice
from image_studio.operations.context import References
from image_studio.operations.single_image import decode_input, quality_of, read_image
from image_studio.schemas.limits import Quality
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


def test_a_quality_is_one_of_three() -> None:
    """As a word; standard where it is absent or null. The sentence names the option."""
    for quality in Quality:
        assert quality_of({"quality": quality.value}) is quality
    for options in ({}, {"quality": None}):
        assert quality_of(options) is Quality.STANDARD
    for wrong in ("best", 5, "", True):
        with pytest.raises(UnknownChoice, match=r"options\.quality.*draft.*standard.*premium"):
            quality_of({"quality": wrong})
