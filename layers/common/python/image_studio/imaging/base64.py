"""Decode base64 text and data URLs; the payload is never scanned twice."""

import pybase64

from image_studio.errors import InvalidImage
from image_studio.schemas.common import FileType

#: The longest `data:image/...;base64` head that we look for, characters.
_LONGEST_HEAD = 128


def decode_base64(text: str) -> bytes:
    """The bytes of raw base64 or of a base64 data URL of an image.

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
    """What follows the head of a data URL, or the text itself."""
    if text[:5].lower() != "data:":
        return text
    comma = text.find(",", 0, _LONGEST_HEAD)
    head = text[: max(comma, 0)].lower()
    if not (head.startswith("data:image/") and head.endswith(";base64")):
        raise InvalidImage
    return text[comma + 1 :]


def to_base64(data: bytes) -> str:
    """Raw base64, as `create` answers it."""
    return pybase64.b64encode_as_string(data)


def to_data_url(data: bytes, file_type: FileType) -> str:
    """A data URL with the media type of `file_type`."""
    return f"data:{file_type.mime};base64,{to_base64(data)}"
