"""Read what a HEIC or AVIF file holds (ISO/IEC 14496-12, 23008-12), before a decoder opens it.

The decoders check less than we need: libavif decodes what the AV1 stream says, whatever the boxes say, and both decode
as many frames as an item holds.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from image_studio.imaging.types import Size

_MAX_BOXES = 4_096  # in one box
_MAX_ITEMS = 1_024  # a 48-megapixel image of an iPhone has 200
_MAX_LISTS = 4  # of the items' properties
_MAX_EXTENTS = 32  # of an item
_MAX_UNITS = 256  # of a coded image: units of AV1 or HEVC
_MAX_FRAMES = 8  # of an AV1 still: layers
_GRID, _HEVC, AV1 = b"grid", b"hvc1", b"av01"
_SEQUENCES = frozenset({b"avis", b"hevc", b"hevx", b"msf1"})  # major brands of films
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_LONGEST_BRANDS = 512  # bytes of the first box that are read


@dataclass(frozen=True, slots=True)
class Container:
    """The primary image: its size as coded, the pixels of all coded images, its CICP primaries and transfer, EXIF."""

    size: Size
    pixels: int
    animated: bool
    cicp: tuple[int, int] | None
    exif: bytes


@dataclass(slots=True)
class _Item:
    kind: bytes
    properties: list[int] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)  # start and end, in the file or in `idat`
    in_idat: bool = False


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its body
    end: int


def read_brands(data: bytes) -> set[bytes]:
    """The brands of a file that starts with `ftyp`; else none."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), _LONGEST_BRANDS)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}


def read_container(data: bytes) -> Container:
    """Raises ValueError, LookupError or struct.error for what isn't a still image in HEVC or AV1."""
    top = list(_boxes(data, 0, len(data)))
    outer = _find(top, b"meta")
    meta = list(_boxes(data, outer.start + 4, outer.end))
    items = _read_items(data, _find(meta, b"iinf"))
    properties = _read_properties(data, _find(meta, b"iprp"), items)
    _read_locations(data, _find(meta, b"iloc"), items)
    idat = next((data[box.start : box.end] for box in meta if box.kind == b"idat"), b"")
    reader = _Reader(data, _find(meta, b"pitm").start)
    primary = items[reader.integer(4 if reader.version() else 2)]
    if primary.kind not in {_GRID, _HEVC, AV1}:
        raise ValueError
    coded = [item for item in items.values() if item.kind in {_HEVC, AV1}]
    if sum(end - start for item in coded for start, end in item.extents) > len(data):
        raise ValueError  # items share their bytes
    size, pixels = _size(data, properties, primary), 0
    for item in coded:
        stream = b"".join((idat if item.in_idat else data)[start:end] for start, end in item.extents)
        stated = _size(data, properties, item)
        seen = _av1_pixels(stream) if item.kind == AV1 else _hevc_pixels(stream)
        pixels += max(stated.width * stated.height, seen)
    animated = data[8:12] in _SEQUENCES or any(box.kind == b"moov" for box in top)
    pixels = max(pixels, size.width * size.height)
    return Container(size, pixels, animated, _cicp(data, properties, primary), _exif(data, items))


class _Reader:
    """Big-endian integers, one behind the other. Raises ValueError behind the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def integer(self, size: int) -> int:
        self.at += size
        if self.at > len(self.data):
            raise ValueError
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def version(self) -> int:
        """The version of a full box; its flags are skipped."""
        return self.integer(4) >> 24


def _at_most(count: int, most: int) -> int:
    if count > most:
        raise ValueError
    return count


def _boxes(data: bytes, at: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = at + size if size else end
        if not start <= stop <= end:
            return  # cut off, or something else behind the image
        yield _Box(kind, start, stop)
        at = stop
    raise ValueError


def _find(boxes: list[_Box], kind: bytes) -> _Box:
    found = [box for box in boxes if box.kind == kind]
    if len(found) != 1:  # with two, a decoder may take the other one
        raise ValueError
    return found[0]


def _read_items(data: bytes, iinf: _Box) -> dict[int, _Item]:
    items: dict[int, _Item] = {}
    for box in _boxes(data, iinf.start + (8 if data[iinf.start] else 6), iinf.end):
        reader = _Reader(data, box.start)
        number = reader.integer(4 if reader.version() >= 3 else 2)
        reader.integer(2)  # protection
        kind = reader.integer(4).to_bytes(4, "big")
        if number in items or len(items) == _MAX_ITEMS:
            raise ValueError
        items[number] = _Item(kind)
    return items


def _read_properties(data: bytes, iprp: _Box, items: dict[int, _Item]) -> list[_Box]:
    """Return the properties of all items, from number 1, and note which of them each item has."""
    boxes = list(_boxes(data, iprp.start, iprp.end))
    ipco = _find(boxes, b"ipco")
    lists = [box for box in boxes if box.kind == b"ipma"]
    for ipma in lists[: _at_most(len(lists), _MAX_LISTS)]:
        reader = _Reader(data, ipma.start)
        wide, step = reader.version() > 0, 2 if data[ipma.start + 3] & 1 else 1
        for _ in range(_at_most(reader.integer(4), _MAX_ITEMS)):
            item = items.get(reader.integer(4 if wide else 2), _Item(b""))
            numbers = [reader.integer(step) for _ in range(reader.integer(1))]
            item.properties += [number & (0x7FFF if step == 2 else 0x7F) for number in numbers]  # without "essential"
    return [_Box(b"", 0, 0), *_boxes(data, ipco.start, ipco.end)]


def _read_locations(data: bytes, iloc: _Box, items: dict[int, _Item]) -> None:
    reader = _Reader(data, iloc.start)
    version, sizes = reader.version(), reader.integer(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(_at_most(reader.integer(2 if version < 2 else 4), _MAX_ITEMS)):
        item = items.get(reader.integer(2 if version < 2 else 4), _Item(b""))
        item.in_idat = bool(version and reader.integer(2) & 15)
        reader.integer(2)  # the file that holds it: this one
        base = reader.integer(base_size)
        for _ in range(_at_most(reader.integer(2), _MAX_EXTENTS)):
            reader.integer(index_size if version else 0)
            start, length = base + reader.integer(offset_size), reader.integer(length_size)
            item.extents.append((start, start + length if length else len(data)))


def _size(data: bytes, properties: list[_Box], item: _Item) -> Size:
    ispe = _find([properties[number] for number in item.properties], b"ispe")
    return Size(*struct.unpack_from(">II", data, ispe.start + 4))


def _cicp(data: bytes, properties: list[_Box], item: _Item) -> tuple[int, int] | None:
    for box in (properties[number] for number in item.properties):
        if box.kind == b"colr" and data[box.start : box.start + 4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", data, box.start + 4)
            return primaries, transfer
    return None


def _exif(data: bytes, items: dict[int, _Item]) -> bytes:
    """The first EXIF block, from its TIFF header; empty without one."""
    found = [item for item in items.values() if item.kind == b"Exif" and len(item.extents) == 1 and not item.in_idat]
    if not found:
        return b""
    start, end = found[0].extents[0]
    return data[start + 4 + int.from_bytes(data[start : start + 4], "big") : end]


def _hevc_pixels(stream: bytes) -> int:
    """Zero: libheif holds the stream to the boxes' size. Raises ValueError for a film (H.265, 7.3.1.2 and 7.3.6.1)."""
    at = frames = 0
    for _ in range(_MAX_UNITS):
        if at + 7 > len(stream):
            break
        if (stream[at + 4] >> 1 & 63) < 32:  # the unit holds a slice
            frames += stream[at + 6] >> 7  # whether it is the first one of its frame
        at += 4 + int.from_bytes(stream[at : at + 4], "big")
    if frames > 1 or at + 7 <= len(stream):
        raise ValueError
    return 0


_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6  # types of AV1's units


def _av1_pixels(stream: bytes) -> int:
    """The most pixels of a frame, by the stream's sequence headers (AV1, 5.3 and 5.5). Raises ValueError for films."""
    at = pixels = frames = 0
    for _ in range(_MAX_UNITS):
        if at >= len(stream):
            break
        reader = _Reader(stream, at)
        head = reader.integer(1)
        reader.integer(head >> 2 & 1)  # the extension
        length = _leb128(reader) if head & 2 else len(stream) - reader.at
        kind, body = head >> 3 & 15, stream[reader.at : reader.at + length]
        pixels = max(pixels, _sequence_pixels(body)) if kind == _SEQUENCE else pixels
        frames += kind in {_FRAME_HEADER, _FRAME}
        at = reader.at + length
    if frames > _MAX_FRAMES or at < len(stream):
        raise ValueError
    return pixels


def _leb128(reader: _Reader) -> int:
    value = 0
    for shift in range(0, 56, 7):
        byte = reader.integer(1)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
    raise ValueError


def _sequence_pixels(body: bytes) -> int:
    """Width x height of a sequence header. Raises ValueError for one with a film's clock, or that is cut."""
    bits = int.from_bytes(body[:80].ljust(80, b"\0"), "big")
    at = 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        return bits >> 640 - at & (1 << count) - 1

    take(4)  # profile, still image
    if take(1):  # the short header of stills
        take(5)
    else:
        if take(1):
            raise ValueError
        delays = take(1)
        for _ in range(take(5) + 1):
            take(12)
            if take(5) > 7:
                take(1)
            if delays and take(1):
                take(4)
    sizes = take(4) + 1, take(4) + 1
    width, height = (take(size) + 1 for size in sizes)
    if at > 640:
        raise ValueError
    return width * height
