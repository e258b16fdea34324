"""The one place where bytes become pixels: by content, behind limits, once.

Safe in threads: limits are arguments, no library setting is changed.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from image_studio.errors import InvalidImage
from image_studio.imaging.bounds import check_pixels
from image_studio.imaging.colour import to_srgb
from image_studio.imaging.header import DAMAGED, file_type_of, size_in_header
from image_studio.imaging.picture import Picture, Size
from image_studio.schemas.image import FileType
from image_studio.schemas.limits import MAX_FILE_BYTES, MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Limits:
    """What we are ready to decode: bytes of the file, pixels (width x height), frames, scans of a JPEG.

    An animated picture is refused rather than cut to its first frame, so nothing is lost in silence.
    """

    max_bytes: int = MAX_FILE_BYTES
    max_pixels: int = MAX_PIXELS
    max_frames: int = 1
    max_scans: int = 100  # progressive cameras and encoders make about ten


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Measured:
    """What the header says: pixels as a viewer shows them, and the file type by content."""

    width: int
    height: int
    file_type: FileType


# The classes, not Image.open: no other format can be reached, and a JPEG stays one though it holds
# further pictures (MPO: phones store depth and gain maps so).
_OPENERS: dict[FileType, Callable[[io.BytesIO], Image.Image]] = {
    FileType.PNG: PngImagePlugin.PngImageFile,
    FileType.JPEG: JpegImagePlugin.JpegImageFile,
    FileType.WEBP: WebPImagePlugin.WebPImageFile,
}

# What Pillow was seen to raise on hostile files; Warning because callers may run with warnings as errors.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    AssertionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Warning,
)

#: The marker that begins a scan of a JPEG: each is a pass over all of the picture (T.81 table B.1).
_SCAN = b"\xff\xda"
_ORIENTATION_TAG = 0x0112
#: EXIF orientation to what turns the picture upright (EXIF 2.32, tag 0x0112).
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


def measure(data: bytes, limits: Limits = DEFAULT) -> Measured:
    """Width, height (pixels, upright) and file type from the header; raises InvalidImage."""
    image, file_type = _open(data, limits)
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return Measured(width, height, file_type)


def open_picture(data: bytes, limits: Limits = DEFAULT, at_least: Size | None = None) -> Picture:
    """The decoded picture: upright, sRGB, RGB or (where something is transparent) RGBA, without metadata.

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


def _open(data: bytes, limits: Limits) -> tuple[Image.Image, FileType]:
    """The undecoded image, inside all limits."""
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            f"The image has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted. Scale it down."
        )
    file_type = file_type_of(data)
    check_pixels(*size_in_header(data, file_type), limits.max_pixels)
    if file_type is FileType.JPEG and data.count(_SCAN) > limits.max_scans:
        raise InvalidImage(f"The image has more than {limits.max_scans} scans. Save it as an ordinary JPEG.")
    try:
        image = _OPENERS[file_type](io.BytesIO(data))
        frames = getattr(image, "n_frames", 1)
    except _BROKEN:
        raise InvalidImage(DAMAGED) from None
    check_pixels(*image.size, limits.max_pixels)
    if frames > limits.max_frames:
        raise InvalidImage(f"The image is animated ({frames} frames). Send a single still picture.")
    return image, file_type


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; a broken EXIF block is as good as none."""
    if "exif" not in image.info:  # Pillow would decode a whole PNG to look behind its pixels
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _BROKEN:
        return 1
