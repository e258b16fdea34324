"""One source in many sizes, and the overlay of what a platform may cover."""

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
    draw_safe_zones,
    group_crops,
    place_crop,
    render_all,
)
from image_studio.imaging.types import Size
from image_studio.schemas.common import FileType, FocalPoint
from tests.imaging.samples import photo, saved, see_through

SIZES = [(1080, 1080), (1200, 628), (1000, 1500), (1128, 191)]
PNG, JPEG = FileType.PNG, FileType.JPEG


def spec(width: int, height: int, file_type: FileType = PNG, max_bytes: int = 10**7, zone: Zone | None = None):
    return RenditionSpec(width, height, (file_type,), max_bytes, zone)


def one(data: bytes, wanted: RenditionSpec, *placement: object, **more: object) -> Rendition:
    (made,) = render_all(data, [wanted], Placement(*placement, **more))
    assert isinstance(made, Rendition)
    return made


@pytest.mark.parametrize("mode", ["smart", "center", "fit"])
@pytest.mark.parametrize("source", [(400, 300), (150, 450)])
def test_every_size_is_exact_and_in_order(mode: str, source: tuple[int, int]) -> None:
    """One file for each, as large as requested, with the box that it shows."""
    made = render_all(saved(photo(*source), "PNG"), [spec(*size) for size in SIZES], Placement(mode))
    for size, found in zip(SIZES, made, strict=True):
        assert Image.open(io.BytesIO(found.encoded.data)).size == size == (found.width, found.height)
        assert found.crop.box.right <= source[0] + 1e-6
        if mode == "fit":
            assert found.crop.box == (0, 0, *source)


def test_a_large_jpeg_is_decoded_small_but_boxes_are_the_sources() -> None:
    """The box counts pixels of the file as it came. A small source is enlarged, and the factor says how much."""
    made = one(saved(photo(1200, 900), "JPEG"), spec(150, 150, JPEG), "center")
    assert (made.crop.box, made.scale) == (pytest.approx((150, 0, 1050, 900)), pytest.approx(150 / 900))
    assert one(saved(photo(100, 100), "PNG"), spec(250, 250)).scale == pytest.approx(2.5)


def test_a_sideways_photo_is_cropped_upright() -> None:
    """Boxes and ratios are of the image as it is seen."""
    exif = Image.Exif()
    exif[0x0112] = 6
    made = one(saved(photo(400, 200), "JPEG", exif=exif), spec(100, 100, JPEG), "center")
    assert made.crop.box == pytest.approx((0, 100, 200, 300))


def test_a_bad_source_or_background_is_refused() -> None:
    """Before anything is made. An empty list is a list."""
    image = saved(photo(100, 100), "PNG")
    with pytest.raises(InvalidImage):
        render_all(b"not an image", [spec(10, 10)], Placement())
    with pytest.raises(InvalidImage):
        render_all(image, [spec(10, 10)], Placement(), DecodeLimits(max_pixels=9_999))
    with pytest.raises(InvalidRequest, match="CSS color"):
        render_all(image, [spec(10, 10)], Placement("fit", background="no such color"))
    assert render_all(image, [], Placement()) == []


CROP_SIZES = [Size(1080, 1080), Size(1200, 630), Size(1200, 675), Size(1200, 628), Size(1280, 720), Size(1000, 1500)]


@pytest.mark.parametrize("source", [(2048, 2048), (4000, 3000), (501, 777), (1, 1), (3, 1000)])
def test_crops_are_exact_and_lie_inside(source: tuple[int, int]) -> None:
    """Whole pixels at the target's scale, never past the image's edge."""
    image = Image.new("RGB", source)
    for size in CROP_SIZES:
        crop = place_crop(image, size, mode="center")
        assert (crop.right - crop.left, crop.bottom - crop.top) == size
        assert min(crop.left, crop.top) >= 0
        assert crop.box.right <= source[0] + 1e-6
        assert crop.box.bottom <= source[1] + 1e-6


def test_formats_of_one_scale_are_made_together() -> None:
    """1200 pixels wide, three heights: one group; the rest stay alone, the largest first.

    So do crops that lie apart: scaling what is between them would cost more than it saves.
    """
    image = Image.new("RGB", (2048, 2048))
    groups = group_crops([place_crop(image, size, mode="center") for size in CROP_SIZES])
    assert sorted(map(sorted, groups)) == [[0], [1, 2, 3], [4], [5]]
    assert groups[0] == [5]
    tall, points = Image.new("RGB", (400, 2000)), (FocalPoint(x=0.5, y=0), FocalPoint(x=0.5, y=1))
    assert group_crops([place_crop(tall, Size(400, 20), focal=focal) for focal in points]) == [[0], [1]]


def test_together_or_alone_the_pixels_are_the_same() -> None:
    """A group changes the time, not the image."""
    image = photo(450, 450)
    crops = [place_crop(image, Size(600, height), mode="center") for height in (315, 337, 314)]
    for crop, made in zip(crops, batch_crop(image, crops), strict=True):
        alone = scale(image, crop.right - crop.left, crop.bottom - crop.top, crop.box)
        assert made.size == alone.size
        assert all(abs(a - b) <= 1 for a, b in zip(made.tobytes(), alone.tobytes(), strict=True))


# -- safe zones

STORY = Zone(top=0.14, bottom=0.35, left=0.06, right=0.06)


@pytest.mark.parametrize("color", ["white", "black", "gray", "red"])
def test_the_frame_shows_on_any_image(color: str) -> None:
    """Along the zone's edge there are both black and white, whatever is beneath."""
    made = draw_safe_zones(Image.new("RGB", (1080, 1920), color), STORY)
    left = STORY.corners(1080, 1920)[0]
    assert {(0, 0, 0), (255, 255, 255)} <= {made.getpixel((x, 900)) for x in range(left - 2, left + 14)}


def test_outside_is_darker_and_inside_untouched() -> None:
    """The image inside the zone stays to the bit, but for frame and label: white on black, in proportion."""
    image = photo(1080, 1920)
    made = draw_safe_zones(image, STORY)
    left, top, right, bottom = STORY.corners(1080, 1920)
    inner = (left + 20, top + 200, right - 20, bottom - 20)
    assert made.crop(inner).tobytes() == image.crop(inner).tobytes()
    assert sum(made.getpixel((100, 1700))) < 0.6 * sum(image.getpixel((100, 1700)))
    label = made.crop((left + 12, top + 12, right, top + 90))
    assert sum(count for count, color in label.getcolors(100_000) if color == (255, 255, 255)) > 800


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (40, 20), (1128, 191)])
def test_small_images_and_narrow_zones_are_drawn_too(size: tuple[int, int]) -> None:
    """The label is left out where it couldn't be read. A new image comes back, in the mode of the old."""
    image = see_through(photo(*size))
    before = image.tobytes()
    made = draw_safe_zones(image, Zone(0.49, 0.49, 0.49, 0.49))
    assert (made.mode, made.size, image.tobytes()) == ("RGBA", size, before)
