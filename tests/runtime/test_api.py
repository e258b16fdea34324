"""An event as a route sees it, and errors as callers see them."""

import json
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, NotFound, StudioError
from image_studio.runtime.api import Call, refuse
from scripts.openapi.words import tree


def _call(**event: Any) -> Call:
    return Call.of(event, None)


@pytest.mark.parametrize("event", [None, [], {}, {"requestContext": []}, {"headers": "x", "body": None}])
def test_no_event_is_an_empty_one(event: Any) -> None:
    """GET /, from nobody, saying nothing."""
    call = Call.of(event, None)
    assert (call.method, call.path, call.claims, call.body) == ("GET", "/", {}, "")
    assert (call.header("prefer"), call.query("wait"), call.idempotency_key()) == ("", None, None)


def test_headers_are_found_in_any_case() -> None:
    """The gateway lower-cases names; `sam local` doesn't."""
    for name in ("prefer", "Prefer", "PREFER"):
        assert _call(headers={name: "wait=1"}).header("prefer") == "wait=1"


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("-3", 0), ("99", 10), ("1e99", 10), ("inf", 10), (None, 7), ("", 7)]
)
def test_numbers_are_held_to_their_bounds(text: Any, number: float) -> None:
    """Too much is the most, too little the least, nothing the default."""
    assert _call(queryStringParameters={"n": text}).number("n", 7, 0, 10) == number


@pytest.mark.parametrize("text", ["x", "nan", "1,2", "--1", "0x10"])
def test_what_is_no_number_is_a_400(text: str) -> None:
    """The sentence names the parameter."""
    with pytest.raises(InvalidRequest, match="n must be a number"):
        _call(queryStringParameters={"n": text}).number("n", 7, 0, 10)


@pytest.mark.parametrize("body", ["/w==", "not base64!", "w6k", "w6k=\n", "\ud800"])
def test_an_encoded_body_is_base64_of_text(body: str) -> None:
    """Broken base64 and other bytes than UTF-8 are a 400."""
    assert _call(body="w6k=", isBase64Encoded=True).text() == "é"
    with pytest.raises(InvalidRequest, match="UTF-8"):
        _call(body=body, isBase64Encoded=True).text()


@pytest.mark.parametrize("text", ['{"a": "é"}', "", ' {"a": 1}\n', '{"\ufeff": 1}'])
def test_a_byte_order_mark_is_left_out(text: str) -> None:
    """Windows editors and .NET write one in front of a body. Only the first character is one."""
    encoded = b64encode(("\ufeff" + text).encode()).decode()
    assert _call(body="\ufeff" + text).text() == _call(body=encoded, isBase64Encoded=True).text() == text


def test_an_idempotency_key_has_a_longest_length() -> None:
    """At the limit it is taken; blanks around it don't count."""
    assert _call(headers={"idempotency-key": f" {'k' * 255} "}).idempotency_key() == "k" * 255
    with pytest.raises(InvalidRequest, match=r"^Idempotency-Key may have at most 255 characters\.$"):
        _call(headers={"idempotency-key": "k" * 256}).idempotency_key()


@pytest.mark.parametrize(("milliseconds", "seconds"), [(5_000, 5.0), (900_000, 28.0)])
def test_time_is_the_functions_and_the_gateways(milliseconds: int, seconds: float) -> None:
    """Whichever ends first."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    assert Call.of({}, context).remaining == seconds


@pytest.mark.parametrize("kind", list(tree()))
def test_every_error_has_the_documented_shape(kind: type[StudioError]) -> None:
    """Detail and code, JSON, no-store, its own status."""
    error = kind.__new__(kind)
    StudioError.__init__(error, "What to change.")
    error.__dict__.update(retry_after=3, allowed="GET")
    answer = refuse(error)
    assert json.loads(answer.body) == {"detail": "What to change.", "code": kind.code}
    assert answer.status_code == kind.status
    assert answer.headers["cache-control"] == "no-store"
    assert 400 <= kind.status < 600
    assert kind.status != 422


def test_what_an_error_says_is_always_text() -> None:
    """Half a surrogate pair in an echoed value doesn't break the answer."""
    assert json.loads(refuse(NotFound("Template '\ud800' not found.")).body)["code"] == "not_found"
    refuse(NotFound("\ud800")).body.encode()
