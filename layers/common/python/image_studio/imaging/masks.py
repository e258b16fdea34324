"""Masks (white may change, black stays, gray is in between), and compositing."""

from typing import TypeAlias

from PIL import Image, ImageChops, ImageFilter, ImageStat

from image_studio.errors import InvalidRequest
from image_studio.imaging.types import DecodedImage

Mask: TypeAlias = Image.Image
Color: TypeAlias = str | tuple[int, ...]

_OPAQUE = 128  # alpha from here on counts as opaque
_NOISE = 16  # levels so near to black or white count as black or white: they come from JPEG noise or a soft brush


def flatten(image: DecodedImage, background: Color | None = None) -> DecodedImage:
    """Composite the image on an opaque background (a CSS color or 0-255 numbers), RGB.

    None takes a background that the image stands out from.
    """
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    flat = Image.new("RGB", image.size, contrasting_ground(image) if background is None else background)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


_GROUNDS = {"white": 255, "black": 0, "gray": 128}  # names of colors and their levels
_STANDS_OUT = 48  # levels of difference from the ground
_WHITE_BONUS = 0.15  # share of the outline that may be lost for white, the ground that everybody expects
_OUTLINE_SIDE = 512  # pixels; larger images are scaled down to find their outline
_VISIBLE = 32  # alpha from here on counts as part of a scaled image


def contrasting_ground(image: DecodedImage) -> Color:
    """Return the ground that the outline of what is opaque stands out from; white unless that hides much of it."""
    if image.mode != "RGBA":
        return "white"
    small = image.reduce(max(1, max(image.size) // _OUTLINE_SIDE))
    visible = small.getchannel("A").point(lambda level: 255 if level >= _VISIBLE else 0)
    outline = ImageChops.subtract(visible, visible.filter(ImageFilter.MinFilter(3)))
    levels = small.convert("L").histogram(outline)
    every = sum(levels) or 1

    def seen(ground: str) -> float:
        nearest = max(0, _GROUNDS[ground] - _STANDS_OUT)
        lost = sum(levels[nearest : _GROUNDS[ground] + _STANDS_OUT + 1])
        return (_WHITE_BONUS if ground == "white" else 0.0) - lost / every

    return max(_GROUNDS, key=seen)


def is_flat(image: DecodedImage) -> bool:
    """Whether the image is one color throughout, but for noise."""
    return all(high - low < _NOISE for low, high in ImageStat.Stat(flatten(image)).extrema)


def shift(image: DecodedImage, right: int, down: int) -> DecodedImage:
    """Shift the image by pixels; zeros fill the gap."""
    shifted = Image.new(image.mode, image.size, (0,) * len(image.getbands()))
    shifted.paste(image, (right, down))
    return shifted


def read_mask(image: DecodedImage, width: int, height: int) -> Mask:
    """Return what a drawn mask selects, scaled to width x height pixels.

    Gray levels count as they are. Of other masks, what was painted changes: what differs from the ground, which is
    what the mask's border shows. Transparency decides before color, so a hole in an opaque mask is painted, too.
    Raises InvalidRequest where the ground can't be determined.
    """
    mask = _selection(image)
    if mask.size != (width, height):
        mask = mask.resize((width, height), Image.Resampling.BILINEAR)
    return _snap(mask)


_DIFFERS, _DIFFERS_FULLY = 24, 56  # levels of difference from the ground: painted from the first, fully from the second
_COLORED = 48  # the difference between a pixel's channels that JPEG's noise doesn't make in a gray image
_SPECKS = 0.0002  # the share of a mask's pixels up to which colored or clear ones are no strokes
_TWO_LEVELS = 0.9  # the share of near-black and near-white pixels in a mask that is painted in both
#: Shares of the border that must show the ground. A painted frame and a hole look alike, so a hole needs more.
_GROUND, _GROUND_OF_HOLE = 0.5, 0.9
UNCLEAR = (
    "The mask is unclear: its border shows no single ground, so what was painted can't be determined."
    " Paint white what may change, black what must stay."
)


def _selection(image: DecodedImage) -> Mask:
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        clear, pixels = sum(alpha.histogram()[:_NOISE]), image.width * image.height
        if clear == pixels or _has_two_levels(image, alpha):
            return flatten(image, "black").convert("L")
        if clear > _SPECKS * pixels:
            return _difference_from_ground(alpha)
        image = image.convert("RGB")
    colored = sum(_chroma(image).histogram()[_COLORED:])
    if colored <= _SPECKS * image.width * image.height:
        return image.convert("L")
    return _difference_from_ground(image)


def _has_two_levels(image: DecodedImage, alpha: Mask) -> bool:
    """Whether the opaque part is painted in black and in white, so that its levels count."""
    opaque = alpha.point(lambda level: 255 if level >= _OPAQUE else 0)
    levels = image.convert("L").histogram(opaque)
    black, white, every = sum(levels[:64]), sum(levels[192:]), sum(levels)
    colored = sum(_chroma(image).histogram(opaque)[_COLORED:])
    two = min(black, white) > every / 100 and black + white > _TWO_LEVELS * every
    return two and colored <= _SPECKS * every


def _chroma(image: DecodedImage) -> Mask:
    red, green, blue = image.split()[:3]
    lightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return ImageChops.subtract(lightest, ImageChops.darker(ImageChops.darker(red, green), blue))


def _difference_from_ground(image: DecodedImage) -> Mask:
    border = _border(image)
    ground = ImageStat.Stat(border).median
    least = _GROUND_OF_HOLE if image.mode == "L" and ground[0] >= _OPAQUE else _GROUND
    shown = sum(_differences(border, ground).histogram()[:_DIFFERS])
    if shown < least * border.width:
        raise InvalidRequest(UNCLEAR)
    gain = 255 / (_DIFFERS_FULLY - _DIFFERS)
    return _differences(image, ground).point(lambda level: (level - _DIFFERS) * gain)


def _differences(image: DecodedImage, ground: list[int]) -> Mask:
    """Each pixel's difference from the ground, in the channel where it is largest."""
    first, *others = ImageChops.difference(image, Image.new(image.mode, image.size, tuple(ground))).split()
    for channel in others:
        first = ImageChops.lighter(first, channel)
    return first


def _border(image: DecodedImage) -> DecodedImage:
    """The outermost pixels in one row."""
    width, height = image.size
    row = Image.new(image.mode, (2 * (width + height), 1))
    row.paste(image.crop((0, 0, width, 1)), (0, 0))
    row.paste(image.crop((0, height - 1, width, height)), (width, 0))
    for at, left in ((2 * width, 0), (2 * width + height, width - 1)):
        row.paste(image.crop((left, 0, left + 1, height)).transpose(Image.Transpose.ROTATE_90), (at, 0))
    return row


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
    """Give the result the original's transparency, scaled to the result's size, if the original has any.

    The result was made from the flattened original: the ground's share of half transparent pixels is taken out again.
    """
    if original.mode != "RGBA":
        return result
    alpha = original.getchannel("A").resize(result.size, Image.Resampling.BICUBIC)
    ground = Image.new("RGB", result.size, contrasting_ground(original))
    spill = Image.composite(Image.new("RGB", result.size), ground, alpha)
    colors = ImageChops.subtract(flatten(result), spill)
    return Image.merge("RGBa", (*colors.split(), alpha)).convert("RGBA")
