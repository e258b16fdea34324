"""Encode images, for callers and for providers."""

import io
import random

import pytest
from PIL import Image

from image_studio.imaging.decode import read_info
from image_studio.imaging.encode import encode, encode_for_provider
from image_studio.schemas.common import FileType
from tests.imaging.samples import photo, see_through


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


def static(side: int, mode: str = "RGB") -> Image.Image:
    """What compresses worst, from a fixed seed."""
    channels = len(mode)
    return Image.frombytes(mode, (side, side), random.Random(5).randbytes(side * side * channels))


def test_a_png_where_it_fits() -> None:
    """Small images lose nothing."""
    data, file_type = encode_for_provider(static(64), 20_000)
    assert file_type is FileType.PNG
    assert len(data) <= 20_000


def test_a_jpeg_where_a_png_is_too_large() -> None:
    """The best quality that fits is taken."""
    data, file_type = encode_for_provider(static(128), 40_000)
    assert file_type is FileType.JPEG
    assert len(data) <= 40_000


def test_transparency_needs_webp() -> None:
    """JPEG has no alpha channel."""
    _, file_type = encode_for_provider(static(128, "RGBA"), 40_000)
    assert file_type is FileType.WEBP


def test_it_ends_where_nothing_fits() -> None:
    """The lowest quality is the last try."""
    data, file_type = encode_for_provider(static(128), 10)
    assert file_type is FileType.JPEG
    assert len(data) > 10
