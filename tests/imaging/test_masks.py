"""Masks are read, grown and feathered to the pixel, and composited."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from image_studio.errors import InvalidRequest
from image_studio.imaging.decode import decode
from image_studio.imaging.masks import (
    apply_cutout,
    border_mask,
    composite,
    contrasting_ground,
    feather,
    flatten,
    full_mask,
    grow,
    is_flat,
    keep_transparency,
    mask_of_alpha,
    paste_back,
    read_mask,
    selects_nothing,
)
from tests.imaging.samples import drawn_lines, noise, photo, saved


def dot(side: int = 41) -> Image.Image:
    mask = Image.new("L", (side, side))
    mask.putpixel((side // 2, side // 2), 255)
    return mask


def test_white_changes_and_black_stays() -> None:
    """A drawn mask keeps its levels; JPEG noise near black or white counts as black or white."""
    drawn = Image.frombytes("L", (8, 1), bytes([0, 9, 15, 16, 128, 239, 240, 255])).convert("RGB")
    assert list(read_mask(drawn, 8, 1).tobytes()) == [0, 0, 0, 16, 128, 239, 255, 255]


def test_a_mask_takes_the_images_size() -> None:
    mask = read_mask(Image.new("RGB", (10, 10), "white"), 30, 20)
    assert (mask.size, mask.getextrema()) == ((30, 20), (255, 255))
    canvas = Image.new("RGBA", (4, 4), (255, 255, 255, 0))
    canvas.putpixel((1, 1), (255, 255, 255, 255))
    mask = read_mask(canvas, 4, 4)
    assert (mask.getpixel((1, 1)), mask.getpixel((0, 0))) == (255, 0)


PAINTED = (96, 72, 160, 120)  # of 256 x 192
CLEAR = (0, 0, 0, 0)


def painted(ground: object, paint: object, mode: str = "RGBA") -> Image.Image:
    image = Image.new(mode, (256, 192), ground)  # type: ignore[arg-type]
    image.paste(paint, PAINTED)  # type: ignore[arg-type]
    return image


def soft_brush() -> Image.Image:
    alpha = painted(0, 255, "L").filter(ImageFilter.GaussianBlur(2))
    image = Image.new("RGBA", alpha.size, (0, 120, 255))
    image.putalpha(alpha)
    return image


def with_hole(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.paste(CLEAR, PAINTED)
    return image


def two_brushes() -> Image.Image:
    """A selection in red, finished in pink."""
    image = painted("white", "red", "RGB")
    ImageDraw.Draw(image).rectangle((96, 72, 120, 119), fill=(255, 190, 190))
    return image


def erased_again() -> Image.Image:
    """White over too much, then black over the rest of it."""
    image = Image.new("RGBA", (256, 192), CLEAR)
    image.paste((255, 255, 255, 255), (60, 72, 160, 120))
    image.paste((0, 0, 0, 255), (60, 72, 96, 120))
    return image


@pytest.mark.parametrize(
    "drawn",
    [
        painted(CLEAR, (255, 255, 255, 255)),
        painted(CLEAR, (255, 0, 0, 255)),
        painted(CLEAR, (0, 0, 0, 255)),
        painted(CLEAR, (255, 255, 255, 128)),
        painted(CLEAR, (0, 90, 255, 77)),
        soft_brush(),
        painted((255, 255, 255, 255), CLEAR),
        painted((0, 0, 0, 255), CLEAR),
        painted((20, 20, 20, 150), (0, 0, 0, 0)),
        with_hole(photo(256, 192)),
        painted("white", "red", "RGB"),
        painted("black", (120, 0, 160), "RGB"),
        painted((0, 0, 255), (255, 255, 0), "RGB"),
        two_brushes(),
        erased_again(),
        painted("black", "white", "RGB"),
    ],
)
@pytest.mark.parametrize("file_type", ["PNG", "WEBP"])
def test_what_was_painted_is_what_changes(drawn: Image.Image, file_type: str) -> None:
    """In any color, half transparent or as a hole, as editors and other APIs write masks."""
    mask = read_mask(decode(saved(drawn, file_type)), 512, 384)
    assert mask.size == (512, 384)
    left, top, right, bottom = (2 * side for side in PAINTED)
    assert mask.crop((left + 16, top + 16, right - 16, bottom - 16)).getextrema()[0] > 250
    mask.paste(0, (left - 16, top - 16, right + 16, bottom + 16))
    assert mask.getextrema()[1] == 0


def test_the_painted_part_may_touch_the_border() -> None:
    """A hole less so than strokes: an opaque border could be what was painted."""
    mask = Image.new("RGBA", (100, 100), CLEAR)
    mask.paste((255, 255, 255, 255), (0, 0, 100, 40))
    assert read_mask(mask, 100, 100).getbbox() == (0, 0, 100, 40)
    hole = Image.new("RGBA", (100, 100), "white")
    hole.paste(CLEAR, (40, 60, 60, 100))
    assert read_mask(hole, 100, 100).getbbox() == (40, 60, 60, 100)
    hole.paste(CLEAR, (10, 60, 90, 100))
    with pytest.raises(InvalidRequest, match="The mask is unclear"):
        read_mask(hole, 100, 100)


def flag() -> Image.Image:
    image = Image.new("RGB", (120, 90), "blue")
    image.paste("gold", (40, 0, 80, 90))
    image.paste("green", (80, 0, 120, 90))
    return image


@pytest.mark.parametrize("marked", [photo(120, 90), noise(120, 90), flag()])
def test_a_mask_that_shows_no_ground_is_refused(marked: Image.Image) -> None:
    """A photograph with strokes on it, above all."""
    marked = marked.copy()
    ImageDraw.Draw(marked).rectangle((40, 30, 80, 60), fill="red")
    with pytest.raises(InvalidRequest, match="Paint white what may change, black what must stay"):
        read_mask(marked, 120, 90)


def test_specks_of_color_do_not_turn_a_mask_round() -> None:
    """White changes and black stays, also in a JPEG with a colored speck: this mask keeps its black middle."""
    drawn = painted("white", "black", "RGB")
    drawn.paste("red", (5, 5, 7, 8))
    mask = read_mask(decode(saved(drawn, "JPEG")), *drawn.size)
    assert mask.getpixel((128, 96)) == 0
    assert mask.getpixel((200, 170)) == 255


def test_specks_of_transparency_do_not_either() -> None:
    """One clear pixel in 5,000 is a speck, two are a stroke."""
    drawn = Image.new("RGBA", (100, 50), "black")
    drawn.paste("gray", (20, 20, 40, 40))
    levels = []
    for column in (0, 1):
        drawn.putpixel((column, 0), (0, 0, 0, 0))
        levels.append(read_mask(drawn, 100, 50).getpixel((30, 30)))
    assert levels == [128, 0]


def test_transparency_is_a_mask_of_its_own() -> None:
    """What is transparent in an image is what may change; an opaque image has no such mask."""
    image = Image.new("RGBA", (3, 1), (10, 20, 30, 255))
    image.putpixel((2, 0), (10, 20, 30, 0))
    mask = mask_of_alpha(image)
    assert mask is not None
    assert list(mask.tobytes()) == [0, 0, 255]
    assert mask_of_alpha(image.convert("RGB")) is None
    assert mask_of_alpha(Image.new("RGBA", (3, 1), (1, 2, 3, 250))) is None


@pytest.mark.parametrize("pixels", [0, 1, 2, 3, 4, 5, 9, 12, 17])
def test_growth_is_exact(pixels: int) -> None:
    middle = 20
    box = (middle - pixels, middle - pixels, middle + pixels + 1, middle + pixels + 1)
    grown = grow(dot(), pixels)
    assert grown.getbbox() == box
    assert grown.crop(box).getextrema() == (255, 255)


def test_growth_stops_at_the_edge() -> None:
    """Nothing comes in again from the other side, even where the mask outgrows the image."""
    mask = Image.new("L", (20, 10))
    mask.putpixel((0, 0), 255)
    assert grow(mask, 4).crop((0, 0, 5, 5)).getextrema() == (255, 255)
    assert grow(mask, 4).getbbox() == (0, 0, 5, 5)
    assert grow(mask, 100).getextrema() == (255, 255)


SQUARE = (30, 30, 50, 50)


def square() -> Image.Image:
    mask = Image.new("L", (80, 80))
    mask.paste(255, SQUARE)
    return mask


@pytest.mark.parametrize(
    ("pixels", "levels"),
    [(0, [255, 0]), (1, [255, 191, 0]), (4, [255, 204, 153, 102, 51, 0]), (5, [255, 234, 191, 149, 106, 64, 0])],
)
def test_a_feather_falls_evenly(pixels: int, levels: list[int]) -> None:
    """Full strength on the mask, down from its last pixel, exactly black beyond its growth."""
    soft = feather(square(), pixels)
    assert soft.crop(SQUARE).getextrema() == (255, 255)
    assert [soft.getpixel((49 + step, 40)) for step in range(len(levels))] == levels
    assert soft.getbbox() == (30 - pixels, 30 - pixels, 50 + pixels, 50 + pixels)


def test_borders_and_emptiness() -> None:
    mask = border_mask(10, 8, (2, 1, 7, 5))
    assert mask.crop((2, 1, 7, 5)).getextrema() == (0, 0)
    assert mask.getpixel((1, 1)) == mask.getpixel((7, 5)) == 255
    assert not selects_nothing(mask)
    assert selects_nothing(Image.new("L", (3, 3)))
    assert not selects_nothing(full_mask(3, 3))


def ramp(mode: str = "RGB") -> Image.Image:
    one = Image.linear_gradient("L")
    three = Image.merge("RGB", (one, one.rotate(90), one.rotate(180)))
    if mode == "RGBA":
        three.putalpha(one.rotate(270))
    return three


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_black_keeps_and_white_takes(mode: str) -> None:
    """Where the mask is black are the original's colors and transparency; what is painted is opaque."""
    mask = Image.new("L", (256, 256))
    mask.paste(255, (0, 0, 100, 256))
    new = Image.new("RGB", (256, 256), "lime")
    whole = composite(ramp(mode), new, mask)
    assert whole.crop((100, 0, 256, 256)).tobytes() == ramp(mode).crop((100, 0, 256, 256)).tobytes()
    assert whole.crop((0, 0, 100, 256)).tobytes() == new.convert(mode).crop((0, 0, 100, 256)).tobytes()


def test_a_transparent_result_does_not_make_holes() -> None:
    whole = composite(ramp(), Image.new("RGBA", (256, 256), (0, 0, 0, 0)), Image.new("L", (256, 256), 255))
    assert whole.mode == "RGB"
    assert whole.getpixel((3, 3)) == (255, 255, 255)


def test_what_is_opaque_is_the_originals() -> None:
    """Though the model got a lossy copy. Half clear edges keep the model's colors, cleaned of the background."""
    cut = ramp().point(lambda level: level ^ 3).convert("RGBA")
    cut.paste((0, 0, 0, 0), (0, 0, 50, 256))
    whole = apply_cutout(ramp(), cut)
    assert whole.convert("RGB").crop((50, 0, 256, 256)).tobytes() == ramp().crop((50, 0, 256, 256)).tobytes()
    cut = Image.new("RGBA", (256, 256), (9, 8, 7, 100))
    assert apply_cutout(ramp(), cut).getpixel((4, 4)) == (9, 8, 7, 100)


def test_a_scaled_cut_lends_its_transparency_only() -> None:
    """The original's colors at its own size, the transparency scaled up to it."""
    cut = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    cut.paste((1, 2, 3, 255), (0, 0, 64, 128))
    whole = apply_cutout(ramp(), cut)
    assert whole.convert("RGB").tobytes() == ramp().tobytes()
    assert whole.getpixel((10, 10))[3] == 255  # type: ignore[index]
    assert whole.getpixel((250, 10))[3] == 0  # type: ignore[index]


def test_what_was_transparent_before_stays_so() -> None:
    """A cut-out of a cut-out doesn't bring its background back. Without any transparency there is an alpha channel."""
    whole = apply_cutout(ramp("RGBA"), Image.new("RGBA", (256, 256), (0, 0, 0, 255)))
    assert whole.getchannel("A").tobytes() == ramp("RGBA").getchannel("A").tobytes()
    assert apply_cutout(ramp(), ramp()).getchannel("A").getextrema() == (255, 255)


def test_the_original_lies_on_the_canvas_to_the_bit() -> None:
    """The canvas isn't changed, the original is in the new image, with its transparency."""
    canvas = Image.new("RGB", (300, 280), "red")
    for mode in ("RGB", "RGBA"):
        whole = paste_back(canvas, ramp(mode), 20, 10)
        assert whole.crop((20, 10, 276, 266)).tobytes() == ramp(mode).tobytes()
        assert whole.getpixel((0, 0))[:3] == (255, 0, 0)  # type: ignore[index]
    assert canvas.getcolors() == [(300 * 280, (255, 0, 0))]


def test_transparency_is_scaled_along() -> None:
    """An enlarged image gets the original's transparency; an opaque one stays as it is."""
    large = ramp().resize((512, 512))
    assert keep_transparency(large, ramp()) is large
    whole = keep_transparency(large, ramp("RGBA"))
    assert whole.size == (512, 512)
    assert whole.getchannel("A").resize((256, 256)).getextrema()[0] < 5


def two_colors() -> Image.Image:
    """A logo of a black ring around white words."""
    image = drawn_lines("black")
    return Image.alpha_composite(image, drawn_lines("white").resize((200, 200)).crop((-100, -100, 300, 300)))


def cut_out() -> Image.Image:
    """A product with highlights, cut out of its photograph."""
    image = photo(400, 400).convert("RGBA")
    alpha = Image.new("L", image.size)
    ImageDraw.Draw(alpha).ellipse((60, 60, 340, 340), fill=255)
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize(
    ("image", "ground"),
    [
        (drawn_lines("white"), "black"),
        (drawn_lines("#ffee33"), "black"),
        (drawn_lines("#e8e8e8", size=3000, width=40), "black"),
        (drawn_lines("black"), "white"),
        (drawn_lines("crimson"), "white"),
        (drawn_lines("gray"), "white"),
        (two_colors(), "gray"),
        (cut_out(), "white"),
        (Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "white"),
        (photo(40, 30), "white"),
    ],
)
def test_an_image_stands_out_from_its_ground(image: Image.Image, ground: str) -> None:
    """White as everybody expects, unless the outline would vanish on it."""
    assert contrasting_ground(image) == ground
    if image.getextrema()[-1] != (0, 0):
        assert not is_flat(image)


@pytest.mark.parametrize("color", ["white", "black", "#3366cc"])
@pytest.mark.parametrize("size", [200, 100, 400])
def test_edges_have_no_fringe_of_the_ground(color: str, size: int) -> None:
    """A half transparent edge has the color of its line, whatever ground the model saw it on."""
    original = drawn_lines(color, 800).resize((200, 200), Image.Resampling.BOX)
    result = flatten(original).resize((size, size), Image.Resampling.BICUBIC)
    made = keep_transparency(result, original)
    expected = Image.new("RGB", made.size, color)
    seen = made.getchannel("A").point(lambda level: 255 if level > 80 else 0)
    bands = zip(made.convert("RGB").split(), expected.split(), strict=True)
    assert max(ImageChops.difference(one, other).histogram(seen)[60:] for one, other in bands) == [0] * 196
