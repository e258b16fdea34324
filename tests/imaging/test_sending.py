"""Images are sent without loss where there is room."""

import random

from PIL import Image

from image_studio.imaging.encode import encode_for_provider
from image_studio.schemas.common import FileType


def noise(side: int, mode: str = "RGB") -> Image.Image:
    """What compresses worst, from a fixed seed."""
    channels = len(mode)
    return Image.frombytes(mode, (side, side), random.Random(5).randbytes(side * side * channels))


def test_a_png_where_it_fits() -> None:
    """Small images lose nothing."""
    data, file_type = encode_for_provider(noise(64), 20_000)
    assert file_type is FileType.PNG
    assert len(data) <= 20_000


def test_a_jpeg_where_a_png_is_too_large() -> None:
    """The best quality that fits is taken."""
    data, file_type = encode_for_provider(noise(128), 40_000)
    assert file_type is FileType.JPEG
    assert len(data) <= 40_000


def test_transparency_needs_webp() -> None:
    """JPEG has no alpha channel."""
    _, file_type = encode_for_provider(noise(128, "RGBA"), 40_000)
    assert file_type is FileType.WEBP


def test_it_ends_where_nothing_fits() -> None:
    """The lowest quality is the last try."""
    data, file_type = encode_for_provider(noise(128), 10)
    assert file_type is FileType.JPEG
    assert len(data) > 10
