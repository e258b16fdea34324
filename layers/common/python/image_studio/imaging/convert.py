"""Write an image as a file that is small, or of another type, with what its file said beside the pixels."""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# The plugins register exactly these writers, and ImageFile's EXIF of TIFF.
from PIL import (  # noqa: F401
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    TiffImagePlugin,
)

from image_studio.errors import InvalidRequest
from image_studio.imaging.color import make_profile
from image_studio.imaging.encode import LOWEST_QUALITY, QUALITY, encode, save, save_avif, with_palette
from image_studio.imaging.masks import flatten
from image_studio.imaging.types import DecodedImage
from image_studio.schemas.common import FileType
from image_studio.schemas.convert import TargetType

KB = 1024
LOSSLESS = 100  # what `quality_used` says of such a file
PALETTE = 99  # and of a PNG whose 256 colors can hardly be distinguished from the image's
OPAQUE = frozenset({TargetType.JPEG, TargetType.BMP})  # types without transparency
LOSSY = frozenset({TargetType.JPEG, TargetType.WEBP, TargetType.AVIF})
_DIRECTORIES = frozenset({34665, 34853, 40965})  # tags that point to EXIF's, GPS's and interoperability's own
MAX_JPEG_EXIF = 65_533  # bytes of a segment
_TIFF_XMP = 700  # the tag of a packet (XMP part 3, section 1.1.7)
#: libavif's speeds: 6 takes three times as long as 8 for files a tenth smaller, up to these pixels.
_AVIF_CAREFUL, _AVIF_USUAL, _AVIF_FAST, _AVIF_CAREFUL_PIXELS = 6, 8, 9, 4_194_304
_SUBSAMPLED_BELOW = 90  # a JPEG of lower quality has half the color resolution, which nobody sees there


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How a file is written. `exif` is copied into types that hold it."""

    optimize: bool = True
    progressive: bool = True
    exact: bool = False  # whether a PNG keeps every pixel
    exif: bytes = b""
    profile: bytes = b""  # the ICC profile of the pixels, if they aren't sRGB
    xmp: bytes = b""  # what says how the image was made, for types that hold it


@dataclass(frozen=True, slots=True)
class WrittenFile:
    data: bytes
    quality: int = LOSSLESS


def write(image: DecodedImage, target: TargetType, quality: int, options: FileOptions) -> WrittenFile:
    """Encode the image; `quality` is for lossy types. A type without transparency gets a contrasting ground.

    Raises InvalidRequest where the encoder fails.
    """
    try:
        return _write(image, target, quality, options)
    except (OSError, ValueError, RuntimeError, MemoryError):
        raise InvalidRequest(
            f"The image could not be written as {target.value}. Use another type or a smaller image."
        ) from None


def _write(image: DecodedImage, target: TargetType, quality: int, options: FileOptions) -> WrittenFile:
    if target in OPAQUE:
        image = flatten(image)
    named = (("exif", options.exif), ("icc_profile", options.profile), ("xmp", options.xmp))
    more = {name: value for name, value in named if value}
    if target in LOSSY:
        return WrittenFile(_lossy(image, target, quality, options, more), quality)
    if target is TargetType.PNG:
        return _png(image, options, more)
    if target is TargetType.GIF:
        return WrittenFile(save(_few_colors(image), "GIF", optimize=options.optimize))
    return WrittenFile(_tiff(image, more) if target is TargetType.TIFF else save(image, "BMP"))


def _tiff(image: DecodedImage, more: dict[str, bytes]) -> bytes:
    """Compressed, unless its EXIF has directories of its own, which libtiff, the compressor, can't write."""
    exif = Image.Exif()
    exif.load(more.pop("exif", b""))
    options: dict[str, Any] = {} if _DIRECTORIES & exif.keys() else {"compression": "tiff_adobe_deflate"}
    if "xmp" in more:
        exif[_TIFF_XMP] = more.pop("xmp")
    return save(image, "TIFF", **options, exif=exif.tobytes(), **more)


def _lossy(
    image: DecodedImage, target: TargetType, quality: int, options: FileOptions, more: dict[str, bytes]
) -> bytes:
    if target is TargetType.JPEG:
        return _jpeg(image, quality, options, more)
    if target is TargetType.WEBP:
        return save(image, "WEBP", quality=quality, method=4 if options.optimize else 2, **more)
    careful = image.width * image.height <= _AVIF_CAREFUL_PIXELS
    speed = (_AVIF_CAREFUL if careful else _AVIF_USUAL) if options.optimize else _AVIF_FAST
    return save_avif(image, quality=quality, speed=speed, **more)


def _jpeg(image: DecodedImage, quality: int, options: FileOptions, more: dict[str, bytes]) -> bytes:
    plain: dict[str, Any] = {"quality": quality, "subsampling": 2 if quality < _SUBSAMPLED_BELOW else 0, **more}
    try:
        return save(image, "JPEG", optimize=options.optimize, progressive=options.progressive, **plain)
    except OSError:  # Pillow gives these two a buffer that noise at high quality overflows
        return save(image, "JPEG", **plain)


def _png(image: DecodedImage, options: FileOptions, more: dict[str, bytes]) -> WrittenFile:
    """The smallest of a fast file, one with more effort and one with a palette, if that can't be noticed."""
    plain = [] if more else [WrittenFile(encode(image, FileType.PNG))]
    if not options.optimize:
        return plain[0] if plain else WrittenFile(save(image, "PNG", **more))
    found = [*plain, WrittenFile(save(image, "PNG", compress_level=9, **more))]
    for quality in (LOSSLESS,) if options.exact else (LOSSLESS, PALETTE):
        few = with_palette(image, exact=quality == LOSSLESS, **more)
        if few:
            found.append(WrittenFile(few, quality))
            break
    return min(found, key=lambda file: len(file.data))


def _few_colors(image: DecodedImage) -> DecodedImage:
    """256 colors, of which one is transparent where less than half is opaque, as GIF has it."""
    if image.mode != "RGBA":
        return image.quantize(256, Image.Quantize.MEDIANCUT)
    clear = image.getchannel("A").point(lambda alpha: 255 if alpha < 128 else 0)
    few = flatten(image).quantize(255, Image.Quantize.MEDIANCUT)
    few.paste(255, mask=clear)
    few.info["transparency"] = 255
    return few


def write_under(
    image: DecodedImage, target: TargetType, max_bytes: int, floor: int | None, options: FileOptions
) -> WrittenFile:
    """Encode the image in at most `max_bytes`, at quality `floor` or, without one, the best that fits.

    Raises InvalidRequest where that is too little, and says what would do.
    """
    if target not in LOSSY:
        file = write(image, target, QUALITY, options)
        if len(file.data) <= max_bytes:
            return file
        kept = ", which keeps every pixel," if file.quality == LOSSLESS else " with 256 colors"
        raise _too_large(target, max_bytes, f"As {target.value}{kept} it needs {_kb(len(file.data))}")
    if floor is not None:
        file = write(image, target, floor, options)
        if len(file.data) <= max_bytes:
            return file
        best = _best_under(image, target, max_bytes, (1, floor - 1), options) if floor > 1 else None
        lower = f", or a quality of {best.quality}" if best else ""
        raise _too_large(target, max_bytes, f"At quality {floor} it needs {_kb(len(file.data))}{lower}")
    best = _best_under(image, target, max_bytes, (LOWEST_QUALITY, QUALITY), options)
    if best is None:
        least = len(write(image, target, LOWEST_QUALITY, options).data)
        raise _too_large(
            target, max_bytes, f"At quality {LOWEST_QUALITY}, the lowest that is tried, it needs {_kb(least)}"
        )
    return best


def _best_under(
    image: DecodedImage, target: TargetType, max_bytes: int, qualities: tuple[int, int], options: FileOptions
) -> WrittenFile | None:
    """Find the highest quality of a range that fits, by bisection: at most seven attempts."""
    found = None
    low, high = qualities
    while low <= high:
        middle = (low + high + 1) // 2
        file = write(image, target, middle, options)
        if len(file.data) <= max_bytes:
            found, low = file, middle + 1
        else:
            high = middle - 1
    return found


def _too_large(target: TargetType, max_bytes: int, possible: str) -> InvalidRequest:
    others = " or ".join(sorted(each.value for each in LOSSY - {target}))
    return InvalidRequest(
        f"The image does not fit in {_kb(max_bytes)} as {target.value}. {possible}; {others} may be smaller."
    )


def _kb(size: int) -> str:
    return f"{-(-size // KB):,} KB"


# -- color spaces

#: White and primaries of Adobe RGB (1998), section 4.3.1: x and y of white, red, green and blue.
_ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_GAMMA = 2.19921875


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes:
    """Return the profile that a file with Adobe RGB's pixels carries."""
    return make_profile(_ADOBE_RGB, _GAMMA, "Compatible with Adobe RGB (1998)")


def to_adobe_rgb(image: DecodedImage) -> DecodedImage:
    """Convert sRGB pixels to Adobe RGB; the file then needs its profile."""
    source, target = ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(adobe_rgb()))
    converted = ImageCms.profileToProfile(image, source, target, outputMode=image.mode)
    return converted or image
