"""Read the chunks of a WebP (RFC 9649, section 2), without decoding it."""

import struct

from image_studio.imaging.types import Size

_HEADER = 12  # bytes: RIFF, length, WEBP
_PIXELS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})


def webp_size(data: bytes) -> Size:
    """Lossy, lossless and extended files. Raises ValueError, struct.error."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return Size(int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    raise ValueError


def holds_more(data: bytes) -> bool:
    """Whether there is anything in the file but one still image."""
    if int.from_bytes(data[4:8], "little") + 8 != len(data):
        return True
    found: set[bytes] = set()
    at = _HEADER
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind not in _PIXELS - found:
            return True
        found.add(kind)
        at += 8 + length + length % 2
    return at != len(data)
