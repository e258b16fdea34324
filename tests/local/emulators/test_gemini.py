"""Gemini over HTTP, beyond what its SDK uses: names, keys, sizes, lists."""

import base64
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image

from local.emulators import Emulator
from local.emulators.gemini_contract import IMAGE_MODELS, SIZES_1K

KEY = {"x-goog-api-key": "key"}
FLASH = "gemini-nano-banana-2.1"
LITE = "gemini-3.1-flash-lite-image"


def _ask(emulator: Emulator, body: dict[str, Any], model: str = FLASH, **options: Any) -> requests.Response:
    url = f"{emulator.url}/v1beta/models/{model}:generateContent"
    return requests.post(url, json=body, timeout=30, **{"headers": KEY, **options})


def _body(text: str = "a cat", **config: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}


def _size(reply: requests.Response) -> tuple[int, int]:
    parts = reply.json()["candidates"][0]["content"]["parts"]
    inline = next(part["inlineData"] for part in parts if "inlineData" in part and not part.get("thought"))
    return Image.open(BytesIO(base64.b64decode(inline["data"], validate=True))).size


def test_each_ratio_has_its_size(gemini: Emulator) -> None:
    """The 1K table, for all 14 ratios; names are taken in either case."""
    for ratio, size in SIZES_1K.items():
        assert _size(_ask(gemini, _body(imageConfig={"aspectRatio": ratio}), LITE)) == size
    settings = {"image_config": {"aspect_ratio": "16:9"}}
    body = {"contents": [{"parts": [{"text": "x"}]}], "generation_config": settings}
    assert _size(_ask(gemini, body, LITE)) == (1376, 768)


@pytest.mark.parametrize(("image_size", "side", "usd"), [("1K", 1024, 0.0336), ("2K", 2048, 0.0504)])
def test_an_image_size_scales_the_sides_and_the_price(gemini: Emulator, image_size: str, side: int, usd: float) -> None:
    """2K doubles 1K's sides."""
    assert _size(_ask(gemini, _body(imageConfig={"imageSize": image_size}))) == (side, side)
    assert gemini.charged == usd


def test_a_model_of_one_size_takes_no_image_size(gemini: Emulator) -> None:
    """As on Vertex: not even its own."""
    error = _ask(gemini, _body(imageConfig={"imageSize": "1K"}), LITE).json()["error"]
    assert (error["code"], "imageSize" in error["message"], gemini.paid_calls) == (400, True, 0)


@pytest.mark.parametrize(
    ("extra", "place"),
    [
        ({"negativePrompt": "x"}, "negative"),
        ({"generationConfig": {"width": 1}}, "generation_config"),
        ({"generationConfig": {"imageConfig": {"personGeneration": "ALLOW_ALL"}}}, "image_config"),
    ],
)
def test_an_unknown_name_is_refused_with_its_place(gemini: Emulator, extra: dict[str, Any], place: str) -> None:
    """The error names the field's path."""
    error = _ask(gemini, _body() | extra).json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert place in error["details"][0]["fieldViolations"][0]["field"].lower()
    assert gemini.paid_calls == 0


def test_a_key_may_stand_in_the_query_and_is_hidden(gemini: Emulator) -> None:
    """`?key=` works, and the log hides it; a missing key is 403, which a bad one isn't."""
    assert _ask(gemini, _body(), headers={}, params={"key": "secret-key"}).status_code == 200
    assert gemini.calls[0].query == {"key": "***"}
    reply = _ask(gemini, _body(), headers={})
    assert (reply.status_code, reply.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_models_are_listed(gemini: Emulator) -> None:
    """Image and text models, alive ones only; Imagen's :predict is gone."""
    rows = requests.get(f"{gemini.url}/v1beta/models", headers=KEY, timeout=60).json()["models"]
    names = {row["name"] for row in rows}
    assert {f"models/{model}" for model in IMAGE_MODELS} < names
    assert "models/gemini-2.5-flash-image" not in names
    url = f"{gemini.url}/v1beta/models/imagen-4.0-generate-001:predict"
    reply = requests.post(url, headers=KEY, json={"instances": [{"prompt": "x"}]}, timeout=60)
    assert (reply.status_code, reply.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {"contents": []},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "bm8="}}, {"text": "x"}]}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/gif", "data": ""}}, {"text": "x"}]}]},
        _body(candidateCount=2),
        _body(responseModalities=["TEXT"]),
        _body(" "),
    ],
)
def test_what_cannot_be_served_is_an_invalid_argument(gemini: Emulator, body: dict[str, Any]) -> None:
    """Empty contents, broken images, two candidates and text alone are refused."""
    assert _ask(gemini, body).json()["error"]["status"] == "INVALID_ARGUMENT"


def test_too_many_references_are_refused(gemini: Emulator, subject_png: bytes) -> None:
    """At most 14 images are accepted; a long text is cut at the token limit."""
    inline = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(subject_png).decode()}}
    bodies = [{"contents": [{"parts": [{"text": "x"}, *[inline] * count]}]} for count in (14, 15)]
    assert [_ask(gemini, body, LITE).status_code for body in bodies] == [200, 400]
    long = _body("Prompt: " + "word " * 100, maxOutputTokens=5)
    candidate = _ask(gemini, long, "gemini-3.5-flash-lite").json()["candidates"][0]
    assert candidate["finishReason"] == "MAX_TOKENS"
