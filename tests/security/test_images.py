"""Malformed images at every route that takes one: a sentence or an image, never a 500, in bounded time and memory."""

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import islice
from typing import Any

import pytest

from local.template import ROOT
from tests.imaging.hostile import hostile_images
from tests.security.inside import Inside

COUNT = 2_500
SENT = 2_000  # through the API: all that are made by hand, and mutations; the bounded run sends a few of each type
LONGEST = 4_000_000  # bytes; base64 of more is over the size of a request
MEGABYTES = 512
SECONDS = 2.0  # of a processor, for one image

BODIES = {
    "/upscale": lambda text: {"image_base64": text, "mode": "fast"},
    "/edit/process": lambda text: {"image_base64": text, "operation": "remove_background"},
    "/control/process": lambda text: {"control_image_base64": text, "operation": "sketch", "prompt": "a boat"},
    "/social/optimize": lambda text: {"image_base64": text, "platforms": ["twitter"], "output_format": "jpeg"},
}


def test_time_and_memory_of_the_gate_are_bounded(count: Any) -> None:
    """Bombs, cut files, polyglots, foreign formats, mutations: each within two seconds, all within half a gigabyte."""
    path = os.pathsep.join([str(ROOT / "layers" / "common" / "python"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.security.gate", str(COUNT)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    seconds, name = measured["slowest"]
    assert measured["opened"] + measured["refused"] == COUNT
    assert measured["peak_mb"] < MEGABYTES
    assert seconds < SECONDS, name
    tried = measured["opened"] + measured["refused"]
    count("images", images=tried, opened=measured["opened"], slowest=seconds, peak_mb=measured["peak_mb"])


@cache
def _some_images(every: int) -> list[tuple[str, bytes]]:
    return [each for each in islice(hostile_images(SENT), 0, None, every) if len(each[1]) <= LONGEST]


@pytest.mark.parametrize("every", [137, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("path", BODIES)
def test_no_image_makes_a_500(unlimited: Inside, path: str, every: int, count: Any) -> None:
    """Through the whole API, as a data URL and raw: 202 or 200 for an image, 400 with a sentence for the rest."""
    statuses: Counter[int] = Counter()
    for number, (name, data) in enumerate(_some_images(every)):
        text = base64.b64encode(data).decode()
        if number % 2:
            text = f"data:image/png;base64,{text}"
        answer = unlimited.ask("POST", path, body=BODIES[path](text), headers={"prefer": "respond-async"})
        assert answer.status in (200, 202, 400), (name, answer.status, answer.body[:200])
        if answer.status == 400:
            assert answer.json.keys() == {"detail", "code"}
            assert len(answer.json["detail"]) < 400
        statuses[answer.status] += 1
    count("images", route=path, statuses=statuses)


BROKEN = ["not base64", "iVBORw0KGgo", "aGVsbG8=", "\u0000", "data:" + "x" * 5000]
URLS = ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "s3://bucket/key"]
DATA_URLS = ["image/png;base64,", "image/png;base64,!!!!", "image/png,iVBORw0KGgo=", "image/png;base64,iVBORw0K\nGgo="]
OTHER_TYPES = ["text/html;base64,PHNjcmlwdD4=", "image/svg+xml;base64,PHN2Zy8+"]
REFERENCES = ["upload:../../etc/passwd", f"job:{'0' * 32}/999"]


@pytest.mark.parametrize("path", BODIES)
def test_what_is_no_image_is_a_sentence(unlimited: Inside, path: str) -> None:
    """Broken base64, other types, addresses of any kind: nothing is fetched, nothing is read but one's own."""
    for text in [*BROKEN, *URLS, *(f"data:{rest}" for rest in DATA_URLS + OTHER_TYPES), *REFERENCES]:
        answer = unlimited.ask("POST", path, body=BODIES[path](text), headers={"prefer": "respond-async"})
        expected = (404, "not_found") if text in REFERENCES else (400, "invalid_image")
        assert (answer.status, answer.json["code"]) == expected, (text[:60], answer.body)
    for text in ("not base64!", "data:image/png;base64,", "data:text/html,<p>"):
        answer = unlimited.ask("POST", path, body=BODIES[path](text))
        assert answer.json == {"detail": "Invalid base64 image payload", "code": "invalid_image"}
    empty = unlimited.ask("POST", path, body=BODIES[path](""))
    field = next(name for name in BODIES[path]("") if name.endswith("base64"))
    assert (empty.status, empty.json["detail"]) == (400, f"{field} must not be empty.")
