"""Encode pixels as a file type, without metadata."""

import io

from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401  # registers exactly these writers

from image_studio.imaging.canvas import flatten
from image_studio.imaging.png import write_png
from image_studio.imaging.types import DecodedImage
from image_studio.schemas.common import FileType

#: Quality of lossy files when nobody asks for another.
QUALITY = 95


def encode(image: DecodedImage, file_type: FileType, quality: int | None = None) -> bytes:
    """A PNG, JPEG or WebP of the image without metadata; transparency is flattened on white for JPEG.

    `quality` (1 to 100, default 95) is for JPEG and WebP; PNG is lossless.
    """
    if file_type is FileType.PNG:
        return write_png(image)
    if file_type is FileType.JPEG:
        return save(flatten(image), "JPEG", quality=quality or QUALITY)
    return save(image, "WEBP", quality=quality or QUALITY, method=2)


def save(image: DecodedImage, name: str, **options: int) -> bytes:
    """The image by one of Pillow's writers, with its options."""
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


_QUALITIES = (95, 85, 70, 50)


def encode_for_provider(image: DecodedImage, max_bytes: int) -> tuple[bytes, FileType]:
    """The image in at most `max_bytes`: PNG if that fits, else JPEG (WebP with transparency), best quality first.

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
