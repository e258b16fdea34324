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
        isal = import_module("isal.isal_zlib")
    except ImportError:  # optional: the same pixels come out without it
        return _huffman_only
    return lambda scanlines: bytes(isal.compress(scanlines, 3))


#: For photographs, which are 90 % of what a social crop writes.
deflate_grain: Deflate = _grain()
