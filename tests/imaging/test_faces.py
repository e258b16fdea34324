"""Faces: found, or not looked for, and kept by windows."""

import itertools
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from PIL import Image

from image_studio.imaging import faces
from image_studio.imaging.faces import MAX_FACES, Face, FaceWindows, find_faces
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import Box
from image_studio.schemas.common import Focus
from tests.imaging.samples import face, flat_art, noise, photo


@pytest.fixture
def without_ncnn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A platform without its wheel."""
    monkeypatch.setitem(sys.modules, "ncnn", None)
    faces._load.cache_clear()
    yield
    faces._load.cache_clear()


def scene(*places: tuple[int, int], side: int = 60) -> Image.Image:
    image = Image.new("RGB", (250, 170), "slategray")
    for at in places:
        image.paste(face(side), at)
    return image


@pytest.mark.parametrize("side", [48, 60, 120, 160])
def test_a_face_is_found_where_it_is(side: int) -> None:
    """Its box is inside the head, and the head with hair and chin is around it."""
    (found,) = find_faces(scene((90, 5), side=side))
    assert found.sure
    assert 90 / 250 < found.box.left < found.box.right < (90 + 0.8 * side) / 250
    assert 5 / 170 < found.box.top < found.box.bottom < (5 + side) / 170
    assert found.head.top < 5 / 170 + 0.1 * side / 170
    assert found.head.bottom > found.box.bottom


def test_each_of_a_group_is_found_once() -> None:
    found = find_faces(scene((10, 20), (100, 60), (190, 10)))
    assert sorted(int(250 * one.box.left) // 90 for one in found) == [0, 1, 2]


@pytest.mark.parametrize("image", [photo(250, 170), noise(170, 250), flat_art(), Image.new("RGB", (8, 8))])
def test_no_face_is_found_where_there_is_none(image: Image.Image) -> None:
    assert find_faces(image) == []


def test_a_crowd_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most certain ones are kept, however many the network says."""
    crowd = [Face(score / 1000, Box(score / 1000, 0, score / 1000 + 0.0005, 1)) for score in range(1000)]
    monkeypatch.setattr(faces, "_detections", lambda ncnn, network, image: iter(crowd))
    found = find_faces(scene())
    assert found == crowd[::-1][:MAX_FACES]
    windows = FaceWindows(found, 0.02, horizontal=True)
    assert windows.starts() == pytest.approx((0.9795, 0.98), abs=0.001)


def test_without_ncnn_crops_go_by_the_other_cues_and_the_log_says_so_once(
    without_ncnn: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The image is one where the face would decide."""
    image = scene((180, 60))
    with caplog.at_level(logging.WARNING):
        without, _ = Attention(image), Attention(image)
    assert (without.focus, without.faces) == (Focus.SALIENCY, ())
    assert 0 <= without.start(0.5, horizontal=True) <= 0.5
    assert [line.message for line in caplog.records] == ["ncnn is not installed: smart crops don't find faces"]


def test_ncnn_is_imported_only_where_faces_are_looked_for() -> None:
    """Its import would cost every cold start."""
    code = "import sys; import image_studio.operations.social as social; sys.exit('ncnn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=True)


def test_with_ncnn_the_face_decides(caplog: pytest.LogCaptureFixture) -> None:
    attention = Attention(scene((180, 60)))
    assert (attention.focus, len(attention.faces)) == (Focus.FACE, 1)
    assert attention.start(0.5, horizontal=True) + 0.5 > 228 / 250
    assert not caplog.records


def at(left: float, right: float, score: float = 0.9) -> Face:
    """A face a quarter as high as the image."""
    return Face(score, Box(left, 0.4, right, 0.65))


PLACES = [(0.0, 0.1), (0.04, 0.2), (0.42, 0.55), (0.9, 1.0), (0.3, 0.8), (0.7, 0.75)]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("place", PLACES)
def test_one_face_is_kept_whole_by_every_window_that_can(place: tuple[float, float], share: float) -> None:
    """With its hair, else without, else its middle is in the middle."""
    one = at(*place)
    first, last = FaceWindows([one], share, horizontal=True).starts()
    assert 0 <= first <= last <= 1 - share + 1e-9
    kept = next((box for box in (one.head, one.box) if box.width <= share), None)
    for start in (first, last):
        if kept:
            assert start <= kept.left + 1e-9
            assert start + share >= kept.right - 1e-9
        else:
            assert start + share / 2 == pytest.approx(sum(place) / 2, abs=share / 2)


@pytest.mark.parametrize(
    ("group", "share", "kept"),
    [
        ([(0.1, 0.2), (0.4, 0.5), (0.7, 0.8)], 0.8, [0, 1, 2]),  # all with their hair
        ([(0.1, 0.2), (0.4, 0.5), (0.7, 0.8)], 0.7, [0, 1, 2]),  # all, but for some hair
        ([(0.1, 0.2), (0.35, 0.45), (0.8, 0.9)], 0.45, [0, 1]),  # the larger group
        ([(0.1, 0.15), (0.2, 0.25), (0.5, 0.9)], 0.65, [2]),  # the one that weighs most
    ],
)
def test_of_several_faces_all_are_kept_or_the_largest_group(
    group: list[tuple[float, float]], share: float, kept: list[int]
) -> None:
    windows = FaceWindows([at(*place) for place in group], share, horizontal=True)
    for start in windows.starts():
        inside = [n for n, (left, right) in enumerate(group) if start <= left + 1e-9 and right <= start + share + 1e-9]
        assert [number for number in kept if number in inside] == kept


def test_a_face_beside_the_group_is_not_cut_where_that_can_be() -> None:
    """It is outside or inside; where every window cuts it, so be it."""
    windows = FaceWindows([at(0.1, 0.3), at(0.8, 0.85)], 0.6, horizontal=True)
    assert windows.starts() == pytest.approx((0, 0.05), abs=1e-9)
    assert windows.uncut([0.0, 0.2, 0.25, 0.4]) == [0.0, 0.4]
    assert windows.uncut([0.2, 0.25]) == [0.2, 0.25]
    assert FaceWindows([], 0.5, horizontal=True).uncut([0.0, 0.5]) == [0.0, 0.5]


def test_the_same_holds_down_an_image() -> None:
    for top, share in itertools.product((0.0, 0.3, 0.8), (0.25, 0.5)):
        first, last = FaceWindows([Face(0.9, Box(0.4, top, 0.6, top + 0.1))], share, horizontal=False).starts()
        assert last <= top + 1e-9
        assert first + share >= top + 0.1 - 1e-9
