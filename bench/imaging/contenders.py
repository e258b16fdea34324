"""Who makes six social files from one image: ours, a port of the original's steps, libvips and sharp.

Each takes base64 and gives base64, in process; times are in milliseconds, on the clock and of the processor (all
threads: what a noisy machine leaves alone), sizes in bytes of the files.
"""

import io
import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pybase64
from PIL import Image

from image_studio.imaging import png
from image_studio.imaging.decode import decode_base64
from image_studio.imaging.renditions import Placement, Rendition, RenditionSpec, render_all
from image_studio.schemas.common import FileType

#: One format of each of six platforms, as their first entries have them.
SIZES = [(1080, 1080), (1200, 630), (1200, 675), (1200, 628), (1280, 720), (1000, 1500)]
SHARP = Path(".cache/bench/sharp")
QUALITY = 95
Run = tuple[float, float, int]  # milliseconds on the clock, of the processor, bytes
Started = tuple[float, float]


def ours(text: str, file_type: str, mode: str) -> Run:
    """Image Studio's own path."""
    started = _now()
    wanted = [RenditionSpec(*size, (FileType(file_type),), 20_000_000) for size in SIZES]
    made = render_all(decode_base64(text), wanted, Placement(mode))  # type: ignore[arg-type]
    texts = [pybase64.b64encode_as_string(one.encoded.data) for one in made if isinstance(one, Rendition)]
    assert len(texts) == len(SIZES)
    return _run(started, texts)


def ours_on_zlib(text: str, file_type: str, mode: str) -> Run:
    """The same where ISA-L's wheel is not installed."""
    with patch.object(png, "deflate_grain", png._huffman_only):
        return ours(text, file_type, mode)


def original(text: str, file_type: str, mode: str) -> Run:
    """The original's steps: for each platform decode, crop the middle, Lanczos, encode by default."""
    started = _now()
    texts = []
    for width, height in SIZES:
        image = Image.open(io.BytesIO(pybase64.b64decode(text))).convert("RGB")
        share = min(image.width / width, image.height / height)
        inner = round(width * share), round(height * share)
        left, top = (image.width - inner[0]) // 2, (image.height - inner[1]) // 2
        cropped = image.crop((left, top, left + inner[0], top + inner[1])).resize(
            (width, height), Image.Resampling.LANCZOS
        )
        out = io.BytesIO()
        cropped.save(out, "PNG") if file_type == "png" else cropped.save(out, "JPEG", quality=QUALITY)
        texts.append(pybase64.b64encode_as_string(out.getvalue()))
    return _run(started, texts)


def libvips(text: str, file_type: str, mode: str) -> Run:
    """The thumbnailer of libvips, two at a time, each shrinking while it loads."""
    import pyvips  # noqa: PLC0415  # a peer: only here

    started = _now()
    data = pybase64.b64decode(text)

    def make(size: tuple[int, int]) -> str:
        image = pyvips.Image.thumbnail_buffer(
            data, size[0], height=size[1], crop="attention" if mode == "smart" else "center"
        )
        file = image.pngsave_buffer() if file_type == "png" else image.jpegsave_buffer(Q=QUALITY)
        return pybase64.b64encode_as_string(file)

    with ThreadPoolExecutor(2) as threads:
        return _run(started, list(threads.map(make, SIZES)))


class Sharp:
    """sharp in a node process that stays; it measures itself."""

    def __init__(self) -> None:
        modules = {**os.environ, "NODE_PATH": str((SHARP / "node_modules").resolve())}
        script = Path(__file__).with_name("sharp_social.cjs")
        self._node = subprocess.Popen(
            ["node", str(script), json.dumps(SIZES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=modules,
        )

    def ask(self, file: Path, file_type: str, mode: str) -> Run:
        """One request, timed by node itself."""
        asked = {
            "file": str(file.resolve()),
            "type": file_type,
            "position": "attention" if mode == "smart" else "center",
        }
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps(asked) + "\n")
        answer = json.loads(self._node.stdout.readline())
        return answer["ms"], answer["cpu"], answer["bytes"]

    def peak(self) -> float:
        """The most memory the process ever had, MB."""
        return peak_of(self._node.pid)

    def close(self) -> None:
        """End the process."""
        assert self._node.stdin
        self._node.stdin.close()
        self._node.wait(10)


def peak_of(process: int | str) -> float:
    """The most memory that a process ever had in RAM, MB (Linux: VmHWM)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]  # Linux always has it


def _now() -> Started:
    return time.perf_counter(), time.process_time()


def _run(started: Started, texts: list[str]) -> Run:
    clock, processor = (now - then for now, then in zip(_now(), started, strict=True))
    return clock * 1000, processor * 1000, sum(len(text) * 3 // 4 for text in texts)
