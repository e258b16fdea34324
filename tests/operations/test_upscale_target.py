"""The size that an upscale ends at."""

import pytest

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.operations.sizes import target_size


@pytest.mark.parametrize(
    ("size", "asked", "target"),
    [
        ((768, 512), (None, None, "print"), (3072, 2048)),  # the reference's example
        ((768, 512), (None, None, "web"), (2048, 1365)),
        ((768, 512), (None, None, "social"), (1080, 720)),
        ((512, 768), (None, None, "social"), (720, 1080)),
        ((2000, 1000), (None, None, "social"), (2000, 1000)),  # a preset below the image
        ((2048, 100), (None, None, "web"), (2048, 100)),
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
def test_targets(size: tuple[int, int], asked: tuple[int | None, int | None, str | None], target: object) -> None:
    """Explicit sides, else the preset's long side, else four times, within 25 MP."""
    assert target_size(size, *asked) == target


@pytest.mark.parametrize("asked", [(5001, 5000), (8192, None), (None, 8192)])
def test_targets_above_25_megapixels_are_refused(asked: tuple[int | None, int | None]) -> None:
    """With what to do about it."""
    with pytest.raises(InvalidRequest, match="more than 25 megapixels"):
        target_size((400, 400), *asked, None)


def test_an_unknown_preset_names_the_known() -> None:
    """web, print, social."""
    with pytest.raises(UnknownChoice, match=r"Unknown preset 'poster'\. Valid: web, print, social\."):
        target_size((400, 400), None, None, "poster")


def test_nothing_becomes_nothing() -> None:
    """A very long image still has one pixel across."""
    assert target_size((2000, 1), None, None, "web") == (2048, 1)
