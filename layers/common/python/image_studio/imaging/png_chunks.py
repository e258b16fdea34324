"""Read the chunks of a PNG, leniently, and keep what decoding needs. Of texts, only a packet of XMP is inflated."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from image_studio.imaging.color import LARGEST_PROFILE, Cicp
from image_studio.imaging.types import Size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = SIGNATURE + b"\0\0\0\rIHDR"
_HEAD = struct.Struct(">I4s")
_AROUND = 12  # bytes of a chunk besides its data: length, name, check sum
_MAX_CHUNKS = 65_536  # encoders write 20 MB in 2,500 chunks
_UNIT = 100_000  # of gAMA and cHRM
_GRAY, _RGB, _PALETTE = 0, 2, 3  # color types (W3C PNG 3, table 8)
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_USED = frozenset({b"tRNS", b"eXIf", b"acTL", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})


@dataclass(frozen=True, slots=True)
class PngFile:
    """What a PNG holds: a file with nothing but its pixels for Pillow, and what its other chunks say of them."""

    plain: bytes
    frames: int
    info: dict[str, Any]  # keys of Pillow's `info`, and those of `color`


def png_size(data: bytes) -> Size:
    """Raises struct.error, ValueError."""
    if not data.startswith(_START):
        raise ValueError
    return Size(*struct.unpack_from(">II", data, len(_START)))


def read_png(data: bytes) -> PngFile:
    """Raises ValueError for too many chunks.

    An ancillary chunk with a wrong check sum counts as missing, as in libpng. What is behind the image, and the frames
    of an animation, are left out.
    """
    kept: list[tuple[int, int]] = []
    found: dict[bytes, bytes] = {}
    for name, start, end in _chunks(data):
        if name in _CRITICAL:
            adjoins = kept and kept[-1][1] == start
            kept[-1:] = [(kept[-1][0], end)] if adjoins else [*kept[-1:], (start, end)]
        elif name in _USED and name not in found and _is_intact(data, start, end):
            found[name] = data[start + 8 : end - 4]
    frames = struct.unpack_from(">I", found.get(b"acTL", b"").ljust(4, b"\0"))[0]
    plain = b"".join([SIGNATURE, *(memoryview(data)[start:end] for start, end in kept)])
    return PngFile(plain, frames, _info(found, depth=data[24], color_type=data[25]))


def holds_more(data: bytes) -> bool:
    """Whether there is anything in the file but the pixels, and what is needed to show them. Raises ValueError."""
    seen: set[bytes] = set()
    last = 0
    for name, start, end in _chunks(data):
        if name not in _SHOWN - seen and name != b"IDAT":
            return True
        if name not in _CRITICAL and not _is_intact(data, start, end):
            return True
        seen.add(name)
        last = end
    return last != len(data)


_SHOWN = _CRITICAL | {b"tRNS", b"cICP", b"sRGB", b"gAMA", b"cHRM"}


_XMP = b"XML:com.adobe.xmp\0\1\0"  # keyword of an iTXt chunk, then: compressed, by zlib (XMP part 3, section 1.1.5)


def compressed_xmp(data: bytes, most: int) -> bytes:
    """Return the first `most` bytes of a PNG's compressed packet of XMP; nothing for another file or a broken one."""
    if not data.startswith(SIGNATURE):
        return b""
    try:
        start, end = next(
            (start, end)
            for name, start, end in _chunks(data)
            if name == b"iTXt" and data.startswith(_XMP, start + _HEAD.size)
        )
        _language, _keyword, body = data[start + _HEAD.size + len(_XMP) : end].split(b"\0", 2)
        return zlib.decompressobj().decompress(body, most)
    except (StopIteration, ValueError, zlib.error):
        return b""


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk, the last one being IEND, or the one that the file is cut in."""
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + _HEAD.size > len(data):
            return
        length, name = _HEAD.unpack_from(data, at)
        end = at + _AROUND + length
        yield name, at, end
        if name == b"IEND":
            return
        at = end
    raise ValueError


def _is_intact(data: bytes, start: int, end: int) -> bool:
    checked = memoryview(data)[start + 4 : end - 4]
    return end - start > _AROUND and zlib.crc32(checked) == int.from_bytes(data[end - 4 : end], "big")


def _info(found: dict[bytes, bytes], depth: int, color_type: int) -> dict[str, Any]:
    info: dict[str, Any] = {}
    if b"eXIf" in found:
        info["exif"] = b"Exif\0\0" + found[b"eXIf"]
    if b"tRNS" in found:
        info["transparency"] = _transparency(found[b"tRNS"], depth, color_type)
    if len(found.get(b"cICP", b"")) == 4:
        primaries, transfer, matrix, full_range = found[b"cICP"]
        info |= {"cicp": Cicp(primaries, transfer)} if (matrix, full_range) == (0, 1) else {}
    if b"iCCP" in found:
        info["icc_profile"] = _inflated(found[b"iCCP"])
    elif b"sRGB" not in found and len(found.get(b"gAMA", b"")) == 4:
        (gamma,) = struct.unpack(">I", found[b"gAMA"])
        info |= {"gamma": gamma / _UNIT} if gamma else {}
        if len(found.get(b"cHRM", b"")) == 32:
            info["chromaticity"] = tuple(value / _UNIT for value in struct.unpack(">8I", found[b"cHRM"]))
    return {key: value for key, value in info.items() if value is not None}


def _transparency(body: bytes, depth: int, color_type: int) -> int | tuple[int, ...] | bytes | None:
    """The transparent color as Pillow has it: gray of the mode, RGB of 8 bits, or the alpha of a palette."""
    if color_type == _PALETTE:
        return body
    values: tuple[int, ...] = struct.unpack_from(f">{len(body) // 2}H", body)
    if color_type == _RGB and len(values) == 3:
        return tuple(value >> 8 if depth == 16 else value & 255 for value in values)
    if color_type == _GRAY and len(values) == 1:
        return values[0] if depth == 16 else (values[0] & (1 << depth) - 1) * 255 // ((1 << depth) - 1)
    return None


def _inflated(body: bytes) -> bytes | None:
    """The profile of an iCCP chunk: behind a name and the number of the method; None for a broken or a huge one."""
    try:
        profile = zlib.decompressobj().decompress(body[body.index(b"\0") + 2 :], LARGEST_PROFILE + 1)
    except (ValueError, zlib.error):
        return None
    return profile if len(profile) <= LARGEST_PROFILE else None
