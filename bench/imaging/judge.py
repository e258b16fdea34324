"""How much of a marked subject a crop keeps, relative to the best that any window could."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: The subjects are painted on a grid of this many cells a side.
_GRID = 1000


@dataclass
class Subject:
    """The marked boxes of one image (percent), painted as one area."""

    boxes: list[list[float]]
    mask: Any = field(init=False)

    def __post_init__(self) -> None:
        cells = np.zeros((_GRID, _GRID), np.float64)
        for left, top, right, bottom in np.array(self.boxes) * (_GRID / 100):
            cells[round(top) : round(bottom), round(left) : round(right)] = 1
        self.mask = cells.cumsum(0).cumsum(1)
        self.mask = np.pad(self.mask, ((1, 0), (1, 0)))

    def kept(self, window: tuple[float, float, float, float]) -> float:
        """The share of the subject's area inside a window (shares of the image)."""
        left, top, right, bottom = (min(max(round(edge * _GRID), 0), _GRID) for edge in window)
        sums = self.mask
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return float(inside / sums[-1, -1])

    def best(self, width: float, height: float) -> float:
        """The most that any window of these shares keeps."""
        spans = range(round((1 - width) * _GRID) + 1), range(round((1 - height) * _GRID) + 1)
        return max(
            self.kept((x / _GRID, y / _GRID, x / _GRID + width, y / _GRID + height)) for x in spans[0] for y in spans[1]
        )


def largest(image: tuple[int, int], size: tuple[int, int]) -> tuple[float, float]:
    """Width and height, as shares, of the largest window with the ratio of `size` in the image."""
    ratio = size[0] / size[1] * image[1] / image[0]
    return (min(ratio, 1.0), min(1 / ratio, 1.0))
