"""Where people look in a picture: profiles of a few small maps, made with Pillow alone.

barrier   how much colour must be crossed to get here straight from the nearest edge of the picture: things stand
          inside, backgrounds reach the edges (after the minimum barrier distance of Zhang et al., ICCV 2015)
body      the barrier where the colour is skin's: heads and hands rather than wood and sand
face      contrast within skin: eyes, mouths, fingers
outline   colours that change within a pixel or two: where things end, so where a window's edge may go

A window is good that keeps much of the first three, ends where things end, and lies where photographers put
things. The weights are learned from the marked pictures of bench/imaging/pictures.json that aren't held out.
"""

from array import array
from functools import lru_cache
from itertools import accumulate

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.canvas import flatten
from image_studio.imaging.picture import Picture

#: Long side of the maps, pixels.
_MAP = 96
#: What a map counts: its share inside the window, its density where the window's edges cut.
KEPT = {"barrier": 5.96, "body": 4.83, "face": 2.65}
CUT = {"outline": 0.50}
#: Where the middle of a window belongs, as a share of the side, and how much an offset by the whole side costs.
ACROSS = ((0.5, 7.74),)
DOWN = ((0.5, -5.57), (0.25, 8.30))
#: Half the width of the strip that a cut goes through, as a share of the side.
_STRIP = 0.02
#: Windows that are tried along the side.
_TRIED = 65


class Attention:
    """How much of what matters lies in each column and row of a picture."""

    def __init__(self, image: Picture) -> None:
        maps = look(image)
        self._across = _Profile(maps, 0)
        self._down = _Profile(maps, 1)

    def start(self, share: float, horizontal: bool) -> float:
        """Where the best window begins; it and `share`, its length, are shares of the side."""
        profile, places = (self._across, ACROSS) if horizontal else (self._down, DOWN)

        def score(start: float) -> float:
            middle = start + share / 2
            return profile.score(start, share) - sum(cost * abs(middle - place) for place, cost in places)

        return max(((1 - share) * at / (_TRIED - 1) for at in range(_TRIED)), key=score)


class _Profile:
    """The maps summed along columns (axis 0) or rows (axis 1), weighed and added up from one end."""

    def __init__(self, maps: dict[str, Picture], axis: int) -> None:
        lines = {name: _line(one, axis) for name, one in maps.items()}
        self._kept = _running({name: lines[name] for name in KEPT}, KEPT)
        self._cut = _running({name: lines[name] for name in CUT}, CUT)

    def score(self, start: float, share: float) -> float:
        end = start + share
        return _between(self._kept, start, end) + self._density(start) + self._density(end)

    def _density(self, at: float) -> float:
        """What a cut goes through; nothing at the picture's own edges."""
        if at < 1e-6 or at > 1 - 1e-6:
            return 0.0
        return _between(self._cut, max(0.0, at - _STRIP), min(1.0, at + _STRIP)) / (2 * _STRIP)


def look(image: Picture) -> dict[str, Picture]:
    """The maps, by name, gray, at most 96 pixels long."""
    small = _shrunk(flatten(image))
    colours = Image.merge("RGB", small.filter(ImageFilter.GaussianBlur(1)).convert("YCbCr").split())
    barrier = _barrier(colours)
    skin = small.filter(_skin_table()).getchannel("R")
    gray = small.convert("L")
    contrast = ImageChops.difference(gray, gray.filter(ImageFilter.GaussianBlur(3)))
    return {
        "barrier": barrier,
        "body": ImageChops.multiply(barrier, skin.point(lambda value: value * 0.9 + 25)),
        "face": ImageChops.multiply(
            contrast.point(lambda value: min(255, value * 4)), skin.filter(ImageFilter.GaussianBlur(1.5))
        ),
        "outline": _outline(colours),
    }


def _shrunk(image: Picture) -> Picture:
    """The picture at most 96 pixels long, each side at least 8."""
    scale = min(1.0, _MAP / max(image.size))
    size = max(8, round(image.width * scale)), max(8, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _barrier(colours: Picture) -> Picture:
    """The least range of colours on the four straight ways in from the edges, half of its sum over the channels."""
    nearest = Image.new("L", colours.size, 255)
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        highest = lowest = colours
        step = 1
        while step < max(colours.size):  # after n rounds each pixel has seen 2^n towards its edge
            highest = ImageChops.lighter(highest, _moved(highest, right * step, down * step))
            lowest = ImageChops.darker(lowest, _moved(lowest, right * step, down * step))
            step *= 2
        crossed = ImageChops.subtract(highest, lowest).convert("L", (0.5, 0.5, 0.5, 0))
        nearest = ImageChops.darker(nearest, crossed)
    return nearest


def _moved(image: Picture, right: int, down: int) -> Picture:
    """The picture moved; what enters is the picture as it was there."""
    moved = image.copy()
    moved.paste(image, (right, down))
    return moved


def _outline(colours: Picture) -> Picture:
    """How far Cb and Cr are from those close by."""
    around = colours.filter(ImageFilter.GaussianBlur(2))
    return ImageChops.difference(colours, around).convert("L", (0, 1, 1, 0))


@lru_cache(maxsize=1)
def _skin_table() -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT.generate(17, _skin)


def _skin(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """How near a colour (0 to 1) is to skin's direction in RGB, if neither black nor white; smartcrop's measure."""
    length = (red * red + green * green + blue * blue) ** 0.5 or 1.0
    away = ((red / length - 0.78) ** 2 + (green / length - 0.57) ** 2 + (blue / length - 0.44) ** 2) ** 0.5
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    skin = max(0.0, 1 - away / 0.2) if 0.2 < luma < 0.96 else 0.0
    return skin, skin, skin


def _line(one: Picture, axis: int) -> list[float]:
    """A map's shares of mass by column (axis 0) or row (axis 1); even where it is empty."""
    size = (one.width, 1) if axis == 0 else (1, one.height)
    values = array("f", one.convert("F").resize(size, Image.Resampling.BOX).tobytes())
    total = sum(values)
    return [value / total for value in values] if total else [1 / len(values)] * len(values)


def _running(lines: dict[str, list[float]], weights: dict[str, float]) -> list[float]:
    """The weighed sum of the lines, added up from the first cell on."""
    cells = zip(*([weights[name] * value for value in line] for name, line in lines.items()), strict=True)
    return [0.0, *accumulate(map(sum, cells))]


def _between(sums: list[float], start: float, end: float) -> float:
    return _at(sums, end) - _at(sums, start)


def _at(sums: list[float], share: float) -> float:
    """The running sum at a share of the side, between two cells in proportion."""
    cell = share * (len(sums) - 1)
    low = min(int(cell), len(sums) - 2)
    return sums[low] + (sums[low + 1] - sums[low]) * (cell - low)
