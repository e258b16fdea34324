"""Encode images as files and decode files to images."""

import base64
import binascii
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

READABLE = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 64_000_000


class NotAnImage(ValueError):
    """Bytes that are no PNG, JPEG or WebP."""


def encode(image: Image.Image, file_type: str) -> bytes:
    """Encode as png, jpeg or webp; jpeg puts transparency on white."""
    out = BytesIO()
    if file_type == "jpeg":
        flatten(image).save(out, "JPEG", quality=90)
    elif file_type == "webp":
        image.save(out, "WEBP", quality=88, method=0)
    else:
        image.save(out, "PNG", compress_level=3)
    return out.getvalue()


def flatten(image: Image.Image) -> Image.Image:
    """Convert to RGB, with transparency on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    solid = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", solid.size, "white"), solid).convert("RGB")


def decode(data: bytes) -> Image.Image:
    """Decode to an upright RGB or RGBA image. Raises NotAnImage."""
    try:
        with Image.open(BytesIO(data), formats=READABLE) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise NotAnImage("too many pixels")
            upright = ImageOps.exif_transpose(opened)
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as broken:
        raise NotAnImage("not a PNG, JPEG or WebP image") from broken


def from_base64(text: str) -> bytes:
    """Decode a data URI or bare base64. Raises NotAnImage."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as broken:
        raise NotAnImage("not base64") from broken


def to_base64(data: bytes) -> str:
    """Encode as bare base64."""
    return base64.b64encode(data).decode()
