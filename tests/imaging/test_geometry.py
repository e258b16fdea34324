"""Scale, crop, pad and place images."""

import pytest
from PIL import Image, ImageChops, ImageStat

from image_studio.imaging.geometry import (
    BLUR,
    Frame,
    choose_crop,
    cover,
    edge_color,
    extend_canvas,
    extract,
    extract_native,
    fit_inside,
    place_in_frame,
    place_mask,
    scale,
)
from image_studio.imaging.masks import flatten
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import Size
from image_studio.schemas.common import FocalPoint, Focus
from tests.imaging.samples import CORNERS, face, four_corners, noise, photo, see_through

SIZES = [(1080, 1080), (1080, 1350), (1080, 1920), (1200, 628), (1500, 500), (1128, 191), (1, 1), (3, 1000)]
SOURCES = [(640, 480), (333, 777), (1000, 1000), (1, 1), (2, 900)]


@pytest.mark.parametrize("size", SIZES[:6])
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


def test_padding_takes_the_color_of_the_edges_a_named_one_or_a_blur() -> None:
    image = Image.new("RGB", (100, 100), "white")
    image.paste("red", (20, 20, 80, 80))
    assert fit_inside(image, 300, 100).getpixel((5, 50)) == (255, 255, 255)
    assert edge_color(Image.new("RGBA", (9, 9), (1, 2, 3, 40)), sides=False) == (255, 255, 255, 0)
    image = photo(100, 100)
    assert fit_inside(image, 300, 100, "#0000ff").getpixel((5, 50)) == (0, 0, 255)
    blurred = fit_inside(image, 300, 100, BLUR)
    assert len(set(blurred.crop((0, 0, 90, 100)).tobytes())) > 10
    assert blurred.crop((100, 0, 200, 100)).tobytes() == image.tobytes()


def test_a_transparent_image_stays_transparent_in_its_frame() -> None:
    """On clear edges the padding is clear; on a color it is flat. An image of the right ratio needs none."""
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (30, 30, 70, 70))
    assert fit_inside(clear, 300, 100).getpixel((5, 50))[3] == 0
    flat = fit_inside(clear, 300, 100, "lime")
    assert (flat.mode, flat.getpixel((105, 5)), flat.getpixel((150, 50))) == ("RGB", (0, 255, 0), (255, 0, 0))
    assert fit_inside(photo(100, 50), 400, 200, "red").getpixel((1, 1)) != (255, 0, 0)
    assert scale(photo(100, 50), 7, 900).size == (7, 900)


def test_the_canvas_grows_by_exactly_the_sides() -> None:
    """The image lies inside, to the bit; a clear fill brings transparency."""
    image = photo(30, 20)
    wide = extend_canvas(image, 1, 2, 3, 4, fill="red")
    assert (wide.mode, wide.size) == ("RGB", (34, 26))
    assert wide.crop((1, 2, 31, 22)).tobytes() == image.tobytes()
    assert extend_canvas(image, 5, 0, 0, 0).getpixel((0, 0)) == (0, 0, 0, 0)


def test_flattening_puts_the_background_behind() -> None:
    clear = see_through(photo(20, 20))
    assert flatten(clear).getpixel((1, 1)) == (255, 255, 255)
    assert flatten(clear, (1, 2, 3)).getpixel((1, 1)) == (1, 2, 3)
    assert flatten(photo(5, 5).convert("L")).mode == "RGB"


@pytest.mark.parametrize("source", SOURCES)
def test_sizes_are_exact_and_nothing_is_stretched(source: tuple[int, int]) -> None:
    """The box has the target's ratio to the last digit and lies inside the image, which it fills one way."""
    for size, mode in [(size, mode) for size in SIZES for mode in ("smart", "center")]:
        made, (box, _, _) = cover(Image.new("RGB", source, "gray"), *size, mode=mode)
        assert made.size == size
        assert box.width / box.height == pytest.approx(size[0] / size[1])
        assert min(box.left, box.top) >= 0
        assert box.right <= source[0] + 1e-6
        assert box.bottom <= source[1] + 1e-6
        assert box.width == pytest.approx(source[0]) or box.height == pytest.approx(source[1])


@pytest.mark.parametrize(("share", "start"), [(0.0, 0), (0.1, 0), (0.5, 250), (0.6, 350), (0.9, 500), (1.0, 500)])
def test_a_focal_point_is_kept_and_overrides_smart(share: float, start: float) -> None:
    """The window is centered on the point as far as the image goes; y counts where it slides up and down."""
    image = Image.new("RGB", (1000, 500), "white")
    image.paste(noise(200, 200), (100, 100, 300, 300))
    assert choose_crop(image, 1, focal=FocalPoint(x=share, y=0)).box.left == pytest.approx(start)
    assert choose_crop(image.transpose(Image.Transpose.TRANSPOSE), 1, focal=FocalPoint(x=1, y=share)).box.top == (
        pytest.approx(start)
    )


@pytest.mark.parametrize("at", [(30, 120), (300, 120), (700, 120), (850, 250)])
def test_smart_keeps_what_stands_out(at: tuple[int, int]) -> None:
    """A colored, detailed thing on a plain ground is inside the window, wherever it is."""
    image = Image.new("RGB", (1000, 400), (200, 205, 210))
    image.paste(noise(120, 120), at)
    box = choose_crop(image, 1).box
    assert box.left <= at[0] + 12
    assert box.right >= at[0] + 108


def test_smart_is_the_middle_where_nothing_stands_out() -> None:
    """A centered crop cuts as much on both sides, whatever stands out."""
    assert choose_crop(Image.new("RGB", (1000, 500)), 1, mode="center").box == (250, 0, 750, 500)
    box = choose_crop(Image.new("RGB", (1000, 400), "teal"), 1).box
    assert abs((box.left + box.right) / 2 - 500) < 30


FOCI = [
    ("smart", None, Focus.FACE, 1),
    ("smart", FocalPoint(x=0, y=0), Focus.FOCAL_POINT, 0),
    ("center", None, Focus.CENTER, 0),
]


@pytest.mark.parametrize(("mode", "focal", "focus", "faces"), FOCI)
def test_a_crop_says_what_placed_it(mode: str, focal: FocalPoint | None, focus: Focus, faces: int) -> None:
    """Where nothing is cut off, nothing is looked for."""
    image = Image.new("RGB", (600, 300), "slategray")
    image.paste(face(120), (400, 30))
    crop = choose_crop(image, 1, mode=mode, focal=focal)
    assert (crop.focus, len(crop.faces)) == (focus, faces)
    assert choose_crop(image, 2) == ((0, 0, 600, 300), Focus.CENTER, ())


@pytest.mark.parametrize("at", [(0, 0), (330, 10), (420, 150), (220, 75)])
def test_a_face_is_never_cut(at: tuple[int, int]) -> None:
    """Not even where something else stands out more, in any ratio that can hold it."""
    image = Image.new("RGB", (500, 250), "slategray")
    image.paste(noise(100, 100), (20, 140))
    image.paste(face(100), at)
    attention = Attention(image)
    (found,) = attention.faces
    for ratio in (0.4, 0.8, 1, 1.5, 2.2, 3.5):
        box = choose_crop(image, ratio, attention=attention).box
        assert box.left <= 500 * found.left
        assert box.right >= 500 * (found.left + found.width)
        assert box.top <= 250 * found.top
        assert box.bottom >= 250 * (found.top + found.height)


def test_a_shared_analysis_gives_the_same_box() -> None:
    image = four_corners(800, 300)
    assert choose_crop(image, 1, attention=Attention(image)) == choose_crop(image, 1)


def scene(width: int = 300, height: int = 200) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM), ramp.point(lambda v: v // 2)))


def framed(size: tuple[int, int], top: int, inner: tuple[int, int]) -> Frame:
    return Frame(Size(*size), 0, top, Size(*inner))


def test_a_frame_of_the_images_own_size_changes_nothing() -> None:
    """Neither there nor back. Models get transparency on white."""
    frame = framed((300, 200), 0, (300, 200))
    assert place_in_frame(scene(), frame).tobytes() == scene().tobytes()
    assert extract(scene(), frame, 300, 200).tobytes() == scene().tobytes()
    sent = place_in_frame(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), framed((10, 10), 0, (10, 10)))
    assert sent.getcolors() == [(100, (255, 255, 255))]


@pytest.mark.parametrize("size", [(400, 400), (1024, 1024), (333, 331)])
def test_padding_is_cut_off_again(size: tuple[int, int]) -> None:
    """A 3:2 image on a square canvas comes back 3:2, whatever size the model returns."""
    frame = framed((300, 300), 50, (300, 200))
    sent = place_in_frame(scene(), frame)
    assert sent.size == (300, 300)
    assert sent.crop((0, 50, 300, 250)).tobytes() == scene().tobytes()
    back = extract(sent.resize(size, Image.Resampling.LANCZOS), frame, 300, 200)
    assert back.size == (300, 200)
    assert max(ImageStat.Stat(ImageChops.difference(back, scene())).mean) < 2.5


def test_a_result_framed_again_is_cropped_not_stretched() -> None:
    """A model that returns another ratio shows its middle, and circles stay circles."""
    wide = Image.new("RGB", (400, 200), "blue")
    wide.paste("red", (100, 0, 300, 200))
    back = extract(wide, framed((200, 200), 0, (200, 200)), 200, 200)
    assert back.getcolors() == [(200 * 200, (255, 0, 0))]


def test_masks_go_the_same_way() -> None:
    """The mask lies in the frame as the image does. A native result has as many pixels as the model painted."""
    frame = framed((300, 300), 50, (300, 200))
    assert place_mask(Image.new("L", (600, 400), 255), frame).getbbox() == (0, 50, 300, 250)
    assert extract_native(Image.new("RGB", (600, 600)), frame).size == (600, 400)
