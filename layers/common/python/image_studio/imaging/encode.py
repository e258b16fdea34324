"""Encode pixels as a file type, without metadata but a mark (XMP), within a limit of bytes where there is one."""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

# The plugins register exactly these writers.
from PIL import Image, ImageChops, ImageStat, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

from image_studio.errors import InvalidRequest
from image_studio.imaging.geometry import scale
from image_studio.imaging.masks import Color, flatten
from image_studio.imaging.png import insert_xmp, write_png
from image_studio.imaging.types import DecodedImage
from image_studio.schemas.common import FileType

#: The most pixels a side that a type's writer and its readers take: of libwebp, libjpeg, libavif, and GIF's header.
MAX_SIDES = {"webp": 16_383, "jpeg": 65_500, "avif": 32_768, "gif": 65_535}
QUALITY = 95  # the default quality of lossy files
_AVIF_SPEED = 9  # of 10; a fifth of the time of 6, for the same bytes at these qualities


def check_sides(file_type: str, width: int, height: int, field: str) -> None:
    """Raise InvalidRequest where the type can't hold width x height pixels; `field` of the request named the type."""
    most = MAX_SIDES.get(file_type)
    if most and max(width, height) > most:
        raise InvalidRequest(
            f"A {file_type} file has at most {most:,} pixels a side, and this one would be {width}x{height}."
            f" Use {field} png, or a smaller image."
        )


def encode(image: DecodedImage, file_type: FileType, quality: int = QUALITY, xmp: bytes = b"") -> bytes:
    """Encode the image. `quality` (1 to 100) is for all but PNG; JPEG gets a background.

    `xmp` is a packet that says how the image was made; there is no other metadata.
    """
    if file_type is FileType.PNG:
        return insert_xmp(write_png(image), xmp)
    if file_type is FileType.JPEG:
        return save(flatten(image), "JPEG", quality=quality, xmp=xmp)
    if file_type is FileType.WEBP:
        return save(image, "WEBP", quality=quality, method=2, xmp=xmp)
    return save_avif(image, quality=quality, speed=_AVIF_SPEED, xmp=xmp)


def save_avif(image: DecodedImage, xmp: bytes = b"", **options: int | str | bytes) -> bytes:
    # Here, not above: libavif costs a cold start 15 ms and 7 MB, and few requests want an AVIF. See `imaging`.
    from PIL import AvifImagePlugin  # noqa: F401, PLC0415 - registers the writer

    return save(image, "AVIF", xmp, **options)


def save(image: DecodedImage, name: str, xmp: bytes = b"", **options: int | str | bytes) -> bytes:
    out = io.BytesIO()
    if name == "PNG":
        image.save(out, name, **options)
        return insert_xmp(out.getvalue(), xmp)
    image.save(out, name, **options, **({"xmp": xmp} if xmp else {}))
    return out.getvalue()


_QUALITIES = (95, 85, 70, 50)


def encode_for_provider(image: DecodedImage, max_bytes: int) -> tuple[bytes, FileType]:
    """Encode the image in at most `max_bytes`: PNG if that fits, else lossy at its best. Noise may exceed that."""
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


LOWEST_QUALITY = 40  # the lowest quality; below it, blocks are visible
#: The share that more effort on a PNG may save; a file further over the limit isn't encoded again.
_EFFORT_SAVES = 0.12
_HARMLESS = 2.5  # the largest root-mean-square error (of 255) of a palette that is not noticed
_SAMPLE = (128, 128)  # width and height of the sample that is tried first, pixels


AS_REQUESTED = "as asked"


@dataclass(frozen=True, slots=True)
class EncodedRendition:
    """A file and how it was encoded; `quality` is None for a lossless one."""

    data: bytes
    file_type: FileType
    quality: int | None = None
    how: str = AS_REQUESTED


def encode_under(
    image: DecodedImage,
    max_bytes: int,
    file_types: Sequence[FileType],
    background: Color | None = None,
    xmp: bytes = b"",
) -> EncodedRendition:
    """Encode the image in at most `max_bytes`, as the first of `file_types` that fits. Raises InvalidRequest.

    `background` is behind transparent parts in a JPEG.
    """
    for file_type in file_types:
        plain = flatten(image, background) if file_type is FileType.JPEG else image
        png = file_type is FileType.PNG
        steps = _png_steps(image, max_bytes, xmp) if png else _lossy_steps(plain, file_type, max_bytes, xmp)
        for encoded in steps:
            if not encoded or len(encoded.data) > max_bytes:
                continue
            if file_type is file_types[0]:
                return encoded
            how = f"{file_type.value} instead of {file_types[0].value}, which was too large"
            return replace(encoded, how=how if encoded.how == AS_REQUESTED else f"{how}; {encoded.how}")
    names = ", ".join(file_type.value for file_type in file_types)
    raise InvalidRequest(
        f"A {image.width}x{image.height} image with this much detail does not fit in {max_bytes:,} bytes as {names}."
        " Use an image with less detail."
    )


def _png_steps(image: DecodedImage, max_bytes: int, xmp: bytes) -> Iterator[EncodedRendition | None]:
    fast = encode(image, FileType.PNG, xmp=xmp)
    yield EncodedRendition(fast, FileType.PNG)
    if len(fast) <= max_bytes * (1 + _EFFORT_SAVES):
        yield EncodedRendition(save(image, "PNG", xmp, compress_level=9), FileType.PNG, how="png with more effort")
    few = with_palette(image, xmp)
    yield EncodedRendition(few, FileType.PNG, how="png with a palette of 256 colors") if few else None


def with_palette(image: DecodedImage, xmp: bytes = b"", *, exact: bool = False, **options: bytes) -> bytes | None:
    """Encode a PNG of 256 colors, if it can hardly be distinguished from the image, or with `exact` not at all."""
    sample = image.resize(_SAMPLE, Image.Resampling.NEAREST)
    tolerated = 0.0 if exact else 2 * _HARMLESS  # more than of the whole image, which can't do better with 256 colors
    if _error(sample, _few_colors(sample)) > tolerated:
        return None
    few = _few_colors(image)
    differs = _differs(image, few) if exact else _error(image, few) > _HARMLESS
    if differs:
        return None
    return save(few, "PNG", xmp, compress_level=9, **options)


def _few_colors(image: DecodedImage) -> DecodedImage:
    method = Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT
    return image.quantize(256, method, dither=Image.Dither.NONE)


def _error(image: DecodedImage, few: DecodedImage) -> float:
    """Root-mean-square error of the worst channel, of 255."""
    return max(ImageStat.Stat(ImageChops.difference(_as_seen(few.convert(image.mode)), _as_seen(image))).rms)


def _differs(image: DecodedImage, few: DecodedImage) -> bool:
    return ImageChops.difference(few.convert(image.mode), image).getbbox(alpha_only=False) is not None


def _as_seen(image: DecodedImage) -> DecodedImage:
    """Weight colors by their opacity: those under full transparency don't count."""
    return image.convert("RGBa") if image.mode == "RGBA" else image


def _lossy_steps(
    image: DecodedImage, file_type: FileType, max_bytes: int, xmp: bytes
) -> Iterator[EncodedRendition | None]:
    """Yield the default quality, then the highest below it that fits, by bisection: at most seven attempts."""
    yield EncodedRendition(encode(image, file_type, xmp=xmp), file_type, QUALITY)
    found = None
    low, high = LOWEST_QUALITY, QUALITY - 1
    while low <= high:
        middle = (low + high + 1) // 2
        data = encode(image, file_type, middle, xmp)
        if len(data) <= max_bytes:
            found = EncodedRendition(data, file_type, middle, how=f"quality lowered to {middle}")
            low = middle + 1
        else:
            high = middle - 1
    yield found


# -- inline copies: a response has a limit of bytes, whatever the image

_LOSSLESS_PIXELS = 4_200_000  # a lossless WebP of more pixels takes seconds and much memory
_TILES, _TILE = 3, 128  # tiles of the sample in each direction; the side of a tile, pixels
_MAX_COPIES = 6  # attempts; two are usual, the others are for images that the sample misjudges
_MARGIN = 0.97  # of the bytes that the next attempt aims at


@dataclass(frozen=True, slots=True)
class EncodedCopy:
    """A smaller file of an image; `quality` is None for a lossless one."""

    data: bytes
    file_type: FileType
    quality: int | None
    width: int
    height: int


def encode_copy(image: DecodedImage, file_type: FileType, max_bytes: int, xmp: bytes = b"") -> EncodedCopy | None:
    """Encode the image in at most `max_bytes`, as near to lossless as they allow: JPEG for JPEG, else WebP.

    A sample of the image predicts the quality, so that large images are encoded about twice. Below LOWEST_QUALITY the
    copy gets fewer pixels, as it does where its type can't hold them. Return None where all attempts are too large (in
    no more than a few kilobytes).
    """
    lossy = FileType.JPEG if file_type is FileType.JPEG else FileType.WEBP
    image = _within_sides(image, lossy)
    if lossy is FileType.WEBP and (lossless := _lossless(image, max_bytes, xmp)):
        return EncodedCopy(lossless, lossy, None, *image.size)
    plain = flatten(image) if lossy is FileType.JPEG else image
    aim: float = max_bytes
    for _ in range(_MAX_COPIES):
        quality = _quality_for(plain, lossy, aim)
        data = encode(plain, lossy, quality, xmp)
        if len(data) <= max_bytes:
            return EncodedCopy(data, lossy, quality, *plain.size)
        miss = _MARGIN * max_bytes / len(data)
        aim *= miss
        if quality == LOWEST_QUALITY:
            factor = math.sqrt(miss)
            plain = scale(plain, max(1, int(plain.width * factor)), max(1, int(plain.height * factor)))
            aim = max_bytes
    return None


def _within_sides(image: DecodedImage, file_type: FileType) -> DecodedImage:
    """Scale an image that the type can't hold down to its largest side."""
    factor = MAX_SIDES[file_type] / max(image.size)
    if factor >= 1:
        return image
    return scale(image, max(1, round(image.width * factor)), max(1, round(image.height * factor)))


def _lossless(image: DecodedImage, max_bytes: int, xmp: bytes) -> bytes | None:
    """Encode a lossless WebP, if it is likely to fit and does."""
    if image.width * image.height > _LOSSLESS_PIXELS:
        return None
    sample, share = _sample(image)
    options: dict[str, Any] = {"lossless": True, "quality": 20, "method": 2}  # of effort, not of the image
    if len(save(sample, "WEBP", **options)) > max_bytes * share:
        return None
    data = save(image, "WEBP", xmp, **options)
    return data if len(data) <= max_bytes else None


def _quality_for(image: DecodedImage, file_type: FileType, max_bytes: float) -> int:
    """Return the highest quality whose file probably fits, LOWEST_QUALITY where none does."""
    sample, share = _sample(image)
    low, high = LOWEST_QUALITY, 100
    while low < high:
        middle = (low + high + 1) // 2
        if len(encode(sample, file_type, middle)) <= max_bytes * share:
            low = middle
        else:
            high = middle - 1
    return low


def _sample(image: DecodedImage) -> tuple[DecodedImage, float]:
    """Return tiles spread over the image, side by side, and their share of its pixels; a small image is its sample."""
    side = _TILES * _TILE
    if image.width <= side or image.height <= side:
        return image, 1.0
    sample = Image.new(image.mode, (side, side))
    for across in range(_TILES):
        for down in range(_TILES):
            left = (image.width - _TILE) * across // (_TILES - 1)
            top = (image.height - _TILE) * down // (_TILES - 1)
            sample.paste(image.crop((left, top, left + _TILE, top + _TILE)), (across * _TILE, down * _TILE))
    return sample, side * side / (image.width * image.height)
