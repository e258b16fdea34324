"""What we add to a provider's time, beside what docs/scale.json reckons with: the model is on paper, this is measured.

Images made one after another through the whole local stack, with a provider that takes different times. The worker's
part is from its claim to the end, without the provider; the API's is all that the caller waits beyond the worker's
time: admission, the queue, looking for the end ever more seldom, the answer.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from local.stack import Options, Stack
from scripts.scale import inputs

TAKES = (0.5, 2.3, 4.1, 5.7)  # seconds of the provider; the pauses between looks grow meanwhile
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SIDE = 1024  # pixels, as the model's image
RECEIVED = "image received"


def measure(stack: Stack, seconds: float) -> tuple[float, float]:
    """Seconds of the worker and of the API for one image, the provider's own left out."""
    body = {"prompt": f"A lamp [[delay={seconds}]]", "provider": "stability", "width": SIDE, "height": SIDE}
    headers = stack.headers(sub="overhead", tier="enterprise")
    started = time.monotonic()
    answer = requests.post(f"{stack.url}/create", json=body, headers=headers, timeout=60)
    whole = time.monotonic() - started
    answer.raise_for_status()
    job = requests.get(f"{stack.url}/jobs/{answer.headers['x-job-id']}", headers=headers, timeout=60).json()
    worker = (job["finished_at"] - job["started_at"]) / 1000
    return worker - _provider_seconds(stack), whole - worker


def _provider_seconds(stack: Stack) -> float:
    lines = (json.loads(line) for line in stack.log.read_text().splitlines() if RECEIVED in line)
    return float([line["seconds"] for line in lines if line["message"] == RECEIVED][-1])


def main() -> int:
    """Measure; 0 when the model reckons with as much as was measured."""
    work: dict[str, Any] = inputs()["work"]
    with tempfile.TemporaryDirectory() as folder, Stack(Options(state=Path(folder))) as stack:
        measure(stack, 0)  # cold starts are not what a steady load sees
        samples = [measure(stack, seconds) for _ in range(ROUNDS) for seconds in TAKES]
    enough = True
    for name, values in zip(("worker", "api"), zip(*samples, strict=True), strict=True):
        model, seen = work[f"{name}_overhead_seconds"], statistics.median(values)
        enough = enough and seen <= model
        verdict = "enough" if seen <= model else "TOO LITTLE"
        print(
            f"{name:7s} {seen:5.2f} s beyond the provider ({max(values):.2f} at most); the model: {model} s, {verdict}"
        )
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
