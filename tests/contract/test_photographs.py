"""The original's client with photographs: grainy, 0.3 to 0.5 MB as JPEG at 1024x1024. Every response has its images.

Drawings of that size are a tenth as large, so what a response can hold is seen only with these.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from image_studio.catalog.load import load_catalog
from image_studio.schemas.limits import MAX_RESPONSE
from local.emulators import painter
from local.emulators.image_files import add_noise, encode, grainy
from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import decoded, opened

GRAIN = 14
SIZE = (1024, 1024)
MASK = Image.new("L", SIZE)
MASK.paste(255, (300, 300, 600, 600))


def data_url(image: Image.Image, file_type: str = "jpeg") -> str:
    return f"data:image/{file_type};base64,{base64.b64encode(encode(image, file_type)).decode()}"


PHOTO = add_noise(painter.paint(painter.Prompt("a boat on the sea at sunset"), SIZE), GRAIN)
IMAGE, PAINTED = data_url(PHOTO), data_url(MASK.convert("RGB"), "png")


@pytest.fixture
def api(stack: Stack) -> Iterator[Caller]:
    with grainy(GRAIN):
        yield Caller(stack, "photographer")


def test_the_photographs_are_as_large_as_a_cameras() -> None:
    assert 300_000 < len(base64.b64decode(IMAGE.partition(",")[2])) < 500_000


def results_of(answer: requests.Response) -> list[dict[str, Any]]:
    """Check that each image is in the response, and as it is described; return the results."""
    assert answer.status_code == 200, answer.text[:300]
    assert len(json.dumps(answer.text)) < MAX_RESPONSE
    body = answer.json()
    assert not body.get("errors")
    results: list[dict[str, Any]] = body.get("results", [body])
    for result in results:
        image = decoded(result["image_base64"])
        assert image.format is not None
        if "image_url" not in result:
            assert image.size == (result["width"], result["height"])
            assert "inline" not in result.get("metadata", {})
            continue
        inline = result["metadata"]["inline"]
        assert image.format.lower() == inline["file_type"]
        assert image.size == (inline["width"], inline["height"])
        data = requests.get(result["image_url"], timeout=30).content
        assert opened(data).size == (result["width"], result["height"])
        assert f"{len(data):,} bytes" in inline["reason"]
        assert len(data) > inline["bytes"] == len(base64.b64decode(result["image_base64"].rpartition(",")[2]))
        if result["image_base64"].startswith("data:"):
            assert result["image_base64"].startswith(f"data:image/{inline['file_type']};base64,")
    return results


# -- create


@pytest.mark.parametrize(
    "fields",
    [
        {"num_variations": 4},
        pytest.param({"num_variations": 10}, marks=pytest.mark.slow),
        *(
            pytest.param({"provider": provider, "num_variations": 3}, marks=pytest.mark.slow)
            for provider in ("stability", "wavespeed", "huggingface", "gemini", "ideogram", "qwen")
        ),
        *(
            pytest.param({"template_id": template, "num_variations": 2}, marks=pytest.mark.slow)
            for template in load_catalog().templates
        ),
    ],
    ids=str,
)
def test_created_photographs(api: Caller, fields: dict[str, Any]) -> None:
    """As many as were asked for; four of 1024x1024 are near-lossless and share the response."""
    answer = api.post("/create", prompt="A kite", **fields)
    results = results_of(answer)
    assert len(results) == fields["num_variations"]
    if fields == {"num_variations": 4}:
        copies = [result["metadata"]["inline"] for result in results]
        assert all(copy["file_type"] == "webp" and copy["quality"] >= 95 for copy in copies)
        assert max(copy["bytes"] for copy in copies) < 1.2 * min(copy["bytes"] for copy in copies)
        read_again(api, answer.headers["x-job-id"], results)


def read_again(api: Caller, job_id: str, results: list[dict[str, Any]]) -> None:
    """The copies are stored with the job. `delivery=url` gives URLs only."""
    again = api.get(f"/jobs/{job_id}/result").json()["results"]
    assert [each["image_base64"] for each in again] == [each["image_base64"] for each in results]
    for result in api.get(f"/jobs/{job_id}/result?delivery=url").json()["results"]:
        assert "image_url" in result
        assert not {"image_base64", "inline"} & (result.keys() | result["metadata"].keys())


# -- edit, upscale, control

EDITS: dict[str, dict[str, Any]] = {
    "remove_background": {},
    "inpaint": {"prompt": "a lamp", "mask_base64": PAINTED},
    "outpaint": {"prompt": "more sea", "expand_left": 512, "expand_right": 512},
    "search_replace": {"prompt": "a cat", "search_prompt": "boat"},
    "search_recolor": {"prompt": "red", "select_prompt": "boat"},
    "general_edit": {"prompt": "make it winter"},
}


@pytest.mark.slow
@pytest.mark.parametrize("operation", EDITS)
def test_edited_photographs(api: Caller, operation: str) -> None:
    results_of(api.post("/edit/process", image_base64=IMAGE, operation=operation, **EDITS[operation]))


@pytest.mark.parametrize(
    ("mode", "fields", "file_type"),
    [
        ("conservative", {"preset": "print"}, "webp"),  # the API reference's example
        pytest.param("conservative", {"preset": "print", "output_format": "jpeg"}, "jpeg", marks=pytest.mark.slow),
        *(
            pytest.param(mode, {"preset": preset}, None, marks=pytest.mark.slow)
            for mode in ("auto", "fast", "conservative")
            for preset in ("web", "social", "print")
        ),
    ],
)
def test_upscaled_photographs(api: Caller, mode: str, fields: dict[str, Any], file_type: str | None) -> None:
    """The copy of a JPEG is a JPEG, since the client expects one."""
    (result,) = results_of(api.post("/upscale", image_base64=IMAGE, mode=mode, **fields))
    inline = result["metadata"].get("inline")
    assert file_type is None or result["image_base64"].startswith(f"data:image/{file_type};base64,")
    assert inline or file_type != "webp"


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["sketch", "structure", "style", "style_transfer"])
def test_controlled_photographs(api: Caller, operation: str) -> None:
    style = {"style_image_base64": IMAGE} if operation == "style_transfer" else {}
    body = {"control_image_base64": IMAGE, "operation": operation, "prompt": "a castle"}
    results_of(api.post("/control/process", **body, **style))


# -- social


@pytest.mark.parametrize("fields", [{}, pytest.param({"formats": "all"}, marks=pytest.mark.slow)], ids=str)
def test_photographs_for_every_platform(api: Caller, fields: dict[str, Any]) -> None:
    """In PNG, with the same part of the response for each that is too large."""
    platforms = list(load_catalog().social_platforms)
    results = results_of(
        api.post("/social/optimize", image_base64=IMAGE, platforms=platforms, output_format="png", **fields)
    )
    assert len(results) >= len(platforms)
