"""An image put into a frame comes back as it was."""

import pytest
from PIL import Image, ImageChops, ImageStat

from image_studio.imaging.geometry import Frame, extract, extract_native, place_in_frame, place_mask
from image_studio.imaging.types import Size


def scene(width: int = 300, height: int = 200) -> Image.Image:
    """Soft ramps, so that scaling there and back changes little."""
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM), ramp.point(lambda v: v // 2)))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two images, 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_a_frame_of_the_images_own_size_changes_nothing() -> None:
    """Neither there nor back."""
    frame = Frame(Size(300, 200), 0, 0, Size(300, 200))
    assert place_in_frame(scene(), frame).tobytes() == scene().tobytes()
    assert extract(scene(), frame, 300, 200).tobytes() == scene().tobytes()


@pytest.mark.parametrize("answered", [(400, 400), (1024, 1024), (333, 331)])
def test_padding_is_cut_off_again(answered: tuple[int, int]) -> None:
    """A 3:2 image on a square canvas comes back 3:2, whatever size the model answers."""
    frame = Frame(Size(300, 300), 0, 50, Size(300, 200))
    sent = place_in_frame(scene(), frame)
    assert sent.size == (300, 300)
    assert sent.crop((0, 50, 300, 250)).tobytes() == scene().tobytes()
    back = extract(sent.resize(answered, Image.Resampling.LANCZOS), frame, 300, 200)
    assert back.size == (300, 200)
    assert difference(back, scene()) < 2.5


def test_a_result_framed_anew_is_cropped_not_stretched() -> None:
    """A model that answers another ratio shows its middle, and circles stay circles."""
    frame = Frame(Size(200, 200), 0, 0, Size(200, 200))
    wide = Image.new("RGB", (400, 200), "blue")
    wide.paste("red", (100, 0, 300, 200))
    back = extract(wide, frame, 200, 200)
    assert back.getcolors() == [(200 * 200, (255, 0, 0))]


def test_masks_go_the_same_way() -> None:
    """The mask lies in the frame as the image does, and the padding stays."""
    frame = Frame(Size(300, 300), 0, 50, Size(300, 200))
    mask = place_mask(Image.new("L", (600, 400), 255), frame)
    assert mask.getbbox() == (0, 50, 300, 250)


def test_transparency_is_sent_on_white() -> None:
    """Models get opaque images."""
    sent = place_in_frame(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), Frame(Size(10, 10), 0, 0, Size(10, 10)))
    assert sent.getcolors() == [(100, (255, 255, 255))]


def test_the_native_part_is_not_scaled() -> None:
    """As many pixels as the model painted of the image."""
    frame = Frame(Size(300, 300), 0, 50, Size(300, 200))
    assert extract_native(Image.new("RGB", (600, 600)), frame).size == (600, 400)
