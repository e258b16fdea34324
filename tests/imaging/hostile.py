"""Malformed and hostile images, made from a seed: what decoding must survive. Bounded in count and in bytes."""

import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from PIL import AvifImagePlugin, Image  # noqa: F401 - the plugin writes AVIF
from PIL.PngImagePlugin import PngInfo

from tests.imaging.containers import Item, alpha_of, container, extent, grid, ten_bits, tile
from tests.imaging.samples import chunk, four_corners, photo, png_file, saved, see_through

#: Beginnings of formats that Pillow opens, or that other software takes for images; none is ours.
FOREIGN = {
    "gif": b"GIF89a\x10\0\x10\0\xf0\0\0",
    "bmp": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0",
    "tiff-le": b"II*\0\x08\0\0\0",
    "tiff-be": b"MM\0*\0\0\0\x08",
    "ico": b"\0\0\1\0\1\0\x10\x10",
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "j2k": b"\xff\x4f\xff\x51",
    "mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "quicktime": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "jxl": b"\xff\x0a",
    "psd": b"8BPS\0\1",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "pdf": b"%PDF-1.7\n",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "wmf": b"\xd7\xcd\xc6\x9a",
    "pcx": b"\n\5\1\x08",
    "ppm": b"P6\n9 9\n255\n",
    "qoi": b"qoif\0\0\0\x09\0\0\0\x09\3\0",
    "tga": b"\0\0\2\0\0\0\0\0\0\0\0\0\x09\0\x09\0\x18\0",
    "dds": b"DDS |\0\0\0",
    "icns": b"icns\0\0\0\x10",
    "riff-wave": b"RIFF\x24\0\0\0WAVEfmt ",
    "mng": b"\x8aMNG\r\n\x1a\n",
    "zip": b"PK\3\4",
    "empty-ish": b"\0",
}


def hostile_images(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield `count` named files, the same for the same seed: the hand-made ones first, then mutated seeds."""
    return islice(chain(_made_by_hand(), _mutated(random.Random(seed))), count)


def seeds() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [photo(24, 24), four_corners(24, 24, 6)]
    return {
        "png": saved(photo(48, 36), "PNG"),
        "png-interlaced": _interlaced(),
        "png-palette": saved(photo(48, 36).quantize(16), "PNG", transparency=3),
        "png-16": saved(Image.linear_gradient("L").convert("I;16"), "PNG"),
        "png-alpha": saved(see_through(photo(48, 36)), "PNG"),
        "png-gray-alpha": saved(see_through(photo(48, 36)).convert("LA"), "PNG"),
        "png-text": saved(photo(48, 36), "PNG", pnginfo=_text(), exif=exif),
        "apng": saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "jpeg": saved(photo(48, 36), "JPEG"),
        "jpeg-progressive": saved(photo(48, 36), "JPEG", progressive=True),
        "jpeg-exif": saved(photo(48, 36), "JPEG", exif=exif),
        "jpeg-gray": saved(photo(48, 36).convert("L"), "JPEG"),
        "jpeg-cmyk": saved(photo(48, 36).convert("CMYK"), "JPEG"),
        "jpeg-mpo": saved(photo(48, 36), "MPO", save_all=True, append_images=frames[:1]),
        "jpeg-icc": saved(photo(48, 36), "JPEG", icc_profile=bytes(range(256)) * 12),
        "webp": saved(photo(48, 36), "WEBP"),
        "webp-lossless": saved(photo(48, 36), "WEBP", lossless=True),
        "webp-alpha": saved(see_through(photo(48, 36)), "WEBP", exif=exif),
        "webp-animated": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "heic": container([tile()]),
        "heic-grid": container(grid()),
        "heic-alpha": container([tile(), alpha_of(1)]),
        "heic-10": container([ten_bits()]),
        "avif": saved(photo(48, 36), "AVIF"),
        "avif-alpha": saved(see_through(photo(48, 36)), "AVIF", exif=exif),
        "avif-animated": saved(frames[0], "AVIF", save_all=True, append_images=frames[1:]),
    }


def _made_by_hand() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    for name, start in FOREIGN.items():
        yield f"foreign {name}", start + bytes(64)
    for name, data in seeds().items():
        yield name, data
        yield f"{name} with html behind", data + b"<html><script>alert(1)</script></html>"
        yield f"{name} in a zip", b"PK\3\4" + data
        yield f"{name} behind gif", b"GIF89a" + data
        for start in (
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"RIFF\0\0\0\0WEBP",
            b"\0\0\0\x18ftypheic",
            b"\0\0\0\x18ftypavif",
        ):
            yield f"{name} that starts with {start!r}", start + data[len(start) :]
        for cut in range(1, 12):
            yield f"{name} cut at {cut}/12", data[: len(data) * cut // 12]
    yield from _bombs()


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that ask for much: pixels, chunks, scans, inflated metadata."""
    for width, height in ((13_000, 13_000), (2**31 - 1, 1), (1, 2**31 - 1), (65_500, 65_500), (0, 5), (2**32 - 1,) * 2):
        for depth, color in ((8, 6), (16, 2), (1, 0), (8, 3)):
            data = png_file(width, height, depth, color, zlib.compress(bytes(9_999)))
            yield f"png {width}x{height} {depth}/{color}", data
    yield "png 5000x5000 of zeros", png_file(5000, 5000, 8, 2, zlib.compress(bytes(5000 * 15_001), 9))
    yield "png 5000x5000 cut", png_file(5000, 5000, 8, 6, zlib.compress(bytes(100_000), 9))
    yield "png 5000x5000 1 bit", png_file(5000, 5000, 1, 0, zlib.compress(bytes(5000 * 626), 9))
    yield (
        "png with inflating profile",
        png_file(9, 9, 8, 2, b"", (b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000), 9))),
    )
    yield (
        "png with inflating text",
        png_file(9, 9, 8, 2, b"", (b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000), 9))),
    )
    yield "png with a million chunks", png_file(9, 9, 8, 2, b"")[:33] + chunk(b"tEXt", b"a\0b") * 60_000
    yield "png that inflates on", png_file(16, 16, 8, 2, zlib.compress(bytes(50_000_000), 9))
    jpeg = saved(photo(48, 36), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    for sides in ((65_535, 65_535), (5_000, 5_000), (0, 36), (1, 65_535)):
        yield f"jpeg that says {sides}", jpeg[: frame + 5] + struct.pack(">HH", *sides) + jpeg[frame + 9 :]
    progressive = saved(photo(640, 480), "JPEG", progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    yield "jpeg of many scans", progressive[:-2] + scan * 500 + progressive[-2:]
    yield "jpeg of many segments", b"\xff\xd8" + b"\xff\xe1\0\4ab" * 100_000 + jpeg[2:]
    yield "jpeg of fill bytes", b"\xff\xd8" + b"\xff" * 3_000_000 + jpeg[2:]
    yield from _containers()
    for size in (b"\xff" * 6, b"\x87\x13\0\x87\x13\0"):
        yield "webp canvas", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + size


def _containers() -> Iterator[tuple[str, bytes]]:
    """HEIC and AVIF whose boxes say something else than their streams, or very much."""
    for size in ((16, 16), (5_000, 5_000), (65_535, 65_535), (0, 64), (2**32 - 1, 1)):
        yield f"heic that says {size}", container([tile(size=size)])
        yield f"heic grid that says {size}", container(grid(size=(min(size[0], 65_535), min(size[1], 65_535))))
        avif = saved(photo(640, 480), "AVIF")
        at = avif.index(b"ispe") + 8
        yield f"avif that says {size}", avif[:at] + struct.pack(">II", *size) + avif[at + 8 :]
    yield "heic of a thousand tiles", container([tile()] * 1_000)
    yield "heic of many pictures", container([replace(tile(), data=tile().data * 10_000)])
    avif = saved(photo(48, 36), "AVIF")
    stream = avif[avif.index(b"mdat") + 4 :]
    yield (
        "avif of many frames",
        container(
            [Item(b"av01", stream * 5_000, [avif[avif.index(b"av1C") - 4 :][:12], extent(48, 36)])],
            brand=b"avif",
            compatible=b"mif1avif",
        ),
    )


def _mutated(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Seeds with bytes flipped, ranges dropped, doubled, swapped or overwritten; without end."""
    files = list(seeds().items())
    number = 0
    while True:
        name, data = files[number % len(files)]
        spoiled = bytearray(data)
        for _ in range(dice.randint(1, 6)):
            _spoil(spoiled, dice)
        yield f"{name} mutated {number}", bytes(spoiled)
        number += 1


def _spoil(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data)) if data else 0
    length = dice.choice((1, 1, 2, 4, 16, 100))
    match dice.randrange(5):
        case 0:
            data[at : at + length] = dice.randbytes(length)
        case 1:
            del data[at : at + length]
        case 2:
            data[at:at] = data[at : at + length] * dice.randint(1, 4)
        case 3:
            data[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1"))
        case _ if data:
            data[at] ^= 1 << dice.randrange(8)


def _interlaced() -> bytes:
    """An 8x8 gray PNG with the interlace flag: seven passes, each row led by its filter byte."""
    passes = ((1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8))
    body = b"".join((b"\0" + bytes(range(width))) * height for height, width in passes)
    return png_file(8, 8, 8, 0, zlib.compress(body), interlaced=1)


def _text() -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", "words " * 50, zip=True)
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta tiff:Orientation='6'/>")
    return info
