"""Colors come in as browsers show them, whatever a file calls its color space. Values were measured in Chromium."""

import struct
import zlib
from collections.abc import Sequence

import pytest
from PIL import Image, ImageCms

from image_studio.imaging.color import make_profile
from image_studio.imaging.decode import decode
from tests.imaging.samples import flat_png, photo, png_file, saved

SRGB = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
DISPLAY_P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE_RGB = (0.3127, 0.3290, 0.640, 0.330, 0.210, 0.710, 0.150, 0.060)
SCANNER = (0.3457, 0.3585, 0.735, 0.265, 0.115, 0.826, 0.157, 0.018)  # Wide Gamut RGB


def shown(data: bytes) -> tuple[int, ...]:
    pixel: tuple[int, ...] = decode(data).getpixel((3, 3))
    return pixel


def near(color: Sequence[int], expected: Sequence[int], most: int = 6) -> bool:
    return len(color) == len(expected) and all(abs(a - b) <= most for a, b in zip(color, expected, strict=True))


def named(profile: bytes, name: bytes) -> bytes:
    """The profile with a description."""
    count = struct.unpack_from(">I", profile, 128)[0]
    table = profile[132 : 132 + 12 * count]
    shift = b"".join(
        entry[:4] + struct.pack(">I", struct.unpack_from(">I", entry, 4)[0] + 12) + entry[8:]
        for entry in (table[at : at + 12] for at in range(0, len(table), 12))
    )
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(80)
    size = len(profile) + 12
    whole = struct.pack(">I", size + len(text)) + profile[4:128] + struct.pack(">I", count + 1) + shift
    return whole + struct.pack(">4sII", b"desc", size, len(text)) + profile[132 + 12 * count :] + text


@pytest.mark.parametrize(
    ("chromaticity", "exponent", "color", "expected"),
    [
        (DISPLAY_P3, None, (237, 61, 37), (255, 30, 0)),
        (DISPLAY_P3, None, (200, 30, 30), (218, 0, 6)),
        (ADOBE_RGB, 2.2, (200, 100, 50), (228, 99, 40)),
        (SCANNER, 2.2, (120, 120, 120), (120, 120, 120)),
        (SRGB, 1.0, (49, 11, 4), (121, 59, 34)),  # sRGB's primaries, linear
        (SRGB, None, (237, 61, 37), (237, 61, 37)),
    ],
)
@pytest.mark.parametrize("name", [b"sRGB IEC61966-2.1", b"Something else"])
def test_a_profile_is_what_it_does_and_not_its_name(
    chromaticity: tuple[float, ...],
    exponent: float | None,
    color: tuple[int, ...],
    expected: tuple[int, ...],
    name: bytes,
) -> None:
    """In PNG and JPEG, opaque or not."""
    profile = named(make_profile(chromaticity, exponent), name)
    flat = Image.new("RGB", (16, 16), color)
    assert near(shown(saved(flat, "PNG", icc_profile=profile)), expected, 3)
    assert near(shown(saved(flat, "JPEG", icc_profile=profile, quality=100, subsampling=0)), expected, 6)
    flat.putalpha(77)
    assert near(shown(saved(flat, "PNG", icc_profile=profile)), (*expected, 77), 3)


def test_srgb_by_another_maker_changes_nothing() -> None:
    """Profiles round differently; numbers that are right stay."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = photo(64, 48)
    for each in (profile, make_profile(SRGB, None)):
        assert decode(saved(image, "PNG", icc_profile=each)).tobytes() == image.tobytes()


def gray_profile(exponent: float) -> bytes:
    """Gray of one exponent, as scanners and printers have it."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    at = 128 + 4 + 24
    table = struct.pack(">I4sII4sII", 2, b"kTRC", at, 14, b"wtpt", at + 16, 20)
    head = struct.pack(">I4sI4s4s4s", at + 36, b"", 0x02400000, b"mntr", b"GRAY", b"XYZ ").ljust(36, b"\0")
    return head + (b"acsp" + bytes(28) + white[8:]).ljust(92, b"\0") + table + curve + white


@pytest.mark.parametrize("exponent", [1.0, 1.75, 2.6])
@pytest.mark.parametrize("value", [40, 120, 200])
def test_a_gray_profile_counts_with_and_without_alpha(exponent: float, value: int) -> None:
    """Also where a color is transparent; 16 bits and palettes of gray, too."""
    profile = gray_profile(exponent)
    light = (value / 255) ** exponent
    right = round(255 * (1.055 * light ** (1 / 2.4) - 0.055 if light > 0.0031308 else 12.92 * light))
    chunk = (b"iCCP", b"gray\0\0" + zlib.compress(profile))
    assert near(shown(flat_png((value,), chunk)), (right,) * 3, 2)
    assert near(shown(flat_png((value, 200), chunk)), (*(right,) * 3, 200), 2)
    assert near(shown(flat_png((value,), chunk, (b"tRNS", b"\0\x01"))), (right,) * 3, 2)
    wide = png_file(4, 4, 16, 0, zlib.compress((b"\0" + bytes((value, value)) * 4) * 4), chunk)
    assert near(shown(wide), (right,) * 3, 2)


def test_profiles_for_other_channels_and_broken_ones_change_nothing() -> None:
    gray, color = gray_profile(1.0), make_profile(DISPLAY_P3, None)
    cut = [color[:at] for at in (0, 40, 130, 200, len(color) - 4)]
    for profile in (gray, b"\0" * 200, *cut):
        data = flat_png((120, 60, 40), (b"iCCP", b"x\0\0" + zlib.compress(profile)))
        assert shown(data) == (120, 60, 40)


def gama(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def chrm(chromaticity: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in chromaticity))


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes((primaries, transfer, 0, 1))


def iccp(chromaticity: tuple[float, ...], exponent: float | None) -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(make_profile(chromaticity, exponent))


LINEAR, P3, AS_SRGB = gama(100_000), chrm(DISPLAY_P3), (b"sRGB", b"\0")


@pytest.mark.parametrize(
    ("chunks", "color", "expected"),
    [
        ([LINEAR], (49, 11, 4), (120, 60, 40)),
        ([LINEAR, chrm(SRGB)], (49, 11, 4), (120, 60, 40)),
        ([gama(55_555)], (120, 60, 40), (138, 77, 55)),
        ([gama(45_455)], (120, 60, 40), (120, 60, 40)),  # what most writers say of sRGB
        ([gama(45_455), chrm(SRGB)], (120, 60, 40), (120, 60, 40)),
        ([gama(45_455), P3], (200, 30, 30), (218, 0, 6)),
        ([P3], (200, 30, 30), (200, 30, 30)),  # primaries without a curve say nothing
        ([cicp(12, 13)], (200, 30, 30), (218, 0, 6)),
        ([cicp(1, 13)], (120, 60, 40), (120, 60, 40)),
        ([cicp(1, 8)], (49, 11, 4), (121, 59, 34)),
        ([cicp(1, 1)], (120, 60, 40), (113, 49, 28)),
        ([cicp(9, 14)], (120, 60, 40), (138, 32, 20)),
        # the order of the specification: cICP, iCCP, sRGB, gAMA
        ([LINEAR, AS_SRGB], (120, 60, 40), (120, 60, 40)),
        ([LINEAR, iccp(SRGB, None)], (120, 60, 40), (120, 60, 40)),
        ([AS_SRGB, iccp(DISPLAY_P3, None)], (200, 30, 30), (218, 0, 6)),
        ([LINEAR, iccp(DISPLAY_P3, None), cicp(1, 13)], (120, 60, 40), (120, 60, 40)),
        ([iccp(DISPLAY_P3, None), cicp(2, 2)], (200, 30, 30), (218, 0, 6)),  # unspecified
        # nonsense
        ([gama(0), P3], (120, 60, 40), (120, 60, 40)),
        ([gama(45_455), (b"cHRM", bytes(32))], (120, 60, 40), (120, 60, 40)),
        ([gama(45_455), (b"cHRM", b"\xff" * 32)], (120, 60, 40), (120, 60, 40)),
        ([(b"gAMA", b"\0")], (120, 60, 40), (120, 60, 40)),
        ([(b"cICP", b"\x09\x10\x09\x01")], (120, 60, 40), (120, 60, 40)),
    ],
)
def test_what_a_png_says_of_its_colors_counts(
    chunks: list[tuple[bytes, bytes]], color: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert near(shown(flat_png(color, *chunks)), expected, 5)
    assert near(shown(flat_png((*color, 77), *chunks)), (*expected, 77), 5)


@pytest.mark.parametrize(
    ("chunk", "value", "expected"),
    [
        (cicp(9, 16), 60, 26),
        (cicp(9, 16), 100, 76),
        (cicp(9, 16), 148, 187),  # the white of paper
        (cicp(12, 16), 170, 229),
        (cicp(9, 16), 255, 255),
        (cicp(9, 18), 100, 75),
        (cicp(9, 18), 148, 120),
        (cicp(9, 18), 200, 202),
        (cicp(9, 18), 255, 255),
    ],
)
def test_hdr_is_tone_mapped(chunk: tuple[bytes, bytes], value: int, expected: int) -> None:
    """PQ and HLG, gray and color; nothing is washed out or clipped below the white of paper."""
    assert near(shown(flat_png((value,) * 3, chunk)), (expected,) * 3, 9)
    assert near(shown(flat_png((value,), chunk)), (expected,) * 3, 9)


def test_hdr_keeps_its_hue() -> None:
    assert near(shown(flat_png((148, 60, 60), cicp(9, 16))), (234, 0, 5), 9)
    assert near(shown(flat_png((148, 60, 60, 50), cicp(9, 18))), (135, 22, 41, 50), 9)
