"""The gate that images come through: what a fuzzer tries, and how long it takes for hostile images.

An image inside the limits or an InvalidImage with a sentence is right; anything else is raised. In a process of its
own, `python -m tests.security.gate COUNT` prints as JSON how many hostile images were images or sentences, the slowest
(processor seconds), and the peak memory.
"""

import base64
import json
import sys
import time
from pathlib import Path

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import DecodeLimits, decode, decode_base64, read_info
from tests.imaging.hostile import hostile_images

LIMITS = DecodeLimits(max_bytes=1_000_000, max_pixels=1_000_000)


def one_input(data: bytes) -> None:
    """Try the bytes as a file, as raw base64 and inside a data URL. Raises what no caller may cause."""
    _as_file(data)
    text = data.decode("latin-1")
    _as_text(text)
    _as_text("data:image/png;base64," + text)
    _as_text(base64.b64encode(data).decode())


def _as_file(data: bytes) -> None:
    try:
        measured = read_info(data, LIMITS)
        image = decode(data, LIMITS)
    except InvalidImage as error:
        _sentence(error)
        return
    if image.width * image.height > LIMITS.max_pixels or image.mode not in ("RGB", "RGBA") or image.info:
        raise AssertionError(f"an image outside the limits: {image.size} {image.mode}")
    # A JPEG of more pixels is decoded at a fraction of its sides, rounded up or down.
    shares = (1,) if measured.width * measured.height <= LIMITS.max_pixels else (2, 4, 8)
    sides = list(zip((measured.width, measured.height), image.size, strict=True))
    if not any(all(abs(whole / share - side) < 1 for whole, side in sides) for share in shares):
        raise AssertionError(f"the header said {measured}, the image is {image.size}")


def _as_text(text: str) -> None:
    try:
        decode_base64(text)
    except InvalidImage as error:
        _sentence(error)


def _sentence(error: InvalidImage) -> None:
    if not 0 < len(error.detail) < 300:
        raise AssertionError(error.detail)


def main() -> None:
    """Decode hostile images; whatever isn't an image or a sentence ends the process."""
    opened = refused = 0
    slowest = (0.0, "")
    for name, data in hostile_images(int(sys.argv[1])):
        started = time.process_time()
        try:
            decode(data)
            opened += 1
        except InvalidImage:
            refused += 1
        slowest = max(slowest, (time.process_time() - started, name))
    # Not ru_maxrss: that one is inherited from the process that started this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) // 1024
    sys.stdout.write(json.dumps({"opened": opened, "refused": refused, "slowest": slowest, "peak_mb": peak}) + "\n")


if __name__ == "__main__":
    main()
