"""The official wavespeed SDK as referee of the emulator."""

import base64
from io import BytesIO

import pytest
import requests
from PIL import Image
from wavespeed.api.client import Client

from local.emulators import Emulator

QWEN = "wavespeed-ai/qwen-image/text-to-image"


@pytest.fixture
def sdk(wavespeed: Emulator) -> Client:
    return Client(api_key="key", base_url=wavespeed.url, retry_interval=0.01)


def test_a_run_gives_an_image_of_the_size_asked_for(sdk: Client, wavespeed: Emulator) -> None:
    """Submit, polls and download work; one generation is paid."""
    outputs = sdk.run(QWEN, {"prompt": "a red car [[polls=2]]", "size": "1200*628"}, poll_interval=0.01)["outputs"]
    reply = requests.get(outputs[0], timeout=60)
    assert Image.open(BytesIO(reply.content)).size == (1200, 628)
    assert reply.headers["content-type"] == "image/jpeg"
    assert [call.kind for call in wavespeed.calls] == ["generate", "poll", "poll", "poll", "result"]
    assert (wavespeed.paid_calls, wavespeed.charged) == (1, 0.02)


def test_sync_mode_answers_within_the_submit(sdk: Client, wavespeed: Emulator) -> None:
    """With enable_sync_mode there is no poll, and base64 comes without a prefix."""
    outputs = sdk.run(QWEN, {"prompt": "a cat", "enable_base64_output": True}, enable_sync_mode=True)["outputs"]
    assert Image.open(BytesIO(base64.b64decode(outputs[0], validate=True))).format == "JPEG"
    assert len(wavespeed.calls) == 1


def test_a_sync_timeout_names_the_task(sdk: Client) -> None:
    """5004 reaches the SDK as `processing`, and the task can be fetched later."""
    result = sdk.run_no_throw(QWEN, {"prompt": "slow [[fault=5004]]"}, enable_sync_mode=True)
    assert result["status"] == "processing"
    assert sdk.get_result(result["task_id"])["data"]["status"] == "completed"


def test_a_bad_key_model_or_input_is_refused(sdk: Client, wavespeed: Emulator) -> None:
    """The SDK shows the status, and the schema error names the property."""
    with pytest.raises(RuntimeError, match=r"HTTP 401.*Unauthorized"):
        Client(api_key="bad", base_url=wavespeed.url).run(QWEN, {"prompt": "x"})
    with pytest.raises(RuntimeError, match="HTTP 404"):
        sdk.run("wavespeed-ai/no-such-model", {"prompt": "x"})
    with pytest.raises(RuntimeError, match=r"HTTP 400.*prompt"):
        sdk.run(QWEN, {"size": "1024*1024"})


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("402", 402), ("500", 500), ("retired", 404)])
def test_a_refused_submit_is_not_charged(sdk: Client, wavespeed: Emulator, fault: str, status: int) -> None:
    """The SDK sends a submit once, and the emulator charges nothing for a refusal."""
    with pytest.raises(RuntimeError, match=f"HTTP {status}"):
        sdk.run(QWEN, {"prompt": f"x [[fault={fault}]]"})
    assert (len(wavespeed.calls), wavespeed.paid_calls) == (1, 0)


@pytest.mark.parametrize(("fault", "words"), [("moderated", "sensitive"), ("failed", "HTTP 500")])
def test_a_task_fails_after_its_submit_and_is_refunded(
    sdk: Client, wavespeed: Emulator, fault: str, words: str
) -> None:
    """A failed task raises with the provider's words; it counted as paid, and the money comes back."""
    with pytest.raises(RuntimeError, match=words):
        sdk.run(QWEN, {"prompt": f"x [[fault={fault}]]"}, poll_interval=0.01)
    assert (wavespeed.paid_calls, wavespeed.charged, wavespeed.provider.balance) == (1, 0.0, 100.0)


def test_polls_that_fail_are_repeated_by_the_sdk(sdk: Client, wavespeed: Emulator) -> None:
    """Two failing polls don't lose the task."""
    prompt = "x [[fault=503;stage=poll;times=2]]"
    assert sdk.run(QWEN, {"prompt": prompt}, poll_interval=0.01)["outputs"]
    assert [call.status for call in wavespeed.calls] == [200, 503, 503, 200]


def test_a_lost_submit_is_not_repeated(sdk: Client, wavespeed: Emulator) -> None:
    """A reset after the request was read leaves one paid task behind."""
    with pytest.raises(RuntimeError, match="may already"):
        sdk.run(QWEN, {"prompt": "x [[fault=reset]]"})
    assert wavespeed.paid_calls == 1


def test_an_upload_is_an_input(sdk: Client, wavespeed: Emulator, subject_png: bytes) -> None:
    """The ticket, the PUT and the download URL fit together, and the URL is accepted as `image`."""
    url = sdk.upload(BytesIO(subject_png))
    assert requests.get(url, timeout=60).content == subject_png
    outputs = sdk.run("wavespeed-ai/qwen-image/edit", {"prompt": "make it blue", "image": url}, poll_interval=0.01)
    assert outputs["outputs"]
    assert wavespeed.calls[-2].images == {"image": subject_png}
