"""JPEGs without their end marker, with something behind it, and with more pixels than are needed."""

import random
from typing import Any

import pytest
from PIL import Image

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import DAMAGED, DecodeLimits, decode, read_info
from image_studio.imaging.types import Size
from image_studio.schemas.limits import MAX_PIXELS
from tests.imaging.samples import four_corners, noise, photo, saved

END = b"\xff\xd9"
KINDS: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "baseline": (photo(160, 120), {}),
    "progressive": (photo(160, 120), {"progressive": True}),
    "gray": (photo(160, 120).convert("L"), {}),
    "restarts": (photo(160, 120), {"restart_marker_blocks": 4}),
    "cmyk": (photo(160, 120).convert("CMYK"), {}),
    "one color": (Image.new("RGB", (160, 120), (90, 140, 200)), {}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", [b"", b"\0", bytes(3000), b"\xff", b"\r\n"])
def test_the_end_marker_may_be_missing(kind: str, padding: bytes) -> None:
    image, options = KINDS[kind]
    data = saved(image, "JPEG", **options)
    assert data.endswith(END)
    assert decode(data[:-2] + padding).tobytes() == decode(data).tobytes()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "one color"])
def test_a_scan_that_is_cut_stays_refused(kind: str) -> None:
    """Anywhere, padded or not; in the last bytes it can't be seen, and is no loss."""
    image, options = KINDS[kind]
    data = saved(image, "JPEG", **options)
    start = data.rindex(b"\xff\xda") + 20
    for length in range(start, len(data) - 12, max(1, (len(data) - start) // 40)):
        for padding in (b"", bytes(100)):
            with pytest.raises(InvalidImage) as caught:
                decode(data[:length] + padding)
            assert caught.value.detail == DAMAGED


def test_a_reduced_one_is_checked_as_well() -> None:
    data = saved(photo(640, 480), "JPEG")
    assert decode(data[:-2], at_least=Size(160, 120)).size == (160, 120)
    with pytest.raises(InvalidImage, match="damaged"):
        decode(data[: len(data) * 3 // 4], at_least=Size(160, 120))


def test_what_is_behind_the_image_does_not_count() -> None:
    """Motion photos and panoramas carry a film or more images there; eight megabytes look like a hundred scans."""
    data = saved(photo(160, 120), "JPEG")
    film = random.Random(1).randbytes(8_000_000)
    assert film.count(b"\xff\xda") > 100
    for behind in (film, data * 101, b"\xff\xda" * 200, b"ftyp" + bytes(10_000)):
        assert decode(data + behind).tobytes() == decode(data).tobytes()
    thumbnail = b"\xff\xe1" + (len(data) + 2).to_bytes(2, "big") + data
    assert decode(data[:2] + thumbnail + data[2:]).size == (160, 120)


def test_a_header_of_junk_is_damage() -> None:
    """Pillow would read it byte by byte."""
    data = saved(photo(32, 24), "JPEG")
    assert decode(data[:2] + b"\xff" * 900 + data[2:]).size == (32, 24)
    for junk in (b"\xff" * 3000, bytes(3000), b"\xff\xe1\0\4ab" * 2001):
        with pytest.raises(InvalidImage, match="damaged"):
            decode(data[:2] + b"\xff" + junk + data[2:])


LIMITS = DecodeLimits(max_pixels=100 * 75)


@pytest.mark.parametrize(
    ("sides", "reduced"),
    [
        ((100, 75), (100, 75)),
        ((101, 75), (51, 38)),
        ((200, 150), (100, 75)),
        ((400, 300), (100, 75)),
        ((401, 300), (51, 38)),
    ],
)
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_too_many_pixels_are_decoded_at_a_fraction(
    sides: tuple[int, int], reduced: tuple[int, int], options: dict[str, Any]
) -> None:
    """The header's size stays the image's; other types have no such fraction."""
    image = photo(*sides)
    data = saved(image, "JPEG", **options)
    assert decode(data, LIMITS).size == reduced
    assert (read_info(data, LIMITS).width, read_info(data, LIMITS).height) == sides
    if sides != reduced:
        with pytest.raises(InvalidImage, match="pixels; at most"):
            decode(saved(image, "PNG"), LIMITS)


def test_a_fraction_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode(saved(four_corners(200, 150, 50), "JPEG", exif=exif), LIMITS)
    assert image.size == (75, 100)
    assert image.getpixel((70, 3))[0] > 200  # the first corner came to the right


def test_a_fraction_that_is_not_enough_is_refused() -> None:
    data = saved(photo(200, 150), "JPEG")
    assert decode(data, LIMITS, at_least=Size(100, 75)).size == (100, 75)
    with pytest.raises(InvalidImage, match=r"200x150 pixels; at most 0\.0075 megapixels"):
        decode(data, LIMITS, at_least=Size(101, 75))


def test_the_photos_of_phones_are_taken() -> None:
    """48 megapixels by every tier, up to 100; a progressive one must be kept whole in memory, so its limit is lower."""
    data = saved(Image.radial_gradient("L").resize((8064, 6048)), "JPEG")
    assert decode(data).size == decode(data, DecodeLimits(max_pixels=16_777_216)).size == (4032, 3024)
    frame = data.index(b"\xff\xc0")
    for sides, progressive, most in ((10_001, False, 100), (8_700, True, MAX_PIXELS / 1e6)):
        header = data[: frame + 1] + (b"\xc2" if progressive else b"\xc0") + data[frame + 2 : frame + 5]
        large = header + sides.to_bytes(2, "big") * 2 + data[frame + 9 :]
        with pytest.raises(InvalidImage, match=f"{sides}x{sides} pixels; at most {most:g} megapixels"):
            read_info(large)


def test_noise_is_no_marker() -> None:
    """A scan holds stuffed bytes and restarts, which end nothing."""
    for options in ({"quality": 100}, {"quality": 100, "restart_marker_rows": 1}):
        data = saved(noise(200, 100), "JPEG", **options)
        assert data.count(b"\xff\0") > 50
        assert decode(data[:-2]).size == (200, 100)
