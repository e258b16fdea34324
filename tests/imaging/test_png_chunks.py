"""A PNG's chunks are read as viewers read them: what isn't needed can't break it, what is missing is missing."""

import zlib
from collections.abc import Sequence

import pytest
from PIL import Image

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import decode, read_info
from tests.imaging.samples import chunk, flat_art, flat_png, four_corners, photo, png_file, saved

PLAIN = saved(photo(32, 24), "PNG")
LARGE = zlib.compress(bytes(3_000_000), 9)


def inserted(*chunks: bytes, data: bytes = PLAIN) -> bytes:
    """Chunks in front of the pixels."""
    return data[:33] + b"".join(chunks) + data[33:]


def wrong(name: bytes, body: bytes) -> bytes:
    """A chunk with another check sum."""
    return chunk(name, body)[:-1] + b"\x5a"


@pytest.mark.parametrize(
    "extra",
    [
        *(
            wrong(name, b"Comment\0hi")
            for name in (b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"iCCP", b"gAMA", b"cHRM", b"eXIf")
        ),
        *(
            chunk(name, b"")
            for name in (b"pHYs", b"tIME", b"sRGB", b"gAMA", b"cHRM", b"iCCP", b"tRNS", b"eXIf", b"acTL")
        ),
        chunk(b"zTXt", b"Comment\0\0" + LARGE),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
        chunk(b"iCCP", b"x\0\0" + LARGE),
        chunk(b"iCCP", b"no zero"),
        chunk(b"tEXt", b"prompt\0" + bytes(2_000_000)),
        chunk(b"tEXt", b"\xff\xfe"),
        b"".join([chunk(b"zTXt", b"Comment\0\0" + LARGE)] * 40),
        chunk(b"vpAg", b"private"),
        wrong(b"acTL", bytes(8)),
    ],
)
def test_no_chunk_that_viewers_do_without_breaks_an_image(extra: bytes) -> None:
    assert decode(inserted(extra)).tobytes() == photo(32, 24).tobytes()


def test_what_is_behind_the_pixels_breaks_nothing_either() -> None:
    for extra in (wrong(b"tEXt", b"a\0b"), chunk(b"zTXt", b"a\0\0" + LARGE), b"\xff" * 40, b""):
        assert decode(PLAIN[:-12] + extra + PLAIN[-12:]).size == (32, 24)
        assert decode(PLAIN + extra).size == (32, 24)


def test_a_damaged_image_is_still_damaged() -> None:
    """Header and palette must be right, and the pixels complete."""
    palette = saved(flat_art().quantize(8), "PNG")
    at = palette.index(b"PLTE")
    broken = [
        PLAIN[:29] + b"\0\0\0\0" + PLAIN[33:],
        palette[: at + 5] + b"\x99" + palette[at + 6 :],
        PLAIN[: len(PLAIN) * 2 // 3],
        inserted(chunk(b"tEXt", b"a\0b") * 70_000),
    ]
    for data in broken:
        with pytest.raises(InvalidImage, match="damaged"):
            decode(data)


def keyed(depth: int, color: int, rows: Sequence[bytes], key: bytes) -> Image.Image:
    width = 8
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return decode(png_file(width, len(rows), depth, color, body, (b"tRNS", key)))


@pytest.mark.parametrize(
    ("depth", "color", "row", "key"),
    [
        (1, 0, b"\xf0", b"\0\1"),
        (1, 0, b"\x0f", b"\0\0"),
        (2, 0, b"\x55\0", b"\0\1"),
        (2, 0, b"\xaa\xff", b"\0\2"),
        (4, 0, b"\x55\x55\0\0", b"\0\5"),
        (4, 0, b"\xff\xff\xee\xee", b"\0\x0f"),
        (8, 0, b"\x64" * 4 + bytes(4), b"\0\x64"),
        (8, 0, bytes(4) + b"\x64" * 4, b"\0\0"),
        (16, 0, b"\x64\x01" * 4 + b"\x64\x02" * 4, b"\x64\x01"),  # which differ in the low byte only
        (16, 0, b"\x63\x01" * 4 + b"\x64\x01" * 4, b"\x63\x01"),
        (8, 2, b"\xea\0\xea" * 4 + bytes(12), b"\0\xea\0\0\0\xea"),
        (16, 2, b"\xea\x60\0\0\xea\x60" * 4 + b"\0\0\x75\x30\0\0" * 4, b"\xea\x60\0\0\xea\x60"),
        (16, 2, b"\0\0\0\0\0\0" * 4 + b"\0\0\x75\x30\0\0" * 4, bytes(6)),
    ],
)
def test_a_transparent_color_is_transparent_at_every_depth(depth: int, color: int, row: bytes, key: bytes) -> None:
    """The left half."""
    image = keyed(depth, color, [row] * 4, key)
    assert [image.getpixel((x, 1))[3] for x in range(8)] == [0] * 4 + [255] * 4


def test_a_transparent_color_that_is_nowhere_leaves_an_opaque_image() -> None:
    """One of the wrong length says nothing."""
    assert keyed(8, 0, [bytes(range(8))], b"\0\x99").mode == "RGB"
    assert keyed(8, 2, [bytes(24)], b"\0\0").mode == "RGB"
    assert keyed(8, 0, [bytes(8)], bytes(6)).mode == "RGB"


def _animated(frames: int, *, default_counts: bool) -> bytes:
    """A PNG of so many frames, with a default image that is the first of them, or none."""
    others = [photo(24, 24), photo(24, 24).rotate(90)][: frames - default_counts]
    options = {"save_all": True, "append_images": others, "duration": 50, "default_image": not default_counts}
    return saved(four_corners(24, 24, 6), "PNG", **options)


def test_a_still_with_one_frame_beside_it_is_the_still() -> None:
    """Programs that don't animate show the default image; two frames are a film, whether it is one of them or not."""
    for data in (
        _animated(1, default_counts=False),
        inserted(chunk(b"acTL", b"\0\0\0\1\0\0\0\0"), data=flat_png((9, 8, 7))),
    ):
        image = decode(data)
        assert image.mode == "RGB"
        assert read_info(data).width == image.width
    assert decode(_animated(1, default_counts=False)).tobytes() == four_corners(24, 24, 6).tobytes()
    for default_counts in (True, False):
        with pytest.raises(InvalidImage, match=r"animated \(2 frames\)"):
            read_info(_animated(2, default_counts=default_counts))
