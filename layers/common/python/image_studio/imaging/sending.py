"""Pictures on their way to a provider: without loss where the request has room for it."""

from image_studio.imaging.encode import encode
from image_studio.imaging.picture import Picture
from image_studio.schemas.image import FileType

_QUALITIES = (95, 85, 70, 50)


def encode_within(image: Picture, max_bytes: int) -> tuple[bytes, FileType]:
    """The picture in at most `max_bytes`: PNG if that fits, else JPEG (WebP with transparency), best quality first.

    Where even the lowest quality doesn't fit, that one is given: only noise gets there.
    """
    data = b""
    if image.width * image.height <= max_bytes:  # a PNG of a photograph has more than a byte a pixel
        data = encode(image, FileType.PNG)
        if len(data) <= max_bytes:
            return data, FileType.PNG
    lossy = FileType.WEBP if image.mode == "RGBA" else FileType.JPEG
    for quality in _QUALITIES:
        data = encode(image, lossy, quality)
        if len(data) <= max_bytes:
            break
    return data, lossy
