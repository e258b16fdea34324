"""Coverage-guided fuzzing of the image and data-URL gate: `python -m tests.security.fuzz_gate EXECUTIONS`.

Prints what it did as one line of JSON; a crash ends it with another exit code and the bytes that did it.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["image_studio.imaging", "PIL"]):
    from tests.imaging.hostile import hostile_images
    from tests.security.gate import one_input

SEEDS = 300
LONGEST = 4096  # bytes of an input


def main() -> None:
    executions = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for number, (_, data) in enumerate(hostile_images(SEEDS)):
            if len(data) <= LONGEST:
                Path(folder, f"seed{number}").write_bytes(data)
        limits = [f"-runs={executions}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1024", "-verbosity=0"]
        started, done = time.monotonic(), 0

        def count(data: bytes) -> None:
            nonlocal done
            done += 1
            one_input(data)
            if done == executions:
                _report(done, time.monotonic() - started)

        atheris.Setup([sys.argv[0], *limits, folder], count)
        atheris.Fuzz()


def _report(done: int, seconds: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(json.dumps({"executions": done, "seconds": round(seconds), "peak_mb": peak}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
