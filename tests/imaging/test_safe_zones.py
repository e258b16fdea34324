"""The overlay of what a platform may cover."""

import pytest
from PIL import Image

from image_studio.imaging.renditions import Zone, draw_safe_zones
from tests.imaging.samples import photo, see_through

STORY = Zone(top=0.14, bottom=0.35, left=0.06, right=0.06)


@pytest.mark.parametrize("color", ["white", "black", "gray", "red"])
def test_the_frame_shows_on_any_image(color: str) -> None:
    """Along the zone's edge there are both black and white, whatever is beneath."""
    image = Image.new("RGB", (1080, 1920), color)
    made = draw_safe_zones(image, STORY)
    left = STORY.corners(1080, 1920)[0]
    seen = {made.getpixel((x, 900)) for x in range(left - 2, left + 14)}
    assert {(0, 0, 0), (255, 255, 255)} <= seen


def test_outside_is_darker_and_inside_untouched() -> None:
    """The image inside the zone stays to the bit, but for frame and label."""
    image = photo(1080, 1920)
    made = draw_safe_zones(image, STORY)
    left, top, right, bottom = STORY.corners(1080, 1920)
    inner = (left + 20, top + 200, right - 20, bottom - 20)
    assert made.crop(inner).tobytes() == image.crop(inner).tobytes()
    outside = (100, 1700)
    assert sum(made.getpixel(outside)) < 0.6 * sum(image.getpixel(outside))


def test_the_label_is_large_enough_to_read() -> None:
    """White letters on black, in proportion to the zone."""
    made = draw_safe_zones(Image.new("RGB", (1080, 1920), "gray"), STORY)
    left, top, right, _ = STORY.corners(1080, 1920)
    label = made.crop((left + 12, top + 12, right, top + 90))
    assert label.getcolors(100_000)
    white = sum(count for count, color in label.getcolors(100_000) if color == (255, 255, 255))
    assert white > 800


def test_the_source_is_left_alone_and_alpha_is_kept() -> None:
    """A new image comes back, in the mode of the old."""
    image = see_through(photo(200, 200))
    before = image.tobytes()
    made = draw_safe_zones(image, STORY)
    assert (made.mode, made.size) == ("RGBA", (200, 200))
    assert image.tobytes() == before


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (40, 20), (1128, 191)])
def test_tiny_images_and_narrow_zones_are_drawn_too(size: tuple[int, int]) -> None:
    """Nothing is too small, and the label is left out where it couldn't be read."""
    assert draw_safe_zones(Image.new("RGB", size), Zone(0.49, 0.49, 0.49, 0.49)).size == size
