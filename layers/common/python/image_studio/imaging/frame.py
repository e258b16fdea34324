"""A picture's place in what a model is sent: scaled, and padded where the model has shapes of its own."""

from dataclasses import dataclass

from PIL import Image

from image_studio.imaging.canvas import edge_colour, extend_canvas, flatten
from image_studio.imaging.crop import crop_box
from image_studio.imaging.masks import Mask
from image_studio.imaging.picture import Box, Picture, Size
from image_studio.imaging.resize import scale

#: A result whose ratio is so near to the frame's was only rounded; any other was framed anew by the model.
_ROUNDED = 0.02


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent: `size`, and where in it the picture lies (pixels)."""

    size: Size
    left: int
    top: int
    inner: Size

    @property
    def padded(self) -> bool:
        """Whether there is anything around the picture."""
        return self.inner != self.size


def put(image: Picture, frame: Frame) -> Picture:
    """The picture as it is sent: opaque, scaled, padded with the colour of its edges."""
    plain = flatten(image)
    inner = plain if plain.size == frame.inner else scale(plain, *frame.inner)
    if not frame.padded:
        return inner
    fill = edge_colour(inner, sides=frame.inner.width < frame.size.width)
    return extend_canvas(inner, frame.left, frame.top, *_rest(frame), fill=fill)


def put_mask(mask: Mask, frame: Frame) -> Mask:
    """The mask as it is sent: scaled alike; the padding stays as it is."""
    canvas = Image.new("L", frame.size, 0)
    canvas.paste(mask.resize(frame.inner, Image.Resampling.BILINEAR), (frame.left, frame.top))
    return canvas


def take(result: Picture, frame: Frame, width: int, height: int) -> Picture:
    """The picture's part of a model's result, at exactly width x height pixels, the padding cut off."""
    box = _inner_box(_within(result, frame), frame)
    if result.size == (width, height) and box.corners == (0, 0, width, height):
        return result
    return scale(result, width, height, box)


def take_natively(result: Picture, frame: Frame) -> Picture:
    """The picture's part of a model's result, as many pixels as it has there."""
    box = _inner_box(_within(result, frame), frame)
    return take(result, frame, max(1, round(box.width)), max(1, round(box.height)))


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


def _within(result: Picture, frame: Frame) -> Box:
    """The part of the result that stands for the frame; never a stretched one."""
    ratio = frame.size.width / frame.size.height
    if abs(result.width / result.height / ratio - 1) <= _ROUNDED:
        return Box(0, 0, result.width, result.height)
    return crop_box(result, ratio, mode="center")


def _rest(frame: Frame) -> tuple[int, int]:
    return (
        frame.size.width - frame.left - frame.inner.width,
        frame.size.height - frame.top - frame.inner.height,
    )
