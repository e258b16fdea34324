"""Scale, crop, pad and place images; every function returns a new image."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from image_studio.imaging.canvas import Color, blurred_backdrop, edge_color, extend_canvas, flatten
from image_studio.imaging.masks import Mask
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import Box, DecodedImage, Size
from image_studio.schemas.common import FocalPoint

#: A background that is the image itself, enlarged and blurred.
BLUR = "blur"

#: Shrinking starts with whole-number averages down to this many times the target: faster, no visible change.
_REDUCING_GAP = 3.0


def scale(image: DecodedImage, width: int, height: int, box: Box | None = None) -> DecodedImage:
    """The image, or its part inside `box`, at exactly width x height pixels."""
    corners = box.corners if box else None
    return image.resize((width, height), Image.Resampling.LANCZOS, corners, _REDUCING_GAP)


def fit_inside(image: DecodedImage, width: int, height: int, background: Color | None = None) -> DecodedImage:
    """All of the image, centerd in exactly width x height pixels, the rest in `background`.

    A background is a CSS color, 0-255 numbers or BLUR; None takes the color of the image's edges.
    """
    factor = min(width / image.width, height / image.height)
    inner_width, inner_height = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    inner = scale(image, inner_width, inner_height)
    if (inner_width, inner_height) == (width, height):
        return inner
    canvas = _backdrop(image, width, height, background, sides=inner_width < width)
    at = (width - inner_width) // 2, (height - inner_height) // 2
    canvas.paste(inner, at, inner if inner.mode == "RGBA" and canvas.mode == "RGB" else None)
    return canvas


def _backdrop(image: DecodedImage, width: int, height: int, background: Color | None, sides: bool) -> DecodedImage:
    if background == BLUR:
        return blurred_backdrop(image, width, height)
    if background is not None:
        return Image.new("RGB", (width, height), background)
    return Image.new(image.mode, (width, height), edge_color(image, sides))


CropMode = Literal["smart", "center"]


def cover(
    image: DecodedImage,
    width: int,
    height: int,
    *,
    mode: CropMode = "smart",
    focal: FocalPoint | None = None,
    attention: Attention | None = None,
) -> tuple[DecodedImage, Box]:
    """The image cropped and scaled to exactly width x height pixels, never stretched; and the box.

    `focal` overrides `smart`; `attention` saves looking twice when one image is cropped often.
    """
    box = crop_box(image, width / height, mode=mode, focal=focal, attention=attention)
    return scale(image, width, height, box), box


def crop_box(
    image: DecodedImage,
    ratio: float,
    *,
    mode: CropMode = "smart",
    focal: FocalPoint | None = None,
    attention: Attention | None = None,
) -> Box:
    """The largest box of `ratio` (width / height) in the image, placed by `mode` or `focal`."""
    horizontal = image.width > image.height * ratio
    share = image.height * ratio / image.width if horizontal else image.width / ratio / image.height
    if share >= 1:
        return Box(0, 0, image.width, image.height)
    start = (1 - share) / 2
    if mode == "smart" and focal:
        start = min(max((focal.x if horizontal else focal.y) - share / 2, 0), 1 - share)
    elif mode == "smart":
        start = (attention or Attention(image)).start(share, horizontal)
    if horizontal:
        return Box(start * image.width, 0, (start + share) * image.width, image.height)
    return Box(0, start * image.height, image.width, (start + share) * image.height)


#: A result whose ratio is so near to the frame's was only rounded; any other was framed anew by the model.
_ROUNDED = 0.02


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent: `size`, and where in it the image lies (pixels)."""

    size: Size
    left: int
    top: int
    inner: Size

    @property
    def padded(self) -> bool:
        """Whether there is anything around the image."""
        return self.inner != self.size


def place_in_frame(image: DecodedImage, frame: Frame) -> DecodedImage:
    """The image as it is sent: opaque, scaled, padded with the color of its edges."""
    plain = flatten(image)
    inner = plain if plain.size == frame.inner else scale(plain, *frame.inner)
    if not frame.padded:
        return inner
    fill = edge_color(inner, sides=frame.inner.width < frame.size.width)
    return extend_canvas(inner, frame.left, frame.top, *_right_and_bottom(frame), fill=fill)


def place_mask(mask: Mask, frame: Frame) -> Mask:
    """The mask as it is sent: scaled alike; the padding stays as it is."""
    canvas = Image.new("L", frame.size, 0)
    canvas.paste(mask.resize(frame.inner, Image.Resampling.BILINEAR), (frame.left, frame.top))
    return canvas


def extract(result: DecodedImage, frame: Frame, width: int, height: int) -> DecodedImage:
    """The image's part of a model's result, at exactly width x height pixels, the padding cut off."""
    box = _inner_box(_framed_part(result, frame), frame)
    if result.size == (width, height) and box.corners == (0, 0, width, height):
        return result
    return scale(result, width, height, box)


def extract_native(result: DecodedImage, frame: Frame) -> DecodedImage:
    """The image's part of a model's result, as many pixels as it has there."""
    box = _inner_box(_framed_part(result, frame), frame)
    return extract(result, frame, max(1, round(box.width)), max(1, round(box.height)))


def _inner_box(within: Box, frame: Frame) -> Box:
    if not frame.padded:
        return within
    across, down = within.width / frame.size.width, within.height / frame.size.height
    return Box(
        within.left + frame.left * across,
        within.top + frame.top * down,
        min(within.right, within.left + (frame.left + frame.inner.width) * across),
        min(within.bottom, within.top + (frame.top + frame.inner.height) * down),
    )


def _framed_part(result: DecodedImage, frame: Frame) -> Box:
    """The part of the result that stands for the frame; never a stretched one."""
    ratio = frame.size.width / frame.size.height
    if abs(result.width / result.height / ratio - 1) <= _ROUNDED:
        return Box(0, 0, result.width, result.height)
    return crop_box(result, ratio, mode="center")


def _right_and_bottom(frame: Frame) -> tuple[int, int]:
    return (
        frame.size.width - frame.left - frame.inner.width,
        frame.size.height - frame.top - frame.inner.height,
    )
