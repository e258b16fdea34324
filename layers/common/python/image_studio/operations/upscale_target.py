"""The size that an upscale ends at: pure arithmetic."""

import math

from image_studio import catalog
from image_studio.errors import InvalidRequest
from image_studio.imaging.picture import Size
from image_studio.schemas.limits import MAX_PIXELS

DEFAULT_FACTOR = 4  # times each side, where nothing else is asked for


def target_size(size: Size, width: int | None, height: int | None, preset: str | None, most: int = MAX_PIXELS) -> Size:
    """Width x height of the answer, pixels: the explicit sides, else the preset's long side, else four times.

    One side keeps the picture's shape. A preset below the picture gives the picture's own size. Raises
    InvalidRequest above `most` pixels and UnknownChoice for a preset.
    """
    if width and height:
        return _within_cap(Size(width, height), most)
    if width or height:
        factor = width / size.width if width else (height or 0) / size.height
        sides = Size(width or _side(size.width * factor), height or _side(size.height * factor))
        return _within_cap(sides, most)
    if preset:
        factor = max(1.0, catalog.upscale_preset(preset).long_side / max(size))
        return _within_cap(Size(_side(size.width * factor), _side(size.height * factor)), most)
    factor = min(DEFAULT_FACTOR, math.sqrt(most / (size.width * size.height)))
    return Size(math.floor(size.width * factor), math.floor(size.height * factor))


def _side(length: float) -> int:
    return max(1, round(length))


def _within_cap(target: Size, most: int) -> Size:
    if target.width * target.height > most:
        raise InvalidRequest(
            f"The target of {target} has more than {most / 1e6:.3g} megapixels."
            " Ask for a smaller target_width, target_height or preset."
        )
    return target
