"""The nearest native size: arithmetic at its edges."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_studio.providers import SPECS, find_model
from image_studio.providers.spec import FreeSize, ModelSpec, NativeSize, nearest_size

SIDES = st.integers(16, 8_192)


def model(sizes):
    """A model with these sizes."""
    return ModelSpec(name="m", wire="m", operations=frozenset({"create"}), usd=0.01, sizes=sizes)


@pytest.mark.parametrize(
    ("free", "wanted", "native"),
    [
        (FreeSize(256, 1_536), (1_200, 628), (1_200, 628)),
        (FreeSize(256, 1_536), (256, 1_536), (256, 1_536)),
        (FreeSize(256, 1_536), (3_072, 1_536), (1_536, 768)),
        (FreeSize(256, 1_536), (128, 128), (256, 256)),
        (FreeSize(256, 1_536), (100, 1_000), (256, 1_536)),  # the ratio can't be had: both ends are
        (FreeSize(256, 1_536, step=16), (1_200, 628), (1_200, 640)),  # up, so that nothing is enlarged later
        (FreeSize(256, 1_536, 16, 1_048_576), (1_024, 1_024), (1_024, 1_024)),
        (FreeSize(256, 1_536, 16, 1_048_576), (1_920, 1_080), (1_360, 768)),  # down, since the area is paid for
        (FreeSize(1_024, 4_096), (1_200, 628), (1_957, 1_024)),
    ],
)
def test_free_sizes(free, wanted, native):
    """Width and height within bounds and steps, in the wanted ratio as far as they allow."""
    found = nearest_size(model(free), *wanted)
    assert (found.width, found.height) == native
    assert found.word == f"{native[0]}*{native[1]}"


def test_without_sizes_the_wanted_one_is_native():
    """A model whose size follows its input answers what it is given."""
    assert nearest_size(model(None), 333, 777) == NativeSize("", 333, 777)


def test_among_equal_ratios_the_smallest_sufficient_size_wins():
    """Not larger than needed, and not smaller."""
    classes = (NativeSize("2k", 2_048, 2_048), NativeSize("4k", 4_096, 4_096))
    words = [nearest_size(model(classes), side, side).word for side in (100, 2_048, 2_049, 4_096, 9_000)]
    assert words == ["2k", "2k", "4k", "4k", "4k"]


def test_where_size_costs_a_fifth_is_enlarged():
    """A shortfall of a fifth is made up by us where the next size costs more, and no more than that."""
    priced = (NativeSize("1:1", 1_000, 1_000, "1K", 0.05), NativeSize("1:1", 2_000, 2_000, "2K", 0.10))
    classes = [nearest_size(model(priced), side, side).size_class for side in (1_000, 1_200, 1_201, 5_000)]
    assert classes == ["1K", "1K", "2K", "2K"]


@given(width=SIDES, height=SIDES)
@example(width=817, height=1249)  # inside the bounded area, but not when both sides are rounded up
def test_every_model_has_a_size_for_everything(width, height):
    """Whatever is wanted, each model's nearest size is one of its own."""
    for spec in SPECS:
        for each in spec.live_models():
            found = nearest_size(each, width, height)
            if isinstance(each.sizes, tuple):
                assert found in each.sizes
            elif each.sizes:
                free = each.sizes
                assert all(free.low <= side <= free.high for side in (found.width, found.height))
                assert not free.max_pixels or found.width * found.height <= free.max_pixels


@given(width=SIDES, height=SIDES)
def test_ratios_are_the_nearest_there_are(width, height):
    """No other ratio of the model is closer by more than the tolerance."""
    from math import log

    sizes = find_model("stability", "core")[1].sizes
    wanted = width / height

    def apart(size):
        return abs(log(size.width / size.height / wanted))

    found = nearest_size(find_model("stability", "core")[1], width, height)
    assert apart(found) <= min(apart(size) for size in sizes) + 0.005
