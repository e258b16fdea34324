"""What stands before the routes: types, sizes, methods, paths; all answered as the contract has it."""

from collections.abc import Iterator
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, TooLarge, WrongContentType
from image_studio.runtime import gates
from image_studio.runtime.call import Call
from image_studio.runtime.openapi import documented_paths
from image_studio.runtime.settings import PREFIX
from local.template import Template
from tests.security.inside import Inside, inside_aws


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """The API in this process."""
    with inside_aws(monkeypatch):
        yield Inside()


def _call(body: Any, method: str = "POST", **headers: str) -> Call:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call.of({"requestContext": {"http": {"method": method}}, "headers": told, "body": body}, None)


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/problem+json", ""]
)
def test_json_passes(kind: str) -> None:
    """In any case, with parameters, as a dialect, or unsaid."""
    gates.check_body(_call("{}", content_type=kind))


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream", "image/png", "json", "*/*"],
)
def test_other_types_are_a_415(kind: str) -> None:
    """The sentence says what to send and what came."""
    with pytest.raises(WrongContentType, match=kind.replace("*", r"\*")):
        gates.check_body(_call("{}", content_type=kind))


def test_multipart_without_a_boundary_is_a_400() -> None:
    """It can't be read at all; with a boundary it is merely the wrong type."""
    with pytest.raises(InvalidRequest, match="boundary"):
        gates.check_body(_call("x", content_type="multipart/form-data"))
    with pytest.raises(WrongContentType):
        gates.check_body(_call("x", content_type="multipart/form-data; boundary=x"))


def test_a_compressed_body_is_a_415() -> None:
    """We unpack nothing."""
    with pytest.raises(WrongContentType, match="Content-Encoding"):
        gates.check_body(_call("x", content_encoding="gzip"))


def test_the_body_has_a_largest_size() -> None:
    """At the limit it passes, one byte more is a 413 that says what to do."""
    gates.check_body(_call("x" * gates.MAX_BODY))
    with pytest.raises(TooLarge, match="uploads"):
        gates.check_body(_call("x" * (gates.MAX_BODY + 1)))


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_bodies_of_reads_are_not_looked_at(method: str) -> None:
    """Some clients send a type or an empty body with a GET."""
    gates.check_body(_call("x" * (gates.MAX_BODY + 1), method, content_type="text/csv"))


def test_a_body_that_is_no_text_is_a_400() -> None:
    """The gateway never sends one, others might."""
    with pytest.raises(InvalidRequest):
        gates.check_body(_call({"prompt": "x"}))


def test_the_wrong_type_is_told_before_the_fields(inside: Inside) -> None:
    """415 for a body that would be a 400 as JSON."""
    answer = inside.ask("POST", "/create", body=b"prompt=x", headers={"content-type": "text/plain"})
    assert (answer.status, answer.json["code"]) == (415, "wrong_content_type")


@pytest.mark.parametrize("path", documented_paths())
def test_other_methods_are_a_405_with_allow(inside: Inside, path: str) -> None:
    """On every documented path, naming the methods that there are."""
    known = documented_paths()[path]
    concrete = path.removeprefix(PREFIX).replace("{id}", "x").replace("{platform}", "instagram")
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"} - set(known):
        answer = inside.ask(method, concrete)
        assert (answer.status, answer.headers["allow"]) == (405, ", ".join(sorted(known)))
        assert answer.json["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}",
        f"{PREFIX}/",
        f"{PREFIX}/nothing",
        f"{PREFIX}/create/",
        f"{PREFIX}/CREATE",
        f"{PREFIX}/create/x",
        f"{PREFIX}//create",
        f"{PREFIX}/jobs/",
        f"{PREFIX}/jobs/a/b",
        "/",
        "/create",
        "/api/image-studio/../admin",
    ],
)
def test_unknown_paths_are_a_404(inside: Inside, path: str) -> None:
    """In the documented shape, for whatever method."""
    for method in ("GET", "POST"):
        answer = inside.raw("CreateFunction", {**inside.event(method, "/nowhere")[1], "rawPath": path})
        assert answer["statusCode"] == 404
        assert '"code":"not_found"' in answer["body"]


@pytest.mark.parametrize("path", ["/create", "/nowhere"])
def test_options_is_open_and_empty(inside: Inside, path: str) -> None:
    """A preflight that the gateway passes on carries no token."""
    answer = inside.ask("OPTIONS", path, claims=None)
    assert (answer.status, answer.body) == (204, "")


def test_every_route_of_a_function_is_the_gateways(inside: Inside) -> None:
    """A function that is asked for another one's path says 404, whatever the method."""
    for route in Template().routes():
        if route.path.startswith(PREFIX) and route.function != "JobsFunction":
            _, event = inside.event("GET", "/jobs")
            line = {**event["requestContext"], "http": {"method": route.method, "path": route.path}}
            answer = inside.raw("JobsFunction", {**event, "rawPath": route.path, "requestContext": line})
            assert answer["statusCode"] == 404, route.key
