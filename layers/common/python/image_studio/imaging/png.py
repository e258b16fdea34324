"""A PNG writer: whole-image filters by Pillow's channel operations, then one fast deflate."""

import math
import struct
import zlib
from collections.abc import Callable
from enum import IntEnum

from PIL import Image, ImageChops

from image_studio.imaging.masks import shift
from image_studio.imaging.types import DecodedImage

try:
    from isal import igzip_lib as isal
except ImportError:  # optional: without it the same pixels are written, only slower
    isal = None  # type: ignore[assignment]

Deflate = Callable[[bytes], bytes]  # deflate as a zlib stream


def deflate_flat(scanlines: bytes) -> bytes:
    """Deflate drawings and screenshots, which have many long matches."""
    return zlib.compress(scanlines, 6)


def _huffman_only(scanlines: bytes) -> bytes:
    """Deflate filtered photographs, which have unequal frequencies but no matches worth searching."""
    stream = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return stream.compress(scanlines) + stream.flush()


def _narrow_window(scanlines: bytes) -> bytes:
    """Deflate by ISA-L with a window of four bytes: it finds long runs and skips chance matches."""
    body = isal.compress(scanlines, 2, isal.COMP_DEFLATE, isal.MEM_LEVEL_LARGE, 2)
    return b"".join((_HEADER, body, zlib.adler32(scanlines).to_bytes(4, "big")))


#: The first two bytes of a zlib stream: deflate, a window of 32 KB, fast (RFC 1950, section 2.2).
_HEADER = b"\x78\x01"
#: For photographs, which are 90 % of what a social crop writes.
deflate_grain: Deflate = _narrow_window if isal else _huffman_only


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Color types (W3C PNG 3, table 8) of the modes that we write, all with 8 bits a channel.
_COLOR_TYPES = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}
#: The sample: the number of bands, spread over the height, and the rows of each.
_BANDS, _BAND = 6, 9
_WORTH_MATCHING = 0.85  # deflated below this share of its entropy's size, a sample has matches worth searching
_GRAINY = 3.0  # above this entropy (bits a byte) matches are not searched: the residual is noise


class Filter(IntEnum):
    """Scanline filters (W3C PNG 3, section 9) that cost one or two channel operations each."""

    NONE = 0
    SUB = 1
    UP = 2
    AVERAGE = 3


def write_png(image: DecodedImage) -> bytes:
    """Encode the image (L, LA, RGB or RGBA) as a PNG without metadata."""
    chosen, deflate = _plan(image)
    header = struct.pack(">IIBBBBB", *image.size, 8, _COLOR_TYPES[image.mode], 0, 0, 0)
    body = deflate(_scanlines(image, chosen))
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b"")))


def insert_xmp(png: bytes, xmp: bytes) -> bytes:
    """Return the PNG with a packet of XMP behind its header, uncompressed (XMP part 3, section 1.1.5)."""
    if not xmp:
        return png
    return b"".join((png[:_HEADER_END], _chunk(b"iTXt", _XMP_KEYWORD + xmp), png[_HEADER_END:]))


_HEADER_END = 33  # bytes of signature and IHDR
_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"  # then: not compressed, method, no language, no translated keyword


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))))


def _plan(image: DecodedImage) -> tuple[Filter, Deflate]:
    """Choose filter and compressor by a sample of the image."""
    sample = _sample(image)
    residuals = {one: _sampled(sample, one) for one in (Filter.AVERAGE, Filter.UP, Filter.SUB)}
    entropies = {one: _entropy(residual) for one, residual in residuals.items()}
    grainy = min(entropies, key=entropies.__getitem__)
    if entropies[grainy] > _GRAINY or not _has_matches(residuals[grainy], entropies[grainy]):
        return grainy, deflate_grain
    flat = (Filter.NONE, Filter.UP, Filter.SUB)
    return min(flat, key=lambda one: len(deflate_flat(_sampled(sample, one)))), deflate_flat


def _has_matches(residual: bytes, entropy: float) -> bool:
    """Whether matches save much over a Huffman code alone, which needs at least one bit a byte."""
    return len(zlib.compress(residual, 1)) < _WORTH_MATCHING * max(entropy, 1) / 8 * len(residual)


def _entropy(residual: bytes) -> float:
    counts = Image.frombuffer("L", (len(residual), 1), residual, "raw", "L", 0, 1).histogram()
    return math.log2(len(residual)) - sum(count * math.log2(count) for count in counts if count) / len(residual)


def _sample(image: DecodedImage) -> DecodedImage:
    """Stack bands of the image, each with the row above it."""
    width, height = image.size
    bands = min(_BANDS, height // _BAND)
    if bands < 1:
        return image
    sample = Image.new(image.mode, (width, bands * _BAND))
    for at in range(bands):
        top = (height - _BAND) * (2 * at + 1) // (2 * bands)
        sample.paste(image.crop((0, top, width, top + _BAND)), (0, at * _BAND))
    return sample


def _sampled(sample: DecodedImage, chosen: Filter) -> bytes:
    """The residual of a sample without each band's first row, whose prediction came from another band."""
    residual = _residual(sample, chosen)
    width, bands = sample.width, sample.height // _BAND
    if bands < 1:
        return residual.tobytes()
    wide = Image.frombytes(residual.mode, (width * _BAND, bands), residual.tobytes())
    return wide.crop((width, 0, width * _BAND, bands)).tobytes()


def _residual(image: DecodedImage, chosen: Filter) -> DecodedImage:
    """The difference of each byte from its prediction: the byte to the left, the one above, or their average."""
    if chosen is Filter.NONE:
        return image
    if chosen is Filter.AVERAGE:
        predicted = ImageChops.add(shift(image, 1, 0), shift(image, 0, 1), scale=2)
    else:
        predicted = shift(image, 1, 0) if chosen is Filter.SUB else shift(image, 0, 1)
    return ImageChops.subtract_modulo(image, predicted)


def _scanlines(image: DecodedImage, chosen: Filter) -> bytes:
    """The filtered rows, each with its filter's number in front."""
    raw = memoryview(_residual(image, chosen).tobytes())
    length = image.width * len(image.getbands())
    mark = bytes([chosen])
    return b"".join(part for at in range(0, len(raw), length) for part in (mark, raw[at : at + length]))
