"""Cutting many formats out of one picture: those at the same scale are scaled together, once.

Half of what platforms want differs in height only (1200x675, 1200x630, 1200x628): one Lanczos step serves them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from image_studio.imaging.crop import crop_box
from image_studio.imaging.picture import Box, Picture, Size
from image_studio.imaging.resize import scale


@dataclass(frozen=True, slots=True)
class Cut:
    """A rectangle of whole pixels in the picture as it is at `factor` times its size."""

    factor: float
    left: int
    top: int
    right: int
    bottom: int

    @property
    def box(self) -> Box:
        """The same rectangle in the picture's own pixels."""
        return Box(*(edge / self.factor for edge in (self.left, self.top, self.right, self.bottom)))

    @property
    def area(self) -> int:
        """Pixels inside."""
        return (self.right - self.left) * (self.bottom - self.top)


def place_cut(image: Picture, size: Size, **placing: Any) -> Cut:
    """Where a crop of exactly `size` (pixels) lies; takes what `crop_box` takes, and moves it to whole pixels."""
    factor = max(size.width / image.width, size.height / image.height)
    box = crop_box(image, size.width / size.height, **placing)
    left = _whole(box.left * factor, image.width * factor - size.width)
    top = _whole(box.top * factor, image.height * factor - size.height)
    return Cut(factor, left, top, left + size.width, top + size.height)


def _whole(start: float, latest: float) -> int:
    """The nearest whole pixel that isn't past the latest start."""
    return max(0, min(round(start), int(latest + 1e-6)))


def group_cuts(cuts: Sequence[Cut]) -> list[list[int]]:
    """Positions of cuts that are best made together: at one scale, and overlapping; the largest groups first."""
    groups: list[list[int]] = []
    for at, cut in enumerate(cuts):
        for group in groups:
            mates = [cuts[mate] for mate in group]
            alone = cut.area + _around(mates).area
            if abs(mates[0].factor / cut.factor - 1) < 1e-9 and _around([*mates, cut]).area < alone:
                group.append(at)
                break
        else:
            groups.append([at])
    return sorted(groups, key=lambda group: -_around([cuts[at] for at in group]).area)


def make_cuts(image: Picture, cuts: Sequence[Cut]) -> list[Picture]:
    """The pictures of cuts at one scale, in their order, out of one scaled picture."""
    whole = _around(cuts)
    box = whole.box
    inside = Box(box.left, box.top, min(box.right, image.width), min(box.bottom, image.height))
    scaled = scale(image, whole.right - whole.left, whole.bottom - whole.top, inside)
    if len(cuts) == 1:
        return [scaled]
    left, top = whole.left, whole.top
    return [scaled.crop((one.left - left, one.top - top, one.right - left, one.bottom - top)) for one in cuts]


def _around(cuts: Sequence[Cut]) -> Cut:
    """The smallest rectangle around all of them."""
    return Cut(
        cuts[0].factor,
        min(one.left for one in cuts),
        min(one.top for one in cuts),
        max(one.right for one in cuts),
        max(one.bottom for one in cuts),
    )
