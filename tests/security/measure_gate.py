"""Hostile images through the gate, in a process of its own: `python -m tests.security.measure_gate COUNT`.

Prints one line of JSON: how many were images or sentences, the slowest (processor seconds), and the peak memory.
"""

import json
import sys
import time
from pathlib import Path

from image_studio.errors import InvalidImage
from image_studio.imaging.decode import decode
from tests.imaging.hostile import hostile_images


def main() -> None:
    """Try them all; whatever isn't an image or a sentence ends the process."""
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
