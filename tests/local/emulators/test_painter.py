"""What the painter paints, and what each edit changes and keeps."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from local.emulators import painter
from local.emulators.image_files import NotAnImage, decode, encode, flatten, from_base64, to_base64
from local.emulators.painter import Prompt

DISC, CORNER = (160, 120), (5, 5)
WHOLE = (0, 0, 320, 240)
CAT = Prompt("a cat", 3)
Box = tuple[int, int, int, int]


def _mean(image: Image.Image, box: Box | None = None) -> list[float]:
    return ImageStat.Stat(image.crop(box) if box else image).mean


def _changed(before: Image.Image, after: Image.Image, box: Box = WHOLE) -> float:
    return sum(_mean(ImageChops.difference(before.crop(box), after.crop(box))))


def _same(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is None


@pytest.fixture
def mask() -> Image.Image:
    """A white disc on black, a little larger than the subject's."""
    image = Image.new("L", (320, 240))
    ImageDraw.Draw(image).ellipse((95, 55, 225, 185), fill=255)
    return image


@pytest.mark.parametrize("size", [(1536, 640), (256, 1536), (64, 64), (384, 3072)])
def test_a_painted_image_has_the_size_asked_for(size: tuple[int, int]) -> None:
    """A long prompt on a narrow image changes nothing about that."""
    assert painter.paint(Prompt("a long prompt that needs several lines " * 6), size).size == size


def test_prompt_and_seed_decide_the_image() -> None:
    """The same prompt and seed repeat it, another one of either changes it, markers don't."""

    def paint(text: str, seed: int) -> Image.Image:
        return painter.paint(Prompt(text, seed), (128, 128))

    base = paint("a quiet lake", 5)
    assert _same(base, paint("a quiet lake", 5))
    assert _same(base, paint("a quiet lake [[delay=3]]", 5))
    assert not _same(base, paint("a quiet lake", 6))
    assert not _same(base, paint("a loud lake", 5))


def test_the_prompt_is_the_caption() -> None:
    """The foot of the image has white letters."""
    foot = painter.paint(Prompt("Hello world"), (512, 512)).convert("L").crop((0, 430, 512, 512))
    assert sum(foot.histogram()[235:]) > 300


def test_colors_subjects_and_styles_show() -> None:
    """A red car is red; each subject is drawn in its own way, and the caption names the style."""
    car = painter.paint_scene(Prompt("a red car"), (400, 400))
    red, green, blue = car.split()
    vivid = ImageChops.subtract(red, ImageChops.lighter(green, blue)).point(lambda value: 255 if value > 150 else 0)
    assert vivid.histogram()[255] > 400 * 400 * 0.04
    prompts = [Prompt(word, 3) for word in ("mountain", "city", "sea", "tree", "cup", "car", "cat", "person")]
    prompts.append(Prompt("city", 3, "line-art"))
    assert len({painter.paint(each, (96, 96)).tobytes() for each in prompts}) == len(prompts)


@pytest.mark.parametrize("file_type", ["png", "jpeg", "webp"])
def test_a_file_is_as_large_as_a_photograph(file_type: str) -> None:
    """A megapixel has between 100 KB and 3 MB."""
    data = encode(painter.paint(Prompt("a mountain at sunset"), (1024, 1024)), file_type)
    assert 100_000 < len(data) < 3_000_000
    assert decode(data).size == (1024, 1024)


def test_transparency_is_white_in_a_jpeg() -> None:
    """Formats without alpha show white behind the image."""
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert decode(encode(clear, "jpeg")).getpixel((0, 0)) == flatten(clear).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_image_are_refused(data: bytes) -> None:
    """Empty, of another type, or cut off."""
    with pytest.raises(NotAnImage):
        decode(data)


def test_base64_is_read_with_and_without_a_prefix() -> None:
    """A data URI or the bare text is accepted, and nothing else."""
    assert from_base64(f"data:image/png;base64,{to_base64(b'x')}") == from_base64(to_base64(b"x")) == b"x"
    with pytest.raises(NotAnImage):
        from_base64("not base64!")


def test_a_removed_background_is_transparent(subject: Image.Image) -> None:
    """The disc is opaque, the ramp behind it transparent."""
    alpha = painter.remove_background(subject).getchannel("A")
    assert (alpha.getpixel(DISC), alpha.getpixel(CORNER)) == (255, 0)
    assert 0.1 < alpha.histogram()[255] / (320 * 240) < 0.2


def test_a_flat_image_has_an_oval_subject() -> None:
    """The middle is the subject of an image without edges."""
    mask = painter.subject_mask(Image.new("RGB", (100, 80), "blue"))
    assert (mask.getpixel((50, 40)), mask.getpixel((2, 2))) == (255, 0)


@pytest.mark.parametrize(
    ("words", "disc", "corner"), [("the red ball", 255, 0), ("the background", 0, 255), ("the ball", 255, 0)]
)
def test_words_select_a_region(subject: Image.Image, words: str, disc: int, corner: int) -> None:
    """A color selects its pixels, `background` the background, everything else the subject."""
    region = painter.region_for(subject, words)
    assert (region.getpixel(DISC), region.getpixel(CORNER)) == (disc, corner)


def test_a_mask_may_come_as_transparency(subject: Image.Image, mask: Image.Image) -> None:
    """Transparent pixels are the region; a mask of any size wins over them; either can be grown."""
    holed = subject.convert("RGBA")
    holed.putalpha(ImageChops.invert(mask))
    assert painter.mask_for(holed, None).getpixel(DISC) == 255
    assert painter.mask_for(holed, Image.new("L", (10, 10), 0)).getpixel(DISC) == 0
    assert painter.mask_for(subject, mask, 10).getpixel((88, 120)) == 255


def test_an_inpaint_stays_inside_its_mask(subject: Image.Image, mask: Image.Image) -> None:
    """The region is painted anew, the rest keeps its pixels."""
    filled = painter.inpaint(subject, mask, CAT)
    assert _changed(subject, filled, (110, 70, 210, 170)) > 60
    assert _same(subject.crop((0, 0, 90, 240)), filled.crop((0, 0, 90, 240)))


def test_an_erased_subject_is_gone(subject: Image.Image, mask: Image.Image) -> None:
    """The place of the disc has the colors of its surroundings."""
    assert min(_mean(painter.erase(subject, mask), (150, 110, 170, 130))) > 150


@pytest.mark.parametrize("sides", [(40, 0, 0, 0), (10, 20, 30, 50), (0, 700, 0, 0)])
def test_an_outpaint_keeps_the_original(subject: Image.Image, sides: tuple[int, int, int, int]) -> None:
    """The canvas grows by exactly the sides, and the new part is not empty."""
    left, right, up, down = sides
    grown = painter.outpaint(subject, sides)
    assert grown.size == (320 + left + right, 240 + up + down)
    assert _same(grown.crop((left, up, left + 320, up + 240)), subject)
    assert min(_mean(grown)) > 60


def test_a_recolor_changes_the_region_only(subject: Image.Image) -> None:
    """The red disc becomes blue, the corner stays."""
    blue = painter.recolor(subject, painter.region_for(subject, "red ball"), "deep blue")
    disc = _mean(blue, (150, 110, 170, 130))
    assert disc[2] > disc[0] + 50
    assert blue.getpixel(CORNER) == subject.getpixel(CORNER)


@pytest.mark.parametrize(
    ("direction", "bright", "dark"),
    [
        ("left", (0, 0, 40, 240), (280, 0, 320, 240)),
        ("right", (280, 0, 320, 240), (0, 0, 40, 240)),
        ("above", (0, 0, 320, 40), (0, 200, 320, 240)),
        ("below", (0, 200, 320, 240), (0, 0, 320, 40)),
    ],
)
def test_light_comes_from_its_side(direction: str, bright: Box, dark: Box) -> None:
    """By a direction, or by the brighter side of another image."""
    gray, like = Image.new("RGB", (320, 240), (120, 120, 120)), Image.new("RGB", (320, 240))
    like.paste((255, 255, 255), bright)
    for lit in (painter.relight(gray, direction, 0.5), painter.relight(gray, "", 0.5, like)):
        assert _mean(lit, bright)[0] > 120 > _mean(lit, dark)[0]


def test_a_subject_moves_to_another_background(subject: Image.Image) -> None:
    """The disc stays, the corner shows the new background."""
    moved = painter.replace_background(subject, Image.new("RGB", (50, 50), "green"))
    assert (moved.getpixel(DISC), moved.getpixel(CORNER)) == ((200, 30, 40), (0, 128, 0))


def test_a_sketch_is_colored_along_its_lines() -> None:
    """Lines stay dark; the inside gets another color than the outside."""
    sketch = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(sketch).rectangle((60, 60, 190, 190), outline="black", width=6)
    image = painter.color_sketch(sketch, Prompt("a house", 3), 0.9)
    assert max(_mean(image, (61, 100, 65, 140))) < 90
    inside, outside = _mean(image, (80, 80, 170, 170)), _mean(image, (0, 0, 50, 50))
    assert sum(abs(a - b) for a, b in zip(inside, outside, strict=True)) > 30


def test_a_structure_keeps_its_shapes(subject: Image.Image) -> None:
    """The disc can still be seen, its colors are new."""
    kept = painter.keep_structure(subject, Prompt("ocean at night", 3), 0.8)
    assert _changed(subject, kept) > 60
    disc, beside = _mean(kept, (140, 100, 180, 140)), _mean(kept, (10, 100, 50, 140))
    assert sum(abs(a - b) for a, b in zip(disc, beside, strict=True)) > 20


def test_a_style_reference_gives_its_colors() -> None:
    """A green reference makes a green image, the more so with more fidelity."""
    green = Image.merge("RGB", [Image.linear_gradient("L").point(lambda v, k=k: v * k // 4) for k in (1, 4, 1)])
    greens = []
    for fidelity in (0.0, 1.0):
        red, middle, blue = _mean(painter.paint_in_style(Prompt("a red car", 3), (320, 240), green, fidelity))
        greens.append(middle - (red + blue) / 2)
    assert greens[1] > max(greens[0], 20)


def test_a_style_transfer_keeps_the_composition(subject: Image.Image) -> None:
    """Strength 0 changes nothing; at 1 the disc is still darker than what is beside it."""
    style = Image.radial_gradient("L").convert("RGB")
    assert _same(painter.transfer_style(subject, style, 0.0, 0.9), subject)
    moved = painter.transfer_style(subject, style, 1.0, 1.0)
    assert _changed(subject, moved) > 40
    assert sum(_mean(moved, (150, 110, 170, 130))) < sum(_mean(moved, (60, 110, 80, 130)))


def test_an_upscale_is_exact_and_keeps_alpha(subject: Image.Image) -> None:
    """Transparent corners stay transparent."""
    large = painter.upscale(painter.remove_background(subject), (1280, 960))
    assert (large.size, large.getchannel("A").getpixel((20, 20))) == ((1280, 960), 0)


@pytest.mark.parametrize("size", [(320, 240), (64, 160), (1000, 999)])
def test_target_sizes_keep_the_aspect_ratio(size: tuple[int, int]) -> None:
    """By area never above it, by long side exactly."""
    image = Image.new("RGB", size)
    width, height = painter.size_of_area(image, 4_194_304)
    assert 4_100_000 < width * height <= 4_194_304
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)
    assert max(painter.size_of_long_side(image, 2048)) == 2048


@pytest.mark.parametrize(
    "instruction",
    [
        "make the ball blue",
        "change the red ball to a green one",
        "replace the red ball with a cup",
        "remove the red ball",
        "put it on a beach background",
        "white background",
        "light from the left",
        "in the style of the second image",
        "turn this sketch into a painting",
        "keep the structure, at night",
        "a winter morning",
        "upscale to a higher resolution",
    ],
)
def test_an_instruction_changes_the_image(subject: Image.Image, instruction: str) -> None:
    """Each kind of instruction shows, at the size asked for."""
    style = Image.radial_gradient("L").convert("RGB")
    edited = painter.edit(Prompt(f"{instruction} [[polls=1]]", 3), [subject, style], (640, 480))
    assert edited.size == (640, 480)
    assert _changed(subject.resize((640, 480)), edited, (0, 0, 640, 480)) > 0.5


def test_padding_is_filled_on_request(subject: Image.Image) -> None:
    """An outpaint by instruction fills the flat border and keeps the image inside of it."""
    padded = Image.new("RGB", (520, 240), (127, 127, 127))
    padded.paste(subject, (100, 0))
    filled = painter.edit(Prompt("extend the canvas", 3), [padded], (520, 240))
    assert _same(filled.crop((100, 0, 420, 240)), subject)
    assert _changed(padded, filled, (0, 0, 90, 240)) > 60
