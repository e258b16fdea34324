"""Where people look in an image: its faces, and a small map, the product of four cues, made with Pillow alone.

barrier   how much the color changes on a straight way here from the nearest edge of the image: objects stand
          inside, backgrounds reach the edges (after the minimum barrier distance of Zhang et al., ICCV 2015)
detail    changes from pixel to pixel in a larger copy: objects are in focus, backgrounds are not
skin      how near the color is to that of skin
light     lighter or darker than the surroundings

Each cue counts twice, unchanged and blurred over its surroundings, each to a power of its own; the place in the image
counts too. In a product, what several cues agree on outweighs a single strong cue. `bench/imaging/learn.py` learns the
powers from the marked images of bench/imaging/images.json that aren't held out. A window is rated by the share of the
map and of the faces that it keeps. Only windows that cut none of the surely detected faces are tried, if there are any.
The mean of the best windows is chosen: where several keep nearly as much, the first of them is no better than the last.
"""

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from math import exp
from operator import mul

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.faces import Face, FaceWindows, find_faces
from image_studio.imaging.masks import flatten
from image_studio.imaging.types import DecodedImage
from image_studio.schemas.common import FaceArea, Focus

#: Long sides, pixels: of the copy for detail, of the copy for the other cues, of the map.
_DETAILED, _COMPARED, _MAP = 256, 96, 48
_SAMPLES = 3  # a pixel of the first is the mean of at least 3 x 3
#: Each cue's power: of itself, of its surroundings.
POWERS = {"barrier": (0.49, 0.23), "detail": (0.32, 0.16), "skin": (0.19, 0.17), "light": (0.39, 0.2)}
#: Weights of the place: the distance from the middle (across), a low place.
PLACES = {"across": 0.36, "low": -0.59}
#: How sharply better windows are preferred. How much lower (a share of the height) crops of images without faces lie:
#: the upper part of a thing stands out most.
SHARPNESS, LOWER = 60.0, 0.02
FACES = 2.0  # attention that faces get, a certain one; the map gets 1
_LEAST = 0.005  # added to each cue, so that a single cue of 0 doesn't decide
_REACH = 2  # the radius of a cue's surroundings, pixels of the map
_TRIED = 65  # number of windows that are tried along a side

Numbers = Sequence[float]


class Attention:
    """The share of attention that each column and row of an image gets, and the faces that no window may cut."""

    def __init__(self, image: DecodedImage) -> None:
        large = detailed(image)
        faces = find_faces(large)
        attention = _product(_cues(large, image.size))
        self._across, self._down = ([0.0, *accumulate(_line(attention, faces, axis))] for axis in (0, 1))
        self._sure = [face for face in faces if face.sure]

    @property
    def faces(self) -> tuple[FaceArea, ...]:
        """The faces that no window may cut."""
        return tuple(face.area for face in self._sure)

    @property
    def focus(self) -> Focus:
        return Focus.FACE if self._sure else Focus.SALIENCY

    def start(self, share: float, horizontal: bool) -> float:
        """Return the start of the best window; it and `share`, the window's length, are shares of the side."""
        sums = self._across if horizontal else self._down
        windows = FaceWindows(self._sure, share, horizontal)
        first, last = windows.starts()
        tried = windows.uncut([first + (last - first) * at / (_TRIED - 1) for at in range(_TRIED)])
        kept = [_at(sums, start + share) - _at(sums, start) for start in tried]
        return tried[choose(tried, kept, 0 if horizontal or self._sure else LOWER)]


def choose(starts: Numbers, kept: Numbers, lower: float) -> int:
    """Return the index of the start that is nearest to the mean of the best windows, moved by `lower`."""
    most = max(kept)
    weights = [exp(SHARPNESS * (value - most)) for value in kept]
    wanted = sum(map(mul, weights, starts)) / sum(weights) + lower
    return min(range(len(starts)), key=lambda at: abs(starts[at] - wanted))


def measure_cues(image: DecodedImage) -> dict[str, DecodedImage]:
    """Return the cues by name: gray maps, at most 48 pixels long."""
    return _cues(detailed(image), image.size)


def detailed(image: DecodedImage) -> DecodedImage:
    """Return the copy that faces and details are looked for in, at most 256 pixels long."""
    every = max(1, max(image.size) // (_SAMPLES * _DETAILED))  # skipping pixels halves the time of this
    sampled = image.resize([max(1, side // every) for side in image.size], Image.Resampling.NEAREST)
    return flatten(sampled).resize(_within(image.size, _DETAILED), Image.Resampling.BOX, reducing_gap=1.0)


def _cues(large: DecodedImage, source: tuple[int, int]) -> dict[str, DecodedImage]:
    small = large.resize(_within(source, _COMPARED), Image.Resampling.BOX)
    colors = Image.merge("RGB", small.convert("YCbCr").split())  # filters refuse YCbCr
    smooth = colors.filter(ImageFilter.GaussianBlur(1))
    near = ImageChops.difference(smooth, colors.filter(ImageFilter.GaussianBlur(4))).getchannel("R")
    found = {
        "barrier": _barrier(smooth),
        "detail": _detail(large.convert("L")),
        "skin": small.filter(_skin_table()).getchannel("R"),
        "light": near.point(_fourfold),
    }
    size = _within(source, _MAP)
    return {name: one.resize(size, Image.Resampling.BOX) for name, one in found.items()}


def surroundings(cue: DecodedImage) -> DecodedImage:
    return cue.filter(ImageFilter.GaussianBlur(_REACH))


def places(size: tuple[int, int], weights: dict[str, float] | None = None) -> tuple[list[float], list[float]]:
    """Return the logarithm of the weight of each column and each row of a map."""
    weights = weights or PLACES
    columns, rows = ([(cell + 0.5) / cells for cell in range(cells)] for cells in size)
    return (
        [-4 * weights["across"] * (x - 0.5) ** 2 for x in columns],
        [2 * weights["low"] * (y - 0.5) for y in rows],
    )


def _product(cues: dict[str, DecodedImage]) -> DecodedImage:
    """Multiply cues and places, each to its power."""
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
    """For each cue and its surroundings, the factor of each of 256 values."""
    values = [value / 255 + _LEAST for value in range(256)]
    return {name: ([v**own for v in values], [v**around for v in values]) for name, (own, around) in POWERS.items()}


def _within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(8, round(size[0] * scale)), max(8, round(size[1] * scale))


def _fourfold(value: int) -> int:
    """Spread small differences over the range of a byte."""
    return min(255, 4 * value)


def _detail(gray: DecodedImage) -> DecodedImage:
    """The difference of each pixel from its neighbors."""
    neighbors = gray.filter(ImageFilter.GaussianBlur(1.2))
    return ImageChops.difference(gray, neighbors).point(_fourfold)


def _barrier(colors: DecodedImage) -> DecodedImage:
    """The least range of colors on the four straight ways from the edges, half of its sum over the channels."""
    nearest = Image.new("L", colors.size, 255)
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        highest = lowest = colors
        step = 1
        while step < max(colors.size):  # after n rounds each pixel covers 2^n pixels towards its edge
            highest = ImageChops.lighter(highest, _shift_over(highest, right * step, down * step))
            lowest = ImageChops.darker(lowest, _shift_over(lowest, right * step, down * step))
            step *= 2
        crossed = ImageChops.subtract(highest, lowest).convert("L", (0.5, 0.5, 0.5, 0))
        nearest = ImageChops.darker(nearest, crossed)
    return nearest


def _shift_over(image: DecodedImage, right: int, down: int) -> DecodedImage:
    shifted = image.copy()
    shifted.paste(image, (right, down))
    return shifted


@lru_cache(maxsize=1)
def _skin_table() -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT.generate(17, _skin)


def _skin(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """How near a color (0 to 1) is to that of skin, unless it is almost black or white; smartcrop's measure."""
    length = (red * red + green * green + blue * blue) ** 0.5 or 1.0
    away = ((red / length - 0.78) ** 2 + (green / length - 0.57) ** 2 + (blue / length - 0.44) ** 2) ** 0.5
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    skin = max(0.0, 1 - away / 0.2) if 0.2 < luma < 0.96 else 0.0
    return skin, skin, skin


def _line(image: DecodedImage, faces: Sequence[Face], axis: int) -> Numbers:
    """The attention that each column (axis 0) or row (axis 1) gets: 1 for the map, and what its faces get."""
    size = (image.width, 1) if axis == 0 else (1, image.height)
    values = array("f", image.resize(size, Image.Resampling.BOX).tobytes())
    total = sum(values)
    return [value / total + face for value, face in zip(values, face_line(faces, len(values), axis), strict=True)]


def face_line(faces: Sequence[Face], cells: int, axis: int) -> Numbers:
    """The attention that each of a side's cells gets for the faces in it, FACES in all if the faces are certain."""
    line = [0.0] * cells
    total = sum(face.weight / face.score for face in faces)
    for face in faces:
        start, end = face.head[axis] * cells, face.head[axis + 2] * cells
        for cell in range(int(start), min(cells, int(end) + 1)):
            inside = min(end, cell + 1) - max(start, cell)
            line[cell] += FACES * face.weight / total * inside / (end - start)
    return line


def _at(sums: Numbers, share: float) -> float:
    """Interpolate the cumulative sum at a share of the side."""
    cell = share * (len(sums) - 1)
    low = min(int(cell), len(sums) - 2)
    return sums[low] + (sums[low + 1] - sums[low]) * (cell - low)
