"""Cutting formats at one scale out of one scaled image."""

import pytest
from PIL import Image

from image_studio.imaging.geometry import scale
from image_studio.imaging.renditions import batch_crop, group_crops, place_crop
from image_studio.imaging.types import Size
from tests.imaging.drawn import photo

SIZES = [Size(1080, 1080), Size(1200, 630), Size(1200, 675), Size(1200, 628), Size(1280, 720), Size(1000, 1500)]


@pytest.mark.parametrize("source", [(2048, 2048), (4000, 3000), (501, 777), (1, 1), (3, 1000)])
def test_cuts_are_exact_lie_inside_and_keep_the_ratio(source: tuple[int, int]) -> None:
    """Whole pixels at the target's scale, never past the image's edge."""
    image = Image.new("RGB", source)
    for size in SIZES:
        cut = place_crop(image, size, mode="center")
        assert (cut.right - cut.left, cut.bottom - cut.top) == size
        assert min(cut.left, cut.top) >= 0
        assert cut.box.right <= source[0] + 1e-6
        assert cut.box.bottom <= source[1] + 1e-6


def test_formats_of_one_scale_are_made_together() -> None:
    """1200 pixels wide, three heights: one group; the rest stay alone, the largest first."""
    image = Image.new("RGB", (2048, 2048))
    groups = group_crops([place_crop(image, size, mode="center") for size in SIZES])
    assert sorted(map(sorted, groups)) == [[0], [1, 2, 3], [4], [5]]
    assert groups[0] == [5]


def test_cuts_that_lie_apart_stay_apart() -> None:
    """Scaling what is between them would cost more than it saves."""
    image = photo(400, 2000)
    cuts = [place_crop(image, Size(400, 20), mode="smart", focal=focal) for focal in _points(0.0, 1.0)]
    assert group_crops(cuts) == [[0], [1]]


def test_together_or_alone_the_pixels_are_the_same() -> None:
    """A group changes the time, not the image."""
    image = photo(900, 900)
    cuts = [place_crop(image, size, mode="center") for size in SIZES[1:4]]
    for cut, made in zip(cuts, batch_crop(image, cuts), strict=True):
        alone = scale(image, cut.right - cut.left, cut.bottom - cut.top, cut.box)
        assert made.size == alone.size
        assert all(abs(a - b) <= 1 for a, b in zip(made.tobytes(), alone.tobytes(), strict=True))


def _points(*heights: float) -> list[object]:
    from image_studio.schemas.common import FocalPoint

    return [FocalPoint(x=0.5, y=height) for height in heights]
