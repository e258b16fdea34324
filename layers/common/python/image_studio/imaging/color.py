"""Convert decoded pixels to sRGB: ICC profiles, PNG's gamma and primaries, CICP code points, HDR.

What a file says of its colors is in Pillow's `info`: `icc_profile`, `cicp` (primaries and transfer, ITU-T H.273),
`gamma` (the exponent of PNG's gAMA), `chromaticity` (PNG's cHRM: x and y of white, red, green, blue).
"""

import io
import math
import struct
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from PIL import Image, ImageChops, ImageCms, ImageFilter

#: Profiles above this many bytes are ignored: real ones have 0.5 KB to 2 MB (CMYK presses).
LARGEST_PROFILE = 4_000_000
_LARGEST_PROBED = 65_536  # sRGB's have 0.5 to 60 KB; what is remembered of them is bounded by this
_SAME = 2  # a profile that changes no color by more (of 255) is sRGB: profiles round, and so does LittleCMS
_PROBE_STEPS = (0, 8, 32, 64, 96, 128, 160, 192, 224, 255)  # of each channel, in the probe
_SCREEN_GAMMA = 2.2  # for which PNG's gAMA is corrected (W3C PNG 3, section 13.13)
_NO_CORRECTION = 0.05  # a correction closer to 1 is not applied, as in libpng

Chromaticity = tuple[float, ...]  # x and y of white, red, green and blue
Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]
Curve = Callable[[float], float]  # from the file's value to light, both 0 to 1


class Cicp(NamedTuple):
    """Code points of ITU-T H.273."""

    primaries: int
    transfer: int


_D65, _D50 = (0.3127, 0.3290), (0.34567, 0.35850)
_SRGB = (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_SMPTE_170M = (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
_BT2020 = (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
#: H.273, table 2.
_PRIMARIES: dict[int, Chromaticity] = {
    1: _SRGB,
    4: (0.310, 0.316, 0.670, 0.330, 0.210, 0.710, 0.140, 0.080),
    5: (*_D65, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    9: _BT2020,
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_PQ, _HLG = 16, 18
_LINEAR, _SRGB_CURVE = 1.0, None
#: H.273, table 3: the exponent, for video's curves that of a screen (BT.1886); None is sRGB's curve.
_EXPONENTS: dict[int, float | None] = {1: 2.4, 4: 2.2, 5: 2.8, 6: 2.4, 8: _LINEAR, 13: _SRGB_CURVE, 14: 2.4, 15: 2.4}


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert to RGB, or to RGBA where something is transparent, from profiles, CMYK, 16 bits and palettes."""
    info = image.info
    image = _eight_bits(image)
    profile = info.get("icc_profile")
    cicp = info.get("cicp")
    if cicp and cicp.primaries in _PRIMARIES and cicp.transfer in (*_EXPONENTS, *_LIGHT):
        image = _from_cicp(image, cicp)
    elif profile and len(profile) <= LARGEST_PROFILE:
        image = _from_profile(image, profile)
    elif "gamma" in info:
        image = _from_gamma(image, info["gamma"], info.get("chromaticity"))
    return _to_rgb(image)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image as L, LA, RGB, RGBA or CMYK, a transparent color as alpha."""
    key = image.info.get("transparency")
    if image.mode.startswith("I"):
        return _high_bytes(image, key)
    if image.mode in {"1", "L"}:
        return image.convert("L" if key is None else "LA")
    if image.mode in {"PA", "La", "RGBa", "P", "RGB"} and (key is not None or image.mode.lower().endswith("a")):
        return image.convert("LA" if image.mode == "La" else "RGBA")
    return image if image.mode in {"LA", "RGB", "RGBA", "CMYK"} else image.convert("RGB")


def _high_bytes(image: Image.Image, key: int | None) -> Image.Image:
    """16-bit gray by its high bytes; `key` is the value that is transparent."""
    halves = Image.frombytes("LA", image.size, image.convert("I;16").tobytes())  # little-endian: the low byte first
    low, high = halves.split()
    if key is None:
        return high
    other = ImageChops.lighter(*(band.point(_unless(value)) for band, value in ((low, key & 255), (high, key >> 8))))
    return Image.merge("LA", (high, other))


def _unless(value: int) -> list[int]:
    return [0 if each == value else 255 for each in range(256)]


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode not in {"LA", "RGBA"}:
        return image if image.mode == "RGB" else image.convert("RGB")
    opaque = image.getchannel("A").getextrema() == (255, 255)
    mode = "RGB" if opaque else "RGBA"
    return image if image.mode == mode else image.convert(mode)


# -- profiles


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB by an ICC profile; one that is broken, for other channels, or sRGB's changes nothing."""
    space = profile[16:20]  # ICC.1, table 19: the data color space
    if space == b"RGB ":
        image = image.convert({"L": "RGB", "LA": "RGBA"}.get(image.mode, image.mode))
    elif space != {"L": b"GRAY", "LA": b"GRAY", "CMYK": b"CMYK"}.get(image.mode):
        return image
    try:
        known = space == b"RGB " and len(profile) <= _LARGEST_PROBED and _is_srgb(profile)
        return image if known else _apply(image, profile)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


@lru_cache(maxsize=32)
def _is_srgb(profile: bytes) -> bool:
    """Whether the profile hardly changes any color, whatever its name is."""
    probe = _probe()
    changed = _apply(probe.copy(), profile)
    differences = ImageChops.difference(probe, changed).tobytes()
    return max(differences) <= _SAME


@cache
def _probe() -> Image.Image:
    """Colors from all over the cube, one a pixel."""
    colors = bytes(value for color in product(_PROBE_STEPS, repeat=3) for value in color)
    return Image.frombytes("RGB", (len(colors) // 3, 1), colors)


def _apply(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB, in place where possible to save memory."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    if image.mode == "LA":
        gray, alpha = image.split()
        image = ImageCms.profileToProfile(gray, source, target, outputMode="RGB") or gray
        image.putalpha(alpha)
        return image
    colored = image.mode.startswith("RGB")
    mode = image.mode if colored else "RGB"
    return ImageCms.profileToProfile(image, source, target, outputMode=mode, inPlace=colored) or image


# -- PNG's gamma, and CICP


def _from_gamma(image: Image.Image, gamma: float, chromaticity: Chromaticity | None) -> Image.Image:
    """Correct for the exponent that the file was encoded with, then for its primaries."""
    exponent = 1 / (gamma * _SCREEN_GAMMA)
    if abs(exponent - 1) > _NO_CORRECTION:
        image = _each_color(image, [round(255 * (value / 255) ** exponent) for value in range(256)])
    return _from_primaries(image, chromaticity, _SRGB_CURVE) if chromaticity else image


def _each_color(image: Image.Image, table: list[int]) -> Image.Image:
    """Map the values of all channels but alpha."""
    alpha = [list(range(256))] if image.mode.endswith("A") else []
    colors = [table] * (len(image.getbands()) - len(alpha))
    return image.point([value for each in colors + alpha for value in each])


def _from_cicp(image: Image.Image, cicp: Cicp) -> Image.Image:
    if cicp.transfer in _EXPONENTS:
        return _from_primaries(image, _PRIMARIES[cicp.primaries], _EXPONENTS[cicp.transfer])
    image = image.convert({"L": "RGB", "LA": "RGBA"}.get(image.mode, image.mode))
    return image.filter(_tone_mapping(cicp)) if image.mode != "CMYK" else image


def _from_primaries(image: Image.Image, chromaticity: Chromaticity, exponent: float | None) -> Image.Image:
    try:
        profile = make_profile(chromaticity, exponent)
    except (ArithmeticError, struct.error):  # primaries on one line, or not of this world
        return image
    return _from_profile(image, profile)


def make_profile(chromaticity: Chromaticity, exponent: float | None, name: str = "") -> bytes:
    """Return the ICC profile of three primaries and a curve: a power, or sRGB's with None."""
    white = chromaticity[:2]
    columns = zip(*_product(_adaptation(white, _D50), _to_xyz(chromaticity)), strict=True)
    kind, numbers = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)) if exponent is None else (0, (exponent,))
    curve = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(numbers)
    tags = {tag: b"XYZ \0\0\0\0" + _fixed(column) for tag, column in zip(_COLORANTS, columns, strict=True)}
    tags |= {b"wtpt": b"XYZ \0\0\0\0" + _fixed(_xyz(_D50))} | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags |= dict.fromkeys((b"desc", b"cprt"), _text(name)) if name else {}
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    return head.ljust(36, b"\0") + (b"acsp" + bytes(28) + _fixed(_xyz(_D50))).ljust(92, b"\0") + table + body


def _text(words: str) -> bytes:
    """ICC's multiLocalizedUnicodeType with one text in English."""
    data = words.encode("utf-16-be")
    return struct.pack(">4sIII4sII", b"mluc", 0, 1, 12, b"enUS", len(data), 28) + data + bytes(-len(data) % 4)


_COLORANTS = (b"rXYZ", b"gXYZ", b"bXYZ")


def _fixed(numbers: Sequence[float]) -> bytes:
    """ICC's s15Fixed16Number."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz(point: Sequence[float]) -> Vector:
    """The color of luminance 1 at x and y."""
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _to_xyz(chromaticity: Chromaticity) -> Matrix:
    """The matrix from linear light of the primaries to XYZ."""
    white, *primaries = (_xyz(chromaticity[at : at + 2]) for at in (0, 2, 4, 6))
    columns = _transposed(primaries)
    shares = _times(_inverse(columns), white)
    return _product(columns, _diagonal(shares))


_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def _adaptation(source: Sequence[float], target: Sequence[float]) -> Matrix:
    """Bradford's matrix from one white to another, as ICC profiles need it."""
    cones = [_times(_BRADFORD, _xyz(white)) for white in (source, target)]
    ratios = tuple(new / old for old, new in zip(*cones, strict=True))
    return _product(_inverse(_BRADFORD), _product(_diagonal(ratios), _BRADFORD))


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _times(matrix: Matrix, vector: Sequence[float]) -> Vector:
    return tuple(_dot(row, vector) for row in matrix)


def _product(left: Matrix, right: Matrix) -> Matrix:
    return _transposed([_times(left, column) for column in _transposed(right)])


def _transposed(rows: Sequence[Sequence[float]]) -> Matrix:
    return tuple(zip(*rows, strict=True))


def _diagonal(values: Sequence[float]) -> Matrix:
    return tuple(tuple(value if row == at else 0.0 for at in range(3)) for row, value in enumerate(values))


def _inverse(m: Matrix) -> Matrix:
    """Raises ZeroDivisionError where there is none."""
    cofactors = [
        [
            m[(i + 1) % 3][(j + 1) % 3] * m[(i + 2) % 3][(j + 2) % 3]
            - m[(i + 1) % 3][(j + 2) % 3] * m[(i + 2) % 3][(j + 1) % 3]
            for j in range(3)
        ]
        for i in range(3)
    ]
    determinant = _dot(m[0], cofactors[0])
    return _transposed([[value / determinant for value in row] for row in cofactors])


# -- HDR

_REFERENCE_WHITE = 203  # cd/m2; what white paper has in HDR (ITU-R BT.2408)
_GRID = 33  # steps of each channel in the table; between them colors are interpolated


def _pq_light(value: float) -> float:
    """Light as multiples of the reference white, of SMPTE ST 2084's curve (BT.2100, table 4)."""
    power = value ** (1 / 78.84375)
    light = (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return float(10_000 / _REFERENCE_WHITE * light)


def _hlg_light(value: float) -> float:
    """Light of the scene, as multiples of the reference white, for a screen of 1,000 cd/m2 (BT.2100, table 5)."""
    scene = value**2 / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return 1_000 / _REFERENCE_WHITE * scene


_LIGHT: dict[int, Curve] = {_PQ: _pq_light, _HLG: _hlg_light}
_SCREEN_POWER = {_PQ: 0.0, _HLG: 0.2}  # what a screen does with the light of a scene: times its luminance to this power


@cache
def _tone_mapping(cicp: Cicp) -> ImageFilter.Color3DLUT:
    """The table from HDR to sRGB; the reference white gets half of the light, as in Chromium, highlights roll off."""
    steps = [_LIGHT[cicp.transfer](step / (_GRID - 1)) for step in range(_GRID)]
    power, brightest = _SCREEN_POWER[cicp.transfer], steps[-1]
    to_xyz = _to_xyz(_PRIMARIES[cicp.primaries])
    matrix = _product(_inverse(_to_xyz(_SRGB)), to_xyz)
    table: list[float] = []
    for blue, green, red in product(steps, repeat=3):
        light = (red, green, blue)
        screen = (_dot(to_xyz[1], light) / brightest) ** power
        most = max(light) * screen
        share = screen * (_toned(most) / most if most else 1)  # one for all channels, which keeps the hue
        table += [_srgb_value(share * value) for value in _times(matrix, light)]
    return ImageFilter.Color3DLUT(_GRID, table)


def _toned(light: float) -> float:
    return light / 2 if light <= 1 else 1 - math.exp(1 - light) / 2


def _srgb_value(light: float) -> float:
    light = min(max(light, 0.0), 1.0)
    return 12.92 * light if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)
