"""What a fuzzer tries: bytes as everything that a caller could send them as.

An image inside the limits or an InvalidImage with a sentence is right; anything else is raised.
"""

import base64

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import DecodeLimits, decode, decode_base64, read_info

LIMITS = DecodeLimits(max_bytes=1_000_000, max_pixels=1_000_000)


def one_input(data: bytes) -> None:
    """Try the bytes as a file, as raw base64 and inside a data URL. Raises what no caller may cause."""
    _as_file(data)
    text = data.decode("latin-1")
    _as_text(text)
    _as_text("data:image/png;base64," + text)
    _as_text(base64.b64encode(data).decode())


def _as_file(data: bytes) -> None:
    try:
        measured = read_info(data, LIMITS)
        image = decode(data, LIMITS)
    except InvalidImage as error:
        _sentence(error)
        return
    if image.width * image.height > LIMITS.max_pixels or image.mode not in ("RGB", "RGBA") or image.info:
        raise AssertionError(f"an image outside the limits: {image.size} {image.mode}")
    if (measured.width, measured.height) != image.size:
        raise AssertionError(f"the header said {measured}, the image is {image.size}")


def _as_text(text: str) -> None:
    try:
        decode_base64(text)
    except InvalidImage as error:
        _sentence(error)


def _sentence(error: InvalidImage) -> None:
    if not 0 < len(error.detail) < 300:
        raise AssertionError(error.detail)
