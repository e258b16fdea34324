"""Images by https URL: fetched once, when the request arrives, and copied; the job works on the copy."""

import base64
from functools import partial
from typing import Any

import pytest

from image_studio.providers import download
from image_studio.runtime import submit
from image_studio.storage import keys
from tests.jobs.harness import Harness, png
from tests.jobs.test_pinned_inputs import LARGE, REQUEST, SMALL
from tests.jobs.test_uploads import UPSCALE, send, upload
from tests.providers.hosts import CDN, GOOD, HOSTILE_URLS, PUBLIC, Cdn, Guard, replying

ALICE = keys.tenant_of("alice")
INPAINT = {"operation": "inpaint", "prompt": "a lamp", "image_base64": base64.b64encode(png()).decode()}


@pytest.fixture
def photos(cdn: Cdn, guard: Guard, monkeypatch: pytest.MonkeyPatch) -> Cdn:
    """A public host that has an image."""
    monkeypatch.setattr(download, "is_public", lambda address: address == "127.0.0.1")
    guard.answers = {CDN: [["127.0.0.1"]]}
    cdn.answer = replying(200, SMALL, Content_Type="text/html")
    return cdn


def test_a_url_is_priced_copied_and_worked_on(harness: Harness, photos: Cdn) -> None:
    """Whatever the URL gives later. The content type is of no account, and the record has no URL."""
    job_id = harness.submit({**REQUEST, "image_base64": GOOD}, "/upscale")
    photos.answer = replying(200, LARGE)
    harness.work()
    job = harness.job(job_id)
    assert (job.status, job.reserved, job.charged) == ("succeeded", 2, 2)
    assert [path for _, path in photos.asked] == ["/result/1.png"]
    stored = harness.objects(keys.input_prefix(ALICE, job_id))
    assert SMALL in stored.values()
    assert not any(CDN.encode() in body for body in stored.values())


def test_any_image_field_takes_a_url(harness: Harness, photos: Cdn) -> None:
    """The same URL in two fields is fetched once; an unused field's is not fetched."""
    mask = f"https://{CDN}/mask.png"
    photos.answer = replying(200, png(color=(255, 255, 255)))
    body = {**INPAINT, "image_base64": GOOD, "mask_base64": mask, "lighting_image_base64": GOOD + "?unused"}
    job_id = harness.submit(body, "/edit/process")
    harness.work()
    assert harness.job(job_id).status == "succeeded"
    assert [path for _, path in photos.asked] == ["/result/1.png", "/mask.png"]
    both = {**INPAINT, "image_base64": mask, "mask_base64": mask}
    harness.submit(both, "/edit/process")
    assert len(photos.asked) == 3


def test_social_takes_a_url(harness: Harness, photos: Cdn) -> None:
    answer = harness.ask("POST", "/social/optimize", body={"image_base64": GOOD, "platforms": ["instagram"]})
    assert (answer.status, answer.json["total_optimized"]) == (200, 1)


def test_a_retry_with_its_key_fetches_nothing(harness: Harness, photos: Cdn) -> None:
    for _ in range(2):
        harness.submit({**UPSCALE, "image_base64": GOOD}, "/upscale", headers={"idempotency-key": "k"})
    assert len(photos.asked) == 1


def test_a_url_beside_an_upload_is_fetched_when_that_arrives(harness: Harness, photos: Cdn) -> None:
    """That is when the request is priced."""
    photos.answer = replying(200, png(color=(255, 255, 255)))
    form = upload(harness, operation="edit", request={"operation": "inpaint", "prompt": "x", "mask_base64": GOOD})
    assert photos.asked == []
    send(harness, form)
    harness.work()
    assert harness.job(form["job_id"]).status == "succeeded"
    assert len(photos.asked) == 1


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (replying(404), 400, "answered 404"),
        (replying(200, b"<html>sign in</html>"), 400, "is not a PNG"),
        (replying(200, b""), 400, "is not a PNG"),
        (replying(302, Location="http://169.254.169.254/"), 400, "Use the https URL"),
        (replying(302, Location="https://169.254.169.254/"), 400, "public host"),
    ],
)
def test_a_url_without_an_image_is_a_sentence(
    harness: Harness, photos: Cdn, answer: Any, status: int, says: str
) -> None:
    """Nothing is recorded or charged. A field other than the main image is named."""
    photos.answer = answer
    requests = {"/upscale": {**UPSCALE, "image_base64": GOOD}, "/edit/process": {**INPAINT, "mask_base64": GOOD}}
    for path, body in requests.items():
        got = harness.ask("POST", path, body=body)
        assert (got.status, got.json["code"]) == (status, "invalid_image")
        assert says in got.json["detail"]
        assert got.json["detail"].startswith("mask_base64: ") == (path == "/edit/process")
    assert harness.ask("GET", "/jobs").json["jobs"] == []


def test_a_requests_urls_have_one_time_together(harness: Harness, photos: Cdn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway would end the request otherwise."""
    monkeypatch.setattr(submit, "url_reader", partial(submit.url_reader, 0))
    answer = harness.ask("POST", "/upscale", body={**UPSCALE, "image_base64": GOOD})
    assert (answer.status, photos.asked) == (400, [])


def test_hostile_urls_as_inputs_reach_nothing(harness: Harness, guard: Guard) -> None:
    """More than 60: each is a 400 in one sentence; only a public host on port 443 may be called."""
    guard.answers = {CDN: [["10.0.0.1"]], f"{CDN}.": [["169.254.169.254"]]}
    urls = [url for url in HOSTILE_URLS if url.strip()]
    assert len(urls) > 60
    for url in urls:
        text = url.encode(errors="replace").decode()
        answer = harness.ask("POST", "/upscale", body={**UPSCALE, "image_base64": text})
        assert (answer.status, answer.json["code"]) == (400, "invalid_image"), (url, answer.body)
    assert guard.connected == []
    assert PUBLIC not in guard.looked_up
