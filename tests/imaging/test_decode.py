"""Decode base64 and data URLs, and images by their content, within limits, hostile files included."""

import base64
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from PIL import Image

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import DAMAGED, UNKNOWN_FILE_TYPE, DecodeLimits, decode, decode_base64, read_info
from image_studio.imaging.types import Size
from image_studio.schemas.common import FileType, InputType
from tests.imaging.hostile import FOREIGN
from tests.imaging.samples import CORNERS, four_corners, photo, saved, see_through


@pytest.mark.parametrize(
    "text",
    ["aGk=", "data:image/png;base64,aGk=", "DATA:image/PNG;BASE64,aGk=", "data:image/png;name=a.png;base64,aGk="],
)
def test_raw_base64_and_data_urls_are_read(text: str) -> None:
    assert decode_base64(text) == b"hi"


BYTES = bytes(range(256)) + b"\xfb\xff\xfe"  # with every digit, and padding
TEXT = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    "text",
    [
        "\r\n".join(textwrap.wrap(TEXT, 76)),  # as MIME and `base64` write it
        "\n".join(textwrap.wrap(TEXT, 64)) + "\n",  # as PEM
        f"  \t{TEXT}\n",
        " ".join(textwrap.wrap(TEXT, 4)),
        TEXT.replace("+", "-").replace("/", "_"),  # URL-safe
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(BYTES).decode().rstrip("="),  # as in a JWT
        f"data:image/png;base64,{quote(TEXT, safe='')}",
        f"data:image/png;base64,{quote(chr(10).join(textwrap.wrap(TEXT, 76)))}",
        f"data:image/png;base64,\n{TEXT[:-2]}",
        f"data:;base64,{TEXT}",
        f"data:application/octet-stream;base64,{TEXT}",
        f"data:binary/octet-stream;base64,{TEXT}",
        f'data:image/heic;charset=utf-8;name="IMG 1.HEIC";base64,{TEXT}',
        f"data:image/png; base64, {TEXT}",
        f" data:image/svg+xml;base64,{TEXT}",
    ],
)
def test_base64_is_read_as_encoders_write_it(text: str) -> None:
    """Line breaks, blanks, the other alphabet, no padding; data URLs of any image type, of none, with parameters."""
    assert decode_base64(text) == BYTES


URLS = ["data:text/plain;base64,aGk=", "data:image/png,aGk=", "data:image/png;base64", "https://example.com/a.png"]
URLS += ["data:text/html;name=a.png;base64,aGk=", "data:base64,aGk=", "data:,", "data:"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "data:image/png;base64,",
        "aGkxx",
        "aGk===",
        "a=Gk",
        "aGk=aGk=",
        "aGk!",
        "aGk%3D",
        "é",
        "aGk\0",
        "upload:1",
        f"data:image/{'p' * 600};base64,aGk=",
        "data:image/png;base64,aGk%",
        "data:image/png;base64,aGk%00",
        *URLS,
    ],
)
def test_anything_else_gets_the_documented_sentence(text: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        decode_base64(text)
    assert caught.value.detail == "Invalid base64 image payload"


def test_an_image_is_measured_by_its_content() -> None:
    """Width, height and type come from the header, which three kinds of WebP keep elsewhere."""
    for file_type in FileType:
        found = read_info(saved(photo(301, 200), file_type.value))
        assert (found.width, found.height, found.file_type) == (301, 200, file_type)
    for image, options in ((photo(301, 200), {"lossless": True}), (see_through(photo(301, 200)), {})):
        found = read_info(saved(image, "WEBP", **options))
        assert (found.width, found.height) == (301, 200)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_comes_in_upright(orientation: int, name: str) -> None:
    """However a camera was held, the corners are where a viewer shows them, and the header's measure agrees."""
    upright = four_corners(160, 120)
    stored = _as_stored(upright, orientation)
    data = saved(stored, name, exif=_exif(orientation), **({"quality": 95} if name != "PNG" else {}))
    image, found = decode(data), read_info(data)
    assert image.size == (found.width, found.height) == (160, 120)
    for corner, at in zip(CORNERS, ((8, 8), (152, 8), (8, 112), (152, 112)), strict=True):
        assert all(abs(a - b) < 40 for a, b in zip(image.getpixel(at), corner, strict=True))


def test_an_orientation_behind_the_pixels_counts() -> None:
    """PNG allows its EXIF chunk after the image data."""
    data = saved(_as_stored(four_corners(160, 120), 6), "PNG", exif=_exif(6))
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    chunk, rest = data[start:end], data[:start] + data[end:]
    moved = rest[:-12] + chunk + rest[-12:]
    assert decode(moved).size == (160, 120)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "RGBA", "I;16"])
def test_every_mode_becomes_rgb_or_rgba(mode: str) -> None:
    """Palette, gray, CMYK and 16 bits come in as 8-bit colors, transparency stays."""
    source = Image.linear_gradient("L").resize((64, 64))
    if mode == "I;16":
        source = source.convert("I").point(lambda value: value * 257).convert("I;16")
    elif mode in {"LA", "RGBA"}:
        source = source.convert(mode)
        source.putalpha(Image.new("L", (64, 64), 100))
    else:
        source = source.convert(mode)
    image = decode(saved(source, "JPEG" if mode == "CMYK" else "PNG"))
    assert image.mode == ("RGBA" if mode in {"LA", "RGBA"} else "RGB")
    dark, bright = image.convert("RGB").getpixel((5, 2)), image.convert("RGB").getpixel((5, 61))
    assert max(dark) < 90
    assert min(bright) > 160


def test_a_transparent_palette_stays_transparent_and_an_opaque_alpha_channel_is_dropped() -> None:
    art = Image.new("P", (20, 20), 0)
    art.putpalette([255, 0, 0, 0, 255, 0])
    art.paste(1, (10, 0, 20, 20))
    image = decode(saved(art, "PNG", transparency=0))
    assert image.mode == "RGBA"
    assert image.getpixel((2, 2))[3] == 0
    assert image.getpixel((15, 2)) == (0, 255, 0, 255)
    assert decode(saved(photo(20, 20).convert("RGBA"), "PNG")).mode == "RGB"


def test_metadata_is_gone() -> None:
    """No EXIF, no profile, no text comes in, so none can go out."""
    assert decode(saved(photo(32, 32), "JPEG", exif=_exif(1), comment=b"secret", dpi=(300, 300))).info == {}


def test_a_jpeg_may_be_decoded_small() -> None:
    """Half, a quarter or an eighth, but never below what is needed, upright or not."""
    data = saved(photo(1600, 1200), "JPEG")
    assert decode(data, at_least=Size(400, 300)).size == (400, 300)
    assert decode(data, at_least=Size(401, 300)).size == (800, 600)
    sideways = saved(photo(1600, 1200), "JPEG", exif=_exif(6))
    assert decode(sideways, at_least=Size(600, 800)).size == (600, 800)
    assert decode(saved(photo(64, 48), "PNG"), at_least=Size(8, 8)).size == (64, 48)


def test_limits_hold_at_the_pixel_and_at_the_byte() -> None:
    """By the header: 13,000 x 13,000 pixels in a few bytes are never decoded."""
    data = saved(photo(100, 50), "PNG")
    assert decode(data, DecodeLimits(max_pixels=5000, max_bytes=len(data))).size == (100, 50)
    with pytest.raises(InvalidImage, match=r"100x50 pixels; at most 0\.004999 megapixels"):
        read_info(data, DecodeLimits(max_pixels=4999))
    with pytest.raises(InvalidImage, match="bytes; at most"):
        read_info(data, DecodeLimits(max_bytes=len(data) - 1))
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (13000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    with pytest.raises(InvalidImage, match="13000x13000 pixels"):
        decode(header + b"\0" * 1000)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    """Each scan of a progressive JPEG costs a pass over the whole image."""
    data = saved(photo(64, 64), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert decode(data[:-2] + scan * (100 - data.count(b"\xff\xda")) + data[-2:]).size == (64, 64)
    with pytest.raises(InvalidImage, match="more than 100 scans"):
        decode(data[:-2] + scan * (101 - data.count(b"\xff\xda")) + data[-2:])


def test_animations_are_refused() -> None:
    """A first frame would lose the rest in silence."""
    for name in ("PNG", "WEBP"):
        data = saved(photo(16, 16), name, save_all=True, append_images=[four_corners(16, 16, 4)], duration=50)
        with pytest.raises(InvalidImage, match="animated"):
            read_info(data)


def test_a_photo_with_further_images_in_it_is_a_jpeg() -> None:
    """Phones append depth maps and previews; the photograph is what is taken."""
    data = saved(photo(64, 48), "MPO", save_all=True, append_images=[photo(64, 48)])
    assert read_info(data).file_type is InputType.JPEG
    assert decode(data).size == (64, 48)


def test_no_foreign_format_gets_in() -> None:
    """Only five types are decoded, whatever Pillow knows."""
    for data in (saved(photo(32, 32), "GIF"), saved(photo(32, 32), "BMP"), *FOREIGN.values()):
        with pytest.raises(InvalidImage) as caught:
            decode(data + bytes(500))
        assert caught.value.detail == UNKNOWN_FILE_TYPE


def test_cut_files_are_damaged() -> None:
    """At any length short of the whole, the sentence is the same (or the type can't be known yet)."""
    for name in ("PNG", "JPEG", "WEBP"):
        data = saved(photo(64, 48), name)
        for length in range(1, len(data) // 2, 97):
            with pytest.raises(InvalidImage) as caught:
                decode(data[:length])
            assert caught.value.detail == (DAMAGED if length > 16 else UNKNOWN_FILE_TYPE)


def test_many_threads_decode_at_once() -> None:
    """No library setting is changed, so nothing races, and the caller's warning filters stay as they were."""
    good, bad = saved(photo(200, 100), "PNG"), saved(photo(200, 100), "PNG")[:500]
    before = list(warnings.filters)

    def attempt(number: int) -> bool:
        try:
            return decode(bad if number % 2 else good).size == (200, 100)
        except InvalidImage:
            return bool(number % 2)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(attempt, range(64)))
    assert list(warnings.filters) == before


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _as_stored(upright: Image.Image, orientation: int) -> Image.Image:
    """How a camera that notes this orientation stores what is shown upright: the inverse of showing."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return upright.transpose(inverse[orientation]) if orientation in inverse else upright
