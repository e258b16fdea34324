"""File type and pixel size from the first bytes of a PNG, JPEG or WebP; nothing is decoded or allocated."""

from image_studio.errors import InvalidImage
from image_studio.imaging.picture import Size
from image_studio.schemas.image import FileType

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG_START = b"\xff\xd8\xff"
#: JPEG markers without a length: TEM, RST0-7, SOI (T.81 table B.1).
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
#: Start-of-frame markers; C4, C8 and CC are tables (T.81 table B.1).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Segments before the frame that we step over; real files have tens.
_MOST_SEGMENTS = 2000

NOT_A_PICTURE = "The image is not a PNG, JPEG or WebP file. Convert it to one of these."
DAMAGED = "The image is damaged or incomplete. Export it again."


def file_type_of(data: bytes) -> FileType:
    """The file type by content, whatever a name or a media type says; raises InvalidImage for any other."""
    if data.startswith(_PNG_START[:8]):
        return FileType.PNG
    if data.startswith(_JPEG_START):
        return FileType.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FileType.WEBP
    raise InvalidImage(NOT_A_PICTURE)


def size_in_header(data: bytes, file_type: FileType) -> Size:
    """Width and height in pixels as stored, before any orientation; raises InvalidImage."""
    try:
        size = _READERS[file_type](data)
    except IndexError:
        raise InvalidImage(DAMAGED) from None
    if min(size) < 1:
        raise InvalidImage(DAMAGED)
    return size


def _png(data: bytes) -> Size:
    if not data.startswith(_PNG_START):
        raise InvalidImage(DAMAGED)
    return Size(_big(data, 16, 4), _big(data, 20, 4))


def _jpeg(data: bytes) -> Size:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        at = data.find(b"\xff", at)
        marker = data[at + 1] if at >= 0 else 0xD9
        if marker in _FRAME_MARKERS:
            return Size(_big(data, at + 7, 2), _big(data, at + 5, 2))
        if marker in {0xD9, 0xDA}:  # the end, or the scan, came before any frame
            break
        at += _step(data, at, marker)
    raise InvalidImage(DAMAGED)


def _step(data: bytes, at: int, marker: int) -> int:
    """Bytes from this marker to where the next may begin."""
    if marker in {0x00, 0xFF}:  # a stuffed or a fill byte
        return 1
    return 2 if marker in _BARE_MARKERS else 2 + _big(data, at + 2, 2)


def _webp(data: bytes) -> Size:
    """Lossy, lossless and extended files (RFC 9649, section 2)."""
    kind = data[12:16]
    if kind == b"VP8 ":
        return Size(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    if kind == b"VP8L":
        bits = _little(data, 21, 4)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return Size(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    raise InvalidImage(DAMAGED)


def _big(data: bytes, at: int, count: int) -> int:
    data[at + count - 1]  # an IndexError tells of a cut file
    return int.from_bytes(data[at : at + count], "big")


def _little(data: bytes, at: int, count: int) -> int:
    data[at + count - 1]  # an IndexError tells of a cut file
    return int.from_bytes(data[at : at + count], "little")


_READERS = {FileType.PNG: _png, FileType.JPEG: _jpeg, FileType.WEBP: _webp}
