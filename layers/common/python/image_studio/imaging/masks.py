"""Masks: white may change, black stays, greys in between; one 8-bit channel of the picture's size."""

from typing import TypeAlias

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.canvas import flatten
from image_studio.imaging.picture import Picture

Mask: TypeAlias = Image.Image

#: Levels so near to black or white are meant to be it: a JPEG's noise, a browser's soft brush edge.
_NOISE = 16


def read_mask(image: Picture, width: int, height: int) -> Mask:
    """A drawn mask, scaled to width x height pixels; what is transparent in it counts as black."""
    plain = flatten(image, "black").convert("L")
    if plain.size != (width, height):
        plain = plain.resize((width, height), Image.Resampling.BILINEAR)
    return _cleared(plain)


def mask_of_alpha(image: Picture) -> Mask | None:
    """What is transparent in a picture is to be changed; None where nothing is."""
    if image.mode != "RGBA":
        return None
    mask = _cleared(ImageChops.invert(image.getchannel("A")))
    return None if selects_nothing(mask) else mask


def full_mask(width: int, height: int) -> Mask:
    """Everything may change."""
    return Image.new("L", (width, height), 255)


def border_mask(width: int, height: int, kept: tuple[int, int, int, int]) -> Mask:
    """Everything but the box `kept` (left, top, right, bottom, pixels) may change."""
    mask = full_mask(width, height)
    mask.paste(0, kept)
    return mask


def selects_nothing(mask: Mask) -> bool:
    """Whether nothing in it may change."""
    return mask.getextrema() in ((0, 0), (0.0, 0.0))


def grow(mask: Mask, pixels: int) -> Mask:
    """The mask with every level carried `pixels` further in each direction, a square brush."""
    return _spread(_spread(mask, pixels, (1, 0)), pixels, (0, 1))


def feather(mask: Mask, pixels: int) -> Mask:
    """Full strength on the mask, falling off outside it, and exactly black beyond `pixels` from it."""
    if pixels == 0:
        return mask
    soft = grow(mask, (pixels + 1) // 2).filter(ImageFilter.BoxBlur(pixels / 2))
    return ImageChops.lighter(mask, ImageChops.darker(soft, grow(mask, pixels)))


def _cleared(mask: Mask) -> Mask:
    return mask.point(lambda level: 0 if level < _NOISE else 255 if level > 255 - _NOISE else level)


def _spread(mask: Mask, pixels: int, along: tuple[int, int]) -> Mask:
    """The brightest of 2 * `pixels` + 1 neighbours on a line, in few passes: the reach doubles each time.

    A step goes no farther than what lies inside the picture can fill: at an edge there is nothing behind it.
    """
    reach = 0
    while reach < pixels:
        step = min(reach + 1, pixels - reach)
        there, back = (_moved(mask, step * sign * along[0], step * sign * along[1]) for sign in (1, -1))
        mask = ImageChops.lighter(mask, ImageChops.lighter(there, back))
        reach += step
    return mask


def _moved(mask: Mask, right: int, down: int) -> Mask:
    moved = Image.new("L", mask.size, 0)
    moved.paste(mask, (right, down))
    return moved
