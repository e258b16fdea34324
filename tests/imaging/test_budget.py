"""Budgets of bytes: each step of the way down, and the sentence at its end."""

import io

import pytest
from PIL import Image

from image_studio.errors import InvalidRequest
from image_studio.imaging.encode import LOWEST_QUALITY, encode, encode_under
from image_studio.schemas.common import FileType
from tests.imaging.samples import flat_art, noise, photo, saved, see_through

PNG, JPEG, WEBP = FileType.PNG, FileType.JPEG, FileType.WEBP


def test_what_fits_is_left_alone() -> None:
    """Exactly the budget is inside it."""
    fast = encode(photo(), PNG)
    made = encode_under(photo(), 10_000_000, [PNG, JPEG])
    assert (made.file_type, made.quality, made.how) == (PNG, None, "as asked")
    image = flat_art()
    fast = encode(image, PNG)
    assert encode_under(image, len(fast), [PNG]).data == fast


def test_a_png_just_over_is_made_with_more_effort() -> None:
    """A little over the budget, Pillow's slow search may help."""
    image = photo(150, 100).resize((750, 500))
    fast, slow = len(encode(image, PNG)), len(saved(image, "PNG", compress_level=9))
    assert slow < fast < slow * 1.12
    made = encode_under(image, slow, [PNG, JPEG])
    assert (made.file_type, made.how) == (PNG, "png with more effort")
    assert Image.open(io.BytesIO(made.data)).tobytes() == image.tobytes()


def test_a_palette_is_used_where_it_is_harmless() -> None:
    """A drawing of few colors loses nothing; a photograph would."""
    colors = noise(16, 16).resize((800, 800), Image.Resampling.NEAREST)
    budget = len(encode(colors, PNG)) - 1
    made = encode_under(colors, min(budget, len(saved(colors, "PNG", compress_level=9)) - 1), [PNG])
    assert made.how == "png with a palette of 256 colors"
    assert Image.open(io.BytesIO(made.data)).convert("RGB").tobytes() == colors.tobytes()


def test_a_palette_keeps_transparency() -> None:
    """The clear half stays clear."""
    clear = see_through(noise(300, 300).point(lambda value: 255 if value > 128 else 0))
    best = min(len(encode(clear, PNG)), len(saved(clear, "PNG", compress_level=9)))
    made = encode_under(clear, best - 1, [PNG])
    back = Image.open(io.BytesIO(made.data)).convert("RGBA")
    assert back.getpixel((10, 10))[3] == 0
    assert back.getpixel((290, 10)) == clear.getpixel((290, 10))


@pytest.mark.parametrize("file_type", [JPEG, WEBP])
def test_quality_goes_down_only_as_far_as_it_must(file_type: FileType) -> None:
    """The quality found fits, and one more would not."""
    image = noise(320, 240)
    budget = len(encode(image, file_type, 70)) + 10
    made = encode_under(image, budget, [file_type])
    assert made.quality is not None
    assert len(made.data) <= budget < len(encode(image, file_type, made.quality + 1))
    assert made.how == f"quality lowered to {made.quality}"


def test_another_type_is_taken_where_the_platform_allows_it() -> None:
    """Noise that no PNG of the budget can hold becomes a JPEG, and says so."""
    made = encode_under(noise(320, 240), 100_000, [PNG, JPEG])
    assert made.file_type is JPEG
    assert made.how.startswith("jpeg instead of png, which was too large")
    assert len(made.data) <= 100_000


def test_what_fits_nowhere_is_explained() -> None:
    """The sentence names size, budget and types."""
    image = noise(320, 240)
    least = len(encode(image, JPEG, LOWEST_QUALITY))
    assert encode_under(image, least, [PNG, JPEG]).quality == LOWEST_QUALITY
    with pytest.raises(InvalidRequest, match=r"A 320x240 image .* as png, jpeg"):
        encode_under(image, least - 1, [PNG, JPEG])
