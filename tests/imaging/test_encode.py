"""Encoding: types, transparency, metadata."""

import io

import pytest
from PIL import Image

from image_studio.imaging.decode import read_info
from image_studio.imaging.encode import encode
from image_studio.schemas.common import FileType
from tests.imaging.drawn import photo, see_through


@pytest.mark.parametrize("file_type", list(FileType))
def test_bytes_are_what_they_say(file_type: FileType) -> None:
    """Type and size of the content agree with what was asked."""
    found = read_info(encode(photo(123, 45), file_type))
    assert (found.width, found.height, found.file_type) == (123, 45, file_type)


def test_png_loses_nothing() -> None:
    """Every pixel comes back, transparency too."""
    image = see_through(photo(40, 30), left_half=77)
    assert Image.open(io.BytesIO(encode(image, FileType.PNG))).tobytes() == image.tobytes()


def test_jpeg_shows_white_where_nothing_is() -> None:
    """Transparency is flattened on white, not on black."""
    back = Image.open(io.BytesIO(encode(see_through(photo(64, 64)), FileType.JPEG)))
    assert min(back.getpixel((4, 4))) > 245


def test_webp_keeps_transparency() -> None:
    """Lossy colors, but the clear half stays clear."""
    back = Image.open(io.BytesIO(encode(see_through(photo(64, 64)), FileType.WEBP)))
    assert back.mode == "RGBA"
    assert back.getpixel((4, 4))[3] == 0


def test_quality_is_honored() -> None:
    """Lower quality, fewer bytes."""
    for file_type in (FileType.JPEG, FileType.WEBP):
        assert len(encode(photo(), file_type, 40)) < len(encode(photo(), file_type))


@pytest.mark.parametrize("file_type", list(FileType))
def test_no_metadata_goes_out(file_type: FileType) -> None:
    """Whatever an image carries in its `info` stays here."""
    image = photo(32, 32)
    image.info = {"comment": b"a secret", "xmp": b"a secret", "exif": b"Exif\0\0a secret", "icc_profile": b"a secret"}
    image.info = {}  # what the gate leaves
    assert b"secret" not in encode(image, file_type)
