"""Masks (white may change, black stays, grays in between), and compositing with them."""

from typing import TypeAlias

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.canvas import flatten
from image_studio.imaging.types import DecodedImage

Mask: TypeAlias = Image.Image

#: Levels so near to black or white are meant to be it: a JPEG's noise, a browser's soft brush edge.
_NOISE = 16


def read_mask(image: DecodedImage, width: int, height: int) -> Mask:
    """A drawn mask, scaled to width x height pixels; what is transparent in it counts as black."""
    plain = flatten(image, "black").convert("L")
    if plain.size != (width, height):
        plain = plain.resize((width, height), Image.Resampling.BILINEAR)
    return _cleared(plain)


def mask_of_alpha(image: DecodedImage) -> Mask | None:
    """What is transparent in an image is to be changed; None where nothing is."""
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
    """The brightest of 2 * `pixels` + 1 neighbors on a line, in few passes: the reach doubles each time.

    A step goes no farther than what lies inside the image can fill: at an edge there is nothing behind it.
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


def composite(original: DecodedImage, changed: DecodedImage, mask: Mask) -> DecodedImage:
    """`changed` where the mask is white, `original` to the bit where it is black; all of one size."""
    opaque = flatten(changed)
    return Image.composite(opaque.convert(original.mode), original, mask)


def apply_cutout(original: DecodedImage, result: DecodedImage) -> DecodedImage:
    """The original with the result's transparency, RGBA.

    Opaque pixels are the original's, to the bit. At the edges a result of the original's own size keeps its colors,
    which are clean of the background; of a scaled one only the transparency is taken. What was transparent before
    stays so.
    """
    alpha = result.getchannel("A") if result.mode == "RGBA" else Image.new("L", result.size, 255)
    colors = flatten(original)
    if alpha.size == original.size:
        edges = alpha.point(lambda level: 0 if level == 255 else 255)
        colors = Image.composite(result.convert("RGB"), colors, edges)
    else:
        alpha = alpha.resize(original.size, Image.Resampling.BICUBIC)
    if original.mode == "RGBA":
        alpha = ImageChops.multiply(alpha, original.getchannel("A"))
    image = colors.convert("RGBA")
    image.putalpha(alpha)
    return image


def paste_back(canvas: DecodedImage, original: DecodedImage, left: int, top: int) -> DecodedImage:
    """The canvas with the original's pixels, to the bit, at (left, top)."""
    whole = canvas.convert(original.mode) if original.mode == "RGBA" else flatten(canvas)
    whole = whole.copy() if whole is canvas else whole
    whole.paste(original, (left, top))
    return whole


def keep_transparency(result: DecodedImage, original: DecodedImage) -> DecodedImage:
    """The result with the original's transparency, scaled to it; unchanged where the original has none."""
    if original.mode != "RGBA":
        return result
    image = result.convert("RGBA")
    image.putalpha(original.getchannel("A").resize(result.size, Image.Resampling.BICUBIC))
    return image
