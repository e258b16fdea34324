"""Encode images, for callers, for providers, and within a platform's limit of bytes."""

import io
import random

import pytest
from PIL import Image

from image_studio.errors import InvalidRequest
from image_studio.imaging import encode as encode_module
from image_studio.imaging.decode import read_info
from image_studio.imaging.encode import (
    LOWEST_QUALITY,
    MAX_SIDES,
    check_sides,
    encode,
    encode_copy,
    encode_for_provider,
    encode_under,
)
from image_studio.schemas.common import FileType
from tests.imaging.samples import flat_art, noise, photo, saved, see_through

PNG, JPEG, WEBP, AVIF = FileType.PNG, FileType.JPEG, FileType.WEBP, FileType.AVIF


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("file_type", list(FileType))
def test_bytes_are_what_they_say(file_type: FileType) -> None:
    found = read_info(encode(photo(123, 45), file_type))
    assert (found.width, found.height, found.file_type.mime) == (123, 45, file_type.mime)


def test_png_loses_nothing() -> None:
    image = see_through(photo(40, 30), left_half=77)
    assert opened(encode(image, PNG)).tobytes() == image.tobytes()


def test_transparency_stays_where_it_can_and_is_white_in_jpeg() -> None:
    clear = see_through(photo(64, 64))
    assert min(opened(encode(clear, JPEG)).getpixel((4, 4))) > 245
    for file_type in (WEBP, AVIF):
        back = opened(encode(clear, file_type))
        assert (back.mode, back.getpixel((4, 4))[3]) == ("RGBA", 0)


def test_quality_is_honored() -> None:
    """95 by default; lower quality, fewer bytes."""
    for file_type in (JPEG, WEBP, AVIF):
        assert len(encode(photo(), file_type, 40)) < len(encode(photo(), file_type))
        assert encode(photo(), file_type, 95) == encode(photo(), file_type)


@pytest.mark.parametrize("file_type", MAX_SIDES)
def test_each_type_can_be_read_up_to_its_largest_side(file_type: str) -> None:
    """A side more is refused with the type and the field that asked for it."""
    longest = MAX_SIDES[file_type]
    if file_type in list(FileType):
        image = noise(5, 40).resize((5, longest))
        back = opened(encode(image, FileType(file_type)))
        back.load()
        assert back.size == image.size
    check_sides(file_type, 5, longest, "format")
    sentence = f"A {file_type} file has at most {longest:,} pixels a side, and this one would be {longest + 1}x5."
    with pytest.raises(InvalidRequest, match=f"{sentence} Use format png, or a smaller image."):
        check_sides(file_type, longest + 1, 5, "format")


# -- for providers


def static(side: int, mode: str = "RGB") -> Image.Image:
    return Image.frombytes(mode, (side, side), random.Random(5).randbytes(side * side * len(mode)))


@pytest.mark.parametrize(
    ("image", "max_bytes", "file_type"),
    [
        (static(64), 20_000, PNG),  # small images lose nothing
        (static(128), 40_000, JPEG),
        (static(128, "RGBA"), 40_000, WEBP),  # JPEG has no alpha channel
    ],
    ids=["png", "jpeg", "webp"],
)
def test_a_png_where_it_fits(image: Image.Image, max_bytes: int, file_type: FileType) -> None:
    """Else a lossy file in the best quality that fits."""
    data, found = encode_for_provider(image, max_bytes)
    assert found is file_type
    assert len(data) <= max_bytes


def test_the_best_of_four_qualities_is_taken() -> None:
    """Where nothing fits, the lowest is the last try."""
    sizes = {quality: len(encode(static(128), JPEG, quality)) for quality in (95, 85, 70, 50)}
    for quality, size in sizes.items():
        assert encode_for_provider(static(128), size) == (encode(static(128), JPEG, quality), JPEG)
    assert encode_for_provider(static(128), 10) == (encode(static(128), JPEG, 50), JPEG)


# -- within a limit


def test_what_fits_is_left_alone() -> None:
    """Exactly the limit is inside it."""
    made = encode_under(photo(), 10_000_000, [PNG, JPEG])
    assert (made.file_type, made.quality, made.how) == (PNG, None, "as asked")
    fast = encode(flat_art(), PNG)
    assert encode_under(flat_art(), len(fast), [PNG]).data == fast


def test_a_png_just_over_is_made_with_more_effort() -> None:
    """A little over the limit, Pillow's slow search may help."""
    image = photo(60, 40).resize((300, 200))
    fast, slow = len(encode(image, PNG)), len(saved(image, "PNG", compress_level=9))
    assert slow < fast < slow * 1.12
    made = encode_under(image, slow, [PNG, JPEG])
    assert (made.file_type, made.how) == (PNG, "png with more effort")
    assert opened(made.data).tobytes() == image.tobytes()


def test_a_palette_is_used_where_it_is_harmless() -> None:
    """A drawing of few colors loses nothing, and a clear half stays clear; a photograph would lose."""
    colors = noise(16, 16).resize((800, 800), Image.Resampling.NEAREST)
    clear = see_through(noise(120, 120).point(lambda value: 255 if value > 128 else 0))
    for image in (colors, clear):
        best = min(len(encode(image, PNG)), len(saved(image, "PNG", compress_level=9)))
        made = encode_under(image, best - 1, [PNG])
        assert made.how == "png with a palette of 256 colors"
        back = opened(made.data).convert(image.mode)
        assert back.convert("RGBa").tobytes() == image.convert("RGBa").tobytes()


@pytest.mark.parametrize("file_type", [JPEG, WEBP])
def test_quality_goes_down_only_as_far_as_it_must(file_type: FileType) -> None:
    """The quality found fits, and one more would not."""
    image = noise(160, 120)
    limit = len(encode(image, file_type, 70)) + 10
    made = encode_under(image, limit, [file_type])
    assert len(made.data) <= limit < len(encode(image, file_type, made.quality + 1))
    assert made.how == f"quality lowered to {made.quality}"


def test_another_type_is_taken_where_the_platform_allows_it() -> None:
    """Noise that no PNG of the limit can hold becomes a JPEG, and says so."""
    made = encode_under(noise(160, 120), 25_000, [PNG, JPEG])
    assert made.file_type is JPEG
    assert made.how.startswith("jpeg instead of png, which was too large")
    assert len(made.data) <= 25_000


def test_what_fits_nowhere_is_explained() -> None:
    image = noise(160, 120)
    least = len(encode(image, JPEG, LOWEST_QUALITY))
    assert encode_under(image, least, [PNG, JPEG]).quality == LOWEST_QUALITY == 40
    with pytest.raises(InvalidRequest, match=r"A 160x120 image .* as png, jpeg"):
        encode_under(image, least - 1, [PNG, JPEG])


# -- inline copies


def test_a_copy_is_lossless_where_that_fits() -> None:
    """Also of transparent images; a JPEG's copy is a JPEG."""
    for image in (flat_art(), see_through(photo(200, 100), left_half=77)):
        copy = encode_copy(image, PNG, 1_000_000)
        assert copy is not None
        assert (copy.file_type, copy.quality, copy.width, copy.height) == (WEBP, None, *image.size)
        assert opened(copy.data).convert("RGBa").tobytes() == image.convert("RGBa").tobytes()
    copy = encode_copy(photo(), JPEG, 1_000_000)
    assert copy is not None
    assert (copy.file_type, copy.quality, opened(copy.data).format) == (JPEG, 100, "JPEG")


@pytest.mark.parametrize(("file_type", "copied"), [(PNG, "WEBP"), (WEBP, "WEBP"), (JPEG, "JPEG")])
@pytest.mark.parametrize("max_bytes", [60_000, 250_000, 700_000])
def test_a_copy_is_as_good_as_its_bytes_allow(file_type: FileType, copied: str, max_bytes: int) -> None:
    """It fits, and hardly better quality would: a tenth more bytes are not left over."""
    image = photo(1200, 800)
    copy = encode_copy(image, file_type, max_bytes)
    assert copy is not None
    assert (opened(copy.data).format, opened(copy.data).size) == (copied, image.size)
    assert len(copy.data) <= max_bytes
    assert copy.quality is not None
    if copy.quality < 100:
        assert len(encode(image, copy.file_type, min(100, copy.quality + 3))) > 0.9 * max_bytes


@pytest.mark.parametrize("file_type", [PNG, JPEG])
@pytest.mark.parametrize("max_bytes", [3_000, 30_000])
def test_a_copy_gets_fewer_pixels_before_it_gets_blocks(file_type: FileType, max_bytes: int) -> None:
    """Of noise, of which no file is small; the ratio stays."""
    image = noise(900, 600)
    copy = encode_copy(image, file_type, max_bytes)
    assert copy is not None
    assert len(copy.data) <= max_bytes
    assert (copy.quality or 0) >= LOWEST_QUALITY
    assert opened(copy.data).size == (copy.width, copy.height)
    assert copy.width < 900
    assert abs(copy.width / copy.height - 1.5) < 0.05


@pytest.mark.parametrize(("file_type", "most"), [(PNG, 16_383), (JPEG, 65_500)])
@pytest.mark.parametrize("max_bytes", [20_000, 4_000_000])
def test_a_copy_of_a_long_image_has_sides_that_its_type_holds(file_type: FileType, most: int, max_bytes: int) -> None:
    """The whole image is in it, lossless or not."""
    copy = encode_copy(noise(24, 400).resize((40, 70_000)), file_type, max_bytes)
    assert copy is not None
    assert len(copy.data) <= max_bytes
    assert opened(copy.data).size == (copy.width, copy.height)
    assert copy.height <= most
    assert max_bytes < 1_000_000 or copy.height == most


def test_a_large_image_is_encoded_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of it finds the quality, since each attempt at 25 megapixels takes a second."""
    whole: list[int] = []
    real = encode

    def counted(image: Image.Image, file_type: FileType, quality: int = 95, xmp: bytes = b"") -> bytes:
        whole.extend([quality] * (image.width * image.height > 1_000_000))
        return real(image, file_type, quality, xmp)

    monkeypatch.setattr(encode_module, "encode", counted)
    image = photo(640, 480).resize((2560, 1920))
    for max_bytes in (60_000, 250_000, 1_000_000):
        whole.clear()
        assert encode_copy(image, JPEG, max_bytes)
        assert len(whole) <= 3, whole


def test_what_can_not_be_copied_has_no_copy() -> None:
    """Fewer bytes than any file's header, after a bounded number of attempts."""
    assert encode_copy(noise(64, 64), PNG, 20) is None
