"""Render one source in many sizes: decoded and analyzed once, then cropped, scaled and encoded in parallel.

Half of the platforms' formats differ in height only (1200x675, 1200x630, 1200x628): one Lanczos step serves them all.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from PIL import Image, ImageColor, ImageDraw, ImageFont

from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.decode import DEFAULT_LIMITS, DecodeLimits, decode, read_info
from image_studio.imaging.encode import EncodedRendition, encode_under
from image_studio.imaging.geometry import BLUR, Crop, CropMode, choose_crop, fit_inside, scale
from image_studio.imaging.masks import Color, contrasting_ground
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import Box, DecodedImage, Size
from image_studio.schemas.common import FaceArea, FileType, FocalPoint, Focus

#: The shade outside the safe zone, and the frame's two colors, of which one is visible on any image.
_SHADE = (0, 0, 0, 120)
_OUTER, _INNER, _CLEAR = (0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0)
_LABEL = "SAFE ZONE"


@dataclass(frozen=True, slots=True)
class Zone:
    """Shares of the height (top, bottom) and of the width (left, right) that may be covered, 0 to under 0.5."""

    top: float
    bottom: float
    left: float
    right: float

    def corners(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the visible part, in pixels of a width x height image."""
        right, bottom = round((1 - self.right) * width), round((1 - self.bottom) * height)
        return round(self.left * width), round(self.top * height), right, bottom


def draw_safe_zones(image: DecodedImage, zone: Zone) -> DecodedImage:
    """Shade everything outside the zone, and draw a black and white frame with a label around it."""
    overlay = Image.new("RGBA", image.size, _SHADE)
    left, top, right, bottom = zone.corners(*image.size)
    line = max(1, min(image.size) // 300)
    for inset, color in enumerate((_OUTER, _INNER, _OUTER, _CLEAR)):
        step = inset * line
        if left + step < right - step and top + step < bottom - step:
            overlay.paste(color, (left + step, top + step, right - step, bottom - step))
    _write_label(overlay, left + 3 * line, top + 3 * line, min(right - left, (bottom - top) * 8))
    if image.mode == "RGBA":
        return Image.alpha_composite(image, overlay)
    drawn = image.copy()
    drawn.paste(overlay, mask=overlay)
    return drawn


def _write_label(overlay: Image.Image, left: int, top: int, room: int) -> None:
    """Write the label, white on black, sized by the available room (pixels); none below 8 pixels."""
    size = room // 24
    if size < 8:
        return
    pen, font = ImageDraw.Draw(overlay), ImageFont.load_default(size)
    box = pen.textbbox((left + size // 3, top + size // 4), _LABEL, font)
    pen.rectangle((left, top, box[2] + size // 3, box[3] + size // 4), _OUTER)
    pen.text((left + size // 3, top + size // 4), _LABEL, _INNER, font)


@dataclass(frozen=True, slots=True)
class PlacedCrop:
    """A rectangle of whole pixels in the image scaled by `factor`."""

    factor: float
    left: int
    top: int
    right: int
    bottom: int
    focus: Focus = Focus.CENTER
    faces: tuple[FaceArea, ...] = ()

    @property
    def box(self) -> Box:
        """The same rectangle in the image's own pixels."""
        return Box(*(edge / self.factor for edge in (self.left, self.top, self.right, self.bottom)))

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


def place_crop(image: DecodedImage, size: Size, **placement: Any) -> PlacedCrop:
    """Place a crop of exactly `size` at whole pixels; further arguments are those of `choose_crop`."""
    factor = max(size.width / image.width, size.height / image.height)
    box, focus, faces = choose_crop(image, size.width / size.height, **placement)
    left = _whole(box.left * factor, image.width * factor - size.width)
    top = _whole(box.top * factor, image.height * factor - size.height)
    return PlacedCrop(factor, left, top, left + size.width, top + size.height, focus, faces)


def _whole(start: float, latest: float) -> int:
    """Round to the nearest whole pixel that isn't past the latest start."""
    return max(0, min(round(start), int(latest + 1e-6)))


def group_crops(crops: Sequence[PlacedCrop]) -> list[list[int]]:
    """Group the crops (by index) that share a scale and overlap; the largest groups come first."""
    groups: list[list[int]] = []
    for at, crop in enumerate(crops):
        for group in groups:
            members = [crops[member] for member in group]
            alone = crop.area + _around(members).area
            if abs(members[0].factor / crop.factor - 1) < 1e-9 and _around([*members, crop]).area < alone:
                group.append(at)
                break
        else:
            groups.append([at])
    return sorted(groups, key=lambda group: -_around([crops[at] for at in group]).area)


def batch_crop(image: DecodedImage, crops: Sequence[PlacedCrop]) -> list[DecodedImage]:
    """Render crops of one scale from one scaled image, in their order."""
    whole = _around(crops)
    box = whole.box
    inside = Box(box.left, box.top, min(box.right, image.width), min(box.bottom, image.height))
    scaled = scale(image, whole.right - whole.left, whole.bottom - whole.top, inside)
    if len(crops) == 1:
        return [scaled]
    left, top = whole.left, whole.top
    return [scaled.crop((one.left - left, one.top - top, one.right - left, one.bottom - top)) for one in crops]


def _around(crops: Sequence[PlacedCrop]) -> PlacedCrop:
    return PlacedCrop(
        crops[0].factor,
        min(one.left for one in crops),
        min(one.top for one in crops),
        max(one.right for one in crops),
        max(one.bottom for one in crops),
    )


Mode = Literal["smart", "center", "fit"]

_MAX_THREADS = 6  # images in flight; each needs some ten megabytes, and Lambda has at most six cores


@dataclass(frozen=True, slots=True)
class RenditionSpec:
    """A file to make: width x height pixels, in at most `max_bytes`, as the first of `file_types` that fits."""

    width: int
    height: int
    file_types: tuple[FileType, ...]
    max_bytes: int
    zone: Zone | None = None  # drawn into the image
    keeps_alpha: bool = True  # for a transparent image, other file types come before JPEG
    xmp: bytes = b""  # says how the image was made


@dataclass(frozen=True, slots=True)
class Placement:
    """How the image is brought to another ratio: a smart crop, a centered crop, or fit with a background."""

    mode: Mode = "smart"
    focal: FocalPoint | None = None  # overrides `smart`
    #: Behind transparent parts, and around the image in `fit`: a CSS color or `blur`. None: the color of the edges
    #: around it, transparency where the file type has it, else a ground that the image stands out from.
    background: str | None = None


@dataclass(frozen=True, slots=True)
class Rendition:
    """A finished file."""

    width: int
    height: int
    encoded: EncodedRendition
    crop: Crop  # the part of the source that it shows, in source pixels (upright)
    scale: float  # result pixels per source pixel; above 1 the image was enlarged


def render_all(
    data: bytes, specs: Sequence[RenditionSpec], placement: Placement, limits: DecodeLimits = DEFAULT_LIMITS
) -> list[Rendition | StudioError]:
    """Return a file, or the error of a failed one, for each spec, in order. Raises InvalidImage, InvalidRequest."""
    check_background(placement.background)
    source = read_info(data, limits)
    size = Size(source.width, source.height)
    # Nothing is to be enlarged without need.
    factor = max((max(one.width / size.width, one.height / size.height) for one in specs), default=1)
    needed = Size(math.ceil(size.width * factor), math.ceil(size.height * factor))
    image = decode(data, limits, at_least=needed)
    ground = contrasting_ground(image)
    if placement.background and placement.mode != "fit":
        image = fit_inside(image, *image.size, placement.background)
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1, len(specs) or 1)) as threads:
        if placement.mode == "fit":
            fitted = threads.map(lambda one: fit_inside(image, one.width, one.height, placement.background), specs)
            made = [(one, Crop(Box(0, 0, *image.size), Focus.CENTER)) for one in fitted]
        else:
            made = _crop_all(image, specs, placement, threads)
        finish = partial(_finish, image, size, ground)
        return list(threads.map(finish, specs, made))


def check_background(background: str | None) -> None:
    """Raise InvalidRequest unless it is None, `blur` or a CSS color."""
    if background is None or background == BLUR:
        return
    try:
        ImageColor.getrgb(background)
    except ValueError:
        raise InvalidRequest("Unknown background. Use a CSS color such as '#ffffff' or 'white', or 'blur'.") from None


_Made = tuple[DecodedImage, Crop]


def _crop_all(
    image: DecodedImage, specs: Sequence[RenditionSpec], placement: Placement, threads: Executor
) -> list[_Made]:
    attention = Attention(image) if placement.mode == "smart" and not placement.focal else None
    mode: CropMode = "center" if placement.mode == "center" else "smart"
    how = {"mode": mode, "focal": placement.focal, "attention": attention}
    crops = [place_crop(image, Size(one.width, one.height), **how) for one in specs]
    groups = group_crops(crops)
    images = threads.map(lambda group: batch_crop(image, [crops[at] for at in group]), groups)
    made = {at: one for group, ones in zip(groups, images, strict=True) for at, one in zip(group, ones, strict=True)}
    return [(made[at], Crop(crop.box, crop.focus, crop.faces)) for at, crop in enumerate(crops)]


def _finish(
    image: DecodedImage, source: Size, ground: Color, one: RenditionSpec, made: _Made
) -> Rendition | StudioError:
    rendered, (box, focus, faces) = made
    try:
        if one.zone:
            rendered = draw_safe_zones(rendered, one.zone)
        file_types = one.file_types
        if one.keeps_alpha and rendered.mode == "RGBA":
            file_types = tuple(sorted(file_types, key=lambda file_type: file_type is FileType.JPEG))
        encoded = encode_under(rendered, one.max_bytes, file_types, ground, one.xmp)
    except StudioError as error:
        return error
    except (OSError, ValueError, MemoryError):
        return StudioError(f"The image could not be written as {one.width}x{one.height}.")
    # The source may have been decoded at a fraction of its size.
    across, down = source.width / image.width, source.height / image.height
    shown = Box(box.left * across, box.top * down, box.right * across, box.bottom * down)
    factor = min(one.width / shown.width, one.height / shown.height)
    return Rendition(one.width, one.height, encoded, Crop(shown, focus, faces), factor)
