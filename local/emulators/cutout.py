"""Telling a subject from its background, and choosing the region that words mean."""

from collections import Counter, deque

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from local.emulators.encoding import flattened
from local.emulators.motifs import Color, color_named
from local.emulators.painting import Size

LOOK_SIDE = 160
#: How far a background's color may drift from one pixel to the next, summed over RGB.
STEP_TOLERANCE = 9
COLORS = 24
HUE_TOLERANCE = 22


def subject_mask(image: Image.Image) -> Image.Image:
    """White where the subject is, black where the background is, soft at the edge.

    The background is what can be reached from the border over colors of the border or without a jump in color;
    if that is nearly all or nearly nothing, an oval in the middle counts as the subject.
    """
    small = flattened(image)
    small.thumbnail((LOOK_SIDE, LOOK_SIDE))
    small = small.filter(ImageFilter.MedianFilter(3))
    mask = _not_reached(small)
    share = mask.histogram()[255] / (mask.width * mask.height)
    if not 0.02 < share < 0.92:
        mask = _middle_oval(small.size)
    soft = mask.filter(ImageFilter.MedianFilter(5)).resize(image.size, Image.Resampling.BICUBIC)
    return soft.point(lambda value: max(0, min(255, (value - 96) * 4)))


def region_for(image: Image.Image, words: str) -> Image.Image:
    """Where the words point: the pixels of a color that they name, else the subject, else the background if named."""
    if "background" in words.lower():
        return ImageChops.invert(subject_mask(image))
    color = color_named(words)
    if color:
        found = _colored(image, color)
        if found.histogram()[255] > image.width * image.height * 0.003:
            return found
    return subject_mask(image)


def bounds(mask: Image.Image) -> tuple[int, int, int, int]:
    """The box around a mask's white; the whole image if there is none."""
    return mask.point(lambda value: 255 if value > 127 else 0).getbbox() or (0, 0, *mask.size)


def grown(mask: Image.Image, pixels: int) -> Image.Image:
    """A mask grown by some pixels."""
    return mask if pixels <= 0 else mask.filter(ImageFilter.MaxFilter(min(pixels, 50) * 2 + 1))


def _not_reached(small: Image.Image) -> Image.Image:
    """White where the background can't be reached from the border."""
    width, height = small.size
    pixels = small.tobytes()
    colors = [pixels[i : i + 3] for i in range(0, len(pixels), 3)]
    outer = _outer_colors(small)
    border = list(range(width)) + [y * width + x for y in range(height) for x in (0, width - 1)]
    border += [(height - 1) * width + x for x in range(width)]
    reached = {place for place in border if outer[place]}
    waiting = deque(reached)
    while waiting:
        place = waiting.popleft()
        for near in _neighbors(place, width, height):
            if near not in reached and (outer[near] or _apart(colors[place], colors[near]) <= STEP_TOLERANCE):
                reached.add(near)
                waiting.append(near)
    return Image.frombytes("L", small.size, bytes(0 if i in reached else 255 for i in range(width * height)))


def _outer_colors(small: Image.Image) -> list[bool]:
    """For each pixel whether its color is more at home at the top and the sides than in the middle."""
    width, height = small.size
    labels = small.quantize(COLORS, kmeans=1).tobytes()
    rim, middle = Counter[int](), Counter[int]()
    edge = max(1, width // 12)
    for place, label in enumerate(labels):
        x, y = place % width, place // width
        if y < edge or (min(x, width - 1 - x) < edge and y < height * 0.7):
            rim[label] += 1
        elif width * 0.25 < x < width * 0.75 and y > height * 0.2:
            middle[label] += 1
    share_of_rim = {label: rim[label] / rim.total() - middle[label] / max(1, middle.total()) for label in set(labels)}
    return [share_of_rim[label] > 0 for label in labels]


def _neighbors(place: int, width: int, height: int) -> list[int]:
    x, y = place % width, place // width
    near = [place - 1] if x else []
    near += [place + 1] if x < width - 1 else []
    near += [place - width] if y else []
    return near + ([place + width] if y < height - 1 else [])


def _apart(one: bytes, other: bytes) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2])


def _middle_oval(size: Size) -> Image.Image:
    mask = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(mask).ellipse((width * 0.22, height * 0.16, width * 0.78, height * 0.9), fill=255)
    return mask


def _colored(image: Image.Image, color: Color) -> Image.Image:
    """Where an image has about a color: by hue, or by brightness for grays."""
    hue, saturation, value = Image.new("RGB", (1, 1), color).convert("HSV").split()
    wanted = [int(band.tobytes()[0]) for band in (hue, saturation, value)]
    bands = flattened(image).convert("HSV").split()
    if wanted[1] < 40:
        pale = bands[1].point(lambda v: 255 if v < 60 else 0)
        near = bands[2].point(lambda v: 255 if abs(v - wanted[2]) < 50 else 0)
        return ImageChops.darker(pale, near)
    like = bands[0].point(lambda v: 255 if min((v - wanted[0]) % 256, (wanted[0] - v) % 256) < HUE_TOLERANCE else 0)
    vivid = bands[1].point(lambda v: 255 if v > 70 else 0)
    dark = bands[2].point(lambda v: 255 if v > 40 else 0)
    found = ImageChops.darker(ImageChops.darker(like, vivid), dark)
    return found.filter(ImageFilter.MedianFilter(5))
