"""Pixels to bytes of a file type, without metadata."""

import io

from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401  # registers exactly these writers

from image_studio.imaging.canvas import flatten
from image_studio.imaging.picture import Picture
from image_studio.imaging.png import write_png
from image_studio.schemas.image import FileType

#: Quality of lossy files when nobody asks for another.
QUALITY = 95


def encode(image: Picture, file_type: FileType, quality: int | None = None) -> bytes:
    """A PNG, JPEG or WebP of the picture without metadata; transparency is flattened on white for JPEG.

    `quality` (1 to 100, default 95) is for JPEG and WebP; PNG is lossless.
    """
    if file_type is FileType.PNG:
        return write_png(image)
    if file_type is FileType.JPEG:
        return save(flatten(image), "JPEG", quality=quality or QUALITY)
    return save(image, "WEBP", quality=quality or QUALITY, method=2)


def save(image: Picture, name: str, **options: int) -> bytes:
    """The picture by one of Pillow's writers, with its options."""
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()
