"""Stability: every operation and field, and the transport (multipart, Accept, async results, balance)."""

import base64
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops

from local.emulators import Emulator
from local.emulators.stability_contract import OPERATIONS, File, Number, OneOf, Text

KEY = {"Authorization": "Bearer sk-test"}
SIDES = "left right up down"
V2 = "/v2beta/stable-image/"


def _png(width: int = 96, height: int = 96) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def _form(path: str) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    fields: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for name, spec in OPERATIONS[path].fields.items():
        match spec:
            case File():
                files[name] = ("a.png", _png())
            case Text():
                fields[name] = "a red car"
            case OneOf(options):
                fields[name] = options[0]
            case Number(_, most):
                fields[name] = f"{min(most, 64):g}"
    if path == "generate/sd3":
        fields["mode"] = "image-to-image"
        del fields["aspect_ratio"]
    return fields, files


def _send(emulator: Emulator, path: str, fields: dict[str, str], files: dict[str, Any]) -> requests.Response:
    parts = {name: (None, value) for name, value in fields.items()} | files
    return requests.post(f"{emulator.url}{V2}{path}", headers=KEY, files=parts or {"none": ""}, timeout=60)


def _is_error(reply: requests.Response, status: int, name: str) -> list[str]:
    body = reply.json()
    assert (reply.status_code, body["name"]) == (status, name)
    assert set(body) == {"id", "name", "errors"}
    assert len(body["id"]) == 32
    errors: list[str] = body["errors"]
    assert errors
    return errors


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_documented_field_is_accepted(stability: Emulator, path: str) -> None:
    """A form with all of them succeeds and is charged its price; none of them counts as unknown."""
    reply = _send(stability, path, *_form(path))
    assert reply.status_code == 200, reply.text
    call = stability.calls[0]
    assert (call.unknown_fields, call.operation, call.charged) == ([], path, True)
    assert stability.charged == OPERATIONS[path].credits
    if not OPERATIONS[path].asynchronous:
        assert Image.open(BytesIO(reply.content)).format == "PNG"


@pytest.mark.parametrize("path", OPERATIONS)
def test_a_bad_value_of_each_field_and_a_missing_one_are_refused(stability: Emulator, path: str) -> None:
    """Each error starts with the field's name; nothing is charged."""
    for name, spec in OPERATIONS[path].fields.items():
        fields, files = _form(path)
        match spec:
            case File():
                files[name] = ("a.png", b"no image")
            case Text(_, most):
                fields[name] = "x" * (most + 1)
            case OneOf():
                fields[name] = "no-such-choice"
            case Number(_, most):
                fields[name] = f"{most + 1:.10g}"
        errors = _is_error(_send(stability, path, fields, files), 400, "bad_request")
        assert any(sentence.startswith(f"{name}: ") for sentence in errors), errors
    missing = _is_error(_send(stability, path, {}, {}), 400, "bad_request")
    assert {f"{name}: is required" for name in OPERATIONS[path].required} <= set(missing)
    assert stability.paid_calls == 0


#: Images out of bounds: path, size, the word that the error names.
OUT_OF_BOUNDS = (
    ("edit/erase", (63, 200), "side"),
    ("edit/outpaint", (64, 161), "aspect ratio"),
    ("edit/remove-background", (2049, 2048), "total pixels"),
    ("edit/inpaint", (3073, 3072), "total pixels"),
    ("upscale/fast", (1537, 64), "side"),
    ("upscale/fast", (1025, 1024), "total pixels"),
    ("upscale/fast", (31, 40), "side"),
    ("upscale/creative", (1025, 1024), "total pixels"),
    ("control/sketch", (400, 100), "aspect ratio"),
    ("control/style-transfer", (400, 100), "aspect ratio"),
)


@pytest.mark.parametrize(("path", "size", "words"), OUT_OF_BOUNDS)
def test_an_image_out_of_bounds_is_refused(stability: Emulator, path: str, size: tuple[int, int], words: str) -> None:
    """Sides, area and aspect are the operation's own."""
    fields, files = _form(path)
    field = "init_image" if path.endswith("transfer") else "image"
    reply = _send(stability, path, fields, {**files, field: ("a.png", _png(*size))})
    assert any(words in sentence for sentence in _is_error(reply, 400, "bad_request"))


RELIGHT = "edit/replace-background-and-relight"


@pytest.mark.parametrize(
    ("path", "drop", "words"),
    [
        ("generate/ultra", "strength", "strength: is required"),
        ("generate/sd3", "strength", "strength: is required for image-to-image"),
        (RELIGHT, "background_prompt background_reference", "background_prompt: either"),
        (RELIGHT, "light_source_direction light_reference", "light_source_strength: needs"),
        ("edit/outpaint", SIDES, "at least one must be greater than 0"),
    ],
)
def test_fields_that_need_each_other(stability: Emulator, path: str, drop: str, words: str) -> None:
    """Rules over several fields are checked."""
    fields, files = _form(path)
    kept = [{name: part for name, part in parts.items() if name not in drop.split()} for parts in (fields, files)]
    errors = _is_error(_send(stability, path, *kept), 400, "bad_request")
    assert any(words in sentence for sentence in errors), errors


def test_sd3_takes_the_fields_of_its_mode_and_is_charged_by_model(stability: Emulator) -> None:
    """Each mode refuses the fields of the other; each model of the family has its price."""
    fields, files = _form("generate/sd3")
    both = _is_error(_send(stability, "generate/sd3", {**fields, "aspect_ratio": "1:1"}, files), 400, "bad_request")
    fields["mode"] = "text-to-image"
    stray = _is_error(_send(stability, "generate/sd3", fields, files), 400, "bad_request")
    assert both == ["aspect_ratio: only valid for text-to-image"]
    assert stray == ["image: only valid for image-to-image", "strength: only valid for image-to-image"]
    for model, price in (("large", 6.5), ("large-turbo", 4), ("medium", 3.5), ("flash", 2.5)):
        stability.reset()
        assert _send(stability, "generate/sd3", {"prompt": "x", "model": f"sd3.5-{model}"}, {}).status_code == 200
        assert stability.charged == price


@pytest.mark.parametrize(
    ("path", "sent", "size"),
    [
        ("generate/ultra", {"aspect_ratio": "16:9"}, (1344, 768)),
        ("generate/sd3", {"aspect_ratio": "9:21"}, (640, 1536)),
        ("generate/core", {}, (1216, 1216)),
        ("upscale/fast", {}, (384, 384)),
        ("upscale/conservative", {}, (2048, 2048)),
        ("edit/outpaint", {"left": "10", "right": "0", "up": "20", "down": "5"}, (106, 121)),
        ("edit/inpaint", {}, (96, 96)),
        ("edit/search-and-recolor", {}, (96, 96)),
        ("control/structure", {}, (96, 96)),
        ("control/style", {"aspect_ratio": "3:2"}, (1216, 832)),
        ("control/style-transfer", {}, (1024, 1024)),
    ],
)
def test_the_answer_has_the_real_size(
    stability: Emulator, path: str, sent: dict[str, str], size: tuple[int, int]
) -> None:
    """About 1 or 1.5 MP by ratio for generations, the input's size for edits, 4x or 4 MP for upscales."""
    fields, files = _form(path)
    if path.startswith("generate"):
        fields, files = {"prompt": "x"}, {}
    reply = _send(stability, path, {**fields, **sent, "output_format": "png"}, files)
    assert Image.open(BytesIO(reply.content)).size == size


def _core(emulator: Emulator, prompt: str = "a cat", headers: dict[str, str] | None = None, **fields: str) -> Any:
    parts = {name: (None, value) for name, value in {"prompt": prompt, **fields}.items()}
    sent = {**KEY, **(headers or {})}
    return requests.post(f"{emulator.url}{V2}generate/core", headers=sent, files=parts, timeout=60)


def _result(emulator: Emulator, identifier: str, **headers: str) -> requests.Response:
    return requests.get(f"{emulator.url}/v2beta/results/{identifier}", headers={**KEY, **headers}, timeout=60)


def test_the_answer_has_the_file_type_asked_for(stability: Emulator) -> None:
    """Bytes and Content-Type agree; seed and request id are in the headers, or in JSON with bare base64."""
    for file_type in ("png", "jpeg", "webp"):
        reply = _core(stability, seed="7", output_format=file_type)
        assert reply.headers["content-type"] == f"image/{file_type}"
        assert Image.open(BytesIO(reply.content)).format == file_type.upper()
        assert (reply.headers["finish-reason"], reply.headers["seed"]) == ("SUCCESS", "7")
        assert reply.headers["x-request-id"]
    reply = _core(stability, headers={"Accept": "application/json"}, seed="7", output_format="webp")
    body = reply.json()
    assert reply.headers["content-type"] == "application/json; type=image/webp"
    assert (body["seed"], body["finish_reason"]) == (7, "SUCCESS")
    assert Image.open(BytesIO(base64.b64decode(body["image"], validate=True))).format == "WEBP"
    assert not {"seed", "finish-reason"} & set(reply.headers)


def test_no_seed_is_a_random_one(stability: Emulator) -> None:
    """0 and absent both mean random; the response has the seed that was used."""
    seeds = {_core(stability, **sent).headers["seed"] for sent in ({"seed": "0"}, {"seed": "0"}, {}, {})}
    assert len(seeds - {"0"}) == 4


def test_only_multipart_and_two_accept_headers_are_taken(stability: Emulator) -> None:
    """JSON and urlencoded forms are 400, as is what asks for neither image/* nor application/json."""
    url = f"{stability.url}{V2}generate/core"
    replies = [
        _core(stability, headers={"Accept": "text/html"}),
        requests.post(url, headers=KEY, json={"prompt": "x"}, timeout=60),
        requests.post(url, headers=KEY, data={"prompt": "x"}, timeout=60),
    ]
    assert [(r.status_code, r.json()["name"]) for r in replies] == [(400, "bad_request")] * 3


def test_unknown_parts_are_ignored_but_logged(stability: Emulator) -> None:
    """The filler part of official samples is not logged."""
    assert _core(stability, none="", width="1024").status_code == 200
    assert stability.calls[0].unknown_fields == ["width"]


def test_the_key_is_checked_before_the_path(stability: Emulator) -> None:
    """Unknown paths are 401 without a key and 404 with one; 10 MiB are 413, before any field is read."""
    bad = {"Authorization": "Bearer bad-key"}
    v2 = requests.post(f"{stability.url}{V2}no/such", headers=bad, timeout=60)
    v1 = requests.get(f"{stability.url}/v1/user/balance", headers=bad, timeout=60)
    known = requests.post(f"{stability.url}{V2}no/such", headers=KEY, timeout=60)
    assert (v2.status_code, set(v2.json())) == (401, {"id", "name", "errors"})
    assert (v1.status_code, set(v1.json())) == (401, {"id", "name", "message"})
    assert known.status_code == 404
    parts = {"image": ("a.png", b"0" * 10_485_760)}
    large = requests.post(f"{stability.url}{V2}upscale/fast", headers=KEY, files=parts, timeout=60)
    assert (large.status_code, large.json()["name"]) == (413, "payload_too_large")


def test_an_async_operation_is_polled(stability: Emulator, subject_png: bytes) -> None:
    """An id of 64 characters, 202 while running, then the image in either form, for its key only; charged once."""
    files = {"image": ("a.png", subject_png)}
    identifier = _send(stability, "upscale/creative", {"prompt": "a ball [[polls=2]]"}, files).json()["id"]
    assert len(identifier) == 64
    polls = [_result(stability, identifier) for _ in range(3)]
    assert [poll.status_code for poll in polls] == [202, 202, 200]
    assert polls[0].json() == {"id": identifier, "status": "in-progress"}
    image = Image.open(BytesIO(polls[2].content))
    assert abs(image.width * image.height - 3840 * 2160) < 10_000
    as_json = _result(stability, identifier, Accept="application/json").json()
    assert base64.b64decode(as_json["image"]) == polls[2].content
    assert (stability.paid_calls, stability.charged) == (1, 60)
    lost = (_result(stability, identifier, Authorization="Bearer another"), _result(stability, "0" * 64))
    assert [(r.status_code, r.json()["name"]) for r in lost] == [(404, "generation_not_found")] * 2


def test_a_filtered_image_is_a_200_that_is_blurred(stability: Emulator) -> None:
    """The header has CONTENT_FILTERED, the image is blurred, and nothing is charged."""
    clear = _core(stability, seed="5")
    filtered = _core(stability, "a cat [[fault=filtered]]", seed="5")
    assert (filtered.status_code, filtered.headers["finish-reason"]) == (200, "CONTENT_FILTERED")
    images = [Image.open(BytesIO(reply.content)).convert("L") for reply in (clear, filtered)]
    spread = [max(ImageChops.difference(p, p.transpose(Image.Transpose.FLIP_LEFT_RIGHT)).getextrema()) for p in images]
    assert spread[1] < spread[0]
    assert (stability.paid_calls, stability.charged) == (2, 3)


REFUSALS = {
    "401": (401, "unauthorized"),
    "402": (402, "payment_required"),
    "moderated": (403, "content_moderation"),
    "413": (413, "payload_too_large"),
    "422": (422, "public_figure"),
    "language": (422, "invalid_language"),
    "429": (429, "rate_limit_exceeded"),
    "500": (500, "internal_error"),
}


def test_each_refusal_has_its_name_and_only_successes_are_charged(stability: Emulator) -> None:
    """The balance falls with successes, and an empty account answers 402."""
    for fault, (status, name) in REFUSALS.items():
        reply = _core(stability, f"x [[fault={fault}]]")
        assert (reply.status_code, reply.json()["name"], stability.charged) == (status, name, 0)
    balance = f"{stability.url}/v1/user/balance"
    _core(stability)
    assert requests.get(balance, headers=KEY, timeout=60).json() == {"credits": 997.0}
    requests.post(f"{stability.url}/_script", json={"balance": 2.9}, timeout=60)
    assert _core(stability).json()["name"] == "payment_required"
