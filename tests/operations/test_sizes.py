"""Sizes of responses: from sides, ratio, template or preset."""

from fractions import Fraction

import pytest

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.imaging.types import Size
from image_studio.operations.sizes import parse_ratio, size_for_ratio, target_size, wanted_size
from image_studio.schemas.limits import MAX_SIDE, MIN_SIDE

LINKEDIN = Size(1200, 628)


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        ((None, None, None, None), (1024, 1024)),
        ((None, None, None, LINKEDIN), LINKEDIN),
        ((640, 480, None, None), (640, 480)),
        ((640, 480, "1:1", LINKEDIN), (640, 480)),
        ((640, None, None, None), (640, 640)),
        ((None, 300, None, None), (300, 300)),
        ((600, None, None, LINKEDIN), (600, 314)),
        ((None, 314, None, LINKEDIN), (600, 314)),
        ((1600, None, "16:9", None), (1600, 900)),
        ((None, 900, "16:9", LINKEDIN), (1600, 900)),
        ((1200, None, "1.91:1", None), (1200, 628)),
        ((160, None, "10:1", None), (160, MIN_SIDE)),  # the limits themselves are fine
        ((5000, None, "1:1", None), (5000, 5000)),
        ((None, None, "1:1", None), (1024, 1024)),
        ((None, None, "16:9", None), (1360, 765)),
        ((None, None, "9:16", None), (765, 1360)),
        ((None, None, "1.91:1", LINKEDIN), LINKEDIN),
        ((None, None, "1.91", LINKEDIN), LINKEDIN),
        ((None, None, "21:9", (2560, 1080)), (2560, 1080)),
        ((None, None, "1:1", LINKEDIN), (1024, 1024)),
    ],
)
def test_what_the_request_has_decides(request_, size):
    """Sides first, then the ratio, then the template; a ratio alone that is the template's own means its size."""
    assert wanted_size(*request_) == size


@pytest.mark.parametrize("ratio", ["1.91:1", "3:1", "1:10", "10:1", "64:27", "2.39:1", "0.8", "205:78"])
def test_a_ratio_alone_gives_about_a_megapixel(ratio):
    """Never more than a megapixel, never far below, and as near to the ratio as pixels allow."""
    width, height = wanted_size(None, None, ratio, None)
    assert 0.8 * 1024 * 1024 <= width * height <= 1024 * 1024 * 1.002
    assert abs(width / height / float(parse_ratio(ratio)) - 1) < 0.005


@pytest.mark.parametrize(
    "ratio", ["16:0", "0:1", "0", "-1:1", "wide", "16:9:1", "a:b", ":", "nan", "inf:1", "11:1", "1:10.1", "1/0"]
)
def test_a_ratio_that_is_none_is_a_sentence(ratio):
    """Never a division by zero and never a silent square."""
    with pytest.raises(InvalidRequest, match=r"16:9 or 1\.91:1"):
        wanted_size(None, None, ratio, None)


def test_ratios_are_exact():
    """No rounding before it is needed."""
    assert parse_ratio("1.91:1") == Fraction(191, 100)
    assert parse_ratio(" 16 : 9 ") == Fraction(16, 9)
    assert size_for_ratio(Fraction(3, 2)) == (1254, 836)


@pytest.mark.parametrize(("width", "ratio"), [(MIN_SIDE, "10:1"), (MAX_SIDE, "1:10"), (6000, "1:1")])
def test_a_computed_side_is_limited_like_a_requested_one(width, ratio):
    """Too small, too large, and too many pixels."""
    with pytest.raises(InvalidRequest, match="outside what we make"):
        wanted_size(width, None, ratio, None)


@pytest.mark.parametrize(
    ("size", "request_", "target"),
    [
        ((768, 512), (None, None, "print"), (3072, 2048)),  # the reference's example
        ((768, 512), (None, None, "web"), (2048, 1365)),
        ((768, 512), (None, None, "social"), (1080, 720)),
        ((512, 768), (None, None, "social"), (720, 1080)),
        ((2000, 1000), (None, None, "social"), (2000, 1000)),  # a preset below the image
        ((2048, 100), (None, None, "web"), (2048, 100)),
        ((2000, 1), (None, None, "web"), (2048, 1)),  # a very long image still has one pixel across
        ((300, 200), (None, None, None), (1200, 800)),
        ((300, 200), (900, None, None), (900, 600)),
        ((300, 200), (None, 900, None), (1350, 900)),
        ((300, 200), (500, 500, None), (500, 500)),
        ((300, 200), (500, None, "print"), (500, 333)),  # explicit sides win over a preset
        ((300, 200), (100, None, None), (100, 67)),
        ((2000, 2000), (None, None, None), (5000, 5000)),  # four times would be more than 25 MP
        ((5000, 5000), (None, None, None), (5000, 5000)),
        ((100, 100), (5000, 5000, None), (5000, 5000)),
    ],
)
def test_targets(size, request_, target):
    """Explicit sides, else the preset's long side, else four times, within 25 MP."""
    assert target_size(Size(*size), *request_) == target


def test_targets_above_25_megapixels_are_refused():
    """With what to do about it. An unknown preset names the known ones."""
    for sides in ((5001, 5000), (8192, None), (None, 8192)):
        with pytest.raises(InvalidRequest, match="more than 25 megapixels"):
            target_size(Size(400, 400), *sides, None)
    with pytest.raises(UnknownChoice, match=r"Unknown preset 'poster'\. Valid: web, print, social\."):
        target_size(Size(400, 400), None, None, "poster")
