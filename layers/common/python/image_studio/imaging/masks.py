"""Masks (white may change, black stays, gray is in between), and compositing."""

from typing import TypeAlias

from PIL import Image, ImageChops, ImageFilter

from image_studio.imaging.types import DecodedImage

Mask: TypeAlias = Image.Image
Color: TypeAlias = str | tuple[int, ...]

_NOISE = 16  # levels so near to black or white count as black or white: they come from JPEG noise or a soft brush


def flatten(image: DecodedImage, background: Color = "white") -> DecodedImage:
    """Composite the image on an opaque background (a CSS color or 0-255 numbers), RGB."""
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    flat = Image.new("RGB", image.size, background)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def shift(image: DecodedImage, right: int, down: int) -> DecodedImage:
    """Shift the image by pixels; zeros fill the gap."""
    shifted = Image.new(image.mode, image.size, (0,) * len(image.getbands()))
    shifted.paste(image, (right, down))
    return shifted


def read_mask(image: DecodedImage, width: int, height: int) -> Mask:
    """Return a drawn mask, scaled to width x height pixels; its transparent parts count as black."""
    plain = flatten(image, "black").convert("L")
    if plain.size != (width, height):
        plain = plain.resize((width, height), Image.Resampling.BILINEAR)
    return _snap(plain)


def mask_of_alpha(image: DecodedImage) -> Mask | None:
    """Return a mask of the image's transparent parts; None where there are none."""
    if image.mode != "RGBA":
        return None
    mask = _snap(ImageChops.invert(image.getchannel("A")))
    return None if selects_nothing(mask) else mask


def full_mask(width: int, height: int) -> Mask:
    return Image.new("L", (width, height), 255)


def border_mask(width: int, height: int, kept: tuple[int, int, int, int]) -> Mask:
    """Return a mask by which everything may change but the box `kept` (left, top, right, bottom, pixels)."""
    mask = full_mask(width, height)
    mask.paste(0, kept)
    return mask


def selects_nothing(mask: Mask) -> bool:
    return mask.getextrema() in ((0, 0), (0.0, 0.0))


def grow(mask: Mask, pixels: int) -> Mask:
    """Grow the mask by `pixels` in each direction, with a square brush."""
    return _spread(_spread(mask, pixels, (1, 0)), pixels, (0, 1))


def feather(mask: Mask, pixels: int) -> Mask:
    """Fade the mask out over `pixels` outside it; it is exactly black beyond that."""
    if pixels == 0:
        return mask
    soft = grow(mask, (pixels + 1) // 2).filter(ImageFilter.BoxBlur(pixels / 2))
    return ImageChops.lighter(mask, ImageChops.darker(soft, grow(mask, pixels)))


def _snap(mask: Mask) -> Mask:
    return mask.point(lambda level: 0 if level < _NOISE else 255 if level > 255 - _NOISE else level)


def _spread(mask: Mask, pixels: int, along: tuple[int, int]) -> Mask:
    """Take the brightest of 2 * `pixels` + 1 neighbors on a line, in few passes: the reach doubles each time.

    A step is never longer than the reach so far plus one, so that no pixel in between is missed.
    """
    reach = 0
    while reach < pixels:
        step = min(reach + 1, pixels - reach)
        there, back = (shift(mask, step * sign * along[0], step * sign * along[1]) for sign in (1, -1))
        mask = ImageChops.lighter(mask, ImageChops.lighter(there, back))
        reach += step
    return mask


def composite(original: DecodedImage, changed: DecodedImage, mask: Mask) -> DecodedImage:
    """Composite two images of one size: `changed` where the mask is white, exactly `original` where it is black."""
    opaque = flatten(changed)
    return Image.composite(opaque.convert(original.mode), original, mask)


def apply_cutout(original: DecodedImage, result: DecodedImage) -> DecodedImage:
    """Give the original the result's transparency, RGBA.

    Opaque pixels are exactly the original's. At edges, a result of the original's size contributes its colors, which
    are free of the background; of a scaled result only the transparency is used. Transparent parts of the original
    stay transparent.
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
    """Paste the original's exact pixels onto the canvas at (left, top)."""
    whole = canvas.convert(original.mode) if original.mode == "RGBA" else flatten(canvas)
    whole = whole.copy() if whole is canvas else whole
    whole.paste(original, (left, top))
    return whole


def keep_transparency(result: DecodedImage, original: DecodedImage) -> DecodedImage:
    """Give the result the original's transparency, scaled to the result's size, if the original has any."""
    if original.mode != "RGBA":
        return result
    image = result.convert("RGBA")
    image.putalpha(original.getchannel("A").resize(result.size, Image.Resampling.BICUBIC))
    return image
