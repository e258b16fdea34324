"""Putting a provider's pixels and the caller's together, so that what must stay stays to the bit."""

from PIL import Image, ImageChops

from image_studio.imaging.canvas import flatten
from image_studio.imaging.masks import Mask
from image_studio.imaging.picture import Picture


def composite(original: Picture, changed: Picture, mask: Mask) -> Picture:
    """`changed` where the mask is white, `original` to the bit where it is black; all of one size."""
    opaque = flatten(changed)
    return Image.composite(opaque.convert(original.mode), original, mask)


def cut_out(original: Picture, result: Picture) -> Picture:
    """The original with the result's transparency, RGBA.

    Opaque pixels are the original's, to the bit. At the edges a result of the original's own size keeps its colours,
    which are clean of the background; of a scaled one only the transparency is taken. What was transparent before
    stays so.
    """
    alpha = result.getchannel("A") if result.mode == "RGBA" else Image.new("L", result.size, 255)
    colours = flatten(original)
    if alpha.size == original.size:
        edges = alpha.point(lambda level: 0 if level == 255 else 255)
        colours = Image.composite(result.convert("RGB"), colours, edges)
    else:
        alpha = alpha.resize(original.size, Image.Resampling.BICUBIC)
    if original.mode == "RGBA":
        alpha = ImageChops.multiply(alpha, original.getchannel("A"))
    picture = colours.convert("RGBA")
    picture.putalpha(alpha)
    return picture


def paste_back(canvas: Picture, original: Picture, left: int, top: int) -> Picture:
    """The canvas with the original's pixels, to the bit, at (left, top)."""
    whole = canvas.convert(original.mode) if original.mode == "RGBA" else flatten(canvas)
    whole = whole.copy() if whole is canvas else whole
    whole.paste(original, (left, top))
    return whole


def keep_transparency(result: Picture, original: Picture) -> Picture:
    """The result with the original's transparency, scaled to it; unchanged where the original has none."""
    if original.mode != "RGBA":
        return result
    picture = result.convert("RGBA")
    picture.putalpha(original.getchannel("A").resize(result.size, Image.Resampling.BICUBIC))
    return picture
