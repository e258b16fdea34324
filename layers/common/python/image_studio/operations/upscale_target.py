"""The size that an upscale ends at: pure arithmetic, and light enough for an estimate."""

import math

from image_studio import catalog
from image_studio.errors import InvalidRequest
from image_studio.operations.dimensions import Size
from image_studio.schemas.limits import MAX_PIXELS

DEFAULT_FACTOR = 4  # times each side, where nothing else is asked for


def target_size(size: Size, width: int | None, height: int | None, preset: str | None, most: int = MAX_PIXELS) -> Size:
    """Width x height of the answer, pixels: the explicit sides, else the preset's long side, else four times.

    One side keeps the picture's shape. A preset below the picture gives the picture's own size. Raises
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
