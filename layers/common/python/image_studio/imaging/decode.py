"""Decode images, and base64 text: the file type is read from the content, limits are checked before decoding."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pybase64
from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from image_studio.errors import InvalidImage
from image_studio.imaging.types import DecodedImage, Size
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import MAX_FILE_BYTES, MAX_PIXELS, MAX_RESULT_BYTES, MAX_RESULT_PIXELS, check_pixels

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG_START = b"\xff\xd8\xff"

_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length: TEM, RST0-7, SOI (T.81, B.1)
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # starts of a frame; the others are tables
_MAX_SEGMENTS = 2000  # of a JPEG before its frame; real files have tens
_MAX_PREFIX = 128  # the longest `data:image/...;base64` prefix that is searched, characters

UNKNOWN_FILE_TYPE = "The image is not a PNG, JPEG or WebP file. Convert it to one of these."
DAMAGED = "The image is damaged or incomplete. Export it again."


def decode_base64(text: str) -> bytes:
    """Decode raw base64, or a base64 data URL of an image; spaces and line breaks are errors. Raises InvalidImage."""
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


def detect_file_type(data: bytes) -> FileType:
    """Return the file type by the content. Raises InvalidImage for an unknown one."""
    if data.startswith(_PNG_START[:8]):
        return FileType.PNG
    if data.startswith(_JPEG_START):
        return FileType.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FileType.WEBP
    raise InvalidImage(UNKNOWN_FILE_TYPE)


def _png_size(data: bytes) -> Size:
    if not data.startswith(_PNG_START):
        raise InvalidImage(DAMAGED)
    return Size(*struct.unpack_from(">II", data, 16))


def _webp_size(data: bytes) -> Size:
    """Lossy, lossless and extended files (RFC 9649, section 2)."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return Size(int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    raise InvalidImage(DAMAGED)


def _jpeg_size(data: bytes) -> Size:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        at = data.find(b"\xff", at)
        marker = data[at + 1] if at >= 0 else 0xD9
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Size(width, height)
        if marker in {0xD9, 0xDA}:  # the end of the file, or the scan, before any frame
            break
        if marker in {0x00, 0xFF}:  # a stuffed or a fill byte
            at += 1
        else:
            at += 2 + (0 if marker in _BARE_MARKERS else int.from_bytes(data[at + 2 : at + 4], "big"))
    raise InvalidImage(DAMAGED)


#: What reads the size before Pillow opens the file: that would allocate whole images for a WebP, and take minutes for a
#: JPEG of many segments.
_SIZES = {FileType.PNG: _png_size, FileType.JPEG: _jpeg_size, FileType.WEBP: _webp_size}
#: Profiles above this many bytes are ignored: real ones have 0.5 KB to 2 MB (CMYK presses).
_LARGEST_PROFILE = 4_000_000


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert to RGB, or to RGBA where something is transparent, from profiles, CMYK, 16 bits and palettes."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit gray; a plain convert would clip instead of scale
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if profile and len(profile) <= _LARGEST_PROFILE and not _is_srgb(profile):
        image = _apply_profile(image, profile)
    return _to_rgb(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode not in {"LA", "PA", "RGBA", "La", "RGBa"} and "transparency" not in image.info:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    opaque = image.getchannel("A").getextrema() == (255, 255)
    return image.convert("RGB") if opaque else image


def _is_srgb(profile: bytes) -> bool:
    """Whether the profile describes itself as sRGB, so that a conversion would change nothing."""
    return b"sRGB" in profile[:4096] or "sRGB".encode("utf-16-be") in profile[:4096]


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB, in place to save memory; a profile that is broken or for another mode is ignored."""
    if image.mode not in {"RGB", "RGBA", "L", "CMYK"}:
        image = _to_rgb(image)
    colored = image.mode.startswith("RGB")
    mode = image.mode if colored else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode, inPlace=colored)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of what is decoded: bytes of the file, pixels (width x height), frames, scans of a JPEG."""

    max_bytes: int = MAX_FILE_BYTES
    max_pixels: int = MAX_PIXELS
    max_frames: int = 1  # an animated image is refused rather than reduced to its first frame without notice
    max_scans: int = 100  # progressive cameras and encoders make about ten


DEFAULT_LIMITS = DecodeLimits()
RESULT_LIMITS = DecodeLimits(MAX_RESULT_BYTES, MAX_RESULT_PIXELS)  # of a provider's result


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The header's facts: the size in pixels, upright, and the file type by content."""

    width: int
    height: int
    file_type: FileType


# The classes instead of Image.open: no other decoder can be reached, and a JPEG with further images (MPO: phones
# store depth and gain maps like this) stays a JPEG.
_OPENERS: dict[FileType, Callable[[io.BytesIO], Image.Image]] = {
    FileType.PNG: PngImagePlugin.PngImageFile,
    FileType.JPEG: JpegImagePlugin.JpegImageFile,
    FileType.WEBP: WebPImagePlugin.WebPImageFile,
}

# What Pillow raises on hostile files; Warning because callers may turn warnings into errors.
_BROKEN: tuple[type[Exception], ...] = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError)
_BROKEN += (ArithmeticError, RuntimeError, MemoryError, AssertionError, Warning)
_BROKEN += (struct.error, zlib.error, Image.DecompressionBombError)

_SCAN = b"\xff\xda"  # the marker of a JPEG's scan: each is a pass over the whole image (T.81 table B.1)
_ORIENTATION_TAG = 0x0112
#: EXIF orientation -> the transposition that turns the image upright (EXIF 2.32, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_METADATA = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "icc_profile", "comment", "photoshop", "adobe"})  # by Pillow


def read_info(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> ImageInfo:
    """Read size and file type from the header. Raises InvalidImage."""
    image, file_type = _open(data, limits)
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return ImageInfo(width, height, file_type)


def decode(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS, at_least: Size | None = None) -> DecodedImage:
    """Decode the image: upright, sRGB, RGB or (where something is transparent) RGBA, without metadata.

    With `at_least` (pixels) a JPEG may be decoded at 1/2, 1/4 or 1/8 if both sides stay at least so long.
    Raises InvalidImage for other types, too many bytes, pixels or frames, and damaged files.
    """
    image, file_type = _open(data, limits)
    if at_least and file_type is FileType.JPEG:
        image.draft(None, at_least[::-1] if _orientation(image) in _SIDEWAYS else at_least)
    try:
        image.load()
        decoded = to_srgb(image)
    except _BROKEN:
        raise InvalidImage(DAMAGED) from None
    orientation = _orientation(image)
    if orientation in _UPRIGHT:
        decoded = decoded.transpose(_UPRIGHT[orientation])
    decoded.info = {}
    return decoded


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says beside its pixels: EXIF without the orientation, and whether there is nothing at all."""

    exif: bytes
    nothing: bool


def read_metadata(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Metadata:
    """Read the EXIF block that fits the upright pixels of `decode`. Raises InvalidImage."""
    image, _ = _open(data, limits)
    nothing = not _METADATA & image.info.keys()
    if "exif" not in image.info:
        return Metadata(b"", nothing)
    try:
        exif = image.getexif()
        exif.pop(_ORIENTATION_TAG, None)
        return Metadata(bytes(exif.tobytes()), nothing)
    except _BROKEN:
        return Metadata(b"", nothing)


def _open(data: bytes, limits: DecodeLimits) -> tuple[Image.Image, FileType]:
    """Open the image without decoding it, and check all limits."""
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            f"The image has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted. Scale it down."
        )
    file_type = detect_file_type(data)
    if file_type is FileType.JPEG and data.count(_SCAN) > limits.max_scans:
        raise InvalidImage(f"The image has more than {limits.max_scans} scans. Save it as an ordinary JPEG.")
    try:
        size = _SIZES[file_type](data)
        check_pixels(*size, limits.max_pixels)
        image = _OPENERS[file_type](io.BytesIO(data))
        frames = getattr(image, "n_frames", 1)
    except _BROKEN:
        raise InvalidImage(DAMAGED) from None
    if min(size) < 1:
        raise InvalidImage(DAMAGED)
    check_pixels(*image.size, limits.max_pixels)
    if frames > limits.max_frames:
        raise InvalidImage(f"The image is animated ({frames} frames). Send a single still image.")
    return image, file_type


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; a broken EXIF block counts as none."""
    if "exif" not in image.info:  # else Pillow decodes a whole PNG to search behind its pixels
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _BROKEN:
        return 1
