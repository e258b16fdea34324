"""No request makes a 500: odd methods, paths, types, subjects; wide, deep and broken bodies; headers, queries, ids."""

import base64
import json
import tracemalloc
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from image_studio.runtime.openapi import document
from image_studio.runtime.settings import PREFIX
from tests.security.inside import Inside, routes

ASYNC = {"prefer": "respond-async"}
BODY_PATHS = [
    route.path
    for route in routes()
    if route.method == "POST" and route.path.startswith("/api/") and "{" not in route.path
]
#: The same examples each time, on a table that they share.
STEADY = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def check(answered: dict[str, Any]) -> dict[str, Any]:
    """Require a response that Lambda can hand to the gateway and a client can read, and no 5xx."""
    assert answered.keys() >= {"statusCode", "headers", "body"}
    assert 200 <= answered["statusCode"] < 500, answered["body"][:300]
    answered["body"].encode()
    for name, value in answered["headers"].items():
        assert isinstance(value, str), name
        assert value.isprintable(), (name, value)
        assert value.isascii(), (name, value)
    if answered["statusCode"] >= 400:
        error = json.loads(answered["body"])
        assert error.keys() == {"detail", "code"}
        assert isinstance(error["detail"], str)
    return answered


@given(
    method=some.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "\n", "é"]),
    path=some.one_of(
        some.sampled_from([route.path for route in routes()]),
        some.text(max_size=80).map(lambda text: f"{PREFIX}/{text}"),
        some.text(max_size=80),
    ),
    body=some.one_of(some.none(), some.text(max_size=60), some.binary(max_size=60), some.integers()),
    encoded=some.booleans(),
    kind=some.one_of(
        some.sampled_from(["application/json", "multipart/form-data", "text/plain", "application/json; charset=x", ""]),
        some.text(max_size=30),
    ),
    sub=some.one_of(some.just("alice"), some.text(max_size=20), some.none()),
)
@settings(STEADY, max_examples=200)
def test_no_request_makes_a_500(  # noqa: PLR0917  the parts of a request
    unlimited: Inside, method: str, path: str, body: Any, encoded: bool, kind: str, sub: Any
) -> None:
    """Methods, paths, bodies, types and subjects of any kind, at the function that holds $default and at the others."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": kind, **ASYNC},
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "r",
            "authorizer": {"jwt": {"claims": {"sub": sub, "tier": "enterprise"}}},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": encoded,
    }
    for function in ("CreateFunction", "JobsFunction", "EditFunction"):
        check(unlimited.raw(function, event))


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("path", BODY_PATHS)
@given(body=_JSON, data=some.data())
@STEADY
def test_no_body_makes_a_500(unlimited: Inside, path: str, body: Any, data: Any) -> None:
    """Any JSON at all, and known fields with any JSON in them."""
    content = document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    fields = sorted(document()["components"]["schemas"][name]["properties"])
    usual = next(iter(content.get("examples", {}).values()))["value"]
    odd = data.draw(some.dictionaries(some.sampled_from(fields), _JSON, max_size=3))
    for each in (body, odd, {**usual, **odd}):
        sub = f"sub {data.draw(some.integers(0, 10**9))}"
        check(unlimited.raw(*unlimited.event("POST", path, body=json.dumps(each), sub=sub, headers=ASYNC)))


WIDE = {
    "unknown fields": lambda: {f"field {number}": 0 for number in range(400_000)},
    "platforms": lambda: {"platforms": [0] * 2_000_000, "image_base64": "x"},
    "options": lambda: {"options": {str(number): 0 for number in range(400_000)}, "image_base64": "x"},
    "formats": lambda: {"format_names": {"instagram": [0] * 2_000_000}, "platforms": ["instagram"]},
    "an endless operation": lambda: {"operation": "x" * 5_000_000},
    "an endless prompt": lambda: {"prompt": "x" * 6_000_000},
    "an endless provider": lambda: {"prompt": "x", "provider": "x" * 5_000_000},
}


@pytest.mark.parametrize(("path", "wide"), list(zip(BODY_PATHS, cycle(WIDE))))
def test_wide_bodies_are_refused_in_bounded_memory(unlimited: Inside, path: str, wide: str) -> None:
    """Six megabytes of anything get one short sentence, without a list of a million complaints on the way."""
    function, event = unlimited.event("POST", path, body=WIDE[wide](), headers=ASYNC)
    tracemalloc.start()
    answered = unlimited.raw(function, event)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(check(answered)["body"]) < 4_000
    assert peak < 256 * 1024 * 1024


BROKEN = {
    "arrays": "[" * 100_000,
    "closed arrays": "[" * 100_000 + "]" * 100_000,
    "objects": '{"a":' * 100_000,
    "in a field": '{"options":' + "[" * 50_000 + "]" * 50_000 + "}",
    "digits": '{"seed": ' + "9" * 100_000 + "}",
    "a number that is none": '{"seed": NaN, "width": Infinity}',
    "exponents": '{"seed": 1e400}',
    "twice the same": '{"prompt": "a", "prompt": 5}',
    "half a pair": '{"prompt": "\\ud800", "provider": "\\udfff"}',
    "a raw half": '{"prompt": "\ud800"}',
    "a byte order mark": '\ufeff{"prompt": "a"}',
    "zeros": '{"prompt": "\\u0000"}',
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("path", BODY_PATHS)
def test_broken_and_endless_json_is_a_400(unlimited: Inside, path: str, broken: str) -> None:
    """No recursion, no overflow, no half character makes more than a sentence of it."""
    function, event = unlimited.event("POST", path, headers=ASYNC)
    check(unlimited.raw(function, {**event, "body": BROKEN[broken], "isBase64Encoded": False}))


@pytest.mark.parametrize(
    "name", ["platform", "category", "query", "use_case", "limit", "before", "wait", "hop", "tier"]
)
@pytest.mark.parametrize("value", ["", "1,2", "x" * 5000, "\ud800", "-1", "1e999", "nan", "%00", "a\nb", "' OR 1=1 --"])
def test_query_parameters_of_any_kind(unlimited: Inside, name: str, value: str) -> None:
    """Repeated ones are joined by commas; none is more than a 400 or a 404."""
    for path in ("/templates", "/templates/search", "/templates/recommend", "/jobs", "/jobs/x", "/edit/models"):
        function, event = unlimited.event("GET", path)
        check(unlimited.raw(function, {**event, "queryStringParameters": {name: value}}))


@pytest.mark.parametrize("name", ["prefer", "idempotency-key", "if-none-match", "content-type", "content-encoding"])
@pytest.mark.parametrize("value", ["x" * 100_000, "\ud800", "a\r\nb: c", "é", "", ",,,;;=", "wait=99999999999", "*"])
def test_headers_of_any_kind(unlimited: Inside, name: str, value: str) -> None:
    """Nothing of them comes back as a header of its own."""
    for method, path, body in (
        ("POST", "/create", {"prompt": "a boat", "width": 64, "height": 64}),
        ("GET", "/templates", b""),
        ("GET", "/jobs/x/result", b""),
    ):
        function, event = unlimited.event(method, path, body=body)
        event["headers"] = {**event["headers"], **ASYNC, name: value}
        assert "b" not in check(unlimited.raw(function, event))["headers"]


def test_field_names_come_back_harmless(unlimited: Inside) -> None:
    """X-Ignored-Fields names what nobody read, and can't become a header of the caller's."""
    body = {"prompt": "a boat", "width": 64, "height": 64, "x\r\nSet-Cookie: a=b": 1, "ünknown": 2}
    answer = unlimited.ask("POST", "/create", body=body, headers=ASYNC)
    assert "\n" not in answer.headers["x-ignored-fields"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("identifier", ["x" * 2000, "é" * 120, "%2e%2e", "..", "a b", "a#b", "JOB#x", "\ud800", "\x00"])
def test_ids_of_any_kind_are_unknown_ids(unlimited: Inside, identifier: str) -> None:
    """Too long for a key, foreign characters, other records' names: 404 or, where one is written, a sentence."""
    for method in ("GET", "DELETE", "PUT"):
        for path in ("/jobs/", "/personas/"):
            function, event = unlimited.event(method, path + "x", body={"name": "x"} if method == "PUT" else b"")
            answered = check(unlimited.raw(function, {**event, "rawPath": PREFIX + path + identifier}))
            assert answered["statusCode"] in (400, 404, 405)
    for field in ("persona_id", "template_id", "model"):
        body = json.dumps({"prompt": "a boat", "use_persona": True, field: identifier})
        function, event = unlimited.event("POST", "/create", headers=ASYNC)
        check(unlimited.raw(function, {**event, "body": body}))
