"""Decode images, and base64 text: the file type is read from the content, limits are checked before decoding."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import pybase64
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from image_studio.errors import InvalidImage
from image_studio.imaging import isobmff, jpeg_markers, png_chunks, webp_chunks
from image_studio.imaging.color import Cicp, to_srgb
from image_studio.imaging.types import DecodedImage, Size
from image_studio.schemas.common import InputType
from image_studio.schemas.limits import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    MAX_RESULT_BYTES,
    MAX_RESULT_PIXELS,
    check_pixels,
)

_JPEG_START = b"\xff\xd8\xff"
_MAX_PREFIX = 512  # the longest `data:...;base64` prefix that is searched, characters

UNKNOWN_FILE_TYPE = "The image is not a PNG, JPEG, WebP, HEIC or AVIF file. Convert it to one of these."
DAMAGED = "The image is damaged or incomplete. Export it again."
NO_HEIC = "HEIC images can't be read on this platform: pi-heif has no build for it. Send a JPEG or PNG."

_BLANKS = re.compile(r"\s+")
_URL_SAFE = str.maketrans("-_", "+/")
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream"})  # of data URLs: the content is looked at


def decode_base64(text: str) -> bytes:
    """Decode base64, or a base64 data URL of an image, as encoders write it. Raises InvalidImage.

    Line breaks, blanks, the URL-safe alphabet and missing padding are fine; a data URL may be percent-encoded.
    """
    payload = _payload_of(text)
    try:
        data = pybase64.b64decode(payload, validate=True)
    except ValueError:
        data = _decode_leniently(payload)
    if not data:
        raise InvalidImage
    return data


def _decode_leniently(payload: str) -> bytes:
    digits = _BLANKS.sub("", payload).translate(_URL_SAFE)
    bare = digits.rstrip("=")
    if len(digits) - len(bare) > 2:
        raise InvalidImage
    try:
        return pybase64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise InvalidImage from None


def _payload_of(text: str) -> str:
    """The text after the prefix of a data URL, or the text itself."""
    text = text.lstrip()
    if text[:5].lower() != "data:":
        return text
    comma = text.find(",", 0, _MAX_PREFIX)
    media_type, *parameters = (part.strip() for part in text[5 : max(comma, 5)].lower().split(";"))
    if parameters[-1:] != ["base64"] or not (media_type.startswith("image/") or media_type in _UNTYPED):
        raise InvalidImage
    payload = text[comma + 1 :]
    return unquote(payload) if "%" in payload else payload


def detect_file_type(data: bytes) -> InputType:
    """Return the file type by the content. Raises InvalidImage for an unknown one."""
    if data.startswith(png_chunks.SIGNATURE):
        return InputType.PNG
    if data.startswith(_JPEG_START):
        return InputType.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return InputType.WEBP
    brands = isobmff.read_brands(data)
    if brands & isobmff.AVIF_BRANDS:
        return InputType.AVIF
    if brands & isobmff.HEIC_BRANDS:
        return InputType.HEIC
    raise InvalidImage(UNKNOWN_FILE_TYPE)


MAX_SCALED_PIXELS = 4 * MAX_PIXELS  # of a JPEG, which is decoded at a fraction of its size: phones take 50 megapixels


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of what is decoded: bytes of the file, pixels (width x height), frames, scans of a JPEG."""

    max_bytes: int = MAX_FILE_BYTES
    max_pixels: int = MAX_PIXELS
    max_scaled_pixels: int = MAX_SCALED_PIXELS  # of a JPEG, which is decoded at a fraction above `max_pixels`
    max_png_pixels: int = 0  # of a PNG, of which above `max_pixels` every second, fourth or eighth pixel is kept
    max_frames: int = 1  # an animated image is refused rather than reduced to its first frame without notice
    max_scans: int = 100  # progressive cameras and encoders make about ten

    def max_pixels_of(self, file_type: InputType) -> int:
        return max(self.max_pixels, self.max_png_pixels) if file_type is InputType.PNG else self.max_pixels


DEFAULT_LIMITS = DecodeLimits()
RESULT_LIMITS = DecodeLimits(MAX_RESULT_BYTES, MAX_RESULT_PIXELS)  # of a provider's result


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The header's facts: the size in pixels, upright, and the file type by content."""

    width: int
    height: int
    file_type: InputType


def read_info(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> ImageInfo:
    """Read size and file type from the header. Raises InvalidImage."""
    image, file_type = _open(data, limits)
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return ImageInfo(width, height, file_type)


def decode(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS, at_least: Size | None = None) -> DecodedImage:
    """Decode the image: upright, sRGB, RGB or (where something is transparent) RGBA, without metadata.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its sides where it has too many pixels, or with `at_least` (pixels) if both
    sides stay at least so long. Raises InvalidImage for other types, too many bytes, pixels or frames, and damage.
    """
    image, file_type = _open(data, limits)
    orientation = _orientation(image)
    if file_type is InputType.JPEG:
        wanted = at_least[::-1] if at_least and orientation in _SIDEWAYS else at_least
        image.draft(None, wanted or _largest_draft(*image.size, limits.max_pixels))
        if image.width * image.height > limits.max_pixels:
            check_pixels(*jpeg_markers.read_frame(data).size, limits.max_pixels)
    try:
        loaded = _load(image, data)
        if loaded.width * loaded.height > limits.max_pixels:
            loaded = loaded.resize(_largest_draft(*loaded.size, limits.max_pixels), Image.Resampling.NEAREST)
        decoded = to_srgb(loaded)
    except _BROKEN:
        raise InvalidImage(DAMAGED) from None
    if orientation in _UPRIGHT:
        decoded = decoded.transpose(_UPRIGHT[orientation])
    decoded.info = {}
    return decoded


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says beside its pixels: EXIF without the orientation, and whether there surely is nothing at all."""

    exif: bytes
    nothing: bool


def read_metadata(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Metadata:
    """Read the EXIF block that fits the upright pixels of `decode`. Raises InvalidImage."""
    image, file_type = _open(data, limits)
    nothing = False
    try:
        nothing = file_type in _HOLD_MORE and not _HOLD_MORE[file_type](data)
        if "exif" not in image.info:
            return Metadata(b"", nothing)
        exif = image.getexif()
        exif.pop(_ORIENTATION_TAG, None)
        return Metadata(bytes(exif.tobytes()), nothing)
    except _BROKEN:
        return Metadata(b"", nothing)


def _largest_draft(width: int, height: int, max_pixels: int) -> Size:
    """The size at 1, 1/2, 1/4 or 1/8 that has at most so many pixels."""
    share = next((share for share in (1, 2, 4) if -(-width // share) * -(-height // share) <= max_pixels), 8)
    return Size(width // share, height // share)


def _load(image: Image.Image, data: bytes) -> Image.Image:
    """Decode the pixels, also of a JPEG that lacks nothing but its end marker."""
    try:
        image.load()
        return image
    except OSError:
        if not isinstance(image, JpegImagePlugin.JpegImageFile) or jpeg_markers.has_end(data):
            raise
    whole, noisy = (JpegImagePlugin.JpegImageFile(io.BytesIO(each)) for each in jpeg_markers.completed(data))
    whole.draft(None, image.size)
    noisy.draft(None, image.size)
    if _check_sum(noisy) != _check_sum(whole):
        raise OSError
    return whole


def _check_sum(image: Image.Image) -> int:
    """Of all pixels, by bands, which take little memory."""
    check = 0
    for top in range(0, image.height, _BAND):
        check = zlib.crc32(image.crop((0, top, image.width, min(top + _BAND, image.height))).tobytes(), check)
    return check


_BAND = 256  # rows


def _open(data: bytes, limits: DecodeLimits) -> tuple[Image.Image, InputType]:
    """Open the image without decoding it, and check all limits."""
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            f"The image has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted. Scale it down."
        )
    file_type = detect_file_type(data)
    try:
        image, frames = _OPENERS[file_type](data, limits)
    except _BROKEN:
        raise InvalidImage(DAMAGED) from None
    if min(image.size) < 1:
        raise InvalidImage(DAMAGED)
    if file_type is not InputType.JPEG:  # whose size was checked, and depends on the scale
        check_pixels(*image.size, limits.max_pixels_of(file_type))
    if frames > limits.max_frames:
        raise InvalidImage(f"The image is animated ({frames} frames). Send a single still image.")
    return image, file_type


# Sizes are read before Pillow opens the file: that would allocate whole images for a WebP, and take minutes for a JPEG
# of many segments. The classes instead of Image.open: no other decoder can be reached, and a JPEG with further images
# (MPO: phones store depth and gain maps like this) stays a JPEG.
_Opened = tuple[Image.Image, int]  # the image, and how many frames the file has


def _open_png(data: bytes, limits: DecodeLimits) -> _Opened:
    check_pixels(*png_chunks.png_size(data), limits.max_pixels_of(InputType.PNG))
    png = png_chunks.read_png(data)
    image = PngImagePlugin.PngImageFile(io.BytesIO(png.plain))
    image.info.update(png.info)
    return image, png.frames


def _open_jpeg(data: bytes, limits: DecodeLimits) -> _Opened:
    frame = jpeg_markers.read_frame(data)
    # The count is an upper bound, and quick: marker-like bytes are rare but in what follows the image.
    if data.count(jpeg_markers.SCAN) > limits.max_scans and jpeg_markers.count_scans(data) > limits.max_scans:
        raise InvalidImage(f"The image has more than {limits.max_scans} scans. Save it as an ordinary JPEG.")
    scalable = not frame.buffered or frame.samples <= _MAX_BUFFERED
    check_pixels(*frame.size, max(limits.max_pixels, limits.max_scaled_pixels) if scalable else limits.max_pixels)
    return JpegImagePlugin.JpegImageFile(io.BytesIO(data)), 1


_MAX_BUFFERED = 3 * MAX_PIXELS  # coefficients of a JPEG; a progressive one of the most pixels has so many at most


def _open_webp(data: bytes, limits: DecodeLimits) -> _Opened:
    check_pixels(*webp_chunks.webp_size(data), limits.max_pixels)
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
    return image, image.n_frames


def _open_heic(data: bytes, limits: DecodeLimits) -> _Opened:
    try:
        # Here, not above: libheif costs a cold start 15 ms and 10 MB, and few requests bring a HEIC. See `imaging`.
        from image_studio.imaging.heic import HeicImageFile  # noqa: PLC0415
    except ImportError:
        raise InvalidImage(NO_HEIC) from None
    return _open_container(data, limits, HeicImageFile)


def _open_avif(data: bytes, limits: DecodeLimits) -> _Opened:
    from PIL.AvifImagePlugin import AvifImageFile  # noqa: PLC0415 - as for HEIC

    return _open_container(data, limits, AvifImageFile)


def _open_container(data: bytes, limits: DecodeLimits, kind: Callable[[io.BytesIO], Image.Image]) -> _Opened:
    found = isobmff.read_container(data)
    check_pixels(*found.size, limits.max_pixels)
    if found.pixels > _LAYERS * limits.max_pixels:
        raise InvalidImage(DAMAGED)
    if found.animated:
        raise InvalidImage("The image is animated. Send a single still image.")
    image = kind(io.BytesIO(data))
    if "exif" not in image.info:  # Pillow has an AVIF's, with the orientation that the boxes say
        image.info.update(_turned_exif(found.exif))
    if found.cicp and "icc_profile" not in image.info:
        primaries, transfer = found.cicp
        image.info["cicp"] = Cicp(primaries, _SRGB_CURVE if transfer in _VIDEO_CURVES else transfer)
    return image, 1


def _turned_exif(block: bytes) -> dict[str, bytes]:
    """The EXIF of an image that libheif turns upright, without the orientation, as `info`; nothing for a broken one."""
    exif = Image.Exif()
    try:
        exif.load(block)
        exif.pop(_ORIENTATION_TAG, None)
        return {"exif": exif.tobytes()} if len(exif) else {}
    except _BROKEN:
        return {}


_LAYERS = 4  # of a HEIC or AVIF: colors, alpha, a gain map, previews
#: Transfers (H.273) of BT.601, BT.709 and BT.2020, which still images carry that are sRGB; browsers show them so.
_VIDEO_CURVES, _SRGB_CURVE = frozenset({1, 6, 14, 15}), 13

_OPENERS: dict[InputType, Callable[[bytes, DecodeLimits], _Opened]] = {
    InputType.PNG: _open_png,
    InputType.JPEG: _open_jpeg,
    InputType.WEBP: _open_webp,
    InputType.HEIC: _open_heic,
    InputType.AVIF: _open_avif,
}

# What Pillow raises on hostile files; Warning because callers may turn warnings into errors.
_BROKEN: tuple[type[Exception], ...] = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError)
_BROKEN += (ArithmeticError, RuntimeError, MemoryError, AssertionError, Warning)
_BROKEN += (struct.error, zlib.error, Image.DecompressionBombError)

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
#: The types of which it is known whether there is anything in a file that isn't needed to show the pixels.
_HOLD_MORE: dict[InputType, Callable[[bytes], bool]] = {
    InputType.PNG: png_chunks.holds_more,
    InputType.JPEG: jpeg_markers.holds_more,
    InputType.WEBP: webp_chunks.holds_more,
}


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; a broken EXIF block counts as none."""
    if "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _BROKEN:
        return 1
