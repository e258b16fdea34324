"""Our PNG writer, with Pillow's reader as the referee."""

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from image_studio.imaging import png
from tests.imaging.samples import flat_art, noise, photo, saved, see_through

_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def _read(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@st.composite
def _images(draw: st.DrawFn) -> Image.Image:
    """Any mode that we write, of any small size, filled with random bytes or with runs of them."""
    mode = draw(st.sampled_from(sorted(_CHANNELS)))
    width, height = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    size = width * height * _CHANNELS[mode]
    seed = draw(st.binary(min_size=1, max_size=200))
    return Image.frombytes(mode, (width, height), (seed * (size // len(seed) + 1))[:size])


@settings(max_examples=200, deadline=None)
@given(image=_images(), chosen=st.sampled_from([None, *png.Filter]))
def test_pillow_reads_every_filter_back(image: Image.Image, chosen: png.Filter | None) -> None:
    """Whatever the pixels, the size and the filter (None: as planned), the same pixels come back."""
    for deflate in (png.deflate_flat, png.deflate_grain):
        with pytest.MonkeyPatch.context() as patch:
            if chosen is not None:
                patch.setattr(png, "_plan", lambda _, deflate=deflate: (chosen, deflate))
            back = _read(png.write_png(image))
        assert (back.mode, back.size, back.tobytes()) == (image.mode, image.size, image.tobytes())


@pytest.mark.parametrize("image", [photo(), noise(320, 200), flat_art(), see_through(photo())])
def test_files_stay_about_as_small_as_pillows(image: Image.Image) -> None:
    """Speed is not bought with size: within a tenth of Pillow's default."""
    ours = png.write_png(image)
    assert _read(ours).tobytes() == image.tobytes()
    assert len(ours) < 1.1 * len(saved(image, "PNG"))


def test_drawings_are_matched_and_photographs_are_not() -> None:
    assert png._plan(flat_art(600, 450))[1] is png.deflate_flat
    assert png._plan(photo(600, 450))[1] is png.deflate_grain


def test_a_file_holds_three_chunks_and_no_metadata() -> None:
    image = photo(50, 40)
    image.info["icc_profile"] = b"profile"
    data, at, names = png.write_png(image), 8, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8])
        body = data[at + 4 : at + 8 + length]
        assert zlib.crc32(body) == int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        at += 12 + length
    assert names == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize("compress", [png.deflate_flat, png.deflate_grain, png._huffman_only])
def test_every_compressor_writes_a_zlib_stream(compress: png.Deflate) -> None:
    data = bytes(range(256)) * 40
    assert zlib.decompress(compress(data)) == data
    assert zlib.decompress(compress(b"")) == b""


def _row_filters(data: bytes) -> set[int]:
    image = Image.open(io.BytesIO(data))
    length = int.from_bytes(data[33:37], "big")
    rows = zlib.decompress(data[41 : 41 + length])
    return set(rows[:: image.width * len(image.getbands()) + 1])


@pytest.mark.parametrize(
    ("image", "chosen"),
    [
        (noise(300, 200).filter(ImageFilter.GaussianBlur(1)), png.Filter.AVERAGE),
        (noise(20, 200).resize((300, 200), Image.Resampling.BICUBIC), png.Filter.SUB),
        (noise(300, 14).resize((300, 200), Image.Resampling.BICUBIC), png.Filter.UP),
        (flat_art(), png.Filter.UP),
    ],
    ids=["soft grain", "soft across", "soft down", "drawing"],
)
def test_the_filter_follows_the_grain(image: Image.Image, chosen: png.Filter) -> None:
    """Soft grain is predicted from both neighbors, grain that is soft in one direction along it."""
    assert _row_filters(png.write_png(image)) == {chosen}
