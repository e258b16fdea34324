"""Payload format 2.0, both ways."""

import base64
from contextlib import nullcontext
from typing import Any

import pytest

from local.payload import HttpRequest, HttpResponse, MalformedResponse, Stamp, build_event, read_response
from local.routes import Match
from local.template import Route

STAMP = Stamp("id=", 1_795_333_121.727)
MATCH = Match(Route("POST", "/things/{id}", "F"), {"id": "7"})


def _event(**asked: Any) -> dict[str, Any]:
    return build_event(HttpRequest(**{"method": "POST", "path": "/things/7", **asked}), MATCH, None, STAMP)


def test_event_has_the_documented_shape() -> None:
    """An event with all parts equals the documented one."""
    headers = {"Host": "api.example:80", "Cookie": "k=v; l=w", "X-One": "1", "x-one": "2", "User-Agent": "test"}
    sent = (*headers.items(), ("Content-Type", "application/json"))
    request = HttpRequest("POST", "/things/7", "a=1&a=2&b=%20x&c=", sent, b'{"a": 1}')
    authorizer = {"jwt": {"claims": {"sub": "me"}, "scopes": None}}
    event = build_event(request, MATCH, authorizer, STAMP)
    assert event == {
        "version": "2.0",
        "routeKey": "POST /things/{id}",
        "rawPath": "/things/7",
        "rawQueryString": "a=1&a=2&b=%20x&c=",
        "cookies": ["k=v", "l=w"],
        "headers": {"host": "api.example:80", "x-one": "1,2", "user-agent": "test", "content-type": "application/json"},
        "queryStringParameters": {"a": "1,2", "b": " x", "c": ""},
        "pathParameters": {"id": "7"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "localapi00",
            "authorizer": authorizer,
            "domainName": "api.example:80",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/things/7",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "id=",
            "routeKey": "POST /things/{id}",
            "stage": "$default",
            "time": "22/Nov/2026:07:38:41 +0000",
            "timeEpoch": 1795333121727,
        },
        "body": '{"a": 1}',
        "isBase64Encoded": False,
    }


def test_absent_parts_are_absent() -> None:
    """Without query, cookies, body and token the event has no such keys."""
    event = build_event(HttpRequest("GET", "/"), Match(Route("GET", "/", "F")), None, STAMP)
    assert {"queryStringParameters", "cookies", "pathParameters", "body"}.isdisjoint(event)
    assert "authorizer" not in event["requestContext"]
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json; charset=utf-8", b"{}", False),
        ("application/problem+json", b"{}", False),
        ("text/plain", "ü".encode(), False),
        ("application/json", b"\xff\xfe", True),
        ("image/png", b"\x89PNG", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("", b"a=1", True),
    ],
)
def test_only_text_is_handed_on_as_text(content_type: str, body: bytes, encoded: bool) -> None:
    """Other media types, bytes that aren't UTF-8 and compressed bodies are base64."""
    for coding in ((), (("content-encoding", "gzip"),)):
        event = _event(headers=(("content-type", content_type), *coding), body=body)
        as_base64 = encoded or bool(coding)
        assert event["isBase64Encoded"] is as_base64
        assert event["body"] == (base64.b64encode(body).decode() if as_base64 else body.decode())


JSON = (("content-type", "application/json"),)


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ({"statusCode": 204}, HttpResponse(204)),
        ({"statusCode": "200", "body": "x"}, HttpResponse(200, (), b"x")),
        ({"statusCode": 200, "headers": {"X-A": True, "n": 1}}, HttpResponse(200, (("x-a", "true"), ("n", "1")))),
        ({"statusCode": 200, "cookies": ["a", "b"]}, HttpResponse(200, (("set-cookie", "a"), ("set-cookie", "b")))),
        ({"statusCode": 200, "body": "AAE=", "isBase64Encoded": True}, HttpResponse(200, (), b"\x00\x01")),
        ({"a": 1}, HttpResponse(200, JSON, b'{"a": 1}')),
        ("word", HttpResponse(200, JSON, b"word")),
        (None, HttpResponse(200, JSON, b"null")),
        ({"statusCode": "many"}, None),
        ({"statusCode": 99}, None),
        ({"statusCode": 600}, None),
        ({"statusCode": 200, "body": 7}, None),
        ({"statusCode": 200, "body": "%", "isBase64Encoded": True}, None),
        ({"statusCode": 200, "headers": "x"}, None),
    ],
)
def test_answers_are_read(returned: Any, answer: HttpResponse | None) -> None:
    """With a statusCode it is a response, without one the body of a 200; an invalid one raises MalformedResponse."""
    with nullcontext() if answer else pytest.raises(MalformedResponse):
        assert read_response(returned) == answer
