"""Masks are read, grown and feathered to the pixel."""

import pytest
from PIL import Image

from image_studio.imaging.masks import (
    border_mask,
    feather,
    full_mask,
    grow,
    mask_of_alpha,
    read_mask,
    selects_nothing,
)


def dot(side: int = 41) -> Image.Image:
    """One white pixel in the middle."""
    mask = Image.new("L", (side, side))
    mask.putpixel((side // 2, side // 2), 255)
    return mask


def test_white_changes_and_black_stays() -> None:
    """A drawn mask keeps its levels; JPEG noise near black or white counts as black or white."""
    drawn = Image.new("RGB", (4, 1))
    for x, level in enumerate((9, 250, 128, 0)):
        drawn.putpixel((x, 0), (level, level, level))
    assert list(read_mask(drawn, 4, 1).tobytes()) == [0, 255, 128, 0]


def test_a_mask_of_another_size_is_scaled() -> None:
    """The mask takes the image's size."""
    mask = read_mask(Image.new("RGB", (10, 10), "white"), 30, 20)
    assert mask.size == (30, 20)
    assert mask.getextrema() == (255, 255)


def test_what_is_transparent_in_a_mask_stays() -> None:
    """White strokes on a transparent canvas are the mask."""
    canvas = Image.new("RGBA", (4, 4), (255, 255, 255, 0))
    canvas.putpixel((1, 1), (255, 255, 255, 255))
    mask = read_mask(canvas, 4, 4)
    assert mask.getpixel((1, 1)) == 255
    assert mask.getpixel((0, 0)) == 0


def test_transparency_is_a_mask_of_its_own() -> None:
    """What is transparent in an image is what may change; an opaque image has no such mask."""
    image = Image.new("RGBA", (3, 1), (10, 20, 30, 255))
    image.putpixel((2, 0), (10, 20, 30, 0))
    mask = mask_of_alpha(image)
    assert mask is not None
    assert list(mask.tobytes()) == [0, 0, 255]
    assert mask_of_alpha(image.convert("RGB")) is None
    assert mask_of_alpha(Image.new("RGBA", (3, 1), (1, 2, 3, 250))) is None


@pytest.mark.parametrize("pixels", [0, 1, 2, 3, 4, 5, 9, 12, 17])
def test_growth_is_exact(pixels: int) -> None:
    """One pixel grows to a square of 2n + 1 pixels."""
    middle = 20
    box = (middle - pixels, middle - pixels, middle + pixels + 1, middle + pixels + 1)
    grown = grow(dot(), pixels)
    assert grown.getbbox() == box
    assert grown.crop(box).getextrema() == (255, 255)


def test_growth_stops_at_the_edge() -> None:
    """Nothing comes in again from the other side, even where the mask outgrows the image."""
    mask = Image.new("L", (20, 10))
    mask.putpixel((0, 0), 255)
    assert grow(mask, 4).crop((0, 0, 5, 5)).getextrema() == (255, 255)
    assert grow(mask, 4).getbbox() == (0, 0, 5, 5)
    assert grow(mask, 100).getextrema() == (255, 255)


@pytest.mark.parametrize("pixels", [1, 5, 12])
def test_a_feather_is_full_inside_and_nothing_beyond(pixels: int) -> None:
    """Full strength on the mask, exactly black beyond its growth, and it only falls in between."""
    mask = Image.new("L", (80, 80))
    mask.paste(255, (30, 30, 50, 50))
    soft = feather(mask, pixels)
    assert soft.crop((30, 30, 50, 50)).getextrema() == (255, 255)
    box = soft.getbbox()
    assert box is not None
    assert min(box[:2]) >= 30 - pixels
    assert max(box[2:]) <= 50 + pixels
    row = [soft.getpixel((x, 40)) for x in range(49, 49 + pixels + 2)]
    assert row == sorted(row, reverse=True)
    assert row[-1] == 0


def test_no_growth_is_the_mask_itself() -> None:
    """A feather of 0 pixels changes nothing."""
    assert feather(dot(), 0).tobytes() == dot().tobytes()


def test_borders_and_emptiness() -> None:
    """A border mask spares its box; a mask without white selects nothing."""
    mask = border_mask(10, 8, (2, 1, 7, 5))
    assert mask.crop((2, 1, 7, 5)).getextrema() == (0, 0)
    assert mask.getpixel((1, 1)) == mask.getpixel((7, 5)) == 255
    assert not selects_nothing(mask)
    assert selects_nothing(Image.new("L", (3, 3)))
    assert not selects_nothing(full_mask(3, 3))
