"""Encode images as files and decode files to images."""

import base64
import binascii
import random
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

READABLE = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 64_000_000


class NotAnImage(ValueError):
    """Bytes that are no PNG, JPEG or WebP."""


_grains = [0.0]  # the last one is that of all emulators in this process


@contextmanager
def grainy(sigma: float) -> Iterator[None]:
    """Give every image of this process's emulators a camera's noise while the block runs; 16 is a photograph's."""
    _grains.append(sigma)
    try:
        yield
    finally:
        _grains.pop()


def add_noise(image: Image.Image, sigma: float) -> Image.Image:
    """Add noise of this standard deviation (of 255) to the colors, the same one each time."""
    width, height = image.size
    static = Image.frombytes("RGB", image.size, random.Random(width).randbytes(width * height * 3))
    spread = sigma * 12**0.5 / 255  # of the static's values, which are all equally frequent
    noise = static.point(lambda value: round(128 + (value - 127.5) * spread))
    noisy = ImageChops.add(image.convert("RGB"), noise, 1, -128)
    if image.mode == "RGBA":
        noisy.putalpha(image.getchannel("A"))
    return noisy


def encode(image: Image.Image, file_type: str) -> bytes:
    """Encode as png, jpeg or webp; jpeg puts transparency on white."""
    out = BytesIO()
    if _grains[-1]:
        image = add_noise(image, _grains[-1])
    if file_type == "jpeg":
        flatten(image).save(out, "JPEG", quality=90)
    elif file_type == "webp":
        image.save(out, "WEBP", quality=88, method=0)
    else:
        image.save(out, "PNG", compress_level=1)
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
