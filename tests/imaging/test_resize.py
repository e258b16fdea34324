"""Scaling and fitting."""

import pytest
from PIL import Image

from image_studio.imaging.canvas import edge_color, extend_canvas, flatten
from image_studio.imaging.geometry import BLUR, fit_inside, scale
from tests.imaging.drawn import CORNERS, four_corners, photo, see_through

SIZES = [(1080, 1080), (1080, 1350), (1080, 1920), (1200, 628), (1500, 500), (1128, 191), (820, 312), (2560, 1440)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", [(1200, 900), (900, 1200), (3000, 400)])
def test_fit_keeps_all_four_corners(size: tuple[int, int], source: tuple[int, int]) -> None:
    """The size is exact and the image's colored corners are all there."""
    made = fit_inside(four_corners(*source, patch=100), *size, background="black")
    assert made.size == size
    factor = min(size[0] / source[0], size[1] / source[1])
    width, height = round(source[0] * factor), round(source[1] * factor)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    inset = max(1, round(50 * factor))
    points = [(left + inset, top + inset), (left + width - 1 - inset, top + inset)]
    points += [(x, top + height - 1 - inset) for x, _ in points]
    for point, color in zip(points, CORNERS, strict=True):
        assert all(abs(a - b) < 30 for a, b in zip(made.getpixel(point), color, strict=True))


def test_padding_takes_the_color_of_the_edges() -> None:
    """An image on white stays on white."""
    image = Image.new("RGB", (100, 100), "white")
    image.paste("red", (20, 20, 80, 80))
    assert fit_inside(image, 300, 100).getpixel((5, 50)) == (255, 255, 255)
    assert edge_color(Image.new("RGBA", (9, 9), (1, 2, 3, 40)), sides=False) == (255, 255, 255, 0)


def test_padding_takes_a_color_or_a_blur() -> None:
    """What was asked for is behind the image."""
    image = photo(100, 100)
    assert fit_inside(image, 300, 100, "#0000ff").getpixel((5, 50)) == (0, 0, 255)
    blurred = fit_inside(image, 300, 100, BLUR)
    assert len(set(blurred.crop((0, 0, 90, 100)).tobytes())) > 10
    assert blurred.crop((100, 0, 200, 100)).tobytes() == image.tobytes()


def test_a_transparent_image_stays_transparent_in_its_frame() -> None:
    """On edges that can be seen through the padding is clear; on a color it is flat."""
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (30, 30, 70, 70))
    assert fit_inside(clear, 300, 100).getpixel((5, 50))[3] == 0
    flat = fit_inside(clear, 300, 100, "lime")
    assert (flat.mode, flat.getpixel((105, 5)), flat.getpixel((150, 50))) == ("RGB", (0, 255, 0), (255, 0, 0))


def test_a_image_of_the_right_ratio_needs_no_padding() -> None:
    """It is scaled, up or down."""
    assert fit_inside(photo(100, 50), 400, 200, "red").getpixel((1, 1)) != (255, 0, 0)


def test_scaling_is_exact() -> None:
    """Any size, in either direction."""
    assert scale(photo(100, 50), 7, 900).size == (7, 900)


def test_the_canvas_grows_by_exactly_what_was_asked() -> None:
    """The image lies inside, to the bit; a clear fill brings transparency."""
    image = photo(30, 20)
    wide = extend_canvas(image, 1, 2, 3, 4, fill="red")
    assert (wide.mode, wide.size) == ("RGB", (34, 26))
    assert wide.crop((1, 2, 31, 22)).tobytes() == image.tobytes()
    assert extend_canvas(image, 5, 0, 0, 0).getpixel((0, 0)) == (0, 0, 0, 0)


def test_flattening_puts_the_background_behind() -> None:
    """White unless another color is asked for."""
    clear = see_through(photo(20, 20))
    assert flatten(clear).getpixel((1, 1)) == (255, 255, 255)
    assert flatten(clear, (1, 2, 3)).getpixel((1, 1)) == (1, 2, 3)
    assert flatten(photo(5, 5).convert("L")).mode == "RGB"
