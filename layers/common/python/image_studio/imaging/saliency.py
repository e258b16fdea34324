"""Where people look in an image: a small map, the product of four cues, made with Pillow alone.

barrier   how much color must be crossed to get here straight from the nearest edge of the image: things stand
          inside, backgrounds reach the edges (after the minimum barrier distance of Zhang et al., ICCV 2015)
detail    what changes from pixel to pixel in a larger copy: things are in focus, backgrounds are not
skin      how near the color is to skin's
light     lighter or darker than what is around

Each cue counts twice, as it is and blurred over its surroundings, to a power of its own, and so do the places where
photographers put things. A product rather than a sum: what several cues agree on stands out from what one shouts.
The powers are learned (`bench/imaging/learn.py`) from the marked images of bench/imaging/pictures.json that aren't
held out. A window is as good as the share of the map that it keeps.
"""

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from math import exp

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.canvas import flatten
from image_studio.imaging.types import DecodedImage

#: Long sides, pixels: of the copy that is searched for detail, of the one that is compared, of the map.
_DETAILED, _COMPARED, _MAP = 256, 96, 48
#: Each cue's power: of itself, of its surroundings.
POWERS = {
    "barrier": (0.43, 0.25),
    "detail": (0.43, 0.17),
    "skin": (0.24, 0.12),
    "light": (0.43, 0.22),
}
#: How much being away from the middle costs, across; how much being low gains; and, in an upright image, being
#: where heads are.
PLACES = {"across": 0.54, "low": -0.83, "heads": 0.65}
#: A cue of 0 still leaves this of 1, so that no single one decides.
_LEAST = 0.005
#: How far a cue's surroundings reach, pixels of the map.
_REACH = 2
#: Windows that are tried along the side.
_TRIED = 65

Numbers = Sequence[float]


class Attention:
    """How much of what matters lies in each column and row of an image."""

    def __init__(self, image: DecodedImage) -> None:
        seen = _product(look(image))
        self._across, self._down = (_running(_line(seen, axis)) for axis in (0, 1))

    def start(self, share: float, horizontal: bool) -> float:
        """Where the best window begins; it and `share`, its length, are shares of the side."""
        sums = self._across if horizontal else self._down

        def kept(start: float) -> float:
            return _at(sums, start + share) - _at(sums, start)

        return max(((1 - share) * at / (_TRIED - 1) for at in range(_TRIED)), key=kept)


def look(image: DecodedImage) -> dict[str, DecodedImage]:
    """The cues, by name, gray, at most 48 pixels long."""
    large = flatten(image).resize(_within(image.size, _DETAILED), Image.Resampling.BOX, reducing_gap=1.0)
    small = large.resize(_within(image.size, _COMPARED), Image.Resampling.BOX)
    colors = Image.merge("RGB", small.convert("YCbCr").split())  # filters refuse YCbCr
    smooth = colors.filter(ImageFilter.GaussianBlur(1))
    near = ImageChops.difference(smooth, colors.filter(ImageFilter.GaussianBlur(4))).getchannel("R")
    found = {
        "barrier": _barrier(smooth),
        "detail": _detail(large.convert("L")),
        "skin": small.filter(_skin_table()).getchannel("R"),
        "light": near.point(_fourfold),
    }
    size = _within(image.size, _MAP)
    return {name: one.resize(size, Image.Resampling.BOX) for name, one in found.items()}


def surroundings(cue: DecodedImage) -> DecodedImage:
    """A cue blurred: what is close by counts too."""
    return cue.filter(ImageFilter.GaussianBlur(_REACH))


def places(size: tuple[int, int], weights: dict[str, float] | None = None) -> tuple[list[float], list[float]]:
    """The logarithm of what each column and each row of a map counts for being where it is."""
    weights = weights or PLACES
    width, height = size
    heads = weights["heads"] if width < 0.95 * height else 0.0
    columns, rows = ([(cell + 0.5) / cells for cell in range(cells)] for cells in size)
    return (
        [-4 * weights["across"] * (x - 0.5) ** 2 for x in columns],
        [2 * weights["low"] * (y - 0.5) + 2 * heads * exp(-(((y - 0.2) / 0.12) ** 2) / 2) for y in rows],
    )


def _product(cues: dict[str, DecodedImage]) -> DecodedImage:
    """The cues and places multiplied, each to its power."""
    size = next(iter(cues.values())).size
    columns, rows = places(size)
    product: Iterable[float] = [exp(x + y) for y in rows for x in columns]
    tables = _tables()
    for name, cue in cues.items():
        own, around = tables[name]
        pixels = zip(product, cue.tobytes(), surroundings(cue).tobytes(), strict=True)
        product = [value * own[here] * around[there] for value, here, there in pixels]
    return Image.frombytes("F", size, array("f", product).tobytes())


@lru_cache(maxsize=1)
def _tables() -> dict[str, tuple[Numbers, Numbers]]:
    """For each cue and its surroundings, what each of 256 values counts."""
    values = [value / 255 + _LEAST for value in range(256)]
    return {name: ([v**own for v in values], [v**around for v in values]) for name, (own, around) in POWERS.items()}


def _within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """The size, pixels, in proportion and at most so long, each side at least 8."""
    scale = min(1.0, longest / max(size))
    return max(8, round(size[0] * scale)), max(8, round(size[1] * scale))


def _fourfold(value: int) -> int:
    """Differences are small: use the whole range of a byte."""
    return min(255, 4 * value)


def _detail(gray: DecodedImage) -> DecodedImage:
    """How far each pixel is from those beside it."""
    beside = gray.filter(ImageFilter.GaussianBlur(1.2))
    return ImageChops.difference(gray, beside).point(_fourfold)


def _barrier(colors: DecodedImage) -> DecodedImage:
    """The least range of colors on the four straight ways in from the edges, half of its sum over the channels."""
    nearest = Image.new("L", colors.size, 255)
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        highest = lowest = colors
        step = 1
        while step < max(colors.size):  # after n rounds each pixel has seen 2^n towards its edge
            highest = ImageChops.lighter(highest, _moved(highest, right * step, down * step))
            lowest = ImageChops.darker(lowest, _moved(lowest, right * step, down * step))
            step *= 2
        crossed = ImageChops.subtract(highest, lowest).convert("L", (0.5, 0.5, 0.5, 0))
        nearest = ImageChops.darker(nearest, crossed)
    return nearest


def _moved(image: DecodedImage, right: int, down: int) -> DecodedImage:
    """The image moved; what enters is the image as it was there."""
    moved = image.copy()
    moved.paste(image, (right, down))
    return moved


@lru_cache(maxsize=1)
def _skin_table() -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT.generate(17, _skin)


def _skin(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """How near a color (0 to 1) is to skin's direction in RGB, if neither black nor white; smartcrop's measure."""
    length = (red * red + green * green + blue * blue) ** 0.5 or 1.0
    away = ((red / length - 0.78) ** 2 + (green / length - 0.57) ** 2 + (blue / length - 0.44) ** 2) ** 0.5
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    skin = max(0.0, 1 - away / 0.2) if 0.2 < luma < 0.96 else 0.0
    return skin, skin, skin


def _line(one: DecodedImage, axis: int) -> Numbers:
    """The map's shares of mass by column (axis 0) or row (axis 1)."""
    size = (one.width, 1) if axis == 0 else (1, one.height)
    values = array("f", one.resize(size, Image.Resampling.BOX).tobytes())
    total = sum(values)
    return [value / total for value in values]


def _running(line: Numbers) -> Numbers:
    """The line added up from the first cell on."""
    return [0.0, *accumulate(line)]


def _at(sums: Numbers, share: float) -> float:
    """The running sum at a share of the side, between two cells in proportion."""
    cell = share * (len(sums) - 1)
    low = min(int(cell), len(sums) - 2)
    return sums[low] + (sums[low + 1] - sums[low]) * (cell - low)
