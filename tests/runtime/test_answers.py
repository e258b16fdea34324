"""What a function gives back: one shape of errors, one line per header, never more than Lambda takes."""

import json

import pytest

from image_studio.errors import NotFound, StudioError, TooManyRequests
from image_studio.runtime.answers import MAX_BODY, MAX_HEADER, refuse, respond, sealed
from scripts.openapi.words import tree


@pytest.mark.parametrize("kind", list(tree()))
def test_every_error_has_the_documented_shape(kind: type[StudioError]) -> None:
    """Detail and code, JSON, no-store, its own status."""
    error = kind.__new__(kind)
    StudioError.__init__(error, "What to change.")
    error.__dict__.update(retry_after=3, allowed="GET")
    answer = refuse(error)
    assert json.loads(answer["body"]) == {"detail": "What to change.", "code": kind.code}
    assert answer["statusCode"] == kind.status
    assert answer["headers"]["cache-control"] == "no-store"
    assert 400 <= kind.status < 600
    assert kind.status != 422


def test_what_an_error_says_is_always_text() -> None:
    """Half a surrogate pair in an echoed value doesn't break the answer."""
    assert json.loads(refuse(NotFound("Template '\ud800' not found."))["body"])["code"] == "not_found"
    refuse(NotFound("\ud800"))["body"].encode()


def test_headers_of_the_call_are_on_every_answer() -> None:
    """Also on errors; what the answer itself says wins."""
    answer = sealed(refuse(TooManyRequests(retry_after=7)), {"x-ratelimit-limit": "10", "retry-after": "1"})
    assert answer["headers"]["x-ratelimit-limit"] == "10"
    assert answer["headers"]["retry-after"] == "7"
    assert answer["headers"]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "é", "\ud800", "\x00", "\x7f"])
def test_a_header_is_one_line_of_plain_characters(value: str) -> None:
    """Whatever else is in it becomes a question mark."""
    told = sealed(respond(200, {}), {"x-ignored-fields": value})["headers"]["x-ignored-fields"]
    assert told.isascii()
    assert told.isprintable()
    assert "?" in told


def test_a_header_has_a_longest_length() -> None:
    """Gateways refuse endless ones."""
    assert len(sealed(respond(200, {}), {"x": "y" * 9999})["headers"]["x"]) == MAX_HEADER


def test_an_answer_has_a_largest_size() -> None:
    """At the limit it goes out; one byte more is a 413 that says what to do, with the call's headers."""
    whole = respond(200, "x" * MAX_BODY)
    assert sealed(whole, {})["statusCode"] == 200
    more = sealed(respond(200, "x" * (MAX_BODY + 1)), {"x-job-id": "j"})
    assert (more["statusCode"], more["headers"]["x-job-id"]) == (413, "j")
    assert '\\"delivery\\": \\"url\\"' in more["body"]


def test_sizes_are_bytes() -> None:
    """Characters of two bytes count twice."""
    assert sealed(respond(200, "é" * (MAX_BODY // 2 + 1)), {})["statusCode"] == 413
