"""The maps that a crop is chosen by."""

import pytest
from PIL import Image, ImageFilter

from image_studio.imaging.saliency import LOWER, POWERS, Attention, choose, measure_cues, places
from tests.imaging.samples import noise, photo, see_through

SKIN = (224, 172, 138)


def _at(image: Image.Image, name: str, x: float, y: float = 0.5) -> int:
    one = measure_cues(image)[name]
    return one.getpixel((int(x * one.width), int(y * one.height)))


def test_the_maps_are_small_and_gray() -> None:
    """At most 48 pixels long, all of one size, one for each cue, whatever the image's size or mode."""
    for image in (photo(400, 300), photo(1, 1), photo(900, 10), see_through(photo(300, 900))):
        maps = measure_cues(image)
        assert set(maps) == set(POWERS)
        assert {one.mode for one in maps.values()} == {"L"}
        (size,) = {one.size for one in maps.values()}
        assert 8 <= min(size) <= max(size) <= 48


def test_things_stand_inside_and_backgrounds_reach_the_edges() -> None:
    """A disc on a ground is behind a barrier; a band from edge to edge isn't, though it is as different."""
    image = Image.new("RGB", (300, 200), "white")
    image.paste("navy", (0, 150, 300, 200))
    image.paste("navy", (120, 40, 180, 100))
    assert _at(image, "barrier", 0.5, 0.35) > 100
    assert _at(image, "barrier", 0.5, 0.9) < 30
    assert _at(image, "barrier", 0.1, 0.1) < 30


def test_skin_is_more_than_another_color() -> None:
    """Of two equal patches the one of skin's color counts more."""
    image = Image.new("RGB", (300, 200), (90, 120, 150))
    image.paste(SKIN, (60, 60, 110, 140))
    image.paste((138, 224, 172), (190, 60, 240, 140))
    assert _at(image, "skin", 0.28) > 2 * _at(image, "skin", 0.72) + 100


def test_what_is_sharp_has_detail() -> None:
    """Grain counts, the same grain out of focus doesn't."""
    image = Image.new("RGB", (400, 200), (128, 128, 128))
    grain = noise(100, 100)
    image.paste(grain, (50, 50))
    image.paste(grain.filter(ImageFilter.GaussianBlur(8)), (250, 50))
    assert _at(image, "detail", 0.25) > 5 * _at(image, "detail", 0.75) + 50


def test_light_is_a_difference_from_what_is_around() -> None:
    """A spot brighter or darker than its surroundings counts, a wide evenly lit wall doesn't."""
    image = Image.new("RGB", (400, 200), (60, 60, 60))
    image.paste("white", (200, 0, 400, 200))
    image.paste("white", (90, 90, 110, 110))
    image.paste("black", (290, 90, 310, 110))
    assert _at(image, "light", 0.25) > 50
    assert _at(image, "light", 0.75) > 50
    assert _at(image, "light", 0.9) < 10


def test_places_are_as_photographers_use_them() -> None:
    """The middle across, the upper part downwards."""
    across, down = places((48, 32))
    assert across[24] == max(across)
    assert across == pytest.approx(across[::-1])
    assert down == sorted(down, reverse=True)
    assert [len(line) for line in places((32, 48))] == [32, 48]


def test_windows_stay_inside() -> None:
    """From the first pixel to the last, on any image."""
    for image in (photo(400, 300), noise(50, 400), Image.new("RGB", (10, 10)), Image.new("RGB", (1, 900))):
        attention = Attention(image)
        for share, horizontal in [(share, horizontal) for share in (0.05, 0.5, 0.99) for horizontal in (True, False)]:
            assert 0 <= attention.start(share, horizontal) <= 1 - share + 1e-9


@pytest.mark.parametrize(
    ("kept", "lower", "chosen"),
    [
        ([0.5, 0.5, 0.5, 0.5, 0.5], 0, 2),
        ([0.1, 0.5, 0.5, 0.5, 0.1], 0, 2),
        ([0.8, 0.1, 0.1, 0.1, 0.1], 0, 0),
        ([0.8, 0.1, 0.1, 0.1, 0.1], 0.1, 1),
        ([0.1, 0.1, 0.1, 0.1, 0.8], 0.1, 4),
    ],
)
def test_of_windows_that_keep_as_much_the_middle_one_is_chosen(kept: list[float], lower: float, chosen: int) -> None:
    """A better one wins; what is lower stays among the windows."""
    assert choose([0.0, 0.1, 0.2, 0.3, 0.4], kept, lower) == chosen


def test_crops_lie_lower_than_what_stands_out() -> None:
    """Not across, and not where a face was found."""
    image = Image.new("RGB", (300, 300), "teal")
    image.paste(noise(60, 60), (120, 120))
    down, across = (Attention(image).start(0.2, horizontal=horizontal) for horizontal in (False, True))
    assert across == pytest.approx(0.4, abs=0.013)
    assert down == pytest.approx(0.4 + LOWER, abs=0.013)


def test_the_choice_does_not_depend_on_the_size() -> None:
    """The same image, decoded at a half, is cropped at the same place."""
    image = photo(800, 600)
    image.paste(noise(150, 150), (550, 150, 700, 300))
    starts = [Attention(one).start(0.5, horizontal=True) for one in (image, image.reduce(2), image.reduce(4))]
    assert max(starts) - min(starts) < 0.05


def test_pinned_windows() -> None:
    """Of two images, as the learned powers choose them: a small thing on which cues agree beats a large dull one."""
    image = Image.new("RGB", (900, 300), (120, 150, 180))
    image.paste((150, 165, 180), (60, 40, 360, 300))
    image.paste(noise(40, 90), (700, 120))
    assert Attention(image).start(1 / 3, horizontal=True) == pytest.approx(0.5833, abs=1e-4)
    assert Attention(photo(640, 480)).start(0.5, horizontal=True) == pytest.approx(0.25)
    assert Attention(photo(640, 480)).start(0.5, horizontal=False) == pytest.approx(0.171875)
