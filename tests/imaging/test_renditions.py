"""One source in many sizes."""

import io

import pytest
from PIL import Image

from image_studio.errors import InvalidImage, InvalidRequest
from image_studio.imaging.decode import DecodeLimits
from image_studio.imaging.geometry import scale
from image_studio.imaging.renditions import (
    Placement,
    Rendition,
    RenditionSpec,
    Zone,
    batch_crop,
    group_crops,
    place_crop,
    render_all,
)
from image_studio.imaging.types import Size
from image_studio.schemas.common import FileType, FocalPoint
from tests.imaging.samples import four_corners, noise, photo, saved

SIZES = [(1080, 1080), (1200, 628), (1000, 1500), (1128, 191)]
PNG, JPEG = FileType.PNG, FileType.JPEG


def _wanted(*file_types: FileType, max_bytes: int = 5_000_000, zone: Zone | None = None) -> list[RenditionSpec]:
    return [RenditionSpec(*size, file_types or (PNG,), max_bytes, zone) for size in SIZES]


@pytest.mark.parametrize("mode", ["smart", "center", "fit"])
@pytest.mark.parametrize("source", [(800, 600), (300, 900)])
def test_every_size_is_exact_and_in_order(mode: str, source: tuple[int, int]) -> None:
    """One file for each, as large as asked, with the box that it shows."""
    made = render_all(saved(photo(*source), "PNG"), _wanted(PNG), Placement(mode))
    for size, one in zip(SIZES, made, strict=True):
        assert isinstance(one, Rendition)
        assert Image.open(io.BytesIO(one.encoded.data)).size == size == (one.width, one.height)
        assert one.box.right <= source[0] + 1e-6
        if mode == "fit":
            assert one.box == (0, 0, *source)


def test_a_large_jpeg_is_decoded_small_but_boxes_are_the_sources() -> None:
    """The box counts pixels of the file as it came."""
    data = saved(photo(2400, 1800), "JPEG")
    (one,) = render_all(data, [RenditionSpec(300, 300, (JPEG,), 10**6)], Placement("center"))
    assert isinstance(one, Rendition)
    assert one.box == pytest.approx((300, 0, 2100, 1800))
    assert one.scale == pytest.approx(300 / 1800)


def test_a_sideways_photo_is_cropped_upright() -> None:
    """Boxes and ratios are of the image as it is seen."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (one,) = render_all(
        saved(photo(400, 200), "JPEG", exif=exif), [RenditionSpec(100, 100, (JPEG,), 10**6)], Placement("center")
    )
    assert isinstance(one, Rendition)
    assert one.box == pytest.approx((0, 100, 200, 300))


def test_enlarging_is_told() -> None:
    """A small source is enlarged, and the factor says how much."""
    (one,) = render_all(saved(photo(100, 100), "PNG"), [RenditionSpec(250, 250, (PNG,), 10**6)], Placement("smart"))
    assert isinstance(one, Rendition)
    assert one.scale == pytest.approx(2.5)


def test_one_trouble_stays_alone() -> None:
    """A format that can't be met is an error in its place; its neighbors are files."""
    wanted = [
        RenditionSpec(200, 200, (PNG,), 10**6),
        RenditionSpec(400, 400, (PNG,), 100),
        RenditionSpec(300, 200, (JPEG,), 10**6),
    ]
    first, second, third = render_all(saved(noise(500, 500), "PNG"), wanted, Placement())
    assert isinstance(first, Rendition)
    assert isinstance(second, InvalidRequest)
    assert isinstance(third, Rendition)


def test_budgets_are_met_on_noise() -> None:
    """The hardest image fits every budget where JPEG is allowed."""
    for one in render_all(saved(noise(1200, 1200), "PNG"), _wanted(PNG, JPEG, max_bytes=1_500_000), Placement()):
        assert isinstance(one, Rendition)
        assert len(one.encoded.data) <= 1_500_000


def test_focal_points_and_zones_reach_the_files() -> None:
    """The window follows the point, the zone is drawn."""
    source = saved(four_corners(900, 300), "PNG")
    plain = render_all(source, [RenditionSpec(300, 300, (PNG,), 10**6)], Placement(focal=FocalPoint(x=1, y=1)))[0]
    zoned = render_all(
        source,
        [RenditionSpec(300, 300, (PNG,), 10**6, Zone(0.1, 0.1, 0.1, 0.1))],
        Placement(focal=FocalPoint(x=1, y=1)),
    )[0]
    assert isinstance(plain, Rendition)
    assert isinstance(zoned, Rendition)
    assert plain.box.left == pytest.approx(600)
    assert plain.encoded.data != zoned.encoded.data


def test_a_bad_source_or_background_is_refused() -> None:
    """Before anything is made."""
    with pytest.raises(InvalidImage):
        render_all(b"not an image", _wanted(), Placement())
    with pytest.raises(InvalidImage):
        render_all(saved(photo(100, 100), "PNG"), _wanted(), Placement(), DecodeLimits(max_pixels=9_999))
    with pytest.raises(InvalidRequest, match="CSS color"):
        render_all(saved(photo(10, 10), "PNG"), _wanted(), Placement("fit", background="no such color"))


def test_nothing_wanted_is_nothing_made() -> None:
    """An empty list is a list."""
    assert render_all(saved(photo(10, 10), "PNG"), [], Placement()) == []


CROP_SIZES = [Size(1080, 1080), Size(1200, 630), Size(1200, 675), Size(1200, 628), Size(1280, 720), Size(1000, 1500)]


@pytest.mark.parametrize("source", [(2048, 2048), (4000, 3000), (501, 777), (1, 1), (3, 1000)])
def test_cuts_are_exact_lie_inside_and_keep_the_ratio(source: tuple[int, int]) -> None:
    """Whole pixels at the target's scale, never past the image's edge."""
    image = Image.new("RGB", source)
    for size in CROP_SIZES:
        cut = place_crop(image, size, mode="center")
        assert (cut.right - cut.left, cut.bottom - cut.top) == size
        assert min(cut.left, cut.top) >= 0
        assert cut.box.right <= source[0] + 1e-6
        assert cut.box.bottom <= source[1] + 1e-6


def test_formats_of_one_scale_are_made_together() -> None:
    """1200 pixels wide, three heights: one group; the rest stay alone, the largest first."""
    image = Image.new("RGB", (2048, 2048))
    groups = group_crops([place_crop(image, size, mode="center") for size in CROP_SIZES])
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
    cuts = [place_crop(image, size, mode="center") for size in CROP_SIZES[1:4]]
    for cut, made in zip(cuts, batch_crop(image, cuts), strict=True):
        alone = scale(image, cut.right - cut.left, cut.bottom - cut.top, cut.box)
        assert made.size == alone.size
        assert all(abs(a - b) <= 1 for a, b in zip(made.tobytes(), alone.tobytes(), strict=True))


def _points(*heights: float) -> list[object]:
    from image_studio.schemas.common import FocalPoint

    return [FocalPoint(x=0.5, y=height) for height in heights]
