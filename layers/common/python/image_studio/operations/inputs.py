"""Pictures that a request carries: base64, a data URL, or a reference to something of the caller's own."""

from image_studio.errors import InvalidImage
from image_studio.imaging.gate import Limits, open_picture
from image_studio.imaging.payload import decode_base64
from image_studio.imaging.picture import Picture
from image_studio.operations.studio import Studio

#: What a reference to an upload or to an earlier result begins with.
REFERENCES = ("upload:", "job:")


def read_picture(text: str, studio: Studio) -> bytes:
    """The bytes of raw base64, a data URL, `upload:<id>` or `job:<id>[/<variation>]`.

    Raises InvalidImage for anything else, NotFound for what isn't the caller's.
    """
    if text.startswith(REFERENCES):
        return studio.library.picture(text)
    return decode_base64(text)


def open_input(text: str, studio: Studio, field: str | None = None) -> Picture:
    """The decoded picture. `field` names one that isn't the request's main picture in the sentence of an error."""
    try:
        return open_picture(read_picture(text, studio), caps(studio))
    except InvalidImage as error:
        if field is None:
            raise
        raise InvalidImage(f"{field}: {error.detail}") from None


def caps(studio: Studio) -> Limits:
    """What a caller's picture may be: the gate's own limits, and the pixels of the caller's tier."""
    return Limits(max_pixels=studio.max_pixels)
