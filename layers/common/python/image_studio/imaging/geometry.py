"""Scale, crop, pad and place images; every function returns a new image."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from PIL import Image, ImageFilter, ImageOps, ImageStat

from image_studio.imaging.masks import Color, Mask, flatten
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import Box, DecodedImage, Size
from image_studio.schemas.common import FaceArea, FocalPoint, Focus

BLUR = "blur"  # a background that is the image itself, enlarged and blurred

#: Downscaling starts with integer averages down to this multiple of the target: faster, without a visible change.
_REDUCING_GAP = 3.0


def scale(image: DecodedImage, width: int, height: int, box: Box | None = None) -> DecodedImage:
    return image.resize((width, height), Image.Resampling.LANCZOS, box, _REDUCING_GAP)


def extend_canvas(
    image: DecodedImage, left: int, top: int, right: int, bottom: int, *, fill: Color = (0, 0, 0, 0)
) -> DecodedImage:
    """Add pixels of `fill` on each side; a transparent fill makes the image RGBA."""
    width, height = image.width + left + right, image.height + top + bottom
    transparent = isinstance(fill, tuple) and len(fill) == 4 and fill[3] < 255
    mode = "RGBA" if transparent or image.mode == "RGBA" else "RGB"
    canvas = Image.new(mode, (width, height), fill)
    canvas.paste(image if image.mode == mode else image.convert(mode), (left, top))
    return canvas


def edge_color(image: DecodedImage, sides: bool) -> Color:
    """Return the median color of the left and right edges (`sides`) or of the top and bottom ones, 0-255 numbers."""
    width, height = image.size
    first = image.crop((0, 0, 1, height) if sides else (0, 0, width, 1))
    second = image.crop((width - 1, 0, width, height) if sides else (0, height - 1, width, height))
    both = Image.new(image.mode, (first.width, first.height * 2))
    both.paste(first, (0, 0))
    both.paste(second, (0, first.height))
    color = tuple(ImageStat.Stat(both).median)
    return (255, 255, 255, 0) if len(color) == 4 and color[3] < 128 else color


def fit_inside(image: DecodedImage, width: int, height: int, background: Color | None = None) -> DecodedImage:
    """Contain the image, centered, in exactly width x height pixels; the rest is `background`.

    A background is a CSS color, 0-255 numbers or BLUR; None takes the color of the image's edges.
    """
    factor = min(width / image.width, height / image.height)
    inner_width, inner_height = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    inner = scale(image, inner_width, inner_height)
    if (inner_width, inner_height) == (width, height) and (background is None or inner.mode == "RGB"):
        return inner
    if background == BLUR:  # the enlarged image, beyond recognition, opaque
        small = ImageOps.fit(flatten(image), (max(1, width // 16), max(1, height // 16)), Image.Resampling.BOX)
        canvas = small.filter(ImageFilter.GaussianBlur(3)).resize((width, height), Image.Resampling.BICUBIC)
    elif background is not None:
        canvas = Image.new("RGB", (width, height), background)
    else:
        canvas = Image.new(image.mode, (width, height), edge_color(image, sides=inner_width < width))
    at = (width - inner_width) // 2, (height - inner_height) // 2
    canvas.paste(inner, at, inner if inner.mode == "RGBA" and canvas.mode == "RGB" else None)
    return canvas


CropMode = Literal["smart", "center"]


class Crop(NamedTuple):
    """A part of an image (pixels), what it was placed by, and the image's faces."""

    box: Box
    focus: Focus
    faces: tuple[FaceArea, ...] = ()


def cover(image: DecodedImage, width: int, height: int, **placement: Any) -> tuple[DecodedImage, Crop]:
    """Crop and scale the image to exactly width x height pixels, placed as by `choose_crop`; return both."""
    crop = choose_crop(image, width / height, **placement)
    return scale(image, width, height, crop.box), crop


def choose_crop(
    image: DecodedImage,
    ratio: float,
    *,
    mode: CropMode = "smart",
    focal: FocalPoint | None = None,
    attention: Attention | None = None,
) -> Crop:
    """Return the largest crop of `ratio` (width / height) in the image, placed by `mode` or `focal`.

    `focal` overrides `smart`; `attention` saves the analysis of an image that is cropped repeatedly. An image that
    has the ratio is not looked at.
    """
    horizontal = image.width > image.height * ratio
    share = image.height * ratio / image.width if horizontal else image.width / ratio / image.height
    share = min(share, 1.0)
    start, focus = (1 - share) / 2, Focus.CENTER
    faces: tuple[FaceArea, ...] = ()
    if mode == "smart" and focal:
        start = min(max((focal.x if horizontal else focal.y) - share / 2, 0), 1 - share)
        focus = Focus.FOCAL_POINT
    elif mode == "smart" and (attention or share < 1):
        attention = attention or Attention(image)
        start, focus, faces = attention.start(share, horizontal), attention.focus, attention.faces
    if horizontal:
        box = Box(start * image.width, 0, (start + share) * image.width, image.height)
    else:
        box = Box(0, start * image.height, image.width, (start + share) * image.height)
    return Crop(box, focus, faces)


#: Up to this difference of ratios a result was only rounded; beyond it the model changed the framing.
_SAME_RATIO = 0.02


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent to a model: its `size`, and the place of the image in it (pixels)."""

    size: Size
    left: int
    top: int
    inner: Size

    @property
    def padded(self) -> bool:
        return self.inner != self.size


def place_in_frame(image: DecodedImage, frame: Frame) -> DecodedImage:
    """Return the image as it is sent: opaque, scaled, padded with the color of its edges."""
    plain = flatten(image)
    inner = plain if plain.size == frame.inner else scale(plain, *frame.inner)
    if not frame.padded:
        return inner
    fill = edge_color(inner, sides=frame.inner.width < frame.size.width)
    right, bottom = (frame.size.width - frame.left - inner.width, frame.size.height - frame.top - inner.height)
    return extend_canvas(inner, frame.left, frame.top, right, bottom, fill=fill)


def place_mask(mask: Mask, frame: Frame) -> Mask:
    """Return the mask as it is sent: scaled like the image, the padding black."""
    canvas = Image.new("L", frame.size, 0)
    canvas.paste(mask.resize(frame.inner, Image.Resampling.BILINEAR), (frame.left, frame.top))
    return canvas


def extract(result: DecodedImage, frame: Frame, width: int, height: int) -> DecodedImage:
    """Cut the padding off a model's result and scale the rest to exactly width x height pixels."""
    box = _inner_box(result, frame)
    if result.size == (width, height) and box == (0, 0, width, height):
        return result
    return scale(result, width, height, box)


def extract_native(result: DecodedImage, frame: Frame) -> DecodedImage:
    """Cut the padding off a model's result, without scaling."""
    box = _inner_box(result, frame)
    return extract(result, frame, max(1, round(box.width)), max(1, round(box.height)))


def _inner_box(result: DecodedImage, frame: Frame) -> Box:
    """The part of the result that shows the image, never stretched."""
    ratio = frame.size.width / frame.size.height
    same = abs(result.width / result.height / ratio - 1) <= _SAME_RATIO
    within = Box(0, 0, *result.size) if same else choose_crop(result, ratio, mode="center").box
    if not frame.padded:
        return within
    across, down = within.width / frame.size.width, within.height / frame.size.height
    return Box(
        within.left + frame.left * across,
        within.top + frame.top * down,
        min(within.right, within.left + (frame.left + frame.inner.width) * across),
        min(within.bottom, within.top + (frame.top + frame.inner.height) * down),
    )
