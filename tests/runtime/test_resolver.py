"""The outermost layer: nothing but the contract leaves it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from image_studio.errors import NotFound, TooManyRequests
from image_studio.runtime.api import Response, respond
from image_studio.runtime.openapi import documented_paths
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import MAX_REQUEST_BODY, ApiResolver
from image_studio.runtime.settings import PREFIX, full_path
from image_studio.schemas.limits import MAX_BODY
from tests.security.inside import Inside, inside_aws, unbounded

SECRET = "CANARY-sk-1234567890"


def _chained() -> Response:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise RuntimeError(SECRET) from error


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiResolver]:
    """An API of a few routes that fail in every way."""
    api = ApiResolver()

    def raising(error: Exception) -> Any:
        def route() -> Response:
            api.call.headers["x-from-route"] = "1"
            raise error

        return route

    def works() -> Response:
        api.call.headers["x-from-route"] = "1"
        return respond(200, {"query": api.call.query("q")})

    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": SECRET}}, "GetItem")
    timeout = ReadTimeoutError(endpoint_url=f"https://s3.example/?X-Amz-Signature={SECRET}")
    api.get("/well")(works)
    api.get("/things/<thing_id>/parts/<part_id>")(lambda thing_id, part_id: respond(200, [thing_id, part_id]))
    api.get("/studio-error")(raising(NotFound("Nothing here.")))
    api.get("/busy")(raising(TooManyRequests(retry_after=9)))
    api.get("/bug")(raising(ValueError(f"could not parse {SECRET}")))
    api.get("/chained")(_chained)
    api.get("/throttled")(raising(throttled))
    api.get("/timeout")(raising(timeout))
    api.post("/spend", spends=True)(lambda: respond(200, {}))
    api.get("/open", counts_as=None)(lambda: respond(200, {"caller": api.call.caller}))
    api.get("/api/elsewhere/<part>")(lambda part: respond(200, part))
    api.get("/large/<size>")(lambda size: respond(200, "x" * int(size)))
    api.get("/wide/<size>")(lambda size: respond(200, "\u00e9" * int(size)))
    api.get("/header/<value>")(lambda value: respond(200, {}, {"x-value": value}))
    with inside_aws(monkeypatch):
        yield api


def _ask(api: ApiResolver, path: str, method: str = "GET", claims: Any = None, **event: Any) -> dict[str, Any]:
    context = {
        "http": {"method": method, "path": full_path(path)},
        "requestId": "request-1",
        "authorizer": {"jwt": {"claims": {"sub": "alice"} if claims is None else claims}},
    }
    return api.handler({"rawPath": full_path(path), "requestContext": context, **event}, None)


def test_a_route_answers(api: ApiResolver) -> None:
    """With its own headers and the call's."""
    answer = _ask(api, "/well", queryStringParameters={"q": "1,2"})
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"query": "1,2"})
    assert answer["headers"]["x-from-route"] == "1"


def test_a_rule_may_be_a_whole_path(api: ApiResolver) -> None:
    """It is served there, and not below the prefix."""
    assert _ask(api, "/api/elsewhere/x")["statusCode"] == 200
    assert _ask(api, PREFIX + "/api/elsewhere/x")["statusCode"] == 404


def test_variables_are_one_segment_and_decoded(api: ApiResolver) -> None:
    """In the order of the path; an encoded slash belongs to its segment. At 128 characters they are read, not above."""
    assert json.loads(_ask(api, "/things/a%20b/parts/c%2Fd")["body"]) == ["a b", "c/d"]
    assert _ask(api, "/things/a/b/parts/c")["statusCode"] == 404
    assert _ask(api, f"/things/{'a' * 128}/parts/b")["statusCode"] == 200
    assert _ask(api, f"/things/{'a' * 129}/parts/b")["statusCode"] == 404


def test_headers_that_a_route_set_stay_on_its_error(api: ApiResolver) -> None:
    """What was found out before it failed is said; a 429 says in seconds when to come back."""
    answer = _ask(api, "/studio-error")
    assert (answer["statusCode"], answer["headers"]["x-from-route"]) == (404, "1")
    assert json.loads(answer["body"]) == {"detail": "Nothing here.", "code": "not_found"}
    assert _ask(api, "/busy")["headers"]["retry-after"] == "9"


@pytest.mark.parametrize("path", ["/bug", "/chained"])
def test_our_mistakes_are_a_500_that_says_nothing(api: ApiResolver, path: str) -> None:
    """The answer doesn't repeat what the exception says."""
    answer = _ask(api, path)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "internal_error")
    assert SECRET not in json.dumps(answer)


@pytest.mark.parametrize("path", ["/throttled", "/timeout"])
def test_our_storage_is_a_503(api: ApiResolver, path: str) -> None:
    """Worth repeating, with the same key."""
    answer = _ask(api, path)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "temporarily_unavailable")
    assert "Idempotency-Key" in answer["body"]
    assert answer["headers"]["retry-after"] == "1"


def test_nobody_gets_to_a_route(api: ApiResolver) -> None:
    """401 before the path is looked at: no answer says what is there. An open route has no caller."""
    bodies = {_ask(api, path, claims={})["body"] for path in ("/well", "/nothing", "/bug")}
    assert len(bodies) == 1
    assert '"not_authenticated"' in bodies.pop()
    assert json.loads(_ask(api, "/open")["body"]) == {"caller": None}
    assert _ask(api, "/open", claims={})["statusCode"] == 200


def test_a_spending_route_tells_what_is_left(api: ApiResolver) -> None:
    """On its answers, not on those that never got so far."""
    assert _ask(api, "/spend", "POST")["headers"]["x-credits-remaining"] == "50"
    refused = _ask(api, "/spend", "POST", body="x", headers={"content-type": "text/plain"})
    assert "x-credits-remaining" not in refused["headers"]


def test_posts_count_as_work_unless_they_say_otherwise() -> None:
    """Whoever forgets to say it is on the safe side."""
    api = ApiResolver()
    api.post("/a")(lambda: respond(200, {}))
    api.put("/b")(lambda: respond(200, {}))
    api.get("/c")(lambda: respond(200, {}))
    api.post("/d", counts_as=RateClass.READ)(lambda: respond(200, {}))
    assert [route.counts_as for route in api.routes] == [RateClass.WORK, RateClass.WORK, RateClass.READ, RateClass.READ]


def test_head_goes_wherever_get_goes(api: ApiResolver) -> None:
    """With the same response, whose body the gateway leaves out; and nowhere else."""
    assert _ask(api, "/open", "HEAD") == _ask(api, "/open")
    api.post("/only-posted")(lambda: respond(200, {}))
    assert _ask(api, "/only-posted", "HEAD")["statusCode"] == 404


def test_a_header_is_one_line_of_plain_characters(api: ApiResolver) -> None:
    """Anything else in it becomes a question mark, and at most 1,024 of them are sent: gateways refuse endless ones."""
    for value, sent in {"a%0D%0Ab: c": "a??b: c", "%C3%A9": "?", "%00": "?", "%7F": "?", "~ ~": "~ ~"}.items():
        assert _ask(api, f"/header/{value}")["headers"]["x-value"] == sent
    api.get("/long")(lambda: respond(200, {}, {"x-value": "y" * 9999}))
    assert _ask(api, "/long")["headers"]["x-value"] == "y" * 1024


def test_a_response_has_a_largest_size(api: ApiResolver) -> None:
    """At the limit it is sent; one byte more is a 413 that says what to do. Sizes are bytes, not characters."""
    assert _ask(api, f"/large/{MAX_BODY}")["statusCode"] == 200
    for path in (f"/large/{MAX_BODY + 1}", f"/wide/{MAX_BODY // 2 + 1}"):
        answer = _ask(api, path)
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (413, "too_large")
        assert '\\"delivery\\": \\"url\\"' in answer["body"]
        assert answer["headers"]["x-ratelimit-limit"]


def test_every_response_has_the_safe_headers(api: ApiResolver) -> None:
    """Also an error of ours and a 404."""
    for path in ("/well", "/bug", "/nothing"):
        headers = _ask(api, path)["headers"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    with pytest.MonkeyPatch.context() as patch, unbounded(patch):
        yield Inside()


def _post(inside: Inside, body: Any, **headers: str) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    function, event = inside.event("POST", "/estimate-cost", headers=named)
    answer = inside.send(function, {**event, "body": body, "isBase64Encoded": False})
    return answer.status, answer.json.get("detail", "")


ESTIMATE = '{"provider": "stability"}'


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/problem+json", ""]
)
def test_json_passes(inside: Inside, kind: str) -> None:
    """In any case, with parameters, as a dialect, or unsaid."""
    assert _post(inside, ESTIMATE, content_type=kind, content_encoding="identity") == (200, "")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png", "json", "*/*"])
def test_other_types_are_a_415(inside: Inside, kind: str) -> None:
    """The sentence says what to send and what came; whatever the fields are."""
    for body in (ESTIMATE, "provider=x"):
        sentence = f"Send the body as application/json, not {kind}."
        assert _post(inside, body, content_type=f"{kind}; a=b") == (415, sentence)


def test_a_body_that_can_not_be_read(inside: Inside) -> None:
    """Multipart without a boundary is a 400, with one merely the wrong type; we unpack nothing."""
    status, detail = _post(inside, "x", content_type="multipart/form-data")
    assert (status, "boundary" in detail) == (400, True)
    assert _post(inside, "x", content_type="multipart/form-data; boundary=x")[0] == 415
    assert _post(inside, "x", content_encoding="gzip") == (415, "Send the body without a Content-Encoding.")
    assert _post(inside, {"prompt": "x"})[0] == 400


def test_the_body_has_a_largest_size(inside: Inside) -> None:
    """At the limit it passes, one byte more is a 413 that says what to do. With a GET it isn't looked at."""
    assert _post(inside, ESTIMATE.ljust(MAX_REQUEST_BODY))[0] == 200
    status, detail = _post(inside, ESTIMATE.ljust(MAX_REQUEST_BODY + 1))
    assert (status, "uploads" in detail, MAX_REQUEST_BODY) == (413, True, 6_291_456)
    function, event = inside.event("GET", "/templates", headers={"content-type": "text/csv"})
    assert inside.send(function, {**event, "body": "x" * (MAX_REQUEST_BODY + 1)}).status == 200


@pytest.mark.parametrize("path", documented_paths())
def test_other_methods_are_a_405_with_allow(inside: Inside, path: str) -> None:
    """On every documented path, naming the methods that there are."""
    known = documented_paths()[path]
    concrete = path.removeprefix(PREFIX).replace("{id}", "x").replace("{platform}", "instagram")
    wider = documented_paths().get(f"{path.rpartition('/')[0]}/{{id}}", [])  # a name in the place of an id
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"} - {*known, *wider}:
        answer = inside.ask(method, concrete)
        assert (answer.status, answer.headers["allow"]) == (405, ", ".join(sorted(known)))
        assert answer.json["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        *(PREFIX + path for path in ("", "/", "/create/", "/CREATE", "/create/x", "//create", "/jobs/a/b")),
        *("/", "/create", "/api/image-studio/../admin"),
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
