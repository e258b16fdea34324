"""What the painter paints, and what each edit changes and keeps."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageStat

from local.emulators import painter
from local.emulators.image_files import NotAnImage, decode, encode, flatten, from_base64, to_base64
from local.emulators.painter import Prompt
from local.template import ROOT

DISC, CORNER, MIDDLE = (160, 120), (5, 5), (150, 110, 170, 130)
CAT = Prompt("a cat", 3)
Box = tuple[int, int, int, int]
MASK = Image.new("L", (320, 240))  # a white disc on black, a little larger than the subject's
ImageDraw.Draw(MASK).ellipse((95, 55, 225, 185), fill=255)
INSTRUCTIONS = """make the ball blue; change the red ball to a green one; replace the red ball with a cup;
remove the red ball; put it on a beach background; white background; light from the left;
in the style of the second image; a winter morning;
turn this sketch into a painting; keep the structure, at night; upscale to a higher resolution"""


def _mean(image: Image.Image, box: Box | None = None) -> list[float]:
    return ImageStat.Stat(image.crop(box) if box else image).mean


def _changed(before: Image.Image, after: Image.Image, box: Box) -> float:
    return sum(_mean(ImageChops.difference(before.crop(box), after.crop(box))))


def _same(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is None


@pytest.mark.parametrize(
    ("text", "place", "color"),
    [
        ("A lighthouse on a cliff at dusk, warm light, calm sea", (0.49, 0.552), (246, 241, 231)),
        ("Flat lay of a ceramic coffee set on linen, soft morning light", (0.45, 0.38), (91, 58, 38)),
        ("A cozy bookshop window on a rainy evening, neon reflections", (0.76, 0.48), (238, 180, 95)),
        ("a red hot-air balloon", (0.5, 0.45), (255, 0, 0)),
        ("a small house by the sea, watercolor", (0.5, 0.58), (93, 67, 52)),
        ("a sailing boat on calm water", (0.5, 0.68), (140, 59, 46)),
    ],
)
@pytest.mark.parametrize("size", [(480, 320), (320, 480)])
def test_what_the_page_suggests_is_drawn_without_a_caption(
    text: str, place: tuple[float, float], color: tuple[int, int, int], size: tuple[int, int]
) -> None:
    """Each idea of the page shows its own subject, in its place, and no text below it."""
    image = painter.paint(Prompt(text, 7), size)
    unit = min(size)
    x, y = (round(edge / 2 + (share - 0.5) * unit) for edge, share in zip(size, place, strict=True))
    found = _mean(image, (x - 1, y - 1, x + 2, y + 2))
    assert max(abs(a - b) for a, b in zip(found, color, strict=True)) < 48, (found, color)


@pytest.mark.parametrize("style", ["pixel-art", "line-art", "analog-film", "comic-book", "cinematic", "isometric"])
def test_a_style_shows(style: str) -> None:
    """A style preset changes the image."""
    assert not _same(painter.paint(Prompt("a cat", 1), (64, 64)), painter.paint(Prompt("a cat", 1, style), (64, 64)))


@pytest.mark.parametrize("size", [(640, 256), (64, 64), (128, 1024)])
def test_prompt_seed_and_size_decide_the_image(size: tuple[int, int]) -> None:
    """The same prompt and seed repeat it, another one of either changes it, markers don't."""

    def paint(text: str, seed: int) -> Image.Image:
        return painter.paint(Prompt(text, seed), size)

    long = "a quiet lake, and more words than one line has"
    base = paint(long, 5)
    assert base.size == size
    assert _same(base, paint(f"{long} [[delay=3]]", 5))
    assert not _same(base, paint(long, 6))
    assert not _same(base, paint("a loud lake", 5))


def test_bytes_are_those_of_a_photograph_or_refused() -> None:
    """A megapixel has between 100 KB and 3 MB, transparency is white in a JPEG, and anything else is no image."""
    image = painter.paint(Prompt("a mountain at sunset"), (1024, 1024))
    assert all(100_000 < len(encode(image, file_type)) < 3_000_000 for file_type in ("png", "jpeg", "webp"))
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert decode(encode(clear, "jpeg")).getpixel((0, 0)) == flatten(clear).getpixel((0, 0)) == (255, 255, 255)
    assert from_base64(f"data:image/png;base64,{to_base64(b'x')}") == from_base64(to_base64(b"x")) == b"x"
    for data in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(NotAnImage):
            decode(data)
    with pytest.raises(NotAnImage):
        from_base64("not base64!")


def test_a_removed_background_is_transparent(subject: Image.Image) -> None:
    """The disc is opaque, the ramp behind it transparent, in an upscale as well."""
    alpha = painter.remove_background(subject).getchannel("A")
    assert (alpha.getpixel(DISC), alpha.getpixel(CORNER)) == (255, 0)
    large = painter.upscale(painter.remove_background(subject), (1280, 960))
    assert (large.size, large.getchannel("A").getpixel((20, 20))) == ((1280, 960), 0)
    moved = painter.replace_background(subject, Image.new("RGB", (50, 50), "green"))
    assert (moved.getpixel(DISC), moved.getpixel(CORNER)) == ((200, 30, 40), (0, 128, 0))


def test_words_or_transparency_select_a_region(subject: Image.Image) -> None:
    """A color selects its pixels, `background` the background, other words the subject; a mask wins over alpha."""
    for words, disc in (("the red ball", 255), ("the background", 0), ("the ball", 255)):
        region = painter.region_for(subject, words)
        assert (region.getpixel(DISC), region.getpixel(CORNER)) == (disc, 255 - disc)
    holed = subject.convert("RGBA")
    holed.putalpha(ImageChops.invert(MASK))
    assert painter.mask_for(holed, None).getpixel(DISC) == 255
    assert painter.mask_for(holed, Image.new("L", (10, 10), 0)).getpixel(DISC) == 0
    assert painter.mask_for(subject, MASK, 10).getpixel((88, 120)) == 255


def test_an_edit_stays_inside_its_region(subject: Image.Image) -> None:
    """The region is painted, erased or recolored; the rest keeps its pixels."""
    filled = painter.inpaint(subject, MASK, CAT)
    assert _changed(subject, filled, (110, 70, 210, 170)) > 60
    assert _same(subject.crop((0, 0, 90, 240)), filled.crop((0, 0, 90, 240)))
    balloon = painter.inpaint(subject, MASK, Prompt("a green balloon", 3))
    assert balloon.getpixel((160, 100)) == (0, 128, 0)
    assert min(balloon.getpixel((105, 70))) > 120, "around the subject, the surroundings go on"
    assert min(_mean(painter.erase(subject, MASK), MIDDLE)) > 150
    blue = painter.recolor(subject, painter.region_for(subject, "red ball"), "deep blue")
    assert _mean(blue, MIDDLE)[2] > _mean(blue, MIDDLE)[0] + 50
    assert blue.getpixel(CORNER) == subject.getpixel(CORNER)


@pytest.mark.parametrize("sides", [(40, 0, 0, 0), (10, 20, 30, 50), (0, 700, 0, 0)])
def test_an_outpaint_keeps_the_original(subject: Image.Image, sides: Box) -> None:
    """The canvas grows by exactly the sides, and the new part is not empty."""
    left, right, up, down = sides
    grown = painter.outpaint(subject, sides)
    assert grown.size == (320 + left + right, 240 + up + down)
    assert _same(grown.crop((left, up, left + 320, up + 240)), subject)
    assert min(_mean(grown)) > 60


def test_padding_is_filled_on_request(subject: Image.Image) -> None:
    """An outpaint by instruction fills the flat border and keeps the image inside of it."""
    padded = Image.new("RGB", (520, 240), (127, 127, 127))
    padded.paste(subject, (100, 0))
    filled = painter.edit(Prompt("extend the canvas", 3), [padded], (520, 240))
    assert _same(filled.crop((100, 0, 420, 240)), subject)
    assert _changed(padded, filled, (0, 0, 90, 240)) > 60


@pytest.mark.parametrize("size", [(320, 240), (64, 160), (1000, 999)])
def test_target_sizes_keep_the_aspect_ratio(size: tuple[int, int]) -> None:
    """By area never above it, by long side exactly."""
    image = Image.new("RGB", size)
    width, height = painter.size_of_area(image, 4_194_304)
    assert 4_100_000 < width * height <= 4_194_304
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)
    assert max(painter.size_of_long_side(image, 2048)) == 2048


@pytest.mark.parametrize("instruction", INSTRUCTIONS.split(";"))
def test_an_instruction_changes_the_image(subject: Image.Image, instruction: str) -> None:
    """Each kind of instruction shows, at the requested size."""
    style = Image.radial_gradient("L").convert("RGB")
    edited = painter.edit(Prompt(f"{instruction} [[polls=1]]", 3), [subject, style], (320, 240))
    assert edited.size == (320, 240)
    assert _changed(subject, edited, (0, 0, 320, 240)) > 0.5


def test_parts_of_the_playgrounds_sample_are_found() -> None:
    """The boat, the roof and the lighthouse are selected alone, in any size; in another image the subject is."""
    sample = Image.open(ROOT / "docs/images/guides/sample.webp").convert("RGB").resize((900, 600))
    places = {"the sailing boat": (213, 380), "the roof of the house": (671, 370), "the lighthouse": (585, 330)}
    for words in places:
        region = painter.region_for(sample, words)
        assert {other: region.getpixel(place) for other, place in places.items()} == {
            other: 255 if other == words else 0 for other in places
        }
        assert region.getpixel((450, 250)) == 0  # the sun
    other = ImageOps.mirror(sample)
    assert painter.region_for(other, "the boat").tobytes() == painter.subject_mask(other).tobytes()
