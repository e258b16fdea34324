"""Decode base64 text and data URLs; the payload is never scanned twice."""

import pybase64

from image_studio.errors import InvalidImage

#: The longest `data:image/...;base64` prefix that is searched, characters.
_MAX_PREFIX = 128


def decode_base64(text: str) -> bytes:
    """Decode raw base64, or a base64 data URL of an image.

    Strict: spaces and line breaks are errors. Raises InvalidImage.
    """
    try:
        data = pybase64.b64decode(_payload_of(text), validate=True)
    except ValueError:
        raise InvalidImage from None
    if not data:
        raise InvalidImage
    return data


def _payload_of(text: str) -> str:
    """The text after the prefix of a data URL, or the text itself."""
    if text[:5].lower() != "data:":
        return text
    comma = text.find(",", 0, _MAX_PREFIX)
    prefix = text[: max(comma, 0)].lower()
    if not (prefix.startswith("data:image/") and prefix.endswith(";base64")):
        raise InvalidImage
    return text[comma + 1 :]
