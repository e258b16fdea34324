"""Where people look in a picture: profiles of a small map, made with Pillow alone."""

from itertools import accumulate

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.canvas import flatten
from image_studio.imaging.picture import Picture

#: Long side of the map, pixels.
_MAP = 96
#: Weights of colour contrast, edges and skin.
_WEIGHTS = (1.0, 1.0, 1.5)


class Attention:
    """How much of what matters lies in each column and row of a picture."""

    def __init__(self, image: Picture) -> None:
        small = flatten(image.reduce(max(1, max(image.size) // _MAP)))
        maps = _colour_contrast(small), _edges(small), _skin(small)
        self._columns = _profile(maps, (small.width, 1))
        self._rows = _profile(maps, (1, small.height))

    def start(self, share: float, horizontal: bool) -> float:
        """Where the window that holds the most begins; it and `share`, its length, are shares of the side."""
        profile = self._columns if horizontal else self._rows
        window = max(1, round(share * len(profile)))
        sums = [0.0, *accumulate(profile)]
        starts = range(len(profile) - window + 1)
        best = max(starts, key=lambda at: sums[at + window] - sums[at])
        return min(best / len(profile), 1 - share)


def _profile(maps: tuple[Image.Image, ...], size: tuple[int, int]) -> list[float]:
    total = [0.0] * max(size)
    for one, weight in zip(maps, _WEIGHTS, strict=True):
        for at, value in enumerate(one.resize(size, Image.Resampling.BOX).tobytes()):
            total[at] += weight * value
    return total


def _squared(one: Image.Image) -> Image.Image:
    return one.point(lambda value: value * value / 255)


def _colour_contrast(small: Image.Image) -> Image.Image:
    """Distance of a blurred copy from the mean colour (frequency-tuned saliency, Achanta 2009)."""
    lab = small.filter(ImageFilter.GaussianBlur(1)).convert("YCbCr")
    mean = lab.resize((1, 1), Image.Resampling.BOX).resize(lab.size)
    red, green, blue = ImageChops.difference(lab, mean).split()
    return _squared(ImageChops.add(red, ImageChops.add(green, blue)))


def _edges(small: Image.Image) -> Image.Image:
    gray = small.convert("L")
    return _squared(ImageChops.difference(gray, gray.filter(ImageFilter.GaussianBlur(3))))


def _skin(small: Image.Image) -> Image.Image:
    """Skin's corner of the CbCr plane (Chai and Ngan 1999), specks removed."""
    _, blue, red = small.convert("YCbCr").split()
    inside = ImageChops.darker(
        blue.point(lambda value: 255 if 77 <= value <= 127 else 0),
        red.point(lambda value: 255 if 133 <= value <= 173 else 0),
    )
    return inside.filter(ImageFilter.MedianFilter(3))
