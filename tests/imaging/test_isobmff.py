"""HEIC and AVIF come in as phones and browsers write them, behind the same limits as the other types."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from PIL import AvifImagePlugin, Image  # noqa: F401 - the plugin writes AVIF

from image_studio.errors import InvalidImage
from image_studio.imaging.color import make_profile
from image_studio.imaging.decode import DAMAGED, NO_HEIC, DecodeLimits, decode, read_info
from image_studio.imaging.isobmff import read_container
from image_studio.schemas.common import InputType
from tests.imaging import containers
from tests.imaging.containers import TILES, Item, alpha_of, box, container, extent, grid, tile
from tests.imaging.samples import four_corners, photo, saved, see_through

DISPLAY_P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def near(color: Sequence[int], expected: Sequence[int], most: int = 4) -> bool:
    return all(abs(a - b) <= most for a, b in zip(color, expected, strict=True))


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    right, bottom = image.width - 5, image.height - 5
    return [image.getpixel(at) for at in ((5, 5), (right, 5), (5, bottom), (right, bottom))]


@pytest.mark.parametrize(
    ("properties", "size", "colors"),
    [
        ((), (120, 100), (RED, GREEN, BLUE, YELLOW)),
        ((containers.turned(3),), (100, 120), (BLUE, RED, YELLOW, GREEN)),  # a phone held upright
        ((containers.turned(1),), (100, 120), (GREEN, YELLOW, RED, BLUE)),
        ((containers.turned(2),), (120, 100), (YELLOW, BLUE, GREEN, RED)),
        ((containers.mirrored(1),), (120, 100), (GREEN, RED, YELLOW, BLUE)),
    ],
)
def test_what_a_phone_sends_comes_in_upright(
    properties: Sequence[bytes], size: tuple[int, int], colors: Sequence[tuple[int, ...]]
) -> None:
    """A grid of tiles is turned by its boxes, once: the EXIF that says the same doesn't count."""
    data = container(grid(*properties))
    image, found = decode(data), read_info(data)
    assert (image.mode, image.size, image.info) == ("RGB", size, {})
    assert (found.width, found.height, found.file_type) == (*size, InputType.HEIC)
    assert all(near(*each) for each in zip(corners(image), colors, strict=True))


@pytest.mark.parametrize(
    ("item", "color"),
    [
        (tile(), RED),
        (containers.ten_bits(), RED),
        (tile("green", containers.nclx(1, 1)), GREEN),  # video's curve, as many encoders write for sRGB
        (tile("green", containers.icc(make_profile(DISPLAY_P3, None))), GREEN),  # outside of sRGB, so clipped
        (tile("yellow", containers.nclx(9, 16)), (255, 255, 0)),  # HDR
        (tile("red", containers.nclx(2, 2)), RED),  # unspecified
    ],
)
def test_one_coded_image_is_decoded(item: Item, color: tuple[int, ...]) -> None:
    assert near(decode(container([item])).getpixel((9, 9)), color, 5)


def test_display_p3_becomes_srgb() -> None:
    """Measured in Chromium: (200, 30, 30) of Display P3 is (218, 0, 6), said by a profile or by code points."""
    flat = Image.new("RGB", (64, 64), (200, 30, 30))
    options = {"quality": 100, "subsampling": "4:4:4"}
    said = saved(flat, "AVIF", icc_profile=make_profile(DISPLAY_P3, None), **options)
    coded = saved(flat, "AVIF", **options).replace(b"nclx\0\x01\0\x0d", b"nclx\0\x0c\0\x0d")
    for data in (said, coded):
        assert near(decode(data).getpixel((9, 9)), (219, 0, 6), 5)


def test_transparency_comes_in() -> None:
    for data in (container([tile(), alpha_of(1)]), saved(see_through(photo(64, 64), 77), "AVIF")):
        image = decode(data)
        assert image.mode == "RGBA"
        assert abs(image.getpixel((5, 5))[3] - 77) <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_an_avif_comes_in_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    flat = four_corners(160, 120)
    expected = decode(saved(flat, "PNG", exif=exif))
    data = saved(flat, "AVIF", exif=exif, quality=90)
    image, found = decode(data), read_info(data)
    assert image.size == (found.width, found.height) == expected.size
    assert all(near(*each, 40) for each in zip(corners(image), corners(expected), strict=True))


def damaged(data: bytes, limits: DecodeLimits | None = None) -> None:
    for read in (read_info, decode):
        with pytest.raises(InvalidImage) as caught:
            read(data, limits or DecodeLimits())
        assert caught.value.detail == DAMAGED


def test_pixels_are_limited_by_the_header() -> None:
    """At the pixel, and for a coded image that is larger than its box says."""
    limits = DecodeLimits(max_pixels=120 * 100)
    assert decode(container(grid()), limits).size == (120, 100)
    with pytest.raises(InvalidImage, match="120x100 pixels; at most"):
        read_info(container(grid()), DecodeLimits(max_pixels=120 * 100 - 1))
    with pytest.raises(InvalidImage, match="30000x30000 pixels; at most 25 megapixels"):
        decode(container([tile(size=(30_000, 30_000))]))
    large = saved(photo(640, 480), "AVIF")
    at = large.index(b"ispe") + 8
    damaged(large[:at] + bytes((0, 0, 0, 64, 0, 0, 0, 48)) + large[at + 8 :], DecodeLimits(max_pixels=64 * 48))
    with pytest.raises(InvalidImage):
        decode(container([tile(size=(16, 16))]))  # libheif finds out


def test_all_coded_images_count() -> None:
    """Color, alpha, a gain map and a preview are fine; a hundred tiles for one small image are not."""
    limits = DecodeLimits(max_pixels=64 * 64)
    assert decode(container([tile()] * 4), limits).size == (64, 64)
    damaged(container([tile()] * 5), limits)


AV1 = saved(photo(64, 48), "AVIF")
_STREAM = AV1[AV1.index(b"mdat") + 4 :]
_CONFIG = AV1[AV1.index(b"av1C") - 4 :][:12]


def av1(stream: bytes) -> bytes:
    return container([Item(b"av01", stream, [_CONFIG, extent(64, 48)])], brand=b"avif", compatible=b"mif1avif")


def test_films_are_refused() -> None:
    """Sequences by their brand or their track, and stills that hide further frames."""
    frames = {"save_all": True, "append_images": [four_corners(64, 48, 8)], "duration": 50}
    films = [
        saved(photo(64, 48), "AVIF", **frames),
        container([tile()], brand=b"hevc"),
        container([tile()], brand=b"msf1"),
        container([tile()]) + box(b"moov", bytes(8)),
    ]
    for film in films:
        with pytest.raises(InvalidImage, match="animated"):
            read_info(film)
    assert decode(av1(_STREAM)).size == (64, 48)
    damaged(av1(_STREAM * 20))
    damaged(container([Item(b"hvc1", TILES["red"] * 2, tile().properties)]))


def test_what_is_behind_the_image_is_not_looked_at() -> None:
    """Motion photos have their film there."""
    for data in (container(grid()), AV1):
        assert decode(data + box(b"mpvd", bytes(1000))).size == decode(data + b"\xff" * 1000).size == decode(data).size


def test_metadata_is_not_looked_at() -> None:
    """pi-heif's plugin for Pillow ends the process where a type is no text."""
    for kind in (b"\xff\xfe\xfd\xfc", b"mime", b"Exif", b"\0\0\0\0"):
        data = container([tile(), Item(kind, b"\xff" * 9, (), (b"cdsc", [1]))])
        assert near(decode(data).getpixel((5, 5)), RED)


@pytest.mark.parametrize(
    "data",
    [
        container([tile()], primary=2),
        container([tile()])[:300],
        container([Item(b"iovl", b"", [extent(64, 64)])]),
        container([Item(b"hvc1", TILES["red"], [])]),
        container([Item(b"av01", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff", tile().properties)]),
        container([tile()] * 1025),
        box(b"ftyp", b"heic", bytes(4)) + box(b"free") * 5000,
        container([tile()]).replace(b"pitm", b"pitx"),
        container([tile()]).replace(b"ispe", b"ispx"),
    ],
)
def test_broken_boxes_are_damage(data: bytes) -> None:
    damaged(data)


def test_a_header_that_goes_on_for_ever_takes_no_time() -> None:
    """Every list has an end of its own, and no bytes are read twice."""
    stream = TILES["red"] + bytes(2_000_000)
    shared = container([Item(b"hvc1", stream, tile().properties), *[tile()] * 900])
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        read_container(shared)
    data = container([tile()])
    for kind in (b"iinf", b"ipma", b"iloc"):
        at = data.index(kind) + 8
        with pytest.raises((ValueError, LookupError)):
            read_container(data[:at] + b"\xff" * 6 + data[at + 6 :])


def test_libraries_load_with_the_first_such_file() -> None:
    """A cold start without one doesn't pay for them; where pi-heif has no build, a sentence says so."""
    script = (
        "import sys; from image_studio.imaging.decode import decode, InvalidImage\n"
        "assert not {'_pi_heif', 'PIL._avif'} & set(sys.modules)\n"
        "sys.modules['_pi_heif'] = None\n"
        "try: decode(sys.stdin.buffer.read())\n"
        "except InvalidImage as error: print(error.detail)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=container([tile()]),
        capture_output=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.decode().strip() == NO_HEIC


def test_a_heic_with_several_images_is_its_primary_one() -> None:
    assert near(decode(container([tile("blue"), tile("green")], primary=2)).getpixel((5, 5)), GREEN)
