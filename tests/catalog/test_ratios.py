"""Ratios are named as people name them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_studio.catalog.ratios import NAMED, SMALL, TOLERANCE, ratio_of

side = st.integers(1, 8192)


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (1080, 1080, "1:1"),
        (1080, 1350, "4:5"),
        (1080, 1440, "3:4"),
        (1080, 1920, "9:16"),
        (1000, 1500, "2:3"),
        (1920, 1080, "16:9"),
        (1280, 720, "16:9"),
        (1200, 600, "2:1"),
        (1500, 500, "3:1"),
        (1200, 630, "1.91:1"),
        (1200, 628, "1.91:1"),
        (1200, 627, "1.91:1"),
        (1080, 566, "1.91:1"),
        (2560, 1080, "21:9"),
        (820, 312, "2.63:1"),
        (1128, 191, "5.91:1"),
        (191, 1128, "1:5.91"),
        (1000, 999, "1:1"),
    ],
)
def test_known_sizes_have_their_usual_name(width: int, height: int, name: str) -> None:
    """Whole ratios are reduced, 1.91:1 and 21:9 are recognised, odd shapes get two decimals."""
    assert ratio_of(width, height) == name


@given(side, side)
def test_a_name_says_the_shape(width: int, height: int) -> None:
    """Read back, a name is within the tolerance of width / height; 21:9 means 64:27, as screens are sold."""
    name = ratio_of(width, height)
    left, right = map(float, name.split(":"))
    assert NAMED.get(name, left / right) == pytest.approx(width / height, rel=TOLERANCE * 1.01)


def test_the_largest_whole_number_is_a_limit() -> None:
    """16:1 is said in whole numbers, 17:16 is not."""
    assert ratio_of(SMALL, 1) == "16:1"
    assert ratio_of(SMALL + 1, SMALL) == "1.06:1"


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (-4, 3)])
def test_nothing_has_no_ratio(width: int, height: int) -> None:
    """A side below one pixel is refused, not divided by."""
    with pytest.raises(ValueError, match="no ratio"):
        ratio_of(width, height)
