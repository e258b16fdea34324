"""Compress PNG scanlines fast; with ISA-L where its wheel is installed (three times as fast), else with zlib."""

import zlib
from collections.abc import Callable
from importlib import import_module

#: Deflate as a zlib stream.
Deflate = Callable[[bytes], bytes]


def deflate_flat(scanlines: bytes) -> bytes:
    """For drawings and screenshots: long matches abound, and finding them is quick."""
    return zlib.compress(scanlines, 6)


def _huffman_only(scanlines: bytes) -> bytes:
    """For photographs after filtering: there are no matches worth looking for, only unequal frequencies."""
    stream = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return stream.compress(scanlines) + stream.flush()


def _grain() -> Deflate:
    try:
        isal = import_module("isal.igzip_lib")
    except ImportError:  # optional: the same pixels come out without it
        return _huffman_only

    def narrow(scanlines: bytes) -> bytes:
        """Deflate by ISA-L with a window of four bytes: long runs are found, chance matches are not."""
        body = isal.compress(scanlines, 2, isal.COMP_DEFLATE, isal.MEM_LEVEL_LARGE, 2)
        return b"".join((_HEADER, body, zlib.adler32(scanlines).to_bytes(4, "big")))

    return narrow


#: Two bytes that open a zlib stream: deflate, a window of 32 KB, fast (RFC 1950, section 2.2).
_HEADER = b"\x78\x01"
#: For photographs, which are 90 % of what a social crop writes.
deflate_grain: Deflate = _grain()
