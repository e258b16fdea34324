"""A fingerprint of what an image shows, which survives a smaller size, JPEG and light crops.

It has the signs of the image's 128 lowest frequencies (DCT of 32x32 gray pixels), lowest first. Two fingerprints of the
same image differ in few bits, those of others in about half. docs/guides/provenance.md has what was measured.
"""

import math
from operator import mul

from PIL import Image

from image_studio.imaging.masks import flatten
from image_studio.imaging.types import DecodedImage

BITS = 128
NEAR = (
    32  # bits in which two fingerprints of one image may differ; of 400,000 pairs of others, the nearest differ in 36
)
BANDS, BAND_BITS = 4, 16  # the lowest frequencies, in parts of which one must be the same in both
_SIDE, _FREQUENCIES = 32, 16
_READ_SIDE = 256  # pixels of the shorter side that are enough
_FLAT = 3.0  # gray levels of deviation; an image below shows too little to be told from others
#: What is cut off (left, top, right, bottom, as shares): an image may come back with its edges cropped by 5 %.
CROPS = (
    (0.0, 0.0, 0.0, 0.0),
    (0.025, 0.025, 0.025, 0.025),
    (0.05, 0.0, 0.0, 0.0),
    (0.0, 0.05, 0.0, 0.0),
    (0.0, 0.0, 0.05, 0.0),
    (0.0, 0.0, 0.0, 0.05),
)
_COSINES = [[math.cos(math.pi / _SIDE * (at + 0.5) * of) for at in range(_SIDE)] for of in range(_FREQUENCIES)]
#: (vertical, horizontal) frequencies, lowest first, without the mean.
_ORDER = sorted(
    ((down, across) for down in range(_FREQUENCIES) for across in range(_FREQUENCIES)), key=lambda one: (sum(one), one)
)[1 : BITS + 1]


def fingerprints(image: DecodedImage, crops: int = len(CROPS)) -> list[int]:
    """Return the fingerprints of the image and of its first `crops` crops, none where it shows too little."""
    factor = max(1, min(image.size) // _READ_SIDE)
    small = image.reduce(factor) if factor > 1 else image
    gray = flatten(small).convert("L")
    pixels = [gray.resize((_SIDE, _SIDE), Image.Resampling.BOX, _box(crop, *gray.size)) for crop in CROPS[:crops]]
    return [] if _deviation(pixels[0]) < _FLAT else [_signs(one.tobytes()) for one in pixels]


def _box(crop: tuple[float, float, float, float], width: int, height: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = crop
    return width * left, height * top, width * (1 - right), height * (1 - bottom)


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def bands(fingerprint: int) -> list[int]:
    """Return the parts under which a fingerprint is found, lowest frequencies first."""
    return [fingerprint >> (BITS - BAND_BITS * (at + 1)) & ((1 << BAND_BITS) - 1) for at in range(BANDS)]


def _deviation(gray: DecodedImage) -> float:
    values = gray.tobytes()
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _signs(values: bytes) -> int:
    """Return the signs of the lowest frequencies, the lowest one in the highest bit."""
    lines = [values[at : at + _SIDE] for at in range(0, len(values), _SIDE)]
    rows = [[sum(map(mul, line, cosine)) for cosine in _COSINES] for line in lines]
    columns = list(zip(*rows, strict=True))
    found = 0
    for down, across in _ORDER:
        found = found << 1 | (sum(map(mul, columns[across], _COSINES[down])) > 0)
    return found
