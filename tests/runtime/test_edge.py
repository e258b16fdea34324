"""The outermost layer: nothing but the contract leaves it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from image_studio.errors import NotFound, TooManyRequests
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.edge import MAX_VARIABLE, StudioApi
from image_studio.runtime.limits import Meter
from image_studio.runtime.settings import PREFIX
from tests.security.inside import inside_aws

SECRET = "CANARY-sk-1234567890"


def _raises(error: Exception) -> Any:
    def route(call: Call) -> Response:
        call.headers["x-from-route"] = "1"
        raise error

    return route


def _chained(call: Call) -> Response:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise RuntimeError(SECRET) from error


def _well(call: Call) -> Response:
    call.headers["x-from-route"] = "1"
    return respond(200, {"query": call.query("q")})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[StudioApi]:
    """An API of a few routes that fail in every way."""
    api = StudioApi()
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": SECRET}}, "GetItem")
    timeout = ReadTimeoutError(endpoint_url=f"https://s3.example/?X-Amz-Signature={SECRET}")
    api.get("/well")(_well)
    api.get("/things/<thing_id>/parts/<part_id>")(lambda call, thing_id, part_id: respond(200, [thing_id, part_id]))
    api.get("/studio-error")(_raises(NotFound("Nothing here.")))
    api.get("/busy")(_raises(TooManyRequests(retry_after=9)))
    api.get("/bug")(_raises(ValueError(f"could not parse {SECRET}")))
    api.get("/chained")(_chained)
    api.get("/throttled")(_raises(throttled))
    api.get("/timeout")(_raises(timeout))
    api.post("/spend", spends=True)(lambda call: respond(200, {}))
    api.get("/open", open_to_all=True)(lambda call: respond(200, {"caller": call.caller}))
    with inside_aws(monkeypatch):
        yield api


def _ask(api: StudioApi, path: str, method: str = "GET", claims: Any = None, **event: Any) -> Response:
    context = {
        "http": {"method": method, "path": PREFIX + path},
        "requestId": "request-1",
        "authorizer": {"jwt": {"claims": {"sub": "alice"} if claims is None else claims}},
    }
    return api.handle({"rawPath": PREFIX + path, "requestContext": context, **event}, None)


def test_a_route_answers(api: StudioApi) -> None:
    """With its own headers and the call's."""
    answer = _ask(api, "/well", queryStringParameters={"q": "1,2"})
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"query": "1,2"})
    assert answer["headers"]["x-from-route"] == "1"


def test_variables_are_one_segment_and_decoded(api: StudioApi) -> None:
    """In the order of the path; an encoded slash belongs to its segment."""
    assert json.loads(_ask(api, "/things/a%20b/parts/c%2Fd")["body"]) == ["a b", "c/d"]
    assert _ask(api, "/things/a/b/parts/c")["statusCode"] == 404


def test_variables_have_a_longest_length(api: StudioApi) -> None:
    """At the limit they are read, one character more is nothing that could be there."""
    assert _ask(api, f"/things/{'a' * MAX_VARIABLE}/parts/b")["statusCode"] == 200
    assert _ask(api, f"/things/{'a' * (MAX_VARIABLE + 1)}/parts/b")["statusCode"] == 404


def test_headers_that_a_route_set_stay_on_its_error(api: StudioApi) -> None:
    """What was found out before it failed is told."""
    answer = _ask(api, "/studio-error")
    assert (answer["statusCode"], answer["headers"]["x-from-route"]) == (404, "1")
    assert json.loads(answer["body"]) == {"detail": "Nothing here.", "code": "not_found"}


def test_retry_after_comes_with_a_429(api: StudioApi) -> None:
    """In seconds."""
    assert _ask(api, "/busy")["headers"]["retry-after"] == "9"


@pytest.mark.parametrize("path", ["/bug", "/chained"])
def test_our_mistakes_are_a_500_that_says_nothing(api: StudioApi, path: str, capsys: Any) -> None:
    """Neither the answer nor the log repeats what the exception says; the log tells where it was."""
    answer = _ask(api, path)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "internal_error")
    assert SECRET not in json.dumps(answer)


@pytest.mark.parametrize("path", ["/throttled", "/timeout"])
def test_our_storage_is_a_503(api: StudioApi, path: str) -> None:
    """Worth repeating, with the same key."""
    answer = _ask(api, path)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "temporarily_unavailable")
    assert "Idempotency-Key" in answer["body"]
    assert int(answer["headers"]["retry-after"]) >= 1


def test_nobody_gets_to_a_route(api: StudioApi) -> None:
    """401 before the path is looked at: what is there isn't told to nobody."""
    bodies = {_ask(api, path, claims={})["body"] for path in ("/well", "/nothing", "/bug")}
    assert len(bodies) == 1
    assert '"not_authenticated"' in bodies.pop()


def test_an_open_route_knows_no_caller(api: StudioApi) -> None:
    """Even where a token came along."""
    assert json.loads(_ask(api, "/open")["body"]) == {"caller": None}
    assert _ask(api, "/open", claims={})["statusCode"] == 200


def test_a_spending_route_tells_what_is_left(api: StudioApi) -> None:
    """On its answers, not on those that never got so far."""
    assert _ask(api, "/spend", "POST")["headers"]["x-credits-remaining"] == "50"
    refused = _ask(api, "/spend", "POST", body="x", headers={"content-type": "text/plain"})
    assert "x-credits-remaining" not in refused["headers"]


def test_posts_count_as_work_unless_they_say_otherwise() -> None:
    """Whoever forgets to say it is on the safe side."""
    api = StudioApi()
    api.post("/a")(lambda call: respond(200, {}))
    api.put("/b")(lambda call: respond(200, {}))
    api.get("/c")(lambda call: respond(200, {}))
    api.post("/d", meter=Meter.READ)(lambda call: respond(200, {}))
    assert [route.meter for route in api.routes] == [Meter.WORK, Meter.WORK, Meter.READ, Meter.READ]


def test_head_is_no_get(api: StudioApi) -> None:
    """The contract has no HEAD; a path without a document of it is a 404."""
    assert _ask(api, "/well", "HEAD")["statusCode"] == 404
