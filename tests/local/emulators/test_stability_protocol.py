"""Stability's transport: multipart, Accept, async results, balance, the order of refusals."""

import base64
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops

from local.emulators import Emulator

KEY = {"Authorization": "Bearer sk-test"}
V2 = "/v2beta/stable-image/"


def _core(emulator: Emulator, prompt: str = "a cat", headers: dict[str, str] | None = None, **fields: str) -> Any:
    parts = {name: (None, value) for name, value in {"prompt": prompt, **fields}.items()}
    return requests.post(
        f"{emulator.url}{V2}generate/core", headers={**KEY, **(headers or {})}, files=parts, timeout=60
    )


def _creative(emulator: Emulator, image: bytes, prompt: str) -> requests.Response:
    parts = {"prompt": (None, prompt), "image": ("a.png", image)}
    return requests.post(f"{emulator.url}{V2}upscale/creative", headers=KEY, files=parts, timeout=60)


def _result(emulator: Emulator, identifier: str, **headers: str) -> requests.Response:
    return requests.get(f"{emulator.url}/v2beta/results/{identifier}", headers={**KEY, **headers}, timeout=60)


def test_bytes_come_with_their_headers(stability: Emulator) -> None:
    """finish-reason, seed as digits, a request id."""
    reply = _core(stability, seed="7")
    assert reply.headers["finish-reason"] == "SUCCESS"
    assert reply.headers["seed"] == "7"
    assert reply.headers["x-request-id"]


def test_json_carries_the_same_without_the_headers(stability: Emulator) -> None:
    """Bare base64, the seed as a number, and the image's type in the Content-Type."""
    reply = _core(stability, headers={"Accept": "application/json"}, seed="7", output_format="webp")
    body = reply.json()
    assert reply.headers["content-type"] == "application/json; type=image/webp"
    assert (body["seed"], body["finish_reason"]) == (7, "SUCCESS")
    assert Image.open(BytesIO(base64.b64decode(body["image"], validate=True))).format == "WEBP"
    assert not {"seed", "finish-reason"} & set(reply.headers)


@pytest.mark.parametrize("seed", ["0", None])
def test_no_seed_is_a_random_one(stability: Emulator, seed: str | None) -> None:
    """0 and absent both mean random, and the seed used is told."""
    replies = [_core(stability, **({"seed": seed} if seed else {})).headers["seed"] for _ in range(2)]
    assert replies[0] != replies[1]
    assert "0" not in replies


def test_an_accept_of_another_kind_is_refused(stability: Emulator) -> None:
    """Only image/* and application/json are offered."""
    assert _core(stability, headers={"Accept": "text/html"}).status_code == 400


def test_a_body_that_is_not_multipart_is_refused(stability: Emulator) -> None:
    """JSON and urlencoded forms are 400."""
    url = f"{stability.url}{V2}generate/core"
    replies = [
        requests.post(url, headers=KEY, json={"prompt": "x"}, timeout=60),
        requests.post(url, headers=KEY, data={"prompt": "x"}, timeout=60),
    ]
    assert [(r.status_code, r.json()["name"]) for r in replies] == [(400, "bad_request")] * 2


def test_unknown_parts_are_ignored_but_noted(stability: Emulator) -> None:
    """The filler part of official samples isn't even noted."""
    assert _core(stability, none="", width="1024").status_code == 200
    assert stability.calls[0].unknown_fields == ["width"]


def test_the_key_is_checked_before_the_path(stability: Emulator) -> None:
    """Unknown paths are 401 without a key and 404 with one; v1 and v2beta have their own shapes."""
    bad = {"Authorization": "Bearer bad-key"}
    v2 = requests.post(f"{stability.url}{V2}no/such", headers=bad, timeout=60)
    v1 = requests.get(f"{stability.url}/v1/user/balance", headers=bad, timeout=60)
    known = requests.post(f"{stability.url}{V2}no/such", headers=KEY, timeout=60)
    assert (v2.status_code, set(v2.json())) == (401, {"id", "name", "errors"})
    assert (v1.status_code, set(v1.json())) == (401, {"id", "name", "message"})
    assert known.status_code == 404


def test_ten_mebibytes_are_the_limit(stability: Emulator) -> None:
    """A larger request is 413, before its fields are read."""
    parts = {"image": ("a.png", b"0" * 10_485_760)}
    reply = requests.post(f"{stability.url}{V2}upscale/fast", headers=KEY, files=parts, timeout=60)
    assert (reply.status_code, reply.json()["name"]) == (413, "payload_too_large")


def test_an_async_operation_is_polled(stability: Emulator, subject_png: bytes) -> None:
    """An id of 64 characters, 202 while running, then the image in either form; charged once."""
    submitted = _creative(stability, subject_png, "a ball [[polls=2]]")
    identifier = submitted.json()["id"]
    assert len(identifier) == 64
    polls = [_result(stability, identifier) for _ in range(3)]
    assert [poll.status_code for poll in polls] == [202, 202, 200]
    assert polls[0].json() == {"id": identifier, "status": "in-progress"}
    image = Image.open(BytesIO(polls[2].content))
    assert abs(image.width * image.height - 3840 * 2160) < 10_000
    as_json = _result(stability, identifier, Accept="application/json").json()
    assert base64.b64decode(as_json["image"]) == polls[2].content
    assert (stability.paid_calls, stability.charged) == (1, 60)


def test_a_result_belongs_to_its_key(stability: Emulator, subject_png: bytes) -> None:
    """Another key, or another id, finds nothing."""
    identifier = _creative(stability, subject_png, "x").json()["id"]
    other = _result(stability, identifier, Authorization="Bearer another")
    unknown = _result(stability, "0" * 64)
    assert [(r.status_code, r.json()["name"]) for r in (other, unknown)] == [(404, "generation_not_found")] * 2


def test_a_filtered_image_is_a_200_that_is_blurred(stability: Emulator) -> None:
    """CONTENT_FILTERED is told in the header, the image is there, and nothing is charged."""
    clear = _core(stability, seed="5")
    filtered = _core(stability, "a cat [[fault=filtered]]", seed="5")
    assert (filtered.status_code, filtered.headers["finish-reason"]) == (200, "CONTENT_FILTERED")
    images = [Image.open(BytesIO(reply.content)).convert("L") for reply in (clear, filtered)]
    spread = [max(ImageChops.difference(p, p.transpose(Image.Transpose.FLIP_LEFT_RIGHT)).getextrema()) for p in images]
    assert spread[1] < spread[0]
    assert (stability.paid_calls, stability.charged) == (2, 3)


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        ("401", 401, "unauthorized"),
        ("402", 402, "payment_required"),
        ("moderated", 403, "content_moderation"),
        ("413", 413, "payload_too_large"),
        ("422", 422, "public_figure"),
        ("language", 422, "invalid_language"),
        ("429", 429, "rate_limit_exceeded"),
        ("500", 500, "internal_error"),
    ],
)
def test_each_refusal_has_its_name_and_costs_nothing(stability: Emulator, fault: str, status: int, name: str) -> None:
    """Failures aren't charged."""
    reply = _core(stability, f"x [[fault={fault}]]")
    assert (reply.status_code, reply.json()["name"], stability.charged) == (status, name, 0)


def test_the_balance_falls_with_successes_and_runs_out(stability: Emulator) -> None:
    """The account pays, and an empty one answers 402."""
    balance = f"{stability.url}/v1/user/balance"
    _core(stability)
    assert requests.get(balance, headers=KEY, timeout=60).json() == {"credits": 997.0}
    requests.post(f"{stability.url}/_script", json={"balance": 2.9}, timeout=60)
    assert _core(stability).json()["name"] == "payment_required"
