"""WaveSpeed: every model and field, the envelope, uploads, balances, errors."""

import base64
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image

from local.emulators import Emulator
from local.emulators.wavespeed_contract import MODELS, Area, Flag, ImageInput, ImageList, Input, OneOf, Range

KEY = {"Authorization": "Bearer key"}
QWEN = "wavespeed-ai/qwen-image/text-to-image"


def _data_uri(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def _value(name: str, spec: Input, image: bytes) -> Any:
    match spec:
        case OneOf(options):
            return options[0]
        case Range(least, most):
            return int(min(most, max(least, 2 if name == "num_images" else 512)))
        case Area(least):
            return f"{least}*{least}"
        case Flag():
            return name == "enable_sync_mode"
        case ImageInput():
            return _data_uri(image)
        case ImageList():
            return [_data_uri(image)]
    return "4"


def _body(model: str, image: bytes) -> dict[str, Any]:
    return {name: _value(name, spec, image) for name, spec in MODELS[model].inputs.items()}


def _submit(emulator: Emulator, model: str, body: dict[str, Any], query: str = "") -> requests.Response:
    return requests.post(f"{emulator.url}/api/v3/{model}{query}", headers=KEY, json=body, timeout=60)


def _finished(emulator: Emulator, reply: requests.Response) -> dict[str, Any]:
    found = requests.get(reply.json()["data"]["urls"]["get"], headers=KEY, timeout=60).json()
    assert (found["code"], found["message"]) == (200, "success")
    data: dict[str, Any] = found["data"]
    return data


def _opened(url: str) -> Image.Image:
    return Image.open(BytesIO(requests.get(url, timeout=30).content))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_gives_an_image(wavespeed: Emulator, subject_png: bytes, model: str) -> None:
    """All inputs at once are accepted, the task completes, the outputs can be downloaded without a key."""
    reply = _submit(wavespeed, model, _body(model, subject_png))
    assert reply.status_code == 200, reply.text
    data = _finished(wavespeed, reply)
    assert (data["status"], data["model"], data["error"]) == ("completed", model, "")
    assert _opened(data["outputs"][0]).size > (0, 0)
    assert wavespeed.calls[0].unknown_fields == []
    assert wavespeed.paid_calls == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_value_of_each_input_is_refused(wavespeed: Emulator, subject_png: bytes, model: str) -> None:
    """400 in the envelope's shape, the property named (a missing one, too), nothing charged."""
    for name, spec in MODELS[model].inputs.items():
        bad: Any = {"not": "this"}
        match spec:
            case Range(_, most):
                bad = most + 1
            case Area(least):
                bad = f"{least - 1}*{least}"
            case OneOf():
                bad = "no-such-choice"
        reply = _submit(wavespeed, model, {**_body(model, subject_png), name: bad})
        assert (reply.status_code, reply.json()["code"], reply.json()["data"]) == (400, 400, None), (name, reply.text)
        assert name in reply.json()["message"]
    if MODELS[model].required:
        assert MODELS[model].required[0] in _submit(wavespeed, model, {}).json()["message"]
    assert wavespeed.paid_calls == 0


def test_a_submit_answers_with_the_documented_object(wavespeed: Emulator) -> None:
    """Enveloped, `created`, no outputs yet."""
    data = _submit(wavespeed, QWEN, {"prompt": "x"}).json()["data"]
    names = "id model outputs urls has_nsfw_contents status created_at error executionTime timings"
    assert set(data) == set(names.split())
    assert (data["status"], data["outputs"], data["has_nsfw_contents"]) == ("created", [], [])
    assert len(data["id"]) == 32
    assert data["created_at"].endswith("Z")


def test_unknown_inputs_are_ignored_but_logged(wavespeed: Emulator) -> None:
    """Ideogram has no size: it is ignored, the image is square, and the log has the names."""
    body = {"prompt": "x", "width": 1200, "height": 628, "negative_prompt": "y", "enable_sync_mode": True}
    data = _finished(wavespeed, _submit(wavespeed, "ideogram-ai/ideogram-v3-turbo", body))
    assert _opened(data["outputs"][0]).size == (1024, 1024)
    assert wavespeed.calls[0].unknown_fields == ["enable_sync_mode", "height", "negative_prompt", "width"]


def test_an_output_has_its_size(wavespeed: Emulator, subject_png: bytes) -> None:
    """By `size` or by ratio, whatever the model takes; 2k is a long side of 2048, and ultimate's default is 4k."""
    image, kontext = {"image": _data_uri(subject_png)}, "wavespeed-ai/flux-kontext-pro/text-to-image"
    for model, inputs, size in (
        (QWEN, {"prompt": "x"}, (1024, 1024)),
        (QWEN, {"prompt": "x", "size": "256*1536"}, (256, 1536)),
        ("ideogram-ai/ideogram-v3-turbo", {"prompt": "x", "aspect_ratio": "16:9"}, (1312, 736)),
        (kontext, {"prompt": "x", "aspect_ratio": "9:16"}, (752, 1392)),
        ("wavespeed-ai/image-upscaler", {**image, "target_resolution": "2k"}, (2048, 1536)),
        ("wavespeed-ai/ultimate-image-upscaler", image, (3840, 2880)),
    ):
        data = _finished(wavespeed, _submit(wavespeed, model, inputs))
        assert _opened(data["outputs"][0]).size == size


def test_both_uploads_give_a_url_that_models_take(wavespeed: Emulator, subject_png: bytes) -> None:
    """The binary upload and the older one; what isn't uploaded here can't be loaded."""
    urls = []
    for route, name in (("media/upload/binary", "download_url"), ("upload", "url")):
        files = {"file": ("a.png", subject_png, "image/png")}
        reply = requests.post(f"{wavespeed.url}/api/v3/{route}", headers=KEY, files=files, timeout=60)
        urls.append(reply.json()["data"][name])
    model = "wavespeed-ai/image-background-remover"
    assert [_submit(wavespeed, model, {"image": url}).status_code for url in urls] == [200, 200]
    assert _submit(wavespeed, model, {"image": "https://example.com/a.png"}).status_code == 400


def test_balance_prices_and_models_are_served(wavespeed: Emulator) -> None:
    """Both balance paths; a price by inputs; the list with schemas; 402 for a submit beyond the balance."""
    _submit(wavespeed, QWEN, {"prompt": "x"})
    paths = ("balance", "account/balance", "models")
    first, second, models = (
        requests.get(f"{wavespeed.url}/api/v3/{path}", headers=KEY, timeout=60).json()["data"] for path in paths
    )
    assert (first, second) == ({"balance": 99.98}, {"balance": 99.98, "currency": "USD"})
    assert {row["model_id"] for row in models} == set(MODELS)
    body = {"model_id": "google/nano-banana-pro/edit-ultra", "inputs": {"resolution": "8k"}}
    quote = requests.post(f"{wavespeed.url}/api/v3/model/price", headers=KEY, json=body, timeout=60).json()["data"]
    assert quote["price"] == 0.18
    wavespeed.provider.balance = 0.01
    assert _submit(wavespeed, QWEN, {"prompt": "x"}).json()["code"] == 402


ENDS = {"failed": "failed", "moderated": "failed", "cancelled": "cancelled", "tasktimeout": "timeout"}


@pytest.mark.parametrize("fault", [*ENDS, "deleted", "empty"])
def test_a_task_may_end_in_each_bad_state(wavespeed: Emulator, fault: str) -> None:
    """The poll is a 200 with the state and `error`; moderation sets has_nsfw_contents; `empty` has no outputs."""
    data = _finished(wavespeed, _submit(wavespeed, QWEN, {"prompt": f"x [[fault={fault}]]"}))
    status = "completed" if fault == "empty" else ENDS.get(fault, fault)
    assert (data["status"], data["outputs"], bool(data["error"])) == (status, [], fault != "empty")
    if fault != "empty":
        assert data["has_nsfw_contents"] == [fault == "moderated"]


def test_an_error_may_hide_in_a_200_and_a_refused_key_is_401_everywhere(wavespeed: Emulator) -> None:
    """The envelope has an error's code; submit, poll and balance need a key, the outputs alone need none."""
    reply = _submit(wavespeed, QWEN, {"prompt": "x [[fault=code500]]"})
    assert (reply.status_code, reply.json()["code"]) == (200, 500)
    bad = {"Authorization": "Bearer bad"}
    replies = [
        requests.post(f"{wavespeed.url}/api/v3/{QWEN}", headers=bad, json={}, timeout=60),
        requests.get(f"{wavespeed.url}/api/v3/predictions/0/result", headers=bad, timeout=60),
        requests.get(f"{wavespeed.url}/api/v3/balance", timeout=60),
    ]
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(401, 401)] * 3
