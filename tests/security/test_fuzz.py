"""Fuzzing the image and data-URL gate by Hypothesis and by atheris: a bounded part of it, and a million each."""

import json
import os
import random
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from PIL import Image

from local.template import ROOT
from tests.imaging.hostile import hostile_images
from tests.imaging.samples import saved
from tests.security.board import RUNS
from tests.security.gate import one_input

BOUNDED = 1_500
LONG = 25_000  # of one run of Hypothesis: it remembers what it tried
EXECUTIONS = 1_000_000  # of atheris
FUZZER = ROOT / ".venv-fuzz" / "bin" / "python"
SMALL = [data for _, data in hostile_images(300) if len(data) < 4096]
HEADS = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"RIFF\x24\0\0\0WEBP",
    b"\0\0\0\x18ftypheic",
    b"data:image/png;base64,",
    b"GIF89a",
    b"",
]


@some.composite
def _spoiled(draw: Any) -> bytes:
    data = bytearray(draw(some.sampled_from(SMALL)))
    dice = random.Random(draw(some.integers(0, 2**32)))
    for _ in range(draw(some.integers(1, 8))):
        if data:
            at = dice.randrange(len(data))
            data[at : at + dice.choice([0, 1, 4])] = dice.randbytes(dice.choice([0, 1, 4]))
    return bytes(data)


INPUTS = some.one_of(
    some.binary(max_size=300),
    some.tuples(some.sampled_from(HEADS), some.binary(max_size=300)).map(b"".join),
    _spoiled(),
)


def _by_hypothesis(examples: int, start: int, count: Any) -> None:
    """Try so many inputs, made up from `start`, and count them. Raises what no caller may cause."""
    tried = crashes = 0

    @seed(start)
    @given(INPUTS)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    def check(data: bytes) -> None:
        nonlocal tried, crashes
        tried += 1
        try:
            one_input(data)
        except BaseException:
            crashes += 1
            raise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's are no errors of a caller's
        try:
            check()
        finally:
            count("hypothesis", executions=tried, crashes=crashes)
    assert tried >= examples


def test_bytes_of_any_kind_are_an_image_or_a_sentence(count: Any) -> None:
    """As a file, as base64 and in a data URL."""
    _by_hypothesis(BOUNDED, 0, count)


@pytest.mark.parametrize("size", [(1000, 1000), (1001, 1000), (48, 24_641), (8_000, 8_000)])
def test_a_large_jpeg_is_an_image_at_a_fraction(size: tuple[int, int]) -> None:
    """Which is no contradiction to its header."""
    one_input(saved(Image.new("RGB", size), "JPEG"))


@pytest.mark.long
@pytest.mark.parametrize("run", RUNS)
def test_hypothesis_executions(run: str, count: Any) -> None:
    """Forty runs, each from a seed of its own and in a process of its own."""
    _by_hypothesis(LONG, 1 + RUNS.index(run), count)


@pytest.mark.long
def test_atheris_executions(surroundings: dict[str, str], tmp_path: Path, count: Any) -> None:
    """Guided by coverage, in bounded memory: nothing but images and sentences."""
    path = os.pathsep.join([str(ROOT / "layers" / "common" / "python"), str(ROOT)])
    done = subprocess.run(
        [FUZZER, "-W", "ignore", "-m", "tests.security.fuzz_gate", str(EXECUTIONS)],
        cwd=tmp_path,
        env={**surroundings, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    count("atheris", crashes=int(done.returncode != 0), **(reports[0] if reports else {}))
    assert done.returncode == 0, done.stderr[-3000:]
    (report,) = reports
    assert report["executions"] == EXECUTIONS
    assert report["peak_mb"] < 512
