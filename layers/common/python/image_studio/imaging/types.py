"""Types of imaging: a decoded image, sizes and boxes in pixels.

A decoded image is RGB or RGBA, 8 bits a channel, upright, sRGB, without metadata. Code outside `imaging` only reads
its size. Pillow is not imported at run time, so that arithmetic with sizes needs no Pillow.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from PIL import Image

    DecodedImage: TypeAlias = Image.Image
else:
    DecodedImage: TypeAlias = Any


class Size(NamedTuple):
    width: int
    height: int

    @property
    def size(self) -> "Size":
        """Itself, so that it stands for an image whose pixels nobody reads."""
        return self

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(NamedTuple):
    """A rectangle in source pixels, from the top left, as Pillow takes it; fractions keep a crop's ratio exact."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top
