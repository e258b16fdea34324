"""The Hugging Face router over HTTP, beyond what its client uses."""

import base64
from io import BytesIO
from typing import Any

import requests
from PIL import Image

from local.emulators import Emulator

KEY = {"Authorization": "Bearer hf_key"}
SCHNELL = "/fal-ai/fal-ai/flux/schnell"
EDIT = "/fal-ai/fal-ai/qwen-image-edit?_subdomain=queue"
SD3 = "/hf-inference/models/stabilityai/stable-diffusion-3-medium-diffusers"
PIX2PIX = "/hf-inference/models/timbrooks/instruct-pix2pix"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct:fastest"


def _post(emulator: Emulator, path: str, body: dict[str, Any]) -> requests.Response:
    return requests.post(emulator.url + path, headers=KEY, json=body, timeout=60)


def _uri(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def test_fal_paints_the_size_or_refuses_it(huggingface: Emulator) -> None:
    """The size comes by name, by sides or by default, and is in the response, too; else it is fal's own 422."""
    sides: dict[str, Any] = {"width": 1216, "height": 640}
    for wanted, size in (({}, (1024, 768)), ("square_hd", (1024, 1024)), (sides, (1216, 640))):
        body = {"prompt": "x", **({"image_size": wanted} if wanted else {})}
        found = _post(huggingface, SCHNELL, body).json()["images"][0]
        image = Image.open(BytesIO(requests.get(found["url"], timeout=60).content))
        assert (image.size, (found["width"], found["height"])) == (size, size)
    for bad in (
        {},
        {"prompt": " "},
        {"prompt": "x", "image_size": "huge"},
        {"prompt": "x", "image_size": {"width": 9}},
    ):
        reply = _post(huggingface, SCHNELL, bad)
        assert (reply.status_code, reply.json()["detail"][0]["loc"][0]) == (422, "body")


def test_the_queue_shows_progress(huggingface: Emulator, subject_png: bytes) -> None:
    """There is no result before COMPLETED, and its address names the app; a broken image isn't queued or paid."""
    bodies = [{"prompt": "x"}, {"prompt": "x", "image_url": _uri(b"no image")}]
    assert [_post(huggingface, EDIT, body).status_code for body in bodies] == [422, 422]
    body = {"prompt": "x [[polls=1]]", "image_url": _uri(subject_png)}
    address = _post(huggingface, EDIT, body).json()["response_url"].removeprefix(huggingface.url)
    base = f"{huggingface.url}/fal-ai{address}"

    def get(tail: str = "") -> requests.Response:
        return requests.get(f"{base}{tail}?_subdomain=queue", headers=KEY, timeout=60)

    assert get("/status").json()["status"] == "IN_PROGRESS"
    assert get().status_code == 400
    assert get("/status").json()["status"] == "COMPLETED"
    assert len(get().json()["images"]) == 1
    assert huggingface.paid_calls == 1


def test_a_flagged_image_is_black_and_marked(huggingface: Emulator) -> None:
    """The safety checker of fal blacks the image out and answers 200."""
    found = _post(huggingface, SCHNELL, {"prompt": "x [[fault=moderated]]"}).json()
    image = Image.open(BytesIO(requests.get(found["images"][0]["url"], timeout=60).content)).convert("L")
    assert (found["has_nsfw_concepts"], image.getextrema()) == ([True], (0, 0))


def test_hf_inference_edits_from_json_and_from_bare_bytes(huggingface: Emulator, subject_png: bytes) -> None:
    """Base64 with parameters, or the bytes alone."""
    body = {"inputs": base64.b64encode(subject_png).decode(), "parameters": {"prompt": "make it blue"}}
    as_json = _post(huggingface, PIX2PIX, body)
    headers = {**KEY, "Content-Type": "image/png"}
    bare = requests.post(huggingface.url + PIX2PIX, headers=headers, data=subject_png, timeout=60)
    assert [Image.open(BytesIO(reply.content)).size for reply in (as_json, bare)] == [(320, 240)] * 2
    assert [call.images["image0"] for call in huggingface.calls] == [subject_png] * 2


def test_hf_inference_needs_inputs_and_a_known_warm_model(huggingface: Emulator) -> None:
    """422 with its type, 404 for a model that it doesn't serve, 503 with estimated_time for a cold one."""
    empty = _post(huggingface, SD3, {"inputs": ""})
    unknown = _post(huggingface, "/hf-inference/models/black-forest-labs/FLUX.1-schnell", {"inputs": "x"})
    assert (empty.status_code, empty.json()["error_type"], unknown.status_code) == (422, "validation", 404)
    cold = _post(huggingface, SD3, {"inputs": "x [[fault=503;after=12.5]]"})
    assert (cold.status_code, cold.json()["estimated_time"]) == (503, 12.5)


def test_chat_answers_json_when_asked(huggingface: Emulator) -> None:
    """Parts of a message count as its text; the provider's suffix is cut from the model."""
    schema = {"type": "json_schema", "json_schema": {"schema": {"properties": {"prompt": {"type": "string"}}}}}
    content = [{"type": "text", "text": "Style words: oil\nPrompt: a dog"}]
    for wanted in ({"type": "json_object"}, schema):
        body = {"model": LLAMA, "messages": [{"role": "user", "content": content}], "response_format": wanted}
        reply = _post(huggingface, "/v1/chat/completions", body).json()
        assert reply["choices"][0]["message"]["content"] == '{"prompt": "a dog, oil"}'
        assert reply["model"] == LLAMA.partition(":")[0]


def test_only_a_text_stage_applies_to_chat(huggingface: Emulator) -> None:
    """Other markers stay in the text, for the image model; what names no chat model or says nothing is refused."""

    def ask(prompt: str) -> requests.Response:
        body = {"model": LLAMA, "messages": [{"role": "user", "content": f"Prompt: {prompt}\nStyle words: oil"}]}
        return _post(huggingface, "/v1/chat/completions", body)

    kept = ask("a dog [[fault=500]]").json()["choices"][0]["message"]["content"]
    assert kept == "a dog [[fault=500]], oil"
    assert ask("a dog [[fault=500;stage=text]]").status_code == 500
    bodies: list[dict[str, Any]] = [{"messages": [{"role": "user", "content": "x"}]}, {"model": LLAMA, "messages": []}]
    assert [_post(huggingface, "/v1/chat/completions", body).status_code for body in bodies] == [400, 422]


def test_the_hub_maps_models_without_a_token(huggingface: Emulator) -> None:
    """Per provider: its id, task and status; an unknown model is a missing repository."""
    url = f"{huggingface.url}/api/models/"
    params = {"expand[]": "inferenceProviderMapping"}
    rows = requests.get(f"{url}briaai/RMBG-2.0", params=params, timeout=60).json()["inferenceProviderMapping"]
    expected = {"provider": "fal-ai", "providerId": "fal-ai/bria/background/remove", "status": "live"}
    assert rows == [{**expected, "task": "image-segmentation"}]
    assert requests.get(f"{url}no/such", timeout=60).headers["X-Error-Code"] == "RepoNotFound"
