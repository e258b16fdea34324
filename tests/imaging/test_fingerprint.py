"""Fingerprints: the same image in another size, quality or crop is found, and others are not."""

import io
import random
from functools import cache

import pytest
from PIL import Image, ImageDraw, ImageFilter

from image_studio.imaging.fingerprint import (
    BAND_BITS,
    BANDS,
    BITS,
    CROPS,
    NEAR,
    _box,
    bands,
    distance,
    fingerprints,
)
from tests.imaging.samples import photo, see_through

Crop = tuple[float, float, float, float]


def scene(number: int) -> Image.Image:
    """One of endless images: a field of colors with shapes in it, sharp or soft, clean or grainy."""
    dice = random.Random(number)
    size = (256, 192)
    count = dice.choice((3, 4, 6, 8))
    image = Image.frombytes("RGB", (count, count), dice.randbytes(3 * count * count)).resize(
        size, Image.Resampling.BICUBIC
    )
    pen = ImageDraw.Draw(image)
    for _ in range(dice.randrange(3, 25)):
        color = tuple(dice.randbytes(3))
        left, top = dice.randrange(-40, size[0]), dice.randrange(-40, size[1])
        box = (left, top, left + dice.randrange(5, 130), top + dice.randrange(5, 100))
        (pen.ellipse if dice.random() < 0.5 else pen.rectangle)(box, color)
    if dice.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(dice.uniform(0.5, 4)))
    if dice.random() < 0.5:
        grain = Image.frombytes("RGB", size, dice.randbytes(3 * size[0] * size[1]))
        image = Image.blend(image, grain, dice.uniform(0.05, 0.3))
    return image


def shared(image: Image.Image, crop: Crop = (0, 0, 0, 0)) -> Image.Image:
    """The image as it comes back from elsewhere: cropped, at half its size, as a JPEG of quality 70."""
    part = image.crop(tuple(map(round, _box(crop, *image.size))))
    out = io.BytesIO()
    part.resize((part.width // 2, part.height // 2), Image.Resampling.LANCZOS).save(out, "JPEG", quality=70)
    return Image.open(out)


@cache
def stored(number: int) -> list[int]:
    return fingerprints(scene(number))


def is_found(known: list[int], image: Image.Image) -> bool:
    """As the table finds it: by a part that is the same, then by the distance."""
    return any(matches(one, other) for other in fingerprints(image, 1) for one in known)


def matches(one: int, other: int) -> bool:
    return distance(one, other) <= NEAR and any(a == b for a, b in zip(bands(one), bands(other), strict=True))


MADE, OTHERS = 40, 200
FULL = pytest.mark.slow


@pytest.mark.parametrize(("made", "others"), [(MADE, OTHERS), pytest.param(200, 2_000, marks=FULL)])
def test_shared_images_are_found_and_others_are_not(made: int, others: int) -> None:
    """Resized to half and saved as JPEG 70, at least 95 % of 200 are found; of 2,000 others at most 2."""
    found = sum(is_found(stored(number), shared(scene(number))) for number in range(made))
    assert found >= 0.95 * made
    known = [one for number in range(made) for one in stored(number)]
    false = sum(is_found(known, shared(scene(number))) for number in range(made, made + others))
    assert false <= 2 * others // 2_000


@pytest.mark.parametrize(
    ("crop", "least"),
    [
        ((0.025, 0.025, 0.025, 0.025), 0.95),
        ((0.05, 0, 0, 0), 0.95),
        ((0, 0, 0, 0.05), 0.95),
        ((0.05, 0.05, 0, 0), 0.6),
        ((0.05, 0.05, 0.05, 0.05), 0.6),
    ],
    ids=["2.5 % each", "5 % left", "5 % bottom", "5 % left and top", "5 % each"],
)
def test_light_crops_are_found(crop: Crop, least: float) -> None:
    found = sum(is_found(stored(number), shared(scene(number), crop)) for number in range(MADE))
    assert found >= least * MADE


def test_an_image_that_shows_too_little_has_no_fingerprint() -> None:
    assert fingerprints(Image.new("RGB", (400, 300), "teal")) == []


def test_transparent_parts_count_as_white_as_in_a_jpeg() -> None:
    clear = see_through(photo())
    white = Image.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    assert distance(fingerprints(clear)[0], fingerprints(white)[0]) <= 2


@pytest.mark.parametrize("size", [(1, 1), (16, 8192), (5000, 20)])
def test_any_size_has_as_many_fingerprints_as_crops(size: tuple[int, int]) -> None:
    image = photo().resize(size)
    found = fingerprints(image)
    assert len(found) in (0, len(CROPS))
    assert all(0 <= one < 1 << BITS for one in found)


def test_the_parts_are_the_lowest_frequencies() -> None:
    assert bands(0x0001_0002_0003_0004 << 64 | 0xFFFF) == [1, 2, 3, 4]
    assert BANDS * BAND_BITS <= BITS
