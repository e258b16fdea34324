"""The real functions behind the gateway: every route is answered by a function that knows it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.stack import Stack
from local.template import DEFAULT_ROUTE, Template
from scripts.events import all_events, small_png
from tests.waiting import until

TIMEOUT = 120.0  # seconds, for what takes a few
EVENTS = {event["routeKey"]: event for _, event in all_events() if "routeKey" in event}
ROUTES = [each for each in Template().routes() if each.path != DEFAULT_ROUTE and each.method not in ("OPTIONS", "HEAD")]


@pytest.fixture(scope="module", autouse=True)
def _within_their_rights(running_stack: Stack) -> Iterator[None]:
    """Nothing that a function does in this module goes beyond its policies: in AWS it would fail."""
    before = len(running_stack.aws.refusals())
    yield
    assert running_stack.aws.refusals()[before:] == []


def _send(stack: Stack, event: dict[str, Any], **headers: str) -> requests.Response:
    http = event["requestContext"]["http"]
    query = f"?{event['rawQueryString']}" if event["rawQueryString"] else ""
    body = event.get("body", "").encode()
    options = {"data": body, "headers": {**({"Content-Type": "application/json"} if body else {}), **headers}}
    url = f"{stack.origin}{http['path']}{query}"
    return requests.request(http["method"], url, timeout=TIMEOUT, allow_redirects=False, **options)


def _post(stack: Stack, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
    answer = requests.post(stack.url + path, json=body, headers=headers, timeout=TIMEOUT)
    assert answer.status_code in (200, 201), answer.text[:300]
    return answer


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_a_route_is_known_to_its_function(stack: Stack, route: Any) -> None:
    """The request in events/ succeeds; only an unknown id is a 404, and nothing is a 405 or a 5xx."""
    answer = _send(stack, EVENTS[route.key], **stack.headers(sub=f"routes {route.key}"))
    assert answer.status_code in (200, 201, 202, 204, 303, 404), answer.text[:300]
    if answer.status_code == 404:
        assert "{id}" in route.path
        assert "There is nothing at" not in answer.json()["detail"]


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method == "GET"], ids=lambda route: route.path)
def test_head_is_get_without_its_body(stack: Stack, route: Any) -> None:
    """The same status, type, length and ETag; a client that knows the ETag gets a 304, one without a token a 401."""
    headers = stack.headers(sub="heads")
    event = EVENTS[route.key]
    asked = {**event, "requestContext": {"http": {**event["requestContext"]["http"], "method": "HEAD"}}}
    got, head = _send(stack, event, **headers), _send(stack, asked, **headers)
    same = ("content-type", "content-length", "etag", "cache-control", "location")
    assert (head.status_code, [head.headers.get(name) for name in same], head.content) == (
        (got.status_code, [got.headers.get(name) for name in same], b"")
    )
    if "etag" in got.headers:
        assert _send(stack, asked, **headers, **{"If-None-Match": got.headers["etag"]}).status_code == 304
    assert _send(stack, asked).status_code == (401 if route.authorized else got.status_code)


def test_unknown_paths_get_the_documented_body(stack: Stack) -> None:
    """With a token it is the API's 404, without one the gateway's 401."""
    event = EVENTS[DEFAULT_ROUTE]
    answer = _send(stack, event, **stack.headers())
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail", "code"}
    refused = _send(stack, event)
    assert (refused.status_code, refused.text) == (401, '{"message":"Unauthorized"}')


def test_a_browsers_preflight_needs_no_token(stack: Stack) -> None:
    """Known and unknown paths respond with 204."""
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    for path in ("/api/image-studio/create", "/api/image-studio/nowhere", "/elsewhere"):
        answer = requests.options(f"{stack.origin}{path}", headers=asked, timeout=TIMEOUT)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "idempotency-key" in answer.headers["access-control-allow-headers"]


def test_every_header_a_client_may_read_is_exposed(stack: Stack) -> None:
    """The gateway's CORS configuration names every response header of a function."""
    body = {"prompt": "A boat", "width": 256, "height": 256, "unheard_of": 1}
    answer = _post(stack, "/create", body, stack.headers(sub="headers"))
    usual = {"server", "date", "connection", "content-length", "content-type", "cache-control", "apigw-requestid"}
    safe = {"vary", "x-content-type-options", "referrer-policy"}
    sent = {name.lower() for name in answer.headers} - usual - safe
    assert sent <= set(Template().cors().exposed)


def test_a_job_can_be_made_read_listed_and_removed(stack: Stack) -> None:
    """A caller can do all of it with each function's permissions."""
    headers = stack.headers(sub="jobs")
    body = {"prompt": "A lighthouse", "width": 256, "height": 256, "num_variations": 3, "delivery": "url"}
    made = _post(stack, "/create", body, headers)
    results = made.json()["results"]
    assert len(results) == 3
    for result in results:
        assert requests.get(result["image_url"], timeout=TIMEOUT).content[:4] == b"\x89PNG"
    job = f"{stack.url}/jobs/{made.headers['x-job-id']}"
    assert requests.get(job, headers=headers, timeout=TIMEOUT).json()["status"] == "succeeded"
    assert requests.get(f"{job}/result", headers=headers, timeout=TIMEOUT).json()["results"]
    assert len(requests.get(f"{stack.url}/jobs", headers=headers, timeout=TIMEOUT).json()["jobs"]) == 1
    _post(stack, "/upscale", {"image_base64": f"job:{made.headers['x-job-id']}/1", "mode": "fast"}, headers)
    assert requests.delete(job, headers=headers, timeout=TIMEOUT).json()["deleted"] is True
    assert requests.get(job, headers=headers, timeout=TIMEOUT).status_code == 404


def test_an_upload_can_be_sent_and_used(stack: Stack) -> None:
    """The form accepts the file, and a request can refer to it."""
    headers = stack.headers(sub="uploads")
    form = _post(stack, "/uploads", {"content_type": "png"}, headers).json()
    sent = requests.post(form["url"], data=form["fields"], files={"file": small_png()}, timeout=TIMEOUT)
    assert sent.status_code in (201, 204)
    _post(stack, "/upscale", {"image_base64": form["reference"], "mode": "fast"}, headers)
    _post(stack, "/social/optimize", {"image_base64": form["reference"], "platforms": ["instagram"]}, headers)


def test_an_image_in_the_hot_folder_gets_a_result(stack: Stack) -> None:
    """A file under inbox/ gets a result under outbox/."""
    s3, bucket = stack.aws.client("s3"), stack.resources["Bucket"]["Ref"]
    s3.put_object(Bucket=bucket, Key="inbox/upscale/web/boat.png", Body=small_png(), ContentType="image/png")

    def written() -> list[str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="outbox/upscale/web/").get("Contents", [])
        return [each["Key"].rpartition("/")[2] for each in listed]

    assert until(lambda: "result.json" in written()), written()


def test_the_reaper_stays_within_the_workers_rights(stack: Stack) -> None:
    """The schedule invokes the worker, which sweeps and says what it found."""

    def sweeps() -> int:
        return stack.log.read_text().count('"OverdueJobs"')

    before = sweeps()
    stack.tick()
    assert until(lambda: sweeps() > before)
