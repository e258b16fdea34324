"""The size of a response's image, from width, height, ratio, template or preset."""

import math
from fractions import Fraction

from image_studio.catalog.load import choose, load_catalog
from image_studio.errors import InvalidRequest
from image_studio.imaging.types import Size
from image_studio.schemas.limits import MAX_PIXELS, MAX_SIDE, MIN_SIDE

DEFAULT_AREA = 1024 * 1024  # pixels of an image with only a ratio: about what models make natively
MAX_RATIO = 10  # long side / short side
SAME_RATIO = 0.02  # two ratios closer than this are the same: 1.91:1 is 1200x628, 21:9 is 2560x1080


def parse_ratio(text: str) -> Fraction:
    """Parse '16:9', '1.91:1' or '1.91' into width / height. Raises InvalidRequest."""
    left, _, right = text.partition(":")
    try:
        ratio = Fraction(left.strip()) / Fraction(right.strip() or "1")
    except (ValueError, ZeroDivisionError):
        ratio = Fraction(0)
    if not Fraction(1, MAX_RATIO) <= ratio <= MAX_RATIO:
        raise InvalidRequest(
            f"aspect_ratio '{text[:20]}' is not usable. Write width:height, like 16:9 or 1.91:1, at most {MAX_RATIO}:1."
        )
    return ratio


def same_ratio(text: str, size: Size) -> bool:
    """Whether a ratio's text names the size's shape; text that names none doesn't."""
    try:
        return math.isclose(parse_ratio(text), size.width / size.height, rel_tol=SAME_RATIO)
    except InvalidRequest:
        return False


def wanted_size(width: int | None, height: int | None, ratio: str | None, template: Size | None) -> Size:
    """Return the size of the response's image.

    Both sides win over everything. One side takes its other side from the ratio, else from the template, else from a
    square. A ratio alone gives the template's size if the template has that ratio, else about a megapixel.
    """
    if width and height:
        return Size(width, height)
    shape = parse_ratio(ratio) if ratio else None
    if width or height:
        shape = shape or (Fraction(*template) if template else Fraction(1))
        size = Size(width, round(width / shape)) if width else Size(round((height or 0) * shape), height or 0)
        return _check_size(size)
    if shape is None or (template and math.isclose(shape, Fraction(*template), rel_tol=SAME_RATIO)):
        return template or Size(math.isqrt(DEFAULT_AREA), math.isqrt(DEFAULT_AREA))
    return size_for_ratio(shape)


def size_for_ratio(shape: Fraction) -> Size:
    """Return the largest size of exactly this ratio within a megapixel, or the nearest one for an odd ratio."""
    times = math.isqrt(DEFAULT_AREA // (shape.numerator * shape.denominator))
    if times:
        return Size(shape.numerator * times, shape.denominator * times)
    height = math.isqrt(int(DEFAULT_AREA / shape))
    return Size(round(height * shape), height)


def check_area(size: Size, max_pixels: int) -> None:
    """Raise InvalidRequest where a requested image has more than `max_pixels`, the caller's limit."""
    if size.width * size.height > max_pixels:
        raise InvalidRequest(f"Ask for at most {max_pixels:,} pixels; {size} has more.")


def _check_size(size: Size) -> Size:
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in size) or size.width * size.height > MAX_PIXELS:
        raise InvalidRequest(
            f"{size} is outside what we make: sides of {MIN_SIDE} to {MAX_SIDE} pixels,"
            f" at most {MAX_PIXELS:,} pixels in all."
        )
    return size


DEFAULT_FACTOR = 4  # per side, where the request has neither size nor preset


def target_size(
    size: Size, width: int | None, height: int | None, preset: str | None, max_pixels: int = MAX_PIXELS
) -> Size:
    """Return an upscale's target: the explicit sides, else the preset's long side, else four times the size.

    One side alone keeps the image's ratio. A preset below the image gives the image's own size. Raises
    InvalidRequest above `max_pixels` and UnknownChoice for a preset.
    """
    if width and height:
        return _within(Size(width, height), max_pixels)
    if width or height:
        factor = width / size.width if width else (height or 0) / size.height
        return _within(Size(width or _side(size.width * factor), height or _side(size.height * factor)), max_pixels)
    if preset:
        factor = max(1.0, choose("preset", preset, load_catalog().upscale_presets) / max(size))
        return _within(Size(_side(size.width * factor), _side(size.height * factor)), max_pixels)
    factor = min(DEFAULT_FACTOR, math.sqrt(max_pixels / (size.width * size.height)))
    return Size(math.floor(size.width * factor), math.floor(size.height * factor))


def _side(length: float) -> int:
    return max(1, round(length))


def _within(target: Size, max_pixels: int) -> Size:
    if target.width * target.height > max_pixels:
        raise InvalidRequest(
            f"The target of {target} has more than {max_pixels / 1e6:.3g} megapixels."
            " Ask for a smaller target_width, target_height or preset."
        )
    return target
