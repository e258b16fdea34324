"""Painted images: exact, repeatable, lettered, of a photo's weight."""

import pytest
from PIL import Image, ImageChops

from local.emulators.encoding import NotAImage, decode, encode, flattened, from_text, to_text
from local.emulators.motifs import MOTIFS, words_of
from local.emulators.painting import STYLES, Order, paint, paint_scene
from local.emulators.stability_contract import STYLE_PRESETS


def _differ(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is not None


@pytest.mark.parametrize("size", [(1024, 1024), (1536, 640), (256, 1536), (64, 64), (384, 3072)])
def test_a_image_has_exactly_the_size(size: tuple[int, int]) -> None:
    """However narrow."""
    assert paint(Order("a long prompt that has to be set in small type " * 6, size)).size == size


def test_the_same_order_gives_the_same_image() -> None:
    """Prompt, seed and size decide; each of them matters."""
    base = Order("a quiet lake", (128, 128), 5)
    assert not _differ(paint(base), paint(base))
    assert _differ(paint(base), paint(Order("a quiet lake", (128, 128), 6)))
    assert _differ(paint(base), paint(Order("a loud lake", (128, 128), 5)))


def test_markers_are_not_painted() -> None:
    """The image is the one of the prompt without them."""
    assert not _differ(paint(Order("a cat [[delay=3]]", (128, 128))), paint(Order("a cat", (128, 128))))


def test_the_words_are_set_in_type() -> None:
    """The band at the foot carries bright letters that the scene alone doesn't have."""
    image = paint(Order("Hello world", (512, 512))).convert("L").crop((0, 430, 512, 512))
    assert image.getextrema()[1] > 235
    assert sum(image.histogram()[235:]) > 300


def test_color_words_show() -> None:
    """A red car is red."""
    scene = paint_scene("a red car", (400, 400), 1)
    red = sum(count for count, (r, g, b) in scene.getcolors(200_000) or [] if r > 200 and g < 60 and b < 60)  # type: ignore[misc]
    assert red > 400 * 400 * 0.05


def test_every_motif_is_drawn() -> None:
    """Each group of words draws something of its own."""
    scenes = [paint_scene(word, (96, 96), 3).tobytes() for word in ("mountain", "city", "sea", "tree", "flower", "cup")]
    assert len(set(scenes)) == len(scenes)
    assert all(words_of(word) == [word] for word in MOTIFS)


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_the_look(style: str) -> None:
    """Some presets have a look of their own, and all of those are presets."""
    assert style in STYLE_PRESETS
    assert _differ(paint(Order("city", (128, 128))), paint(Order("city", (128, 128), 0, style)))


@pytest.mark.parametrize("file_type", ["png", "jpeg", "webp"])
def test_a_file_weighs_as_a_photo_does(file_type: str) -> None:
    """A megapixel is neither tiny nor huge."""
    data = encode(paint(Order("a mountain at sunset", (1024, 1024))), file_type)
    assert 100_000 < len(data) < 3_000_000
    assert decode(data).size == (1024, 1024)


def test_transparency_lands_on_white_in_a_jpeg() -> None:
    """Not on black."""
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert flattened(clear).getpixel((0, 0)) == (255, 255, 255)
    assert decode(encode(clear, "jpeg")).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    """Broken files too."""
    with pytest.raises(NotAImage):
        decode(data)


def test_base64_is_read_with_and_without_a_prefix() -> None:
    """A data URI or the bare text; nothing else."""
    assert from_text(f"data:image/png;base64,{to_text(b'x')}") == from_text(to_text(b"x")) == b"x"
    with pytest.raises(NotAImage):
        from_text("not base64!")
