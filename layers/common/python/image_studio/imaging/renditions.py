"""One source, many sizes: decoded once, looked at once, then cropped, scaled and encoded in parallel."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PIL import ImageColor

from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.budget import Encoded, encode_under
from image_studio.imaging.crop import crop_box
from image_studio.imaging.gate import DEFAULT, Limits, measure, open_picture
from image_studio.imaging.picture import Box, Picture, Size
from image_studio.imaging.resize import BLUR, fit_inside, scale
from image_studio.imaging.safe_zones import Zone, draw_safe_zones
from image_studio.imaging.saliency import Attention
from image_studio.schemas.image import FileType, FocalPoint

Mode = Literal["smart", "center", "fit"]

#: Pictures under way at once; each holds some ten megabytes, and Lambda has at most six cores.
_MOST_THREADS = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to make: width x height pixels, in at most `max_bytes`, as the first of `file_types` that can be.

    With a `zone` the safe zone is drawn into the picture.
    """

    width: int
    height: int
    file_types: tuple[FileType, ...]
    max_bytes: int
    zone: Zone | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """How the picture comes into another shape: cropped by what matters, in the middle, or shown whole.

    `focal` overrides `smart`; `background` (a CSS colour, `blur`, None for the edges' colour) is for `fit`.
    """

    mode: Mode = "smart"
    focal: FocalPoint | None = None
    background: str | None = None


@dataclass(frozen=True, slots=True)
class Rendition:
    """A finished file; `box` is the part of the source that it shows, in source pixels (upright).

    `scale` is result pixels for each source pixel; above 1 the picture was enlarged.
    """

    width: int
    height: int
    encoded: Encoded
    box: Box
    scale: float


def render_all(
    data: bytes, wanted: Sequence[Wanted], placing: Placing, limits: Limits = DEFAULT
) -> list[Rendition | StudioError]:
    """A file, or the error why there is none, for each that is wanted, in order.

    Raises InvalidImage for a source that can't be decoded, InvalidRequest for an unknown background colour.
    """
    check_background(placing.background)
    source = measure(data, limits)
    size = Size(source.width, source.height)
    picture = open_picture(data, limits, at_least=_needed(size, wanted))
    attention = Attention(picture) if placing.mode == "smart" and not placing.focal else None
    render = partial(_render_or_explain, picture, size, placing, attention)
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1, len(wanted) or 1)) as threads:
        return list(threads.map(render, wanted))


def check_background(background: str | None) -> None:
    """Raise InvalidRequest unless it is None, `blur` or a CSS colour."""
    if background is None or background == BLUR:
        return
    try:
        ImageColor.getrgb(background)
    except ValueError:
        raise InvalidRequest("Unknown background. Use a CSS colour such as '#ffffff' or 'white', or 'blur'.") from None


def _needed(source: Size, wanted: Sequence[Wanted]) -> Size:
    """The pixels that the source must have so that nothing is enlarged which needn't be."""
    factor = max((max(one.width / source.width, one.height / source.height) for one in wanted), default=1)
    return Size(math.ceil(source.width * factor), math.ceil(source.height * factor))


def _render_or_explain(
    picture: Picture, source: Size, placing: Placing, attention: Attention | None, one: Wanted
) -> Rendition | StudioError:
    """One file's trouble stays its own."""
    try:
        return _render(picture, source, placing, attention, one)
    except StudioError as error:
        return error
    except (OSError, ValueError, MemoryError):
        return StudioError(f"The picture could not be made {one.width}x{one.height} pixels large.")


def _render(picture: Picture, source: Size, placing: Placing, attention: Attention | None, one: Wanted) -> Rendition:
    if placing.mode == "fit":
        box = Box(0, 0, *picture.size)
        made = fit_inside(picture, one.width, one.height, placing.background)
    else:
        ratio = one.width / one.height
        box = crop_box(picture, ratio, mode=placing.mode, focal=placing.focal, attention=attention)
        made = scale(picture, one.width, one.height, box)
    if one.zone:
        made = draw_safe_zones(made, one.zone)
    encoded = encode_under(made, one.max_bytes, one.file_types)
    shown = _in_source(box, picture, source)
    factor = min(one.width / shown.width, one.height / shown.height)
    return Rendition(one.width, one.height, encoded, shown, factor)


def _in_source(box: Box, picture: Picture, source: Size) -> Box:
    """The box in pixels of the source, which may have been decoded at a fraction of its size."""
    across, down = source.width / picture.width, source.height / picture.height
    return Box(box.left * across, box.top * down, box.right * across, box.bottom * down)
