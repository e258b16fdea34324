"""Cropping: exact sizes, never stretched, in the right place."""

import pytest
from PIL import Image

from image_studio.imaging.geometry import cover, crop_box
from image_studio.imaging.saliency import Attention
from image_studio.schemas.common import FocalPoint
from tests.imaging.drawn import four_corners, noise

SIZES = [(1080, 1080), (1080, 1350), (1080, 1920), (1200, 628), (1500, 500), (1128, 191), (1, 1), (3, 1000)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", [(640, 480), (333, 777), (1000, 1000), (1, 1), (2, 900)])
def test_sizes_are_exact_and_nothing_is_stretched(size: tuple[int, int], source: tuple[int, int]) -> None:
    """The box has the target's ratio to the last digit and lies inside the image."""
    for mode in ("smart", "center"):
        made, box = cover(Image.new("RGB", source, "gray"), *size, mode=mode)
        assert made.size == size
        assert box.width / box.height == pytest.approx(size[0] / size[1])
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= source[0] + 1e-6
        assert box.bottom <= source[1] + 1e-6
        assert box.width == pytest.approx(source[0]) or box.height == pytest.approx(source[1])


def test_centre_is_the_centre() -> None:
    """As much is cut on one side as on the other."""
    box = crop_box(Image.new("RGB", (1000, 500)), 1, mode="center")
    assert box.corners == (250, 0, 750, 500)


@pytest.mark.parametrize(("x", "left"), [(0.0, 0), (0.1, 0), (0.5, 250), (0.6, 350), (0.9, 500), (1.0, 500)])
def test_a_focal_point_is_kept_and_overrides_smart(x: float, left: float) -> None:
    """The window is centerd on the point as far as the image goes."""
    image = Image.new("RGB", (1000, 500), "white")
    image.paste(noise(200, 200), (100, 100, 300, 300))
    assert crop_box(image, 1, focal=FocalPoint(x=x, y=0)).left == pytest.approx(left)


def test_a_focal_point_counts_downwards_too() -> None:
    """For a window that slides up and down it's y that counts."""
    assert crop_box(Image.new("RGB", (500, 1000)), 1, focal=FocalPoint(x=1, y=0.8)).bottom == pytest.approx(1000)


@pytest.mark.parametrize("at", [(30, 120), (300, 120), (700, 120), (850, 250)])
def test_smart_keeps_what_stands_out(at: tuple[int, int]) -> None:
    """A colored, detailed thing on a plain ground is inside the window, wherever it is."""
    image = Image.new("RGB", (1000, 400), (200, 205, 210))
    image.paste(noise(120, 120), at)
    box = crop_box(image, 1)
    assert box.left <= at[0] + 12
    assert box.right >= at[0] + 108


def test_smart_is_the_middle_where_nothing_stands_out() -> None:
    """A plain image is cut alike on both sides."""
    box = crop_box(Image.new("RGB", (1000, 400), "teal"), 1)
    assert abs((box.left + box.right) / 2 - 500) < 30


def test_looking_once_is_enough() -> None:
    """A shared `Attention` gives the same box as a fresh look."""
    image = four_corners(800, 300)
    assert crop_box(image, 1, attention=Attention(image)) == crop_box(image, 1)


def test_transparent_images_are_cropped_too() -> None:
    """Alpha stays in the result."""
    made, _ = cover(Image.new("RGBA", (300, 100), (255, 0, 0, 60)), 50, 50)
    assert made.getpixel((25, 25)) == (255, 0, 0, 60)
