"""The official huggingface_hub client as referee of the emulator.

Its URLs stay as they are in production; a transport below it takes the router's and the hub's hosts to loopback.
"""

from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import InferenceClient, set_client_factory
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.inference._providers import _common, fal_ai, hf_inference
from huggingface_hub.utils._http import default_client_factory
from PIL import Image

from local.emulators import Emulator

HOSTS = {"router.huggingface.co", "huggingface.co"}
SCHNELL = "black-forest-labs/FLUX.1-schnell"
KLEIN = "black-forest-labs/FLUX.2-klein-9B"
SD3 = "stabilityai/stable-diffusion-3-medium-diffusers"


class _ToLoopback(httpx2.BaseTransport):
    """Sends what is meant for Hugging Face to an emulator, under the same paths."""

    def __init__(self, origin: str) -> None:
        self._origin = httpx2.URL(origin)
        self._below = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host in HOSTS:
            request.url = request.url.copy_with(scheme="http", host=self._origin.host, port=self._origin.port)
        return self._below.handle_request(request)

    def close(self) -> None:
        self._below.close()


@pytest.fixture(autouse=True)
def _routed(huggingface: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fal_ai, "_POLLING_INTERVAL", 0.01)
    set_client_factory(lambda: httpx2.Client(transport=_ToLoopback(huggingface.url), follow_redirects=True))
    for cached in (_common._fetch_inference_provider_mapping, hf_inference._check_supported_task):
        cached.cache_clear()
    yield
    set_client_factory(default_client_factory)


def _sdk(provider: str = "fal-ai", key: str = "hf_key") -> InferenceClient:
    return InferenceClient(provider=provider, api_key=key)  # type: ignore[arg-type]  # it lists its names


def test_fal_gives_an_image_in_steps_of_16(huggingface: Emulator) -> None:
    """The mapping is looked up, width and height become image_size, the URL is fetched without a token."""
    image = _sdk().text_to_image("a cat", model=SCHNELL, width=1200, height=628, seed=0)
    assert image.size == (1200, 624)
    submit, download = [call for call in huggingface.calls if call.kind != "read"]
    assert f"/api/models/{SCHNELL}" in {call.path for call in huggingface.calls}
    assert submit.path == "/fal-ai/fal-ai/flux/schnell"
    assert submit.fields == {"prompt": "a cat", "seed": 0, "image_size": {"width": 1200, "height": 628}}
    assert "authorization" not in download.headers
    assert huggingface.paid_calls == 1


def test_the_other_routes_give_images() -> None:
    """hf-inference as bytes with its parameters, replicate by URL, together and nscale as base64."""
    image = _sdk("hf-inference").text_to_image("a cat", model=SD3, width=512, height=768)
    assert image.size == (512, 768)
    for provider, model in (("replicate", "black-forest-labs/FLUX.1-dev"), ("together", SCHNELL), ("nscale", SCHNELL)):
        assert _sdk(provider).text_to_image("a cat", model=model).size == (1024, 1024)


@pytest.mark.parametrize("model", [KLEIN, "Qwen/Qwen-Image-Edit", "black-forest-labs/FLUX.1-Kontext-dev"])
def test_an_edit_goes_through_the_queue(huggingface: Emulator, subject_png: bytes, model: str) -> None:
    """Submit with _subdomain=queue, status until COMPLETED, result, download; target_size becomes image_size."""
    image = _sdk().image_to_image(subject_png, prompt="make it blue [[polls=1]]", model=model)
    assert image.size == (320, 240)
    calls = [call for call in huggingface.calls if call.kind != "read"]
    kinds = [(call.kind, call.query.get("_subdomain")) for call in calls]
    assert kinds == [("generate", "queue"), *[("poll", "queue")] * 3, ("result", None)]
    assert calls[0].images["image0"] == subject_png
    size = {"width": 640, "height": 480}
    image = _sdk().image_to_image(subject_png, prompt="blue", model=KLEIN, target_size=size)  # type: ignore[arg-type]
    assert image.size == (640, 480)


def test_a_background_is_removed(subject_png: bytes) -> None:
    """image-segmentation gives the cut-out as a data URL, which the client turns into an image with alpha."""
    cut = _sdk().image_segmentation(subject_png, model="briaai/RMBG-2.0")[0].mask
    assert isinstance(cut, Image.Image)
    alpha = cut.convert("RGBA").getchannel("A")
    assert (alpha.getpixel((160, 120)), alpha.getpixel((5, 5))) == (255, 0)


def test_chat_enhances_a_prompt(huggingface: Emulator) -> None:
    """The OpenAI format of the router, without a provider in the path."""
    asked = [{"role": "user", "content": "Prompt: a dog\nStyle words: oil painting"}]
    reply = _sdk("auto").chat_completion(asked, model="meta-llama/Llama-3.1-8B-Instruct", max_tokens=100)
    assert reply.choices[0].message.content == "a dog, oil painting"
    assert (huggingface.text_calls, huggingface.paid_calls) == (1, 0)


@pytest.mark.parametrize("provider", ["fal-ai", "replicate"])
def test_a_bad_token_is_401(provider: str) -> None:
    """The header names the reason, so the client doesn't take it for a missing repository."""
    with pytest.raises(HfHubHTTPError) as raised:
        _sdk(provider, "hf_bad").text_to_image("a cat", model="black-forest-labs/FLUX.1-dev")
    assert raised.value.response.status_code == 401
    assert "Invalid credentials" in str(raised.value.server_message)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("402", 402, "exceeded your monthly included credits"),
        ("403", 403, "sufficient permissions"),
        ("429", 429, "Retry after 7 seconds"),
        ("429now", 429, "429 Too Many Requests"),
        ("500", 500, "Server error '500"),
        ("503", 503, "currently loading"),
        ("504", 504, "Server error '504"),
        ("policy", 422, "content_policy_violation"),
    ],
)
def test_each_refusal_reaches_the_client(huggingface: Emulator, fault: str, status: int, words: str) -> None:
    """The client raises with status and words; only what was worked on counts as paid."""
    with pytest.raises(HfHubHTTPError, match=words) as raised:
        _sdk().text_to_image(f"x [[fault={fault};after=7]]", model=SCHNELL)
    assert raised.value.response.status_code == status
    assert huggingface.paid_calls == (1 if fault == "504" else 0)
