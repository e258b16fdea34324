"""The maps that a crop is chosen by."""

import pytest
from PIL import Image

from image_studio.imaging.saliency import CUT, KEPT, Attention, look
from tests.imaging.drawn import noise, photo, see_through

SKIN = (224, 172, 138)


def _at(image: Image.Image, name: str, point: tuple[float, float]) -> int:
    one = look(image)[name]
    return one.getpixel((int(point[0] * one.width), int(point[1] * one.height)))


def test_the_maps_are_small_and_gray() -> None:
    """At most 96 pixels long, one for each weight, whatever the picture's size or mode."""
    for image in (photo(4000, 3000), photo(1, 1), photo(3000, 20), see_through(photo(300, 900))):
        maps = look(image)
        assert set(maps) == {*KEPT, *CUT}
        for one in maps.values():
            assert one.mode == "L"
            assert 8 <= min(one.size) <= max(one.size) <= 96


def test_things_stand_inside_and_backgrounds_reach_the_edges() -> None:
    """A disc on a ground is behind a barrier; a band from edge to edge isn't, though it is as different."""
    image = Image.new("RGB", (300, 200), "white")
    image.paste("navy", (0, 150, 300, 200))
    image.paste("navy", (120, 40, 180, 100))
    assert _at(image, "barrier", (0.5, 0.35)) > 100
    assert _at(image, "barrier", (0.5, 0.9)) < 30
    assert _at(image, "barrier", (0.1, 0.1)) < 30


def test_skin_is_more_than_another_colour() -> None:
    """Of two equal patches the one of skin's colour counts more."""
    image = Image.new("RGB", (300, 200), (90, 120, 150))
    image.paste(SKIN, (60, 60, 110, 140))
    image.paste((138, 224, 172), (190, 60, 240, 140))
    assert _at(image, "body", (0.28, 0.5)) > 2 * _at(image, "body", (0.72, 0.5))


def test_contrast_within_skin_is_a_face() -> None:
    """Dark spots on skin, not on stone."""
    image = Image.new("RGB", (300, 200), (90, 120, 150))
    for left, colour in ((60, SKIN), (190, (150, 150, 150))):
        image.paste(colour, (left, 50, left + 60, 150))
        for x in (12, 38):
            image.paste((40, 30, 30), (left + x, 80, left + x + 10, 90))
    assert _at(image, "face", (0.27, 0.43)) > _at(image, "face", (0.7, 0.43)) + 20


@pytest.mark.parametrize("horizontal", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_windows_stay_inside(share: float, horizontal: bool) -> None:
    """From the first pixel to the last, on any picture."""
    for image in (photo(400, 300), noise(50, 400), Image.new("RGB", (10, 10)), Image.new("RGB", (1, 900))):
        start = Attention(image).start(share, horizontal)
        assert start >= 0
        assert start + share <= 1 + 1e-9


def test_the_choice_does_not_depend_on_the_size() -> None:
    """The same picture, decoded at a half, is cropped at the same place."""
    image = photo(1600, 1200)
    image.paste(noise(300, 300), (1100, 300, 1400, 600))
    starts = [Attention(one).start(0.5, horizontal=True) for one in (image, image.reduce(2), image.reduce(4))]
    assert max(starts) - min(starts) < 0.05
