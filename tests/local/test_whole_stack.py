"""The real functions behind the gateway: every route is answered by a function that knows it."""

import json
from typing import Any

import pytest
import requests

from local.stack import Stack
from local.template import DEFAULT_ROUTE, Template
from scripts.events import all_events

EVENTS = {event["routeKey"]: event for _, event in all_events() if "routeKey" in event}
ROUTES = [route for route in Template().routes() if route.path != DEFAULT_ROUTE and route.method != "OPTIONS"]


def _send(stack: Stack, event: dict[str, Any], **headers: str) -> requests.Response:
    http = event["requestContext"]["http"]
    query = f"?{event['rawQueryString']}" if event["rawQueryString"] else ""
    body = event.get("body", "").encode()
    kind = {"Content-Type": "application/json"} if body else {}
    return requests.request(
        http["method"],
        f"{stack.origin}{http['path']}{query}",
        data=body,
        headers={**kind, **headers},
        timeout=60,
        allow_redirects=False,
    )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_a_route_is_known_to_its_function(stack: Stack, route: Any) -> None:
    """The request of events/ is understood: only an id that isn't there is a 404, and nothing is a 405 or a 5xx."""
    answer = _send(stack, EVENTS[route.key], **stack.headers(sub=f"routes {route.key}"))
    assert answer.status_code in (200, 201, 202, 204, 303, 404), answer.text[:300]
    if answer.status_code == 404:
        assert "{id}" in route.path
        assert "There is nothing at" not in answer.json()["detail"]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.authorized], ids=lambda route: route.key)
def test_without_a_token_the_gateway_answers(stack: Stack, route: Any) -> None:
    """401, and no function runs."""
    answer = _send(stack, EVENTS[route.key])
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')


def test_unknown_paths_get_the_documented_body(stack: Stack) -> None:
    """Through $default, for callers with a token; without one it is the gateway's 401."""
    event = EVENTS[DEFAULT_ROUTE]
    answer = _send(stack, event, **stack.headers())
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail", "code"}
    assert _send(stack, event).status_code == 401


def test_a_browsers_preflight_needs_no_token(stack: Stack) -> None:
    """On known and on unknown paths."""
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    for path in ("/api/image-studio/create", "/api/image-studio/nowhere", "/elsewhere"):
        answer = requests.options(f"{stack.origin}{path}", headers=asked, timeout=30)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "idempotency-key" in answer.headers["access-control-allow-headers"]


def test_every_header_a_client_may_read_is_exposed(stack: Stack) -> None:
    """What functions send beyond the usual is named in the gateway's CORS configuration."""
    body = {"prompt": "A boat", "width": 256, "height": 256, "unheard_of": 1}
    answer = requests.post(f"{stack.url}/create", json=body, headers=stack.headers(sub="headers"), timeout=60)
    usual = {"server", "date", "connection", "content-length", "content-type", "cache-control", "apigw-requestid"}
    safe = {"vary", "x-content-type-options", "referrer-policy"}
    sent = {name.lower() for name in answer.headers} - usual - safe
    assert answer.status_code == 200, answer.text[:300]
    assert sent <= set(Template().cors().exposed)


def test_nothing_secret_is_logged(stack: Stack) -> None:
    """Neither a prompt nor a key nor a token nor a picture gets into the functions' log."""
    headers = stack.headers(sub="canary-sub")
    body = {"prompt": "canary-prompt zeppelin", "width": 256, "height": 256}
    answer = requests.post(f"{stack.url}/create", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text[:300]
    log = stack.log.read_text()
    picture = answer.json()["results"][0]["image_base64"]
    for canary in ("canary-prompt", "canary-sub", "local-stability-key", "local-wavespeed-key", picture[100:160]):
        assert canary not in log
    assert headers["Authorization"].split()[1].split(".")[2] not in log
    assert all(json.loads(line) for line in log.splitlines() if line.startswith("{"))
