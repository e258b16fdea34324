"""Network faults and control endpoints as a client sees them, and what each fault costs."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.emulators import PROVIDERS, Emulator, start
from tests.waiting import until

PATHS = {
    "stability": "/v2beta/stable-image/generate/core",
    "wavespeed": "/api/v3/wavespeed-ai/qwen-image/text-to-image",
    "huggingface": "/fal-ai/fal-ai/flux/schnell",
    "gemini": "/v1beta/models/gemini-3.1-flash-lite-image:generateContent",
    "bedrock": "/model/stability.stable-image-core-v1%3A1/invoke",
}
#: Where Amazon Bedrock's status or bill differs from the others', by the fault; and a bad key's status by the provider.
BEDROCK_STATUS, BEDROCK_PAID = {"402": 400}, {"500": 1}
BAD_KEY = {"gemini": 400, "bedrock": 403}
KEY = {"Authorization": "Bearer hf_key", "x-goog-api-key": "key"}
Send = Callable[..., requests.Response]


def _post(name: str, url: str, prompt: str, **options: Any) -> requests.Response:
    body: dict[str, Any] = {"json": {"prompt": prompt}}
    if name == "stability":
        body = {"files": {"prompt": (None, prompt)}}
    if name == "gemini":
        body = {"json": {"contents": [{"parts": [{"text": prompt}]}]}}
    timeout, options = options.pop("timeout", 60), {"allow_redirects": False, "headers": KEY, **options}
    if name == "bedrock":
        signed = AWSRequest("POST", url + PATHS[name], {}, json.dumps({"prompt": prompt}))
        SigV4Auth(Credentials("key", "secret"), "bedrock", "us-west-2").add_auth(signed)
        options["headers"] = {**options["headers"], **signed.headers}
    return requests.post(url + PATHS[name], **body, timeout=timeout, **options)


@pytest.fixture(params=PATHS)
def provider(request: pytest.FixtureRequest) -> tuple[Emulator, Send]:
    """Each provider in turn: its emulator, and a way to send it a prompt."""
    emulator = request.getfixturevalue(request.param)
    return emulator, lambda prompt, **options: _post(request.param, emulator.url, prompt, **options)


@pytest.mark.parametrize(
    ("fault", "words"), [("timeout", "timed out"), ("reset", "reset by peer"), ("cut", "IncompleteRead|broken")]
)
def test_a_lost_answer_was_paid(provider: tuple[Emulator, Send], fault: str, words: str) -> None:
    """The client sees a broken connection; the provider did the work."""
    emulator, send = provider
    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    with pytest.raises(broken, match=words):
        send(f"x [[fault={fault}]]", timeout=0.5 if fault == "timeout" else 60)
    assert until(lambda: emulator.paid_calls == 1)  # it may still be at work
    assert emulator.calls[0].fault == fault


def test_a_drip_goes_on(provider: tuple[Emulator, Send]) -> None:
    """Bytes keep coming so slowly that a read timeout never ends it."""
    emulator, send = provider
    with send("x [[fault=drip]]", stream=True) as reply:
        assert (reply.status_code, len(next(reply.iter_content(1)))) == (200, 1)
    assert emulator.paid_calls == 1


def test_a_huge_answer_never_says_its_length(stability: Emulator) -> None:
    """The response is far larger than any image and has no Content-Length."""
    with _post("stability", stability.url, "x [[fault=huge]]", stream=True) as reply:
        chunks, received = reply.iter_content(1_048_576), 0
        while received <= 24_000_000:
            received += len(next(chunks))
        assert "content-length" not in reply.headers


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "paid"),
    [
        ("html502", 502, "text/html", 1),
        ("504", 504, "", 1),
        ("mime", 200, "text/html", 1),
        ("500", 500, "application/json", 0),
        ("401", 0, "application/json", 0),
        ("402", 402, "application/json", 0),
        ("retired", 404, "application/json", 0),
        ("redirect", 302, "", 0),
        ("no-such", 500, "application/json", 0),
    ],
)
def test_a_bad_answer_costs_what_it_should(
    provider: tuple[Emulator, Send], fault: str, status: int, content_type: str, paid: int
) -> None:
    """A response after the work was paid, one before it was not. Bedrock's failures may be charged."""
    emulator, send = provider
    reply = send(f"x [[fault={fault}]]")
    if emulator.name == "bedrock":
        status, paid = BEDROCK_STATUS.get(fault, status), BEDROCK_PAID.get(fault, paid)
    assert reply.status_code == (status or BAD_KEY.get(emulator.name, 401))
    assert reply.headers.get("content-type", "").startswith(content_type)
    assert emulator.paid_calls == paid
    if fault == "no-such":
        assert "no-such" in reply.json()["emulator"]
    if fault == "redirect":
        send("x [[fault=redirect]]", allow_redirects=True)
        assert emulator.calls[-1].path == "/_redirected"


def test_a_truncated_answer_is_well_formed_http(provider: tuple[Emulator, Send]) -> None:
    """Content-Length is that of the half body."""
    whole, half = (provider[1](prompt) for prompt in ("x", "x [[fault=truncated]]"))
    assert len(half.content) < len(whole.content)
    assert half.headers["content-type"] == whole.headers["content-type"]
    if "json" in half.headers["content-type"]:
        with pytest.raises(requests.JSONDecodeError):
            half.json()


def test_a_rate_limit_may_have_a_retry_after(provider: tuple[Emulator, Send]) -> None:
    """`429` says when to retry, in the provider's own way; `429now` doesn't."""
    for fault in ("429", "429now"):
        reply = provider[1](f"x [[fault={fault};after=3]]")
        has_delay = reply.headers.get("retry-after") == "3" or '"retryDelay": "3s"' in reply.text
        assert (reply.status_code, has_delay) == (429, fault == "429" and provider[0].name != "bedrock")


def test_a_fault_may_end(provider: tuple[Emulator, Send]) -> None:
    """With times=2 the third call succeeds, and only that one is paid; scripts apply to calls without a prompt."""
    emulator, send = provider
    assert [send("x [[fault=429;times=2]]").status_code for _ in range(3)] == [429, 429, 200]
    assert emulator.paid_calls == 1
    requests.post(f"{emulator.url}/_script", json={"marker": "[[fault=500]]", "times": 2}, timeout=60)
    emulator.script("[[fault=429]]")
    assert [send("x").status_code for _ in range(4)] == [500, 500, 429, 200]
    assert send("x", headers={**KEY, "X-Emulator-Marker": "[[fault=500]]"}).status_code == 500


def test_a_delay_delays_the_image(provider: tuple[Emulator, Send]) -> None:
    """A synchronous response comes later; an asynchronous task is `processing` meanwhile."""
    emulator, send = provider
    started = time.monotonic()
    if emulator.name == "wavespeed":
        reply = send("x [[delay=60]]")
        poll = requests.get(reply.json()["data"]["urls"]["get"], headers=KEY, timeout=60)
        assert poll.json()["data"]["status"] == "processing"
    else:
        send("x [[delay=0.3]]")
        assert time.monotonic() - started >= 0.3


def test_the_record_hides_keys_and_counts(provider: tuple[Emulator, Send]) -> None:
    """GET /_calls has counts and calls but no key; POST /_reset empties it."""
    emulator, send = provider
    send("x")
    text = requests.get(f"{emulator.url}/_calls", timeout=60)
    assert "hf_key" not in text.text
    assert text.json()["calls"][0]["headers"]["authorization"] == "***"
    assert (text.json()["paid_calls"], text.json()["count"]) == (1, 1)
    requests.post(f"{emulator.url}/_reset", timeout=60)
    assert (emulator.calls, emulator.paid_calls, emulator.charged) == ([], 0, 0)


@pytest.mark.parametrize("fault", ["500", "403", "mime", "truncated", "notimage", "redirect", "reset"])
def test_a_download_may_fail_after_a_good_task(wavespeed: Emulator, fault: str) -> None:
    """A marker with stage=result applies to the download only."""
    reply = _post("wavespeed", wavespeed.url, f"x [[fault={fault};stage=result;times=1]]")
    poll = requests.get(reply.json()["data"]["urls"]["get"], headers=KEY, timeout=60).json()["data"]

    def download() -> bytes:
        return requests.get(poll["outputs"][0], timeout=60, allow_redirects=False).content

    try:
        spoiled = download()
    except requests.ConnectionError:
        spoiled = b""
    assert spoiled != download()
    assert wavespeed.calls[-1].status == 200


def test_a_fault_can_aim_at_one_path_or_seed(wavespeed: Emulator) -> None:
    """A script with `path` applies to the next call that contains it, a marker with seed=N to that variation."""
    wavespeed.script("[[fault=503]]", path="/result")
    url = _post("wavespeed", wavespeed.url, "x").json()["data"]["urls"]["get"]
    assert [requests.get(url, headers=KEY, timeout=60).status_code for _ in range(2)] == [503, 200]
    url, prompt = wavespeed.url + PATHS["wavespeed"], "x [[fault=500;seed=42]]"
    for seed, status in ((41, 200), (42, 500), (43, 200)):
        reply = requests.post(url, headers=KEY, json={"prompt": prompt, "seed": seed}, timeout=60)
        assert reply.status_code == status


def test_generations_run_at_once_and_the_peak_is_known(stability: Emulator) -> None:
    """Five delayed calls run at the same time."""
    threads = [Thread(target=_post, args=("stability", stability.url, f"x{n} [[delay=0.8]]")) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (stability.paid_calls, stability.peak_in_flight) == (5, 5)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_given_key_is_the_only_one_accepted(name: str) -> None:
    """`stop` closes the port and ends held connections; `start` raises OSError where the port is taken."""
    with start(name, key="hf_only") as emulator:
        assert _post(name, emulator.url, "x").status_code == BAD_KEY.get(name, 401)
        with pytest.raises(OSError, match="in use"):
            start(name, port=int(emulator.url.rpartition(":")[2]))
        held = Thread(target=_ignore_errors, args=(name, emulator.url))
        held.start()
    held.join(60)
    assert not held.is_alive()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{emulator.url}/_calls", timeout=2)


def _ignore_errors(name: str, url: str) -> None:
    with suppress(requests.RequestException):
        _post(name, url, "x [[fault=timeout]]")
