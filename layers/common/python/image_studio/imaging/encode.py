"""Encode pixels as a file type, without metadata."""

import io

from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401  # registers exactly these writers

from image_studio.imaging.masks import flatten
from image_studio.imaging.png import write_png
from image_studio.imaging.types import DecodedImage
from image_studio.schemas.common import FileType

#: The default quality of lossy files.
QUALITY = 95


def encode(image: DecodedImage, file_type: FileType, quality: int | None = None) -> bytes:
    """Encode the image without metadata; for JPEG, transparency is flattened on white.

    `quality` (1 to 100, default 95) is for JPEG and WebP; PNG is lossless.
    """
    if file_type is FileType.PNG:
        return write_png(image)
    if file_type is FileType.JPEG:
        return save(flatten(image), "JPEG", quality=quality or QUALITY)
    return save(image, "WEBP", quality=quality or QUALITY, method=2)


def save(image: DecodedImage, name: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


_QUALITIES = (95, 85, 70, 50)


def encode_for_provider(image: DecodedImage, max_bytes: int) -> tuple[bytes, FileType]:
    """Encode the image in at most `max_bytes`: PNG if that fits, else lossy at the best quality.

    Where even the lowest quality doesn't fit, that file is returned: this happens only to noise.
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
