"""The size of a response's image, from width, height, ratio, template or preset: pure arithmetic."""

import math
from fractions import Fraction

from image_studio import catalog
from image_studio.errors import InvalidRequest
from image_studio.schemas.limits import MAX_PIXELS, MAX_SIDE, MIN_SIDE

Size = tuple[int, int]  # width x height, pixels

DEFAULT_AREA = 1024 * 1024  # pixels of an image of which only the ratio is known: what models make natively
MAX_RATIO = 10  # long side / short side
SAME_RATIO = 0.02  # two ratios closer than this are the same: 1.91:1 is 1200x628, 21:9 is 2560x1080


def parse_ratio(text: str) -> Fraction:
    """'16:9', '1.91:1' or '1.91' as width / height. Raises InvalidRequest."""
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


def wanted_size(width: int | None, height: int | None, ratio: str | None, template: Size | None) -> Size:
    """Width x height in pixels of the answer.

    Both sides win over everything; one side takes the ratio's, else the template's, else a square's other side;
    a ratio alone gives the template's size if it is the template's own ratio, else about a megapixel.
    """
    if width and height:
        return width, height
    shape = parse_ratio(ratio) if ratio else None
    if width or height:
        shape = shape or (Fraction(*template) if template else Fraction(1))
        return _checked((width, round(width / shape)) if width else (round((height or 0) * shape), height or 0))
    if shape is None or (template and math.isclose(shape, Fraction(*template), rel_tol=SAME_RATIO)):
        return template or (math.isqrt(DEFAULT_AREA),) * 2
    return size_for_ratio(shape)


def size_for_ratio(shape: Fraction) -> Size:
    """The largest size of exactly this ratio within a megapixel; an odd ratio comes as near as pixels allow."""
    times = math.isqrt(DEFAULT_AREA // (shape.numerator * shape.denominator))
    if times:
        return shape.numerator * times, shape.denominator * times
    height = math.isqrt(int(DEFAULT_AREA / shape))
    return round(height * shape), height


def check_area(size: Size, most: int) -> None:
    """Raise InvalidRequest where an image that is asked for has more than `most` pixels: the caller's cap."""
    if size[0] * size[1] > most:
        raise InvalidRequest(f"Ask for at most {most:,} pixels; {size[0]}x{size[1]} has more.")


def _checked(size: Size) -> Size:
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in size) or size[0] * size[1] > MAX_PIXELS:
        raise InvalidRequest(
            f"{size[0]}x{size[1]} is outside what we make: sides of {MIN_SIDE} to {MAX_SIDE} pixels,"
            f" at most {MAX_PIXELS:,} pixels in all."
        )
    return size


DEFAULT_FACTOR = 4  # times each side, where nothing else is asked for


def target_size(size: Size, width: int | None, height: int | None, preset: str | None, most: int = MAX_PIXELS) -> Size:
    """Width x height of the answer, pixels: the explicit sides, else the preset's long side, else four times.

    One side keeps the image's shape. A preset below the image gives the image's own size. Raises
    InvalidRequest above `most` pixels and UnknownChoice for a preset.
    """
    if width and height:
        return _within_cap((width, height), most)
    if width or height:
        factor = width / size[0] if width else (height or 0) / size[1]
        return _within_cap((width or _side(size[0] * factor), height or _side(size[1] * factor)), most)
    if preset:
        factor = max(1.0, catalog.upscale_preset(preset).long_side / max(size))
        return _within_cap((_side(size[0] * factor), _side(size[1] * factor)), most)
    factor = min(DEFAULT_FACTOR, math.sqrt(most / (size[0] * size[1])))
    return math.floor(size[0] * factor), math.floor(size[1] * factor)


def _side(length: float) -> int:
    return max(1, round(length))


def _within_cap(target: Size, most: int) -> Size:
    if target[0] * target[1] > most:
        raise InvalidRequest(
            f"The target of {target[0]}x{target[1]} has more than {most / 1e6:.3g} megapixels."
            " Ask for a smaller target_width, target_height or preset."
        )
    return target
