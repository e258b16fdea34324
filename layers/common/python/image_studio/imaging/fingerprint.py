"""A fingerprint of what an image shows, which survives a smaller size, JPEG and light crops.

It has the signs of the image's 128 lowest frequencies (DCT of 32x32 gray pixels), lowest first. Two fingerprints of the
same image differ in few bits, those of others in about half. docs/guides/provenance.md has what was measured.
"""

import math
from collections.abc import Callable, Sequence
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
#: From Python 3.12 on in a quarter of the time.
_sumprod: Callable[..., float] = getattr(math, "sumprod", lambda some, others: sum(map(mul, some, others)))
_READ_SIDE = 256  # pixels of the shorter side that are enough
_NOISE = 24.0  # a frequency of a tenth of a gray level: what JPEG adds where an image has nothing
_LEAST = 64  # frequencies above the noise; an image with fewer shows too little to be distinguished
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
    """Return the fingerprints of the image and its first crops (`crops` in all), none where it shows too little."""
    factor = max(1, min(image.size) // _READ_SIDE)
    small = image.reduce(factor) if factor > 1 else image
    gray = flatten(small).convert("L")
    boxes = (_box(crop, *gray.size) for crop in CROPS[:crops])
    spectra = [_spectrum(gray.resize((_SIDE, _SIDE), Image.Resampling.BOX, box).tobytes()) for box in boxes]
    if sum(abs(value) > _NOISE for value in spectra[0]) < _LEAST:
        return []
    return [_signs(spectrum) for spectrum in spectra]


def _box(crop: tuple[float, float, float, float], width: int, height: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = crop
    return width * left, height * top, width * (1 - right), height * (1 - bottom)


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def look_alike(some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether any of the fingerprints are of the same image."""
    return any(distance(one, other) <= NEAR for one in some for other in others)


def bands(fingerprint: int) -> list[int]:
    """Return the parts under which a fingerprint is found, lowest frequencies first."""
    return [fingerprint >> (BITS - BAND_BITS * (at + 1)) & ((1 << BAND_BITS) - 1) for at in range(BANDS)]


def _spectrum(values: bytes) -> list[float]:
    """Return the lowest frequencies of 32x32 gray pixels, lowest first."""
    lines = [values[at : at + _SIDE] for at in range(0, len(values), _SIDE)]
    rows = [[_sumprod(line, cosine) for cosine in _COSINES] for line in lines]
    columns = list(zip(*rows, strict=True))
    return [_sumprod(columns[across], _COSINES[down]) for down, across in _ORDER]


def _signs(spectrum: list[float]) -> int:
    """Return which frequencies are positive, and not noise; the lowest one in the highest bit."""
    return int("".join("1" if value > _NOISE else "0" for value in spectrum), 2)
