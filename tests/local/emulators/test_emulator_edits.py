"""Edits that a person can see: what changes, and what stays."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from local.emulators.cutout import region_for, subject_mask
from local.emulators.enlarging import enlarge, reimagine, size_of_area, size_of_long_side
from local.emulators.instruct import follow
from local.emulators.painting import Order
from local.emulators.restyling import color_in, in_style_of, keep_structure, transfer, with_palette
from local.emulators.retouching import (
    cut_out,
    erase,
    extend,
    fill,
    light_from,
    light_like,
    mask_for,
    on_background,
    recolor,
    replace,
)

DISC = (160, 120)
CORNER = (5, 5)
RED = (200, 30, 40)


def _order(prompt: str = "a cat", size: tuple[int, int] = (320, 240)) -> Order:
    return Order(prompt, size, 3)


def _mean(image: Image.Image, box: tuple[int, int, int, int] | None = None) -> list[float]:
    return ImageStat.Stat(image.crop(box) if box else image).mean


def _changed(before: Image.Image, after: Image.Image, box: tuple[int, int, int, int]) -> float:
    return sum(_mean(ImageChops.difference(before.crop(box), after.crop(box))))


def _disc_mask() -> Image.Image:
    mask = Image.new("L", (320, 240))
    ImageDraw.Draw(mask).ellipse((95, 55, 225, 185), fill=255)
    return mask


def test_a_background_is_cut_away(subject: Image.Image) -> None:
    """The disc is opaque, the ramp behind it transparent, a ring's hole stays."""
    alpha = cut_out(subject).getchannel("A")
    assert (alpha.getpixel(DISC), alpha.getpixel(CORNER)) == (255, 0)
    covered = alpha.histogram()[255] / (320 * 240)
    assert 0.1 < covered < 0.2


def test_a_flat_image_has_an_oval_subject() -> None:
    """Something is always found."""
    alpha = subject_mask(Image.new("RGB", (100, 80), "blue"))
    assert (alpha.getpixel((50, 40)), alpha.getpixel((2, 2))) == (255, 0)


def test_words_choose_the_region(subject: Image.Image) -> None:
    """By color, the background by its name, else the subject."""
    red, back, thing = (region_for(subject, words) for words in ("the red ball", "the background", "the ball"))
    assert [mask.getpixel(DISC) for mask in (red, back, thing)] == [255, 0, 255]
    assert [mask.getpixel(CORNER) for mask in (red, back, thing)] == [0, 255, 0]


def test_a_fill_stays_inside_its_mask(subject: Image.Image) -> None:
    """The masked region is painted anew, the rest is the input's pixels."""
    filled = fill(subject, _disc_mask(), _order())
    assert _changed(subject, filled, (110, 70, 210, 170)) > 60
    assert ImageChops.difference(subject.crop((0, 0, 90, 240)), filled.crop((0, 0, 90, 240))).getbbox() is None


def test_an_erased_thing_is_gone(subject: Image.Image) -> None:
    """The place of the disc looks like its surroundings."""
    red, green, blue = erase(subject, _disc_mask()).getpixel(DISC)  # type: ignore[misc]
    assert min(red, green, blue) > 150


def test_a_mask_may_come_as_transparency(subject: Image.Image) -> None:
    """Transparent pixels are the region; an explicit mask wins and is brought to the image's size."""
    holed = subject.convert("RGBA")
    holed.putalpha(ImageChops.invert(_disc_mask()))
    assert mask_for(holed, None).getpixel(DISC) == 255
    assert mask_for(holed, Image.new("L", (10, 10), 0)).getpixel(DISC) == 0
    assert mask_for(subject, _disc_mask(), 10).getpixel((88, 120)) == 255


@pytest.mark.parametrize("sides", [(40, 0, 0, 0), (10, 20, 30, 50), (0, 700, 0, 0), (0, 0, 500, 0)])
def test_a_canvas_grows_by_exactly_its_sides(subject: Image.Image, sides: tuple[int, int, int, int]) -> None:
    """The original stays bit by bit, the new part isn't empty."""
    left, right, up, down = sides
    grown = extend(subject, sides)
    assert grown.size == (320 + left + right, 240 + up + down)
    kept = grown.crop((left, up, left + 320, up + 240))
    assert ImageChops.difference(kept, subject).getbbox() is None
    assert min(_mean(grown)) > 60


def test_a_search_replaces_what_it_finds(subject: Image.Image) -> None:
    """The red disc gives way; the corner stays."""
    replaced = replace(subject, "red ball", _order("a green cup"))
    assert _changed(subject, replaced, (120, 80, 200, 160)) > 60
    assert replaced.getpixel(CORNER) == subject.getpixel(CORNER)


def test_a_recolor_changes_the_hue_only_there(subject: Image.Image) -> None:
    """Red becomes blue."""
    blue = recolor(subject, "red ball", "deep blue")
    red_, _, blue_ = blue.getpixel(DISC)  # type: ignore[misc]
    assert blue_ > red_ + 50
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
def test_light_comes_from_its_side(
    direction: str, bright: tuple[int, int, int, int], dark: tuple[int, int, int, int]
) -> None:
    """Brighter towards the light, darker away from it."""
    lit = light_from(Image.new("RGB", (320, 240), (120, 120, 120)), direction, 0.5)
    assert _mean(lit, bright)[0] > 120 > _mean(lit, dark)[0]


def test_light_follows_a_reference() -> None:
    """From the reference's brighter side."""
    reference = Image.linear_gradient("L").rotate(90).convert("RGB")
    lit = light_like(Image.new("RGB", (320, 240), (120, 120, 120)), reference, 0.5)
    assert _mean(lit, (280, 0, 320, 240))[0] > _mean(lit, (0, 0, 40, 240))[0]


def test_a_subject_moves_to_another_background(subject: Image.Image) -> None:
    """The disc stays, what is behind it changes."""
    moved = on_background(subject, Image.new("RGB", (50, 50), "green"))
    assert (moved.getpixel(DISC), moved.getpixel(CORNER)) == (RED, (0, 128, 0))


def test_a_sketch_is_colored_in_along_its_lines() -> None:
    """Lines stay dark, the inside gets another color than the outside, white paper is gone."""
    sketch = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(sketch).rectangle((60, 60, 190, 190), outline="black", width=6)
    image = color_in(sketch, _order("a house", (256, 256)), 0.9)
    assert max(image.getpixel((62, 120))) < 90  # type: ignore[arg-type]
    assert _changed(sketch, image, (80, 80, 170, 170)) > 60
    inside, outside = _mean(image, (80, 80, 170, 170)), _mean(image, (0, 0, 50, 50))
    assert sum(abs(a - b) for a, b in zip(inside, outside, strict=True)) > 30


def test_a_structure_keeps_its_edges(subject: Image.Image) -> None:
    """The disc's rim can still be told, its colors can't."""
    kept = keep_structure(subject, _order("ocean at night"), 0.8)
    assert _changed(subject, kept, (0, 0, 320, 240)) > 60
    disc, rim = _mean(kept, (140, 100, 180, 140)), _mean(kept, (10, 100, 50, 140))
    assert sum(abs(a - b) for a, b in zip(disc, rim, strict=True)) > 20


def test_a_style_lends_its_palette() -> None:
    """A green reference makes a green image, the more with more fidelity."""
    green = Image.merge("RGB", [Image.linear_gradient("L").point(lambda v, k=k: v * k // 4) for k in (1, 4, 1)])
    greens = []
    for fidelity in (0.0, 1.0):
        red, green_, blue = _mean(in_style_of(_order("a red car"), green, fidelity))
        greens.append(green_ - (red + blue) / 2)
    assert greens[1] > max(greens[0], 20)
    matched = _mean(with_palette(Image.linear_gradient("L").convert("RGB"), green))
    assert [round(a) for a in matched] == pytest.approx([round(a) for a in _mean(green)], abs=4)


def test_a_style_transfer_keeps_the_composition(subject: Image.Image) -> None:
    """Strength 0 leaves the image, 1 changes it; the disc stays where it is."""
    style = Image.radial_gradient("L").convert("RGB")
    assert ImageChops.difference(transfer(subject, style, 0.0, 0.9), subject).getbbox() is None
    moved = transfer(subject, style, 1.0, 1.0)
    assert _changed(subject, moved, (0, 0, 320, 240)) > 40
    assert sum(_mean(moved, (150, 110, 170, 130))) < sum(_mean(moved, (60, 110, 80, 130)))


def test_an_enlargement_is_exact_and_keeps_alpha(subject: Image.Image) -> None:
    """Any size; transparency survives."""
    large = enlarge(cut_out(subject), (1280, 960))
    assert (large.size, large.mode) == ((1280, 960), "RGBA")
    assert large.getpixel((20, 20))[3] == 0  # type: ignore[index]
    assert reimagine(subject, (640, 480), 1, 0.5).size == (640, 480)


@pytest.mark.parametrize("size", [(320, 240), (64, 160), (1000, 999)])
def test_target_sizes_keep_the_aspect(size: tuple[int, int]) -> None:
    """By area never above it, by long side exactly."""
    image = Image.new("RGB", size)
    width, height = size_of_area(image, 4_194_304)
    assert 4_100_000 < width * height <= 4_194_304
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)
    assert max(size_of_long_side(image, 2048)) == 2048


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
        "turn this sketch into an image",
        "keep the structure, at night",
        "a winter morning",
        "upscale to a higher resolution",
    ],
)
def test_an_instruction_is_followed_visibly(subject: Image.Image, instruction: str) -> None:
    """Each kind of sentence changes the image, at the size asked for."""
    style = Image.radial_gradient("L").convert("RGB")
    edited = follow(_order(f"{instruction} [[polls=1]]", (640, 480)), [subject, style])
    assert edited.size == (640, 480)
    assert _changed(subject.resize((640, 480)), edited, (0, 0, 640, 480)) > 0.5


def test_padding_is_filled_on_request(subject: Image.Image) -> None:
    """A flat border around an image is what an outpaint by instruction fills."""
    padded = Image.new("RGB", (520, 240), (127, 127, 127))
    padded.paste(subject, (100, 0))
    filled = follow(_order("extend the canvas", (520, 240)), [padded])
    assert ImageChops.difference(filled.crop((100, 0, 420, 240)), subject).getbbox() is None
    assert _changed(padded, filled, (0, 0, 90, 240)) > 60
