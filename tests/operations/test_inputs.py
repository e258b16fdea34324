"""An image may come as text, or as a reference to something of the caller's own."""

import pytest

from image_studio.errors import InvalidImage, NotFound
from image_studio.operations.context import EmptyLibrary
from image_studio.operations.inputs import decode_input, read_image
from tests.operations.workshop import photo, studio, to_bytes, to_text


class Shelf(EmptyLibrary):
    """A caller with one upload and one finished job."""

    def image(self, reference: str) -> bytes:
        """By its reference."""
        if reference in ("upload:1", "job:2/1", "job:2"):
            return to_bytes(photo(40, 30))
        raise NotFound(f"'{reference}' was not found.")


@pytest.mark.parametrize("reference", ["upload:1", "job:2/1", "job:2"])
def test_references_are_looked_up(reference: str) -> None:
    """The caller's own library is asked."""
    assert decode_input(reference, studio(library=Shelf())).size == (40, 30)


def test_another_callers_reference_is_not_found() -> None:
    """As if it weren't there."""
    with pytest.raises(NotFound):
        read_image("upload:9", studio(library=Shelf()))


def test_text_is_decoded() -> None:
    """Raw base64 and data URLs."""
    text = to_text(photo(40, 30))
    assert read_image(text, studio()) == read_image(f"data:image/png;base64,{text}", studio())


def test_the_main_image_gets_the_documented_sentence() -> None:
    """`Invalid base64 image payload`, word for word; a further image is named."""
    with pytest.raises(InvalidImage) as caught:
        decode_input("!", studio())
    assert caught.value.detail == "Invalid base64 image payload"
    with pytest.raises(InvalidImage) as caught:
        decode_input("!", studio(), "mask_base64")
    assert caught.value.detail == "mask_base64: Invalid base64 image payload"


def test_bytes_that_are_no_image() -> None:
    """Valid base64 of something else says which files are taken."""
    with pytest.raises(InvalidImage, match="not a PNG, JPEG or WebP"):
        decode_input("aGVsbG8=", studio())
