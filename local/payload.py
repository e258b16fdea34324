"""HTTP API payload format 2.0: from a request to an event, and from a function's return value to a response."""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from local.intrinsics import ACCOUNT
from local.routes import Match

API_ID = "localapi00"
#: Bodies of these media types are handed on as text; all others as base64.
_TEXT = ("application/json", "application/javascript", "application/xml")


@dataclass(frozen=True)
class HttpRequest:
    """An HTTP request: decoded path, raw query string, headers in arrival order."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        """Return the values of a header, joined by commas, or None."""
        found = [value for key, value in self.headers if key.lower() == name]
        return ",".join(found) if found else None


@dataclass(frozen=True)
class HttpResponse:
    """An HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Stamp:
    """The id and the time of a request."""

    request_id: str = field(default_factory=lambda: f"{uuid.uuid4().hex[:14]}=")
    seconds: float = field(default_factory=time.time)


def build_event(
    request: HttpRequest, match: Match, authorizer: Mapping[str, Any] | None, stamp: Stamp | None = None
) -> dict[str, Any]:
    """Return a function's event for a request on a route; absent parts are left out, as the gateway does."""
    stamp = stamp or Stamp()
    text, encoded = _body(request)
    cookies = [each.strip() for each in (request.header("cookie") or "").split(";") if each.strip()]
    query = _commas(parse_qsl(request.query, keep_blank_values=True))
    optional = {
        "cookies": cookies,
        "queryStringParameters": query,
        "pathParameters": dict(match.variables),
        "body": text,
    }
    return {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": _commas((name.lower(), value) for name, value in request.headers if name.lower() != "cookie"),
        "requestContext": _context(request, match, authorizer, stamp),
        "isBase64Encoded": encoded,
        **{name: value for name, value in optional.items() if value},
    }


def _context(request: HttpRequest, match: Match, authorizer: Mapping[str, Any] | None, stamp: Stamp) -> dict[str, Any]:
    host = request.header("host") or "localhost"
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        **({"authorizer": dict(authorizer)} if authorizer else {}),
        "domainName": host,
        "domainPrefix": host.split(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": stamp.request_id,
        "routeKey": match.route.key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(stamp.seconds)),
        "timeEpoch": int(stamp.seconds * 1000),
    }


def _commas(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(request: HttpRequest) -> tuple[str, bool]:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    plain = kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml"))
    if plain and not request.header("content-encoding"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), bool(request.body)


class MalformedResponse(ValueError):
    """What the function returned is no response; the gateway responds with 500."""


def read_response(returned: Any) -> HttpResponse:
    """Read a function's return value; without a statusCode it is the body of a 200. Raises MalformedResponse."""
    if not isinstance(returned, dict) or "statusCode" not in returned:
        text = returned if isinstance(returned, str) else json.dumps(returned)
        return HttpResponse(200, (("content-type", "application/json"),), text.encode())
    try:
        return _answer(returned)
    except (AttributeError, TypeError, ValueError) as broken:
        raise MalformedResponse(str(broken)) from broken


def _answer(returned: dict[str, Any]) -> HttpResponse:
    status = int(returned["statusCode"])
    if not 100 <= status <= 599:
        raise MalformedResponse(f"status {status}")
    body = returned.get("body") or ""
    if not isinstance(body, str):
        raise MalformedResponse("the body is not a string")
    data = base64.b64decode(body, validate=True) if returned.get("isBase64Encoded") else body.encode()
    return HttpResponse(status, tuple(_headers(returned)), data)


def _headers(returned: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in (returned.get("headers") or {}).items():
        yield name.lower(), as_header(value)
    for cookie in returned.get("cookies") or []:
        yield "set-cookie", str(cookie)


def as_header(value: Any) -> str:
    """Return a header's value as text, with JSON's words for booleans."""
    return str(value).lower() if isinstance(value, bool) else str(value)
