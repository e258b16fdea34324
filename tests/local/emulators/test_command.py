"""`python -m local.emulators` as another process meets it."""

import signal
import subprocess
import sys
from pathlib import Path

import requests

from local.emulators import PROVIDERS

ROOT = Path(__file__).parents[3]


def test_it_starts_all_prints_urls_and_ends_on_a_signal() -> None:
    """One line per provider, as an environment file would have it; a clean end."""
    command = [sys.executable, "-m", "local.emulators"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = dict(process.stdout.readline().strip().split("=", 1) for _ in PROVIDERS)
        counts = [requests.get(f"{url}/_calls", timeout=60).json()["count"] for url in lines.values()]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert set(lines) == {f"{name.upper()}_BASE_URL" for name in PROVIDERS}
    assert counts == [0] * len(PROVIDERS)
