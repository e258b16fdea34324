"""One source, many sizes: decoded once, looked at once, then cropped, scaled and encoded in parallel."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PIL import ImageColor

from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.budget import Encoded, encode_under
from image_studio.imaging.crop import CropMode
from image_studio.imaging.cutting import group_cuts, make_cuts, place_cut
from image_studio.imaging.gate import DEFAULT, Limits, measure, open_picture
from image_studio.imaging.picture import Box, Picture, Size
from image_studio.imaging.resize import BLUR, fit_inside
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
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1, len(wanted) or 1)) as threads:
        fitted = _fit_all if placing.mode == "fit" else _crop_all
        made = fitted(picture, wanted, placing, threads)
        finish = partial(_finish_or_explain, picture, size)
        return list(threads.map(finish, wanted, made))


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


_Made = tuple[Picture, Box]


def _fit_all(picture: Picture, wanted: Sequence[Wanted], placing: Placing, threads: Executor) -> list[_Made]:
    whole = Box(0, 0, *picture.size)
    fit = partial(fit_inside, picture, background=placing.background)
    made = threads.map(lambda one: fit(width=one.width, height=one.height), wanted)
    return [(one, whole) for one in made]


def _crop_all(picture: Picture, wanted: Sequence[Wanted], placing: Placing, threads: Executor) -> list[_Made]:
    attention = Attention(picture) if placing.mode == "smart" and not placing.focal else None
    mode: CropMode = "center" if placing.mode == "center" else "smart"
    how = {"mode": mode, "focal": placing.focal, "attention": attention}
    cuts = [place_cut(picture, Size(one.width, one.height), **how) for one in wanted]
    groups = group_cuts(cuts)
    pictures = threads.map(lambda group: make_cuts(picture, [cuts[at] for at in group]), groups)
    made = {at: one for group, ones in zip(groups, pictures, strict=True) for at, one in zip(group, ones, strict=True)}
    return [(made[at], cut.box) for at, cut in enumerate(cuts)]


def _finish_or_explain(picture: Picture, source: Size, one: Wanted, made: _Made) -> Rendition | StudioError:
    """One file's trouble stays its own."""
    try:
        return _finish(picture, source, one, made)
    except StudioError as error:
        return error
    except (OSError, ValueError, MemoryError):
        return StudioError(f"The picture could not be written as {one.width}x{one.height}.")


def _finish(picture: Picture, source: Size, one: Wanted, made: _Made) -> Rendition:
    rendered, box = made
    if one.zone:
        rendered = draw_safe_zones(rendered, one.zone)
    encoded = encode_under(rendered, one.max_bytes, one.file_types)
    shown = _in_source(box, picture, source)
    factor = min(one.width / shown.width, one.height / shown.height)
    return Rendition(one.width, one.height, encoded, shown, factor)


def _in_source(box: Box, picture: Picture, source: Size) -> Box:
    """The box in pixels of the source, which may have been decoded at a fraction of its size."""
    across, down = source.width / picture.width, source.height / picture.height
    return Box(box.left * across, box.top * down, box.right * across, box.bottom * down)
