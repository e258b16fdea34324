"""The maps that a crop is chosen by."""

import pytest
from PIL import Image, ImageFilter

from image_studio.imaging.saliency import POWERS, Attention, measure_cues, places
from tests.imaging.samples import noise, photo, see_through

SKIN = (224, 172, 138)


def _at(image: Image.Image, name: str, point: tuple[float, float]) -> int:
    one = measure_cues(image)[name]
    return one.getpixel((int(point[0] * one.width), int(point[1] * one.height)))


def test_the_maps_are_small_and_gray() -> None:
    """At most 48 pixels long, all of one size, one for each cue, whatever the image's size or mode."""
    for image in (photo(4000, 3000), photo(1, 1), photo(3000, 20), see_through(photo(300, 900))):
        maps = measure_cues(image)
        assert set(maps) == set(POWERS)
        assert len({one.size for one in maps.values()}) == 1
        for one in maps.values():
            assert one.mode == "L"
            assert 8 <= min(one.size) <= max(one.size) <= 48


def test_things_stand_inside_and_backgrounds_reach_the_edges() -> None:
    """A disc on a ground is behind a barrier; a band from edge to edge isn't, though it is as different."""
    image = Image.new("RGB", (300, 200), "white")
    image.paste("navy", (0, 150, 300, 200))
    image.paste("navy", (120, 40, 180, 100))
    assert _at(image, "barrier", (0.5, 0.35)) > 100
    assert _at(image, "barrier", (0.5, 0.9)) < 30
    assert _at(image, "barrier", (0.1, 0.1)) < 30


def test_skin_is_more_than_another_color() -> None:
    """Of two equal patches the one of skin's color counts more."""
    image = Image.new("RGB", (300, 200), (90, 120, 150))
    image.paste(SKIN, (60, 60, 110, 140))
    image.paste((138, 224, 172), (190, 60, 240, 140))
    assert _at(image, "skin", (0.28, 0.5)) > 2 * _at(image, "skin", (0.72, 0.5)) + 100


def test_what_is_sharp_has_detail() -> None:
    """Grain counts, the same grain out of focus doesn't."""
    image = Image.new("RGB", (400, 200), (128, 128, 128))
    grain = noise(100, 100)
    image.paste(grain, (50, 50))
    image.paste(grain.filter(ImageFilter.GaussianBlur(8)), (250, 50))
    assert _at(image, "detail", (0.25, 0.5)) > 5 * _at(image, "detail", (0.75, 0.5)) + 50


def test_light_is_told_from_what_is_around() -> None:
    """A spot brighter or darker than its surroundings counts, a wide evenly lit wall doesn't."""
    image = Image.new("RGB", (400, 200), (60, 60, 60))
    image.paste("white", (200, 0, 400, 200))
    image.paste("white", (90, 90, 110, 110))
    image.paste("black", (290, 90, 310, 110))
    assert _at(image, "light", (0.25, 0.5)) > 50
    assert _at(image, "light", (0.75, 0.5)) > 50
    assert _at(image, "light", (0.9, 0.5)) < 10


def test_a_small_thing_beats_a_large_dull_one() -> None:
    """What several cues agree on outweighs more of what only one speaks for."""
    image = Image.new("RGB", (900, 300), (120, 150, 180))
    image.paste((150, 165, 180), (60, 40, 360, 300))
    figure = noise(40, 90).resize((40, 90))
    image.paste(figure, (700, 120))
    start = Attention(image).start(1 / 3, horizontal=True)
    assert start <= 700 / 900
    assert start + 1 / 3 >= 740 / 900


def test_places_are_as_photographers_use_them() -> None:
    """The middle across, the upper part downwards, and in an upright image the height of heads."""
    across, down = places((48, 32))
    assert across[24] == max(across)
    assert across == pytest.approx(across[::-1])
    assert down == sorted(down, reverse=True)
    assert [len(line) for line in places((32, 48))] == [32, 48]
    upright = places((32, 48))[1]
    assert upright[9] - upright[0] > down[6] - down[0]


@pytest.mark.parametrize("horizontal", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_windows_stay_inside(share: float, horizontal: bool) -> None:
    """From the first pixel to the last, on any image."""
    for image in (photo(400, 300), noise(50, 400), Image.new("RGB", (10, 10)), Image.new("RGB", (1, 900))):
        start = Attention(image).start(share, horizontal)
        assert start >= 0
        assert start + share <= 1 + 1e-9


def test_the_choice_does_not_depend_on_the_size() -> None:
    """The same image, decoded at a half, is cropped at the same place."""
    image = photo(1600, 1200)
    image.paste(noise(300, 300), (1100, 300, 1400, 600))
    starts = [Attention(one).start(0.5, horizontal=True) for one in (image, image.reduce(2), image.reduce(4))]
    assert max(starts) - min(starts) < 0.05


def test_pinned_windows() -> None:
    """Windows of two images, as the learned powers choose them."""
    image = Image.new("RGB", (900, 300), (120, 150, 180))
    image.paste((150, 165, 180), (60, 40, 360, 300))
    image.paste(noise(40, 90), (700, 120))
    assert Attention(image).start(1 / 3, horizontal=True) == pytest.approx(0.5625)
    assert Attention(photo(640, 480)).start(0.5, horizontal=True) == pytest.approx(0.265625)
    assert Attention(photo(640, 480)).start(0.5, horizontal=False) == pytest.approx(0.109375)
