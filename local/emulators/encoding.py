"""ImageInputs as bytes and back."""

import base64
import binascii
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

READABLE = ("PNG", "JPEG", "WEBP")
LARGEST_PIXELS = 64_000_000


class NotAImage(ValueError):
    """Bytes that are no PNG, JPEG or WebP."""


def encode(image: Image.Image, file_type: str) -> bytes:
    """The image as png, jpeg or webp; jpeg puts transparency on white."""
    out = BytesIO()
    if file_type == "jpeg":
        flattened(image).save(out, "JPEG", quality=90)
    elif file_type == "webp":
        image.save(out, "WEBP", quality=88, method=0)
    else:
        image.save(out, "PNG", compress_level=3)
    return out.getvalue()


def flattened(image: Image.Image) -> Image.Image:
    """The image as RGB, transparency on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    solid = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", solid.size, "white"), solid).convert("RGB")


def decode(data: bytes) -> Image.Image:
    """An image from bytes, upright, as RGB or RGBA. Raises NotAImage."""
    try:
        with Image.open(BytesIO(data), formats=READABLE) as opened:
            if opened.width * opened.height > LARGEST_PIXELS:
                raise NotAImage("too many pixels")
            upright = ImageOps.exif_transpose(opened)
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as broken:
        raise NotAImage("not a PNG, JPEG or WebP image") from broken


def from_text(text: str) -> bytes:
    """Bytes from a data URI or from bare base64. Raises NotAImage."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as broken:
        raise NotAImage("not base64") from broken


def to_text(data: bytes) -> str:
    """Bare base64."""
    return base64.b64encode(data).decode()
