"""HEIC and AVIF files put together from boxes (ISO/IEC 14496-12, 23008-12); the coded tiles were made by x265 once."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

TILE = 64  # pixels; each side of a coded tile
#: HEVC tiles of one color, and the decoder configuration that they share.
TILES = {
    "red": bytes.fromhex("0000001b2801af06385afcfd37f99defffffcaf5de87fbd838aaf1098fd7e0"),
    "green": bytes.fromhex("0000001b2801af06385afcfb57f1b7bfffff94a1bffffb1c38aaf1098fd7e0"),
    "blue": bytes.fromhex("0000001b2801af06385afcfd37fcb18dfe47fb2331fffe900aaaf1098fd7e0"),
    "yellow": bytes.fromhex("0000001b2801af06385afcfb57fcab93fffffb2331e87e900aaaf1098fd7e0"),
}
_CONFIG = bytes.fromhex(
    "0103700000009000000000001ef000fcfdf8f800000f03600001001840010c01ffff03700000030090000003000003001eba0240610001002b"
    "42010103700000030090000003000003001ea020810596ea4929ae6e021a0c0800000300c800000300084062000100074401c172b02240"
)
#: A gray tile of 77, and its configuration.
_ALPHA = bytes.fromhex("0000000f2801ae0c707505f0bfda0108a77a60")
_ALPHA_CONFIG = bytes.fromhex(
    "0104080000009ff8000000001ef000fcfcf8f800000f03600001001740010c01ffff0408000003009ff800000300001eba0240610001002642"
    "01010408000003009ff800000300001ec08204165ba924a6b9b0200000030320000003002162000100074401c172b02240"
)
#: A red tile of 10 bits a channel, and its configuration.
TEN_BITS = bytes.fromhex("0000001b2801af06385afcfd37f99237ffffcb1f1e87fbdf32aaf1098fd7e0")
_TEN_BITS_CONFIG = bytes.fromhex(
    "0104080000009db8000000001ef000fcfdfafa00000f03600001001740010c01ffff0408000003009db800000300001eba0240610001002942"
    "01010408000003009db800000300001ea0208104d96ea4929ae6e021a0c08000000c80000003008462000100074401c172b02240"
)


@dataclass(frozen=True)
class Item:
    """An item: its type, its bytes and its properties; `refers` is a kind of reference and its targets."""

    kind: bytes
    data: bytes
    properties: Sequence[bytes] = ()
    refers: tuple[bytes, Sequence[int]] | None = None


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *bodies: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *bodies)


def container(
    items: Sequence[Item], primary: int = 1, brand: bytes = b"heic", compatible: bytes = b"mif1heic"
) -> bytes:
    """A file of the items, numbered from 1."""
    start = box(b"ftyp", brand, bytes(4), compatible)
    meta = _meta(items, primary, 0)
    return start + _meta(items, primary, len(start) + len(meta) + 8) + box(b"mdat", *(item.data for item in items))


def _meta(items: Sequence[Item], primary: int, at: int) -> bytes:
    properties: list[bytes] = []
    infos, locations, associations, references = [], [], [], []
    for number, item in enumerate(items, 1):
        infos.append(full(b"infe", struct.pack(">HH4s", number, 0, item.kind), b"\0", version=2))
        locations.append(struct.pack(">HHHII", number, 0, 1, at, len(item.data)))
        at += len(item.data)
        properties += [each for each in item.properties if each not in properties]
        indexes = [properties.index(each) + 1 for each in item.properties]
        associations.append(struct.pack(">HB", number, len(indexes)) + bytes(128 | index for index in indexes))
        if item.refers:
            kind, targets = item.refers
            references.append(box(kind, struct.pack(f">HH{len(targets)}H", number, len(targets), *targets)))
    return full(
        b"meta",
        full(b"hdlr", bytes(4), b"pict", bytes(13)),
        full(b"pitm", struct.pack(">H", primary)),
        full(b"iinf", struct.pack(">H", len(items)), *infos),
        full(b"iref", *references) if references else b"",
        box(
            b"iprp",
            box(b"ipco", *properties),
            full(b"ipma", struct.pack(">I", len(items)), *associations),
        ),
        full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *locations),
    )


def extent(width: int, height: int) -> bytes:
    """The property that says an image's size."""
    return full(b"ispe", struct.pack(">II", width, height))


def nclx(primaries: int, transfer: int, matrix: int = 6) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, 128))


def icc(profile: bytes) -> bytes:
    return box(b"colr", b"prof", profile)


def turned(quarters: int) -> bytes:
    """Turn by so many quarters, anticlockwise."""
    return box(b"irot", bytes([quarters]))


def mirrored(axis: int) -> bytes:
    return box(b"imir", bytes([axis]))


def tile(color: str = "red", *properties: bytes, size: tuple[int, int] = (TILE, TILE)) -> Item:
    """A single HEVC image."""
    return Item(b"hvc1", TILES[color], [box(b"hvcC", _CONFIG), extent(*size), *properties])


def ten_bits(*properties: bytes) -> Item:
    return Item(b"hvc1", TEN_BITS, [box(b"hvcC", _TEN_BITS_CONFIG), extent(TILE, TILE), *properties])


def alpha_of(number: int) -> Item:
    """The opacity 77 of 255 of another item."""
    auxiliary = full(b"auxC", b"urn:mpeg:hevc:2015:auxid:1\0")
    return Item(b"hvc1", _ALPHA, [box(b"hvcC", _ALPHA_CONFIG), extent(TILE, TILE), auxiliary], (b"auxl", [number]))


def grid(*properties: bytes, size: tuple[int, int] = (120, 100)) -> list[Item]:
    """An image as phones store it: two by two tiles, a preview, and EXIF that repeats the orientation.

    The colors are red and green above blue and yellow; the tiles are cut at the right and at the bottom.
    """
    layout = struct.pack(">BBBBHH", 0, 0, 1, 1, *size)
    exif = bytes(4) + b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    return [
        Item(b"grid", layout, [extent(*size), *properties], (b"dimg", [2, 3, 4, 5])),
        *map(tile, TILES),
        Item(tile().kind, TILES["blue"], tile().properties, (b"thmb", [1])),
        Item(b"Exif", exif, (), (b"cdsc", [1])),
    ]
