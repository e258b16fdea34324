"""Scaling to exact sizes, Lanczos, in one step."""

from PIL import Image

from image_studio.imaging.canvas import Colour, blurred_backdrop, edge_colour
from image_studio.imaging.picture import Box, Picture

#: A background that is the picture itself, enlarged and blurred.
BLUR = "blur"

#: Shrinking starts with whole-number averages down to this many times the target: faster, no visible change.
_REDUCING_GAP = 3.0


def scale(image: Picture, width: int, height: int, box: Box | None = None) -> Picture:
    """The picture, or its part inside `box`, at exactly width x height pixels."""
    corners = box.corners if box else None
    return image.resize((width, height), Image.Resampling.LANCZOS, corners, _REDUCING_GAP)


def fit_inside(image: Picture, width: int, height: int, background: Colour | None = None) -> Picture:
    """All of the picture, centred in exactly width x height pixels, the rest in `background`.

    A background is a CSS colour, 0-255 numbers or BLUR; None takes the colour of the picture's edges.
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


def _backdrop(image: Picture, width: int, height: int, background: Colour | None, sides: bool) -> Picture:
    if background == BLUR:
        return blurred_backdrop(image, width, height)
    if background is not None:
        return Image.new("RGB", (width, height), background)
    return Image.new(image.mode, (width, height), edge_colour(image, sides))
