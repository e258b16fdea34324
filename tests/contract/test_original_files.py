"""What the original's front-end sends to compress and convert-format, and what it reads."""

import pytest
import requests
from pybase64 import b64encode_as_string

from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import data_url, decoded, opened
from tests.imaging.samples import noise, saved

SIZES = ("original_size_kb", "width", "height")


@pytest.fixture
def caller(stack: Stack) -> Caller:
    return Caller(stack, "files")


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp"])
def test_the_compression_page_gets_what_it_shows(caller, format_):
    """Estimate first, then the file: sizes are numbers, the image is a data URL of the type."""
    asked = {"image_base64": data_url(320, 200), "format": format_, "quality": 85}
    estimate = caller.post("/compress/estimate", **asked)
    assert estimate.status_code == 200, estimate.text
    result = caller.post("/compress", **asked, strip_metadata=True, progressive=True, optimize=True)
    assert result.status_code == 200, result.text
    body = result.json()
    assert body["success"] is True
    assert body["image_base64"].startswith(f"data:image/{format_};base64,")
    assert decoded(body["image_base64"]).size == (body["width"], body["height"]) == (320, 200)
    assert (body["format"], body["metadata_stripped"]) == (format_, True)
    assert all(estimate.json()[name] == body[name] for name in SIZES)
    assert estimate.json()["estimated_size_kb"] == body["compressed_size_kb"]
    assert isinstance(body["compression_ratio"], float)
    assert 1 <= body["quality_used"] <= 100


def test_its_lists_have_the_fields_that_it_shows(caller):
    """Each preset can be sent back as it is."""
    for row in caller.get("/compress/formats").json()["formats"]:
        assert {"id", "name", "description", "quality_range", "recommended_quality"} <= row.keys()
    presets = caller.get("/compress/presets").json()["presets"]
    assert presets
    for preset in presets:
        fields = {name: preset[name] for name in ("format", "quality", "strip_metadata", "target_size_kb")}
        assert caller.post("/compress", image_base64=data_url(64, 64), **fields).status_code == 200
    for row in caller.get("/convert-format/supported").json()["formats"]:
        assert {"id", "name", "description", "supports_transparency", "supports_lossy"} <= row.keys()
    for row in caller.get("/convert-format/recommendations?source_format=png").json()["recommendations"]:
        assert row.keys() == {"format", "reason"}


@pytest.mark.parametrize("target", ["png", "jpeg", "jpg", "webp", "gif", "bmp", "tiff", "avif"])
def test_the_converter_page_gets_every_type(caller, target):
    fields = {"preserve_transparency": True, "strip_metadata": False, "optimize": True, "progressive": True}
    answer = caller.post("/convert-format", image_base64=data_url(64, 40), target_format=target, quality=85, **fields)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert decoded(body["image_base64"]).size == (64, 40)
    assert (body["success"], body["original_format"]) == (True, "png")
    assert body["target_format"] == target.replace("jpg", "jpeg")
    assert body["converted_size_kb"] > 0


def test_a_target_that_cannot_be_met_is_a_sentence(caller):
    """With what is possible."""
    answer = caller.post(
        "/compress",
        image_base64=b64encode_as_string(saved(noise(200, 200), "PNG")),
        format="png",
        target_size_kb=10,
        quality=85,
    )
    assert answer.status_code == 400
    assert "needs" in answer.json()["detail"]


def test_a_batch_gives_links_for_what_does_not_fit(caller):
    """Nothing is lost: each image is in the response or behind its URL."""
    images = [{"image_base64": data_url(1200, 1200), "target_format": "bmp"}] * 3
    body = caller.post("/convert-format/batch", images=images).json()
    assert (body["total_images"], body["successful"], body["failed"]) == (3, 3, 0)
    kinds = ["image_base64" if "image_base64" in result else "image_url" for result in body["results"]]
    assert kinds == ["image_base64", "image_url", "image_url"]
    links = [requests.get(result["image_url"], timeout=30) for result in body["results"][1:]]
    assert all(opened(link.content).size == (1200, 1200) for link in links)
    assert all(link.headers["content-disposition"].endswith('.bmp"') for link in links)
