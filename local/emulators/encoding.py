"""Pictures as bytes and back."""

import base64
import binascii
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

READABLE = ("PNG", "JPEG", "WEBP")
LARGEST_PIXELS = 64_000_000


class NotAPicture(ValueError):
    """Bytes that are no PNG, JPEG or WebP."""


def encode(picture: Image.Image, file_type: str) -> bytes:
    """The picture as png, jpeg or webp; jpeg puts transparency on white."""
    out = BytesIO()
    if file_type == "jpeg":
        flattened(picture).save(out, "JPEG", quality=90)
    elif file_type == "webp":
        picture.save(out, "WEBP", quality=88, method=0)
    else:
        picture.save(out, "PNG", compress_level=3)
    return out.getvalue()


def flattened(picture: Image.Image) -> Image.Image:
    """The picture as RGB, transparency on white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    solid = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", solid.size, "white"), solid).convert("RGB")


def decode(data: bytes) -> Image.Image:
    """A picture from bytes, upright, as RGB or RGBA. Raises NotAPicture."""
    try:
        with Image.open(BytesIO(data), formats=READABLE) as opened:
            if opened.width * opened.height > LARGEST_PIXELS:
                raise NotAPicture("too many pixels")
            upright = ImageOps.exif_transpose(opened)
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as broken:
        raise NotAPicture("not a PNG, JPEG or WebP picture") from broken


def from_text(text: str) -> bytes:
    """Bytes from a data URI or from bare base64. Raises NotAPicture."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as broken:
        raise NotAPicture("not base64") from broken


def to_text(data: bytes) -> str:
    """Bare base64."""
    return base64.b64encode(data).decode()
