"""Many sizes from one source."""

import io

import pytest
from PIL import Image

from image_studio.errors import InvalidImage, InvalidRequest
from image_studio.imaging.decode import DecodeLimits
from image_studio.imaging.renditions import Placement, Rendition, RenditionSpec, render_all
from image_studio.imaging.safe_zones import Zone
from image_studio.schemas.common import FileType, FocalPoint
from tests.imaging.drawn import four_corners, noise, photo, saved

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
            assert one.box.corners == (0, 0, *source)


def test_a_large_jpeg_is_decoded_small_but_boxes_are_the_sources() -> None:
    """The box counts pixels of the file as it came."""
    data = saved(photo(2400, 1800), "JPEG")
    (one,) = render_all(data, [RenditionSpec(300, 300, (JPEG,), 10**6)], Placement("center"))
    assert isinstance(one, Rendition)
    assert one.box.corners == pytest.approx((300, 0, 2100, 1800))
    assert one.scale == pytest.approx(300 / 1800)


def test_a_sideways_photo_is_cropped_upright() -> None:
    """Boxes and ratios are of the image as it is seen."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (one,) = render_all(
        saved(photo(400, 200), "JPEG", exif=exif), [RenditionSpec(100, 100, (JPEG,), 10**6)], Placement("center")
    )
    assert isinstance(one, Rendition)
    assert one.box.corners == pytest.approx((0, 100, 200, 300))


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
