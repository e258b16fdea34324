"""Payload format 2.0, both ways."""

import base64
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
    event = build_event(
        HttpRequest(
            "POST",
            "/things/7",
            "a=1&a=2&b=%20x&c=",
            (
                ("Host", "api.example:80"),
                ("Cookie", "k=v; l=w"),
                ("X-One", "1"),
                ("x-one", "2"),
                ("Content-Type", "application/json"),
                ("User-Agent", "test"),
            ),
            b'{"a": 1}',
        ),
        MATCH,
        {"jwt": {"claims": {"sub": "me"}, "scopes": None}},
        STAMP,
    )
    assert event == {
        "version": "2.0",
        "routeKey": "POST /things/{id}",
        "rawPath": "/things/7",
        "rawQueryString": "a=1&a=2&b=%20x&c=",
        "cookies": ["k=v", "l=w"],
        "headers": {
            "host": "api.example:80",
            "x-one": "1,2",
            "content-type": "application/json",
            "user-agent": "test",
        },
        "queryStringParameters": {"a": "1,2", "b": " x", "c": ""},
        "pathParameters": {"id": "7"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "localapi00",
            "authorizer": {"jwt": {"claims": {"sub": "me"}, "scopes": None}},
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
    """Other media types and bytes that aren't UTF-8 are base64."""
    event = _event(headers=(("content-type", content_type),), body=body)
    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(body).decode() if encoded else body.decode())


def test_a_compressed_body_comes_as_base64() -> None:
    """A Content-Encoding makes any body base64."""
    event = _event(headers=(("content-type", "application/json"), ("content-encoding", "gzip")), body=b"{}")
    assert event["isBase64Encoded"] is True


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ({"statusCode": 204}, HttpResponse(204)),
        ({"statusCode": "200", "body": "x"}, HttpResponse(200, (), b"x")),
        ({"statusCode": 200, "headers": {"X-A": True, "n": 1}}, HttpResponse(200, (("x-a", "true"), ("n", "1")))),
        ({"statusCode": 200, "cookies": ["a", "b"]}, HttpResponse(200, (("set-cookie", "a"), ("set-cookie", "b")))),
        ({"statusCode": 200, "body": "AAE=", "isBase64Encoded": True}, HttpResponse(200, (), b"\x00\x01")),
        ({"a": 1}, HttpResponse(200, (("content-type", "application/json"),), b'{"a": 1}')),
        ("word", HttpResponse(200, (("content-type", "application/json"),), b"word")),
        (None, HttpResponse(200, (("content-type", "application/json"),), b"null")),
    ],
)
def test_answers_are_read(returned: Any, answer: HttpResponse) -> None:
    """With a statusCode it is a response, without one it is the body of a 200."""
    assert read_response(returned) == answer


@pytest.mark.parametrize(
    "returned",
    [
        {"statusCode": "many"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": 200, "body": 7},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
        {"statusCode": 200, "headers": "x"},
    ],
)
def test_malformed_answers_are_errors(returned: Any) -> None:
    """An invalid return value raises MalformedResponse."""
    with pytest.raises(MalformedResponse):
        read_response(returned)
