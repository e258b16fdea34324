"""Malformed images: each is an image inside the limits or a sentence, never anything else."""

import itertools
import subprocess
import sys
import time

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import DEFAULT_LIMITS, decode
from tests.imaging.hostile import FOREIGN, hostile_images

COUNT = 2_500


def test_every_hostile_image_is_a_image_or_a_sentence() -> None:
    """No other exception than InvalidImage, nothing decoded beyond the limit, nothing unbounded in time."""
    opened = refused = 0
    slowest = (0.0, "")
    for name, data in hostile_images(COUNT):
        started = time.perf_counter()
        try:
            image = decode(data)
        except InvalidImage as error:
            refused += error.detail.endswith(".")
        else:
            opened += 1
            assert image.width * image.height <= DEFAULT_LIMITS.max_pixels, name
            assert image.mode in {"RGB", "RGBA"}, name
            assert image.info == {}, name
        slowest = max(slowest, (time.perf_counter() - started, name))
    assert opened + refused == COUNT
    assert min(opened, refused) > COUNT // 20
    assert slowest[0] < 20, slowest  # a bound against hanging, not a measure


def test_no_foreign_format_gets_in() -> None:
    """At least 43 of them, as many as Pillow would open."""
    assert len(FOREIGN) >= 43
    for start in FOREIGN.values():
        try:
            decode(start + bytes(500))
        except InvalidImage:
            continue
        raise AssertionError(start)


def test_the_corpus_is_the_same_for_the_same_seed() -> None:
    """A failure can be looked at again."""
    for one, two in itertools.islice(zip(hostile_images(600, 7), hostile_images(600, 7), strict=True), 560, 600):
        assert one == two


def test_memory_stays_bounded() -> None:
    """All of it, one after another, in a process of its own: under 512 MB at the peak.

    The kernel's own high-water mark of that process: `getrusage` would begin with what pytest had when it forked.
    """
    script = (
        "from pathlib import Path\n"
        "from image_studio.errors import InvalidImage\n"
        "from image_studio.imaging.decode import decode\n"
        "from tests.imaging.hostile import hostile_images\n"
        "for _, data in hostile_images(700):\n"
        "    try:\n        decode(data)\n"
        "    except InvalidImage:\n        pass\n"
        "status = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(line.split()[1] for line in status if line.startswith('VmHWM')))\n"
    )
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{script}"
    peak = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert peak < 512 * 1024
