"""Compress beside sharp and libvips: bytes and time at the same likeness to the source (SSIM)."""

import io
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pybase64
from contenders import SHARP
from PIL import Image
from skimage.metrics import structural_similarity
from sources import sources

from image_studio.imaging.convert import FileOptions, write
from image_studio.imaging.decode import decode
from image_studio.schemas.convert import TargetType

LIKENESS = 0.95  # SSIM to the source that everybody has to reach
MOST_BYTES = 1.1  # of the smaller of the two peers' files
TYPES = ("jpeg", "webp", "avif")
SIDE = 1600  # of the source, pixels: a web page's


class Made(NamedTuple):
    data: bytes
    ms: float  # on the clock
    cpu: float  # of the processor, all threads, ms


Maker = Callable[[Path, str, int], Made]


def ours(file: Path, file_type: str, quality: int) -> Made:
    """Decode and write, as POST /compress does."""
    data = file.read_bytes()
    started = time.perf_counter(), time.process_time()
    made = write(decode(data), TargetType(file_type), quality, FileOptions())
    return Made(made, *((now - then) * 1000 for now, then in zip(_now(), started, strict=True)))


def libvips(file: Path, file_type: str, quality: int) -> Made:
    """With the options that its documentation recommends for the web."""
    import pyvips  # noqa: PLC0415  # a peer: only here

    data = file.read_bytes()
    started = time.perf_counter(), time.process_time()
    image = pyvips.Image.new_from_buffer(data, "").autorot()
    if file_type == "jpeg":
        made = image.jpegsave_buffer(Q=quality, optimize_coding=True, interlace=True, keep="none")
    elif file_type == "webp":
        made = image.webpsave_buffer(Q=quality, keep="none")
    else:
        made = image.heifsave_buffer(Q=quality, compression="av1", keep="none")
    return Made(made, *((now - then) * 1000 for now, then in zip(_now(), started, strict=True)))


class Sharp:
    """sharp in a node process that stays; it measures itself."""

    def __init__(self) -> None:
        modules = {**os.environ, "NODE_PATH": str((SHARP / "node_modules").resolve())}
        script = Path(__file__).with_name("sharp_compress.cjs")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._node = subprocess.Popen(["node", str(script)], **pipes, text=True, bufsize=1, env=modules)

    def __call__(self, file: Path, file_type: str, quality: int) -> Made:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps({"file": str(file.resolve()), "type": file_type, "quality": quality}) + "\n")
        answer = json.loads(self._node.stdout.readline())
        return Made(pybase64.b64decode(answer["text"]), answer["ms"], answer["cpu"])

    def close(self) -> None:
        """End the process."""
        assert self._node.stdin
        self._node.stdin.close()
        self._node.wait(10)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def smallest(make: Maker, file: Path, file_type: str, exact: np.ndarray) -> tuple[int, Made]:
    """The lowest quality that is like the source, and its file; by bisection. The time is the best of three."""
    low, high = 20, 100
    while low < high:
        middle = (low + high) // 2
        if _likeness(make(file, file_type, middle).data, exact) >= LIKENESS:
            high = middle
        else:
            low = middle + 1
    runs = [make(file, file_type, low) for _ in range(3)]
    return low, Made(runs[0].data, min(run.ms for run in runs), min(run.cpu for run in runs))


def _likeness(data: bytes, exact: np.ndarray) -> float:
    """SSIM of the brightness, which is what is seen of compression."""
    made = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    return float(structural_similarity(exact, made))


def main() -> int:
    """Print bytes and milliseconds of everybody; 0 where ours are not much larger than the smaller peer's."""
    file = Path(".cache/bench/compress.png")
    photo = Image.open(sources()["2048x2048 PNG"]).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    photo.save(file)
    exact = np.asarray(photo.convert("L"))
    sharp = Sharp()
    makers: dict[str, Maker] = {"ours": ours, "sharp": sharp, "libvips": libvips}
    missed = 0
    for file_type in TYPES:
        print(f"\n{SIDE}x{SIDE} photograph to {file_type}, SSIM {LIKENESS}")
        made = {name: smallest(make, file, file_type, exact) for name, make in makers.items()}
        for name, (quality, run) in made.items():
            size, spent = f"{len(run.data) / 1024:7.0f} KB", f"{run.ms:6.0f} ms, processor {run.cpu:.0f} ms"
            print(f"  {name:8} quality {quality:3d}  {size}  {spent}")
        mine, peers = made.pop("ours")[1], [run for _, run in made.values()]
        weight = len(mine.data) / min(len(run.data) for run in peers)
        pace = mine.cpu / min(run.cpu for run in peers)
        missed += weight > MOST_BYTES
        verdict = "ok" if weight <= MOST_BYTES else "MISSED"
        print(f"  ours/best peer: bytes {weight:.2f} (must be {MOST_BYTES}: {verdict}), processor {pace:.2f}")
    sharp.close()
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
