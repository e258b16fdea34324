"""What must stay stays to the bit."""

from PIL import Image

from image_studio.imaging.masks import apply_cutout, composite, keep_transparency, paste_back


def ramp(mode: str = "RGB") -> Image.Image:
    """Every pixel differs from its neighbors."""
    one = Image.linear_gradient("L")
    three = Image.merge("RGB", (one, one.rotate(90), one.rotate(180)))
    if mode == "RGBA":
        three.putalpha(one.rotate(270))
    return three


def test_black_keeps_and_white_takes() -> None:
    """Where the mask is black the original's pixels are there, where it is white the new ones."""
    mask = Image.new("L", (256, 256))
    mask.paste(255, (0, 0, 100, 256))
    new = Image.new("RGB", (256, 256), "lime")
    whole = composite(ramp(), new, mask)
    assert whole.crop((100, 0, 256, 256)).tobytes() == ramp().crop((100, 0, 256, 256)).tobytes()
    assert whole.crop((0, 0, 100, 256)).tobytes() == new.crop((0, 0, 100, 256)).tobytes()


def test_transparency_outside_the_mask_stays() -> None:
    """An RGBA original keeps its alpha where it isn't changed; what is painted is opaque."""
    mask = Image.new("L", (256, 256))
    mask.paste(255, (0, 0, 100, 256))
    whole = composite(ramp("RGBA"), Image.new("RGB", (256, 256), "lime"), mask)
    assert whole.crop((100, 0, 256, 256)).tobytes() == ramp("RGBA").crop((100, 0, 256, 256)).tobytes()
    assert whole.getpixel((5, 5)) == (0, 255, 0, 255)


def test_a_transparent_result_does_not_make_holes() -> None:
    """A model's transparency is flattened where it paints into an opaque image."""
    whole = composite(ramp(), Image.new("RGBA", (256, 256), (0, 0, 0, 0)), Image.new("L", (256, 256), 255))
    assert whole.mode == "RGB"
    assert whole.getpixel((3, 3)) == (255, 255, 255)


def test_what_is_opaque_is_the_originals() -> None:
    """Though the model got a lossy copy."""
    cut = ramp().point(lambda level: level ^ 3).convert("RGBA")
    cut.paste((0, 0, 0, 0), (0, 0, 50, 256))
    whole = apply_cutout(ramp(), cut)
    assert whole.convert("RGB").crop((50, 0, 256, 256)).tobytes() == ramp().crop((50, 0, 256, 256)).tobytes()


def test_a_cut_of_the_same_size_keeps_the_models_colors_at_its_edges() -> None:
    """The provider may have cleaned them of the background."""
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
    """A cut-out of a cut-out doesn't bring its background back."""
    whole = apply_cutout(ramp("RGBA"), Image.new("RGBA", (256, 256), (0, 0, 0, 255)))
    assert whole.getchannel("A").tobytes() == ramp("RGBA").getchannel("A").tobytes()


def test_an_opaque_result_is_all_subject() -> None:
    """Without any transparency in the result, there is still an alpha channel."""
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
