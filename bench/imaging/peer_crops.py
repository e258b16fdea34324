"""Where the peers put a crop: each function gives left, top, right, bottom as shares of the image."""

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyvips
from PIL import Image
from smartcrop import SmartCrop
from thumbor.detectors.face_detector import Detector as FaceDetector
from thumbor.detectors.feature_detector import Detector as FeatureDetector

Window = tuple[float, float, float, float]
Size = tuple[int, int]
CACHE = Path(".cache/bench/sharp")


def _shares(left: float, top: float, inner: tuple[float, float], outer: tuple[float, float]) -> Window:
    (width, height), (all_width, all_height) = inner, outer
    return left / all_width, top / all_height, (left + width) / all_width, (top + height) / all_height


def vips_windows(file: Path, sizes: Sequence[Size], interesting: str) -> list[Window]:
    """libvips: scale to cover, then smartcrop."""
    found = []
    for width, height in sizes:
        image = pyvips.Image.new_from_file(str(file)).autorot()
        scaled = image.resize(max(width / image.width, height / image.height))
        if scaled.width < width or scaled.height < height:  # half a pixel short by rounding
            scaled = scaled.resize(max(width / scaled.width, height / scaled.height) * 1.0001)
        crop = scaled.smartcrop(width, height, interesting=interesting)
        found.append(_shares(-crop.xoffset, -crop.yoffset, (width, height), (scaled.width, scaled.height)))
    return found


def smartcrop_windows(file: Path, sizes: Sequence[Size]) -> list[Window]:
    """smartcrop.py, with its own choice of scale."""
    image = Image.open(file).convert("RGB")
    found = []
    for width, height in sizes:
        box = SmartCrop().crop(image, width, height)["top_crop"]
        found.append(_shares(box["x"], box["y"], (box["width"], box["height"]), image.size))
    return found


def thumbor_windows(file: Path, sizes: Sequence[Size]) -> list[Window]:
    """What thumbor does: faces (Haar), else corner features; the window around their center of mass."""
    image = Image.open(file).convert("RGB")
    x, y = asyncio.run(_thumbor_focus(image))
    found = []
    for width, height in sizes:
        scale = min(image.width / width, image.height / height)
        inner = width * scale, height * scale
        left = min(max(x - inner[0] / 2, 0), image.width - inner[0])
        top = min(max(y - inner[1] / 2, 0), image.height - inner[1])
        found.append(_shares(left, top, inner, image.size))
    return found


async def _thumbor_focus(image: Image.Image) -> tuple[float, float]:
    points: list[Any] = []
    engine = SimpleNamespace(size=image.size, convert_to_grayscale=lambda **_: image.convert("L"))
    context: Any = SimpleNamespace(
        modules=SimpleNamespace(engine=engine),
        request=SimpleNamespace(focal_points=points),
        config=SimpleNamespace(FACE_DETECTOR_CASCADE_FILE="haarcascade_frontalface_default.xml"),
    )
    chain = [FaceDetector, FeatureDetector]
    await FaceDetector(context, 0, chain).detect()
    weight = sum(point.weight for point in points)
    if not weight:
        return image.width / 2, image.height / 2
    return (
        sum(point.x * point.weight for point in points) // weight,
        sum(point.y * point.weight for point in points) // weight,
    )


def sharp_windows(files: list[Path], sizes: Sequence[Size]) -> list[list[Window]]:
    """What sharp does: cover with its attention strategy, all images in one node process."""
    script = Path(__file__).with_name("sharp_crops.cjs")
    asked = json.dumps({"files": [str(file.resolve()) for file in files], "sizes": sizes})
    modules = {**os.environ, "NODE_PATH": str((CACHE / "node_modules").resolve())}
    run = subprocess.run(["node", str(script)], input=asked, capture_output=True, text=True, check=True, env=modules)
    return [[tuple(window) for window in windows] for windows in json.loads(run.stdout)]
