"""A decoded image: RGB or RGBA, 8 bits a channel, upright, sRGB, without metadata.

Code outside `imaging` annotates with `DecodedImage` and treats it as opaque; only `.size` is read there.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from PIL import Image

DecodedImage: TypeAlias = Image.Image


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in source pixels, from the top left; fractions keep a crop's ratio exact."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, as Pillow takes them."""
        return self.left, self.top, self.right, self.bottom
