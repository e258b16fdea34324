"""No event makes a 500: missing keys, odd types, huge and broken texts, at every function's door."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from image_studio.runtime.settings import PREFIX
from tests.security.inside import Inside, routes, unbounded, without_workers

FUNCTIONS = sorted({route.function for route in routes()})
EXAMPLES = 60
ODD: list[Any] = [None, True, 0, -1, 1.5, "", " ", "x", [], ["a"], {}, {"a": 1}, "\ud800", "\x00", "é" * 50, [[[]]]]


def quietly(examples: int) -> Any:
    """So many examples, the same each time, on a table that they share."""
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
    )


def _sound(answer: dict[str, Any]) -> None:
    """A response that Lambda can hand to the gateway and a client can read, and no 5xx."""
    assert answer.keys() >= {"statusCode", "headers", "body"}
    assert 200 <= answer["statusCode"] < 500, answer["body"][:300]
    answer["body"].encode()
    for name, value in answer["headers"].items():
        assert isinstance(value, str), name
        assert value.isprintable(), (name, value)
        assert value.isascii(), (name, value)
    if answer["statusCode"] >= 400:
        told = json.loads(answer["body"])
        assert told.keys() == {"detail", "code"}
        assert isinstance(told["detail"], str)


@pytest.fixture(scope="module")
def doors() -> Iterator[Inside]:
    """The API without workers, without patience, and without limits that would hide what stands behind them."""
    with pytest.MonkeyPatch.context() as patch, unbounded(patch):
        without_workers(patch)
        yield Inside()


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where everything in an event is."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _paths(inner, (*at, key))


def _with(event: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    changed = copy.deepcopy(event)
    node = changed
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = value
    return changed


def _without(event: Any, at: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(event)
    node = changed
    for key in at[:-1]:
        node = node[key]
    del node[at[-1]]
    return changed


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "WorkerFunction"])
def test_every_part_of_an_event_may_be_anything(doors: Inside, function: str) -> None:
    """Each part in turn is gone, or is one of sixteen odd things."""
    route = next(route for route in routes() if route.function == function and route.path.startswith(PREFIX))
    headers = {"prefer": "respond-async", "idempotency-key": "k", "if-none-match": "x"}
    _, event = doors.event(route.method, route.path + "?wait=1", body={"prompt": "a boat"}, headers=headers)
    sent = 0
    for at in list(_paths(event)):
        changed = [_with(event, at, value) for value in ODD] + ([_without(event, at)] if at else [])
        for each in changed:
            answered = doors.raw(function, each)
            _sound(answered)
            sent += 1
    assert sent > 400


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
@settings(
    max_examples=EXAMPLES * 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_no_request_makes_a_500(  # noqa: PLR0917  the parts of a request
    doors: Inside, method: str, path: str, body: Any, encoded: bool, kind: str, sub: Any
) -> None:
    """Methods, paths, bodies, types and subjects of any kind, at the function that holds $default and at the others."""
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": kind, "prefer": "respond-async"},
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "r",
            "authorizer": {"jwt": {"claims": {"sub": sub, "tier": "enterprise"}}},
        },
        "body": text,
        "isBase64Encoded": encoded,
    }
    for function in ("CreateFunction", "JobsFunction", "EditFunction"):
        _sound(doors.raw(function, event))


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
BODY_PATHS = [
    route.path
    for route in routes()
    if route.method == "POST" and route.path.startswith(PREFIX) and "{" not in route.path
]


@pytest.mark.parametrize("path", BODY_PATHS)
@given(body=_JSON, data=some.data())
@quietly(EXAMPLES)
def test_no_body_makes_a_500(doors: Inside, path: str, body: Any, data: Any) -> None:
    """Any JSON at all, and known fields with any JSON in them."""
    from image_studio.runtime.openapi import document

    operation = document()["paths"][path]["post"]
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = sorted(document()["components"]["schemas"][name]["properties"])
    usual = next(iter(operation["requestBody"]["content"]["application/json"].get("examples", {}).values()))["value"]
    odd = data.draw(some.dictionaries(some.sampled_from(fields), _JSON, max_size=3))
    for each in (body, odd, {**usual, **odd}):
        sub = f"sub {data.draw(some.integers(0, 10**9))}"
        function, event = doors.event("POST", path, body=json.dumps(each), sub=sub, headers={"prefer": "respond-async"})
        _sound(doors.raw(function, event))


WIDE = {
    "a million unknown fields": lambda: {f"field {number}": 0 for number in range(400_000)},
    "a million platforms": lambda: {"platforms": [0] * 2_000_000, "image_base64": "x"},
    "a million options": lambda: {"options": {str(number): 0 for number in range(400_000)}, "image_base64": "x"},
    "a million formats": lambda: {"format_names": {"instagram": [0] * 2_000_000}, "platforms": ["instagram"]},
    "an endless word": lambda: dict.fromkeys(("operation",), "x" * 5000000),
    "an endless prompt": lambda: {"prompt": "x" * 6_000_000},
    "an endless provider": lambda: {"prompt": "x", "provider": "x" * 5_000_000},
}


@pytest.mark.parametrize("wide", WIDE)
@pytest.mark.parametrize("path", BODY_PATHS)
def test_wide_bodies_are_refused_in_bounded_memory(doors: Inside, path: str, wide: str) -> None:
    """Six megabytes of anything get one short sentence, without a list of a million complaints on the way."""
    import tracemalloc

    function, event = doors.event("POST", path, body=WIDE[wide](), headers={"prefer": "respond-async"})
    tracemalloc.start()
    answered = doors.raw(function, event)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    _sound(answered)
    assert len(answered["body"]) < 4_000
    assert peak < 256 * 1024 * 1024


DEEP = {
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


@pytest.mark.parametrize("deep", DEEP)
@pytest.mark.parametrize("path", BODY_PATHS)
def test_broken_and_endless_json_is_a_400(doors: Inside, path: str, deep: str) -> None:
    """No recursion, no overflow, no half character makes more than a sentence of it."""
    function, event = doors.event("POST", path, headers={"prefer": "respond-async"})
    _sound(doors.raw(function, {**event, "body": DEEP[deep], "isBase64Encoded": False}))


@pytest.mark.parametrize(
    "name", ["platform", "category", "query", "use_case", "limit", "before", "wait", "hop", "tier"]
)
@pytest.mark.parametrize("value", ["", "1,2", "x" * 5000, "\ud800", "-1", "1e999", "nan", "%00", "a\nb", "' OR 1=1 --"])
def test_query_parameters_of_any_kind(doors: Inside, name: str, value: str) -> None:
    """Repeated ones are joined by commas; none is more than a 400 or a 404."""
    for path in ("/templates", "/templates/search", "/templates/recommend", "/jobs", "/jobs/x", "/edit/models"):
        function, event = doors.event("GET", path)
        _sound(doors.raw(function, {**event, "queryStringParameters": {name: value}}))


@pytest.mark.parametrize("name", ["prefer", "idempotency-key", "if-none-match", "content-type", "content-encoding"])
@pytest.mark.parametrize("value", ["x" * 100_000, "\ud800", "a\r\nb: c", "é", "", ",,,;;=", "wait=99999999999", "*"])
def test_headers_of_any_kind(doors: Inside, name: str, value: str) -> None:
    """Nothing of them comes back as a header of its own."""
    body = {"prompt": "a boat", "width": 64, "height": 64}
    for method, path in (("POST", "/create"), ("GET", "/templates"), ("GET", "/jobs/x/result")):
        function, event = doors.event(method, path, body=body if method == "POST" else b"")
        event["headers"] = {**event["headers"], "prefer": "respond-async", name: value}
        answered = doors.raw(function, event)
        _sound(answered)
        assert "b" not in answered["headers"]


def test_field_names_come_back_harmless(doors: Inside) -> None:
    """X-Ignored-Fields names what nobody read, and can't become a header of the caller's."""
    body = {"prompt": "a boat", "width": 64, "height": 64, "x\r\nSet-Cookie: a=b": 1, "ünknown": 2}
    answer = doors.ask("POST", "/create", body=body, headers={"prefer": "respond-async"})
    assert "\n" not in answer.headers["x-ignored-fields"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("identifier", ["x" * 2000, "é" * 120, "%2e%2e", "..", "a b", "a#b", "JOB#x", "\ud800", "\x00"])
def test_ids_of_any_kind_are_unknown_ids(doors: Inside, identifier: str) -> None:
    """Too long for a key, foreign characters, other records' names: 404 or, where one is written, a sentence."""
    for method in ("GET", "DELETE", "PUT"):
        for path in ("/jobs/", "/personas/"):
            function, event = doors.event(method, path + "x", body={"name": "x"} if method == "PUT" else b"")
            event = {**event, "rawPath": PREFIX + path + identifier}
            answered = doors.raw(function, event)
            _sound(answered)
            assert answered["statusCode"] in (400, 404, 405)
    for field, value in (("persona_id", identifier), ("template_id", identifier), ("model", identifier)):
        body = {"prompt": "a boat", "use_persona": True, field: value}
        function, event = doors.event("POST", "/create", headers={"prefer": "respond-async"})
        _sound(doors.raw(function, {**event, "body": json.dumps(body)}))
