"""Walk the markers of a JPEG's first image (ITU-T T.81, annex B), without decoding it."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from image_studio.imaging.types import Size

SCAN = b"\xff\xda"  # each scan is a pass over the whole image (T.81 table B.1)
END = b"\xff\xd9"
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length: TEM, RST0-7, SOI
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # starts of a frame; the others are tables
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MAX_SEGMENTS = 2000  # real files have tens
_MAX_JUNK = 2000  # bytes between segments in front of the first scan; Pillow reads them one by one
#: Not a stuffed zero, a fill byte or a restart: those occur within a scan.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """What the header says of the image. `samples` are those of all components, which are fewer where color is."""

    size: Size
    samples: int
    buffered: bool  # whether the decoder holds all coefficients, as it does for images in several scans


def read_frame(data: bytes) -> JpegFrame:
    """Raises ValueError, struct.error or ZeroDivisionError for what isn't a JPEG."""
    markers = _markers(data)
    marker, at = next(((marker, at) for marker, at in markers if marker in _FRAMES | {SCAN[1]}), (0, 0))
    scan = next((at for marker, at in markers if marker == SCAN[1]), None)
    if marker not in _FRAMES:
        raise ValueError
    height, width, count = struct.unpack_from(">HHB", data, at + 3)
    factors = [divmod(data[at + 9 + 3 * number], 16) for number in range(count)]
    most = max(across for across, _ in factors) * max(down for _, down in factors)
    samples = sum(width * height * across * down // most for across, down in factors)
    several = scan is not None and data[scan + 2] < count
    return JpegFrame(Size(width, height), samples, marker in _PROGRESSIVE or several)


def count_scans(data: bytes) -> int:
    return sum(marker == SCAN[1] for marker, _ in _markers(data))


def has_end(data: bytes) -> bool:
    return any(marker == END[1] for marker, _ in _markers(data))


_SHOWN = _FRAMES | {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xD9}  # and tables, scans, restarts, the end
_JFIF, _JFIF_ONLY = 0xE0, b"\0\x10JFIF\0"  # a segment without a thumbnail, by its length and name


def holds_more(data: bytes) -> bool:
    """Whether there is anything in the file but one image. Raises ValueError."""
    end, scans = 2, False
    for marker, at in _markers(data):
        if marker not in _SHOWN and not (marker == _JFIF and data.startswith(_JFIF_ONLY, at)):
            return True
        if not scans and data[end : at - 2].strip(b"\xff"):
            return True
        if marker == END[1]:
            return at != len(data)
        end, scans = at + int.from_bytes(data[at : at + 2], "big"), marker == SCAN[1]
    return True


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker and where its length is, up to the end marker. Raises ValueError for endless ones."""
    at, junk = 2, 0
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if not found:
            return
        junk += found.start() - at
        marker, at = data[found.end() - 1], found.end()
        if junk > _MAX_JUNK:
            raise ValueError
        yield marker, at
        if marker == END[1]:
            return
        if marker == SCAN[1]:
            junk = -len(data)  # what follows is the scan
        if marker not in _BARE:
            at += int.from_bytes(data[at : at + 2], "big")
    raise ValueError


def completed(data: bytes) -> tuple[bytes, bytes]:
    """Return a JPEG that lacks its end marker in two forms: whole, and with noise behind the scan.

    If they decode to the same pixels, nothing but the marker is missing: the scan did not need what came behind it.
    """
    stripped = data.rstrip(b"\0")  # padding; the scan itself may end with a zero
    body = stripped + bytes(min(2, len(data) - len(stripped)))
    return body + END, body + _NOISE + END


#: Between restart markers, so that a scan that was cut at one takes it, too.
_NOISE = b"".join(bytes(range(1, 255, 2)) + bytes([0xFF, restart]) for restart in range(0xD0, 0xD8))
