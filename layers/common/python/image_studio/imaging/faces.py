"""Find faces in an image with YuNet, a network of 120 KB, and place windows so that they cut none.

The network runs on ncnn in about 3 ms on one core and needs no numpy. A platform without ncnn's wheel finds no faces.
`yunet/README.md` says where the network comes from, `scripts/face_model.py` makes its files again.
"""

import logging
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import exp, sqrt
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from image_studio.imaging.types import Box, DecodedImage
from image_studio.schemas.common import FaceArea
from image_studio.schemas.limits import INIT_IS_KEPT

log = logging.getLogger(__name__)

_FILES = Path(__file__).with_name("yunet")
_STRIDES = (8, 16, 32)
#: A detection below the first score (0 to 1) is dropped. From the second on, no window may cut the face.
_POSSIBLE, _SURE = 0.5, 0.75
_SAME_FACE = 0.3  # detections that overlap by more than this share of their union are of one face
_MAX_DETECTIONS, MAX_FACES = 512, 64  # the most certain ones
_MAX_LOG = 6.0  # e^6 strides are more than the longest image
#: Hair and chin around a detection: shares of its width, of its height above, of its height below.
_SIDES, _HAIR, _CHIN = 0.25, 0.45, 0.35
_PARTS = (1.0, 0.75, 0.5, 0.25, 0.0)  # of hair and chin, where there is no room for all


class Face(NamedTuple):
    """A detected face, from brow to chin; the sides of the box are shares of the image's."""

    score: float
    box: Box

    @property
    def sure(self) -> bool:
        return self.score >= _SURE

    @property
    def head(self) -> Box:
        return self.grown(1)

    def grown(self, part: float) -> Box:
        """The face with that part (0 to 1) of its hair and chin, within the image."""
        left, top, right, bottom = self.box
        aside = part * _SIDES * self.box.width
        above, below = (part * share * self.box.height for share in (_HAIR, _CHIN))
        return Box(max(0.0, left - aside), max(0.0, top - above), min(1.0, right + aside), min(1.0, bottom + below))

    @property
    def area(self) -> FaceArea:
        left, top, width, height = (
            round(value, 4) for value in (self.box.left, self.box.top, self.box.width, self.box.height)
        )
        return FaceArea(left=left, top=top, width=width, height=height)

    @property
    def weight(self) -> float:
        return self.score * sqrt(self.head.width * self.head.height)


def find_faces(image: DecodedImage) -> list[Face]:
    """Return the faces of an RGB image, at most 64, the most certain first. Best at a long side of about 256 pixels."""
    loaded = _load()
    if loaded is None:
        return []
    kept: list[Face] = []
    for face in sorted(_detections(*loaded, image), reverse=True)[:_MAX_DETECTIONS]:
        if len(kept) < MAX_FACES and all(_overlap(face.box, other.box) <= _SAME_FACE for other in kept):
            kept.append(face)
    return kept


@lru_cache(maxsize=1)
def _load() -> tuple[Any, Any] | None:
    """Return ncnn and the network. ncnn is imported here, since it would cost every cold start 7 ms."""
    try:
        import ncnn  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        log.warning("ncnn is not installed: smart crops don't find faces")
        return None
    network = ncnn.Net()
    network.opt.num_threads = 1
    network.opt.use_vulkan_compute = False
    network.load_param(str(_FILES / "yunet.param"))
    network.load_model(str(_FILES / "yunet.bin"))
    return ncnn, network


if INIT_IS_KEPT:
    _load()


def _detections(ncnn: Any, network: Any, image: DecodedImage) -> Iterator[Face]:
    """Yield what the network takes for a face, a face several times."""
    width, height = (-(-side // 32) * 32 for side in image.size)
    padded = Image.new("RGB", (width, height))
    padded.paste(image)
    pixels = ncnn.Mat.from_pixels(padded.tobytes(), ncnn.Mat.PixelType.PIXEL_RGB2BGR, width, height)
    extractor = network.create_extractor()
    extractor.input("in0", pixels)

    def output(number: int) -> Sequence[float]:  # array[float] is for Python 3.12 and later
        return array("f", memoryview(extractor.extract(f"out{number}")[1]).tobytes())

    least = _POSSIBLE**2
    for level, stride in enumerate(_STRIDES):
        # The score is the root of two numbers up to 1: most cells fall by the first.
        classes = output(level)
        likely = [cell for cell, value in enumerate(classes) if value >= least]
        if not likely:
            continue
        objects, boxes = output(level + 3), output(level + 6)
        scores = {cell: classes[cell] * objects[cell] for cell in likely}
        for cell in (cell for cell in likely if scores[cell] >= least):
            row, column = divmod(cell, width // stride)
            right, down, log_width, log_height = boxes[4 * cell : 4 * cell + 4]
            middle = (column + right) * stride / image.width, (row + down) * stride / image.height
            half = (
                exp(min(log_width, _MAX_LOG)) * stride / 2 / image.width,
                exp(min(log_height, _MAX_LOG)) * stride / 2 / image.height,
            )
            corners = middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]
            yield Face(min(1.0, sqrt(scores[cell])), Box(*(min(1.0, max(0.0, corner)) for corner in corners)))


def _overlap(one: Box, other: Box) -> float:
    """The share of their union that two boxes have in common."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(0.0, width) * max(0.0, height)
    return common / max(one.width * one.height + other.width * other.height - common, 1e-9)


class _Span(NamedTuple):
    """What must be kept of a face along one side of the image."""

    start: float
    end: float
    weight: float


class FaceWindows:
    """The windows of one length along one side of an image that keep the faces. All numbers are shares of the side.

    They keep all heads. Else they keep all faces with as much of the heads as can be, else the group that weighs most.
    """

    def __init__(self, faces: Sequence[Face], share: float, horizontal: bool) -> None:
        self._share = share
        self._spans: list[_Span] = []
        self._group: list[_Span] = []
        for most in range(len(_PARTS)):
            spans = [_span(face, share, horizontal, _PARTS[most:]) for face in faces]
            groups = ([other for other in spans if self._holds(one.start, other)] for one in spans)
            group = max(groups, key=_weight, default=[])
            if _weight(group) > _weight(self._group):
                self._spans, self._group = spans, group
            if len(self._group) == len(faces):
                break

    def starts(self) -> tuple[float, float]:
        """Return the first and last start of these windows."""
        first = max((span.end - self._share for span in self._group), default=0.0)
        last = min((span.start for span in self._group), default=1 - self._share)
        first = min(max(first, 0.0), 1 - self._share)
        return first, min(max(last, first), 1 - self._share)

    def uncut(self, starts: Sequence[float]) -> Sequence[float]:
        """Return those of the starts whose windows cut no face beside the group, all if there is none."""
        others = [span for span in self._spans if span not in self._group]
        if not others:
            return starts
        return [
            start
            for start in starts
            if not any(span.start < edge < span.end for span in others for edge in (start, start + self._share))
        ] or starts

    def _holds(self, start: float, span: _Span) -> bool:
        return start <= span.start and span.end <= start + self._share + 1e-9


def _span(face: Face, share: float, horizontal: bool, parts: Sequence[float]) -> _Span:
    """What must be kept of a face: with the first part of the head that a window can hold, else only its middle."""
    for part in parts:
        box = face.grown(part)
        start, end = (box.left, box.right) if horizontal else (box.top, box.bottom)
        if end - start <= share:
            return _Span(start, end, face.weight)
    return _Span((start + end - share) / 2, (start + end + share) / 2, face.weight)


def _weight(group: Sequence[_Span]) -> float:
    return sum(span.weight for span in group)
