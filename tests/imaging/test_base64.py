"""Base64 and data URLs."""

import pytest

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import decode_base64


@pytest.mark.parametrize(
    "text",
    ["aGk=", "data:image/png;base64,aGk=", "DATA:image/PNG;BASE64,aGk=", "data:image/png;name=a.png;base64,aGk="],
)
def test_raw_base64_and_data_urls_are_read(text: str) -> None:
    assert decode_base64(text) == b"hi"


URLS = ["data:text/plain;base64,aGk=", "data:image/png,aGk=", "data:image/png;base64", "https://example.com/a.png"]


@pytest.mark.parametrize(
    "text",
    ["", "data:image/png;base64,", "aGk", "aG k=", "aGk=\n", "-_8=", "é", f"data:image/{'p' * 200};base64,aGk=", *URLS],
)
def test_anything_else_gets_the_documented_sentence(text: str) -> None:
    """Strictly: no spaces, no missing padding, no other alphabet, no other media type."""
    with pytest.raises(InvalidImage) as caught:
        decode_base64(text)
    assert caught.value.detail == "Invalid base64 image payload"
