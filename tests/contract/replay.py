"""Replaying the API reference's examples: what is sent, and how an answer is compared with the documented one."""

import base64
import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from local.stack import Stack

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.json"))
SECONDS = 120  # for one request


@cache
def photo(width: int, height: int) -> bytes:
    ramp = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", (ramp.point(lambda value: value // 2), ramp, ramp.point(lambda value: value // 3)))
    ImageDraw.Draw(image).ellipse((width // 3, height // 3, width // 2, height // 2 + height // 6), fill="red")
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def data_url(width: int, height: int) -> str:
    return f"data:image/png;base64,{base64.b64encode(photo(width, height)).decode()}"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def decoded(text: str) -> Image.Image:
    return opened(base64.b64decode(text.rpartition(",")[2], validate=True))


def load(path: Path) -> dict[str, Any]:
    """An example, with real images in place of the shortened ones."""
    example: dict[str, Any] = json.loads(path.read_text())
    for field, size in example.get("images", {}).items():
        example["body"][field] = data_url(*size)
    return example


def send(stack: Stack, example: dict[str, Any], **headers: str) -> requests.Response:
    return requests.request(
        example["method"],
        stack.url + example["path"],
        json=example.get("body"),
        headers=headers,
        timeout=SECONDS,
    )


def differences(documented: Any, answered: Any, varies: frozenset[str], path: str = "") -> Iterator[str]:
    """Where an answer isn't what is documented, by paths such as `results.0.width`.

    Ours may have more fields, and more entries at a list's end; where a value `varies` only its type counts.
    """
    if type(documented) is not type(answered):
        yield f"{path}: {type(answered).__name__} instead of {type(documented).__name__}"
    elif isinstance(documented, dict):
        yield from (f"{path}.{name} is missing".lstrip(".") for name in documented.keys() - answered.keys())
        for name in documented.keys() & answered.keys():
            yield from differences(documented[name], answered[name], varies, f"{path}.{name}".lstrip("."))
    elif isinstance(documented, list):
        if len(answered) < len(documented):
            yield f"{path}: {len(answered)} entries instead of {len(documented)}"
        for number, (theirs, ours) in enumerate(zip(documented, answered, strict=False)):
            yield from differences(theirs, ours, varies, f"{path}.{number}".lstrip("."))
    elif documented != answered and path not in varies:
        yield f"{path}: {answered!r} instead of {documented!r}"
