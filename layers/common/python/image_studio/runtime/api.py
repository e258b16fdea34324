"""An HTTP request and its response: `Call` is what a route reads, `respond` makes what it returns.

Everything that is read from an event is read here. No part of an event is trusted to exist or to have the right type.
"""

import base64
import binascii
import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response as PowertoolsResponse

from image_studio.errors import InvalidRequest, StudioError
from image_studio.runtime.auth import Caller

Response = PowertoolsResponse[str]

JSON = "application/json"
NO_STORE = {"cache-control": "no-store"}
POLL = {"retry-after": "5", **NO_STORE}  # seconds, for callers who poll
MARGIN_SECONDS = 2.0  # kept for sending the response
MAX_SECONDS = 28.0  # API Gateway times out after 30
MAX_KEY = 255  # characters of an Idempotency-Key
MAX_IGNORED = 1000  # characters of X-Ignored-Fields
STATIC_SECONDS = 300  # cache lifetime of the catalog, which changes only with a deployment
_DOMAIN = re.compile(r"[a-z0-9.-]{1,253}(:\d{1,5})?", re.IGNORECASE)


def iso_time(seconds: float, precision: str = "milliseconds") -> str:
    """Return a time (epoch seconds) as ISO 8601 in UTC, such as 2026-11-28T18:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


@dataclass(slots=True)
class Call:
    """A request as API Gateway sends it (payload format 2.0)."""

    event: Mapping[str, Any]
    caller: Caller | None = None
    started: float = field(default_factory=time.monotonic)
    remaining: float = MAX_SECONDS  # seconds until the function is stopped
    headers: dict[str, str] = field(default_factory=dict)  # of the response, whatever it will be
    waiting: bool = False  # holds an open wait
    shares_waits: bool = False  # the account is small: waits of all callers are few
    may_wait: bool = True  # False: no wait was free, or waiting would take a worker's place
    outage: bool = False  # the table failed: a response leaves out what it can, because timeouts add up

    @classmethod
    def of(cls, event: Any, context: Any) -> "Call":
        """Return the call of an event. Anything that isn't an event is an empty one."""
        remaining = getattr(context, "get_remaining_time_in_millis", lambda: MAX_SECONDS * 1000)() / 1000
        return cls(_mapping(event), remaining=min(remaining, MAX_SECONDS))

    @property
    def context(self) -> Mapping[str, Any]:
        """The gateway's own facts about the request. No client can write here."""
        return _mapping(self.event.get("requestContext"))

    @property
    def claims(self) -> Mapping[str, Any]:
        """The token's claims, as the gateway's JWT authorizer verified them."""
        authorizer = _mapping(self.context.get("authorizer"))
        return _mapping(_mapping(authorizer.get("jwt")).get("claims"))

    @property
    def method(self) -> str:
        return _text(_mapping(self.context.get("http")).get("method")).upper() or "GET"

    @property
    def path(self) -> str:
        return _text(self.event.get("rawPath")) or _text(_mapping(self.context.get("http")).get("path")) or "/"

    @property
    def origin(self) -> str:
        """Where the caller reached this API, as `https://api.example.com`; empty where the gateway doesn't say."""
        domain = _text(self.context.get("domainName"))
        scheme = "http" if self.header("x-forwarded-proto") == "http" else "https"
        return f"{scheme}://{domain}" if _DOMAIN.fullmatch(domain) else ""

    @property
    def known(self) -> Caller:
        assert self.caller is not None, "open routes have no caller"  # noqa: S101  a mistake of ours
        return self.caller

    def header(self, name: str) -> str:
        """Return a request header, empty if it is missing. `name` is lower case, as the gateway has it; sam's isn't."""
        headers = _mapping(self.event.get("headers"))
        if name in headers:
            return _text(headers[name])
        return next((_text(value) for key, value in headers.items() if str(key).lower() == name), "")

    def query(self, name: str) -> str | None:
        """Return a query parameter. The gateway joins repeated ones by commas."""
        value = _mapping(self.event.get("queryStringParameters")).get(name)
        return None if value is None else _text(value)

    def needed_query(self, name: str) -> str:
        """Return a query parameter. Raises InvalidRequest if it is missing."""
        value = self.query(name)
        if value is None:
            raise missing(name)
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a query parameter as a number within bounds. Raises InvalidRequest if it isn't a number."""
        text = self.query(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise InvalidRequest(f"{name} must be a number.")
        return min(max(value, low), high)

    @property
    def body(self) -> str:
        """The body as it came: text, or base64. Raises InvalidRequest for anything else."""
        body = self.event.get("body")
        if body is None:
            return ""
        if not isinstance(body, str):
            raise InvalidRequest("The body is not text.")
        return body

    def text(self) -> str:
        """Return the body without a byte order mark. Raises InvalidRequest if it isn't UTF-8."""
        body = self.body
        if not self.event.get("isBase64Encoded"):
            return body.removeprefix("\ufeff")
        try:
            return base64.b64decode(body, validate=True).decode("utf-8-sig")
        except (binascii.Error, ValueError):
            raise InvalidRequest("The body is not UTF-8 text.") from None

    def idempotency_key(self) -> str | None:
        """Return the Idempotency-Key. Raises InvalidRequest if it is too long."""
        key = self.header("idempotency-key").strip()
        if len(key) > MAX_KEY:
            raise InvalidRequest(f"Idempotency-Key may have at most {MAX_KEY} characters.")
        return key or None

    def time_left(self) -> float:
        """Return the seconds that this call may still wait."""
        return self.remaining - MARGIN_SECONDS - (time.monotonic() - self.started)


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response. A body that is text already is sent as it is."""
    return Response(status, body=_dump(body), headers={"content-type": JSON, **(headers or {})})


def refuse(error: StudioError) -> Response:
    """Return an error as the contract has it: {"detail", "code"}."""
    body = json.dumps({"detail": error.detail, "code": error.code}, separators=(",", ":"))
    return respond(error.status, body, {**NO_STORE, **error.headers})


def cached(call: Call, document: Any, seconds: int = STATIC_SECONDS, kind: str = JSON) -> Response:
    """Return a document with ETag and Cache-Control, or 304 if the client has it already."""
    body = _dump(document)
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    lifetime = f"public, max-age={seconds}"
    headers = {"content-type": kind, "etag": etag, "cache-control": lifetime, "vary": "authorization"}
    known = [tag.strip().removeprefix("W/") for tag in call.header("if-none-match").split(",")]
    return respond(304, "", headers) if etag in known or "*" in known else respond(200, body, headers)


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """Return the header that names ignored fields, if any. Characters that a header can't hold become '?'."""
    clean = ["".join(char if "!" <= char <= "~" and char != "," else "?" for char in name) for name in names]
    return {"x-ignored-fields": ", ".join(clean)[:MAX_IGNORED]} if clean else {}


def missing(field: str) -> InvalidRequest:
    """Return the error for a value that is required and missing."""
    return InvalidRequest(f"{title(field)} is required.")


def title(field: str) -> str:
    """Return 'Prompt' for 'prompt', as the documented sentences have it. A technical name stays as it is."""
    return field if "_" in field or "." in field else field.capitalize()


def _dump(document: Any) -> str:
    """Return a model, or plain data and dataclasses, as JSON; text stays as it is."""
    if isinstance(document, str):
        return document
    if hasattr(document, "model_dump_json"):
        return str(document.model_dump_json())
    return json.dumps(document, default=vars, separators=(",", ":"), ensure_ascii=False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """Return text that can be written as UTF-8: half a surrogate pair, which JSON allows, becomes '?'."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
