"""Canaries in prompts, images, names, keys and tokens, through the whole stack: none comes out in a log line."""

import base64
import io
import json
import time
from typing import Any

import pytest
import requests
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from local.stack import Stack
from tests.operations.fakes import photo, to_bytes
from tests.security.canaries import CANARIES, OURS

CANARY = "CANARY-7f3a"
TIMEOUT = 120.0  # seconds, for what takes a few
FAULTS = ["", "500", "notimage", "html502", "cut", "mime", "moderated", "401", "redirect", "truncated"]


def _image() -> str:
    out, info = io.BytesIO(), PngInfo()
    info.add_text("Comment", CANARY)
    Image.new("RGB", (96, 96), (9, 120, 200)).save(out, "PNG", pnginfo=info)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _post(stack: Stack, path: str, body: Any, **headers: str) -> requests.Response:
    known = stack.headers(sub=f"{CANARY}@example.com", tier="enterprise")
    return requests.post(stack.url + path, json=body, headers={**known, **headers}, timeout=TIMEOUT)


@pytest.fixture
def logged(stack: Stack) -> Any:
    before = stack.log.stat().st_size

    def read(*expected: str) -> list[str]:
        """The lines, when what is expected is among them: the worker writes its last one after the job has ended."""
        ends = time.monotonic() + TIMEOUT
        while True:
            time.sleep(0.5)
            text = stack.log.read_bytes()[before:].decode(errors="replace")
            if all(each in text for each in expected) or time.monotonic() > ends:
                return text.splitlines()

    return read


def _ours(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line[line.index("{") :]) for line in lines if OURS in line]


def test_images_and_prompts_stay_out(stack: Stack, logged: Any) -> None:
    """When all goes well, and when a provider answers in every wrong way."""
    image = _image()
    fields = {"prompt": f"a boat called {CANARY}", "negative_prompt": CANARY, CANARY: CANARY}
    answers = [_post(stack, "/create", {**fields, "width": 64, "height": 64, "provider": "stability"})]
    for fault in FAULTS:
        marker = f" [[fault={fault};times=1]]" if fault else ""
        body = {**fields, "prompt": fields["prompt"] + marker, "image_base64": image, "operation": "general_edit"}
        answers.append(_post(stack, "/edit/process", body, **{"Idempotency-Key": f"{CANARY}{fault}"}))
    assert {answer.status_code for answer in answers} == {200, 400, 500}
    lines = logged()
    assert len(_ours(lines)) >= 2 * len(answers)
    received = [answer.json().get("image_base64", "").partition(",")[2][20:60] for answer in answers[1:]]
    for part in filter(None, [CANARY, image.partition(",")[2][20:60], *received]):
        assert not any(part in line for line in lines)
    assert not any(CANARIES.search(line) for line in lines)


def test_refusals_stay_silent_too(stack: Stack, logged: Any) -> None:
    """Unknown values, broken bodies, wrong types, other paths: what is echoed to the caller isn't logged."""
    _post(stack, "/create", {"prompt": "x", "template_id": CANARY})
    _post(stack, "/create", {"prompt": "x", "style_preset": CANARY, "provider": CANARY})
    _post(stack, "/edit/process", {"image_base64": CANARY, "operation": CANARY})
    _post(stack, "/upscale", {"image_base64": f"upload:{CANARY}"})
    _post(stack, f"/{CANARY}", {})
    known = stack.headers(sub=CANARY)
    requests.get(f"{stack.url}/templates/search?query={CANARY}", headers=known, timeout=TIMEOUT)
    requests.get(f"{stack.url}/jobs/{CANARY}", headers=known, timeout=TIMEOUT)
    requests.post(f"{stack.url}/create", data=f"{{{CANARY}", headers={**known, "Content-Type": CANARY}, timeout=TIMEOUT)
    lines = logged()
    assert len(_ours(lines)) >= 8
    assert not any(CANARY in line for line in lines)


def test_presigned_addresses_stay_out(stack: Stack, logged: Any) -> None:
    """Uploads' forms and results' links go to the caller alone."""
    form = _post(stack, "/uploads", {"content_type": "image/png"}).json()
    files = {"file": ("x.png", to_bytes(photo(64, 64)), "image/png")}
    requests.post(form["url"], data=form["fields"], files=files, timeout=TIMEOUT)
    answer = _post(stack, "/create", {"prompt": "a boat", "width": 64, "height": 64, "delivery": "url"})
    assert "Signature" in answer.json()["results"][0]["image_url"]
    lines = logged()
    assert not any("Signature" in line or "Credential" in line for line in lines)


def test_personas_stay_out(stack: Stack, logged: Any) -> None:
    """A brand's words are its own."""
    known = stack.headers(sub=f"{CANARY}@example.com")
    body = {"name": CANARY, "voice": CANARY, "palette": [CANARY]}
    requests.put(f"{stack.url}/personas/acme", json=body, headers=known, timeout=TIMEOUT)
    _post(stack, "/create", {"prompt": "a boat", "use_persona": True, "persona_id": "acme", "width": 64, "height": 64})
    assert not any(CANARY in line for line in logged())


def test_lines_say_who_what_and_how_long(stack: Stack, logged: Any) -> None:
    """What an operator needs: request, caller's hash, route, status, time, sizes; provider, model, credits of a job."""
    answer = _post(stack, "/create", {"prompt": "a boat", "width": 64, "height": 64})
    job_id = answer.headers["x-job-id"]
    lines = _ours(logged(f'"job_id":"{job_id}"', '"CreditsCharged"', '"UpstreamUSD"'))
    request = next(line for line in lines if line.get("message") == "request")
    assert request.keys() >= {"request_id", "route", "status", "tenant", "tier", "seconds", "bytes_in", "bytes_out"}
    (ended,) = (line for line in lines if line.get("message") == "job ended" and line["job_id"] == job_id)
    received = next(line for line in lines if line.get("message") == "image received")
    assert received.keys() >= {"provider", "model", "seconds", "bytes"}
    assert [ended["credits"]] in [line["CreditsCharged"] for line in lines if line.get("CreditsCharged")]
    assert any(line.get("UpstreamUSD", [0]) > [0] for line in lines)
    assert not any("left_out" in line or "?" in line.values() for line in lines)
