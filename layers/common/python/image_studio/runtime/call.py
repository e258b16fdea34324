"""One HTTP call as a route sees it: caller, body, query, headers, and the time that is left.

Everything that is read of an event is read here, and nothing of it is trusted to be there or to be of its type.
"""

import base64
import binascii
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_studio.errors import InvalidRequest
from image_studio.runtime.identity import Caller
from image_studio.runtime.parse import missing

MARGIN_SECONDS = 2.0  # kept for the answer itself
MAX_SECONDS = 28.0  # the gateway gives up at 30
MAX_KEY = 255  # characters of an Idempotency-Key


@dataclass(slots=True)
class Call:
    """What API Gateway passed on (payload format 2.0)."""

    event: Mapping[str, Any]
    caller: Caller | None = None
    started: float = field(default_factory=time.monotonic)
    remaining: float = MAX_SECONDS  # seconds until the function is stopped
    headers: dict[str, str] = field(default_factory=dict)  # of the answer, whatever it will be
    waiting: bool = False  # holds one of its caller's open waits

    @classmethod
    def of(cls, event: Any, context: Any) -> "Call":
        """The call of an event; whatever isn't an event is an empty one."""
        remaining = getattr(context, "get_remaining_time_in_millis", lambda: MAX_SECONDS * 1000)() / 1000
        return cls(_mapping(event), remaining=min(remaining, MAX_SECONDS))

    @property
    def context(self) -> Mapping[str, Any]:
        """What the gateway itself says of the request; no client can write here."""
        return _mapping(self.event.get("requestContext"))

    @property
    def claims(self) -> Mapping[str, Any]:
        """The token's claims, as the gateway's JWT authorizer verified them."""
        authorizer = _mapping(self.context.get("authorizer"))
        return _mapping(_mapping(authorizer.get("jwt")).get("claims"))

    @property
    def method(self) -> str:
        """The request's method, upper case."""
        return _text(_mapping(self.context.get("http")).get("method")).upper() or "GET"

    @property
    def path(self) -> str:
        """The request's path, decoded by the gateway."""
        return _text(self.event.get("rawPath")) or _text(_mapping(self.context.get("http")).get("path")) or "/"

    @property
    def known(self) -> Caller:
        """The caller of a route that needs one."""
        assert self.caller is not None, "open routes have no caller"  # noqa: S101  a mistake of ours
        return self.caller

    def header(self, name: str) -> str:
        """A request header, empty where it isn't there. `name` is lower case, as the gateway has it; sam's isn't."""
        headers = _mapping(self.event.get("headers"))
        if name in headers:
            return _text(headers[name])
        return next((_text(value) for key, value in headers.items() if str(key).lower() == name), "")

    def query(self, name: str) -> str | None:
        """A query parameter; the gateway joins repeated ones by commas."""
        value = _mapping(self.event.get("queryStringParameters")).get(name)
        return None if value is None else _text(value)

    def needed_query(self, name: str) -> str:
        """A query parameter that has to be there, though it may be empty. Raises InvalidRequest."""
        value = self.query(name)
        if value is None:
            raise missing(name)
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A query parameter as a number within bounds. Raises InvalidRequest where it isn't one."""
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
        """The body. Raises InvalidRequest where it isn't UTF-8."""
        body = self.body
        if not self.event.get("isBase64Encoded"):
            return body
        try:
            return base64.b64decode(body, validate=True).decode()
        except (binascii.Error, ValueError):
            raise InvalidRequest("The body is not UTF-8 text.") from None

    def idempotency_key(self) -> str | None:
        """The Idempotency-Key. Raises InvalidRequest where it is too long."""
        key = self.header("idempotency-key").strip()
        if len(key) > MAX_KEY:
            raise InvalidRequest(f"Idempotency-Key may have at most {MAX_KEY} characters.")
        return key or None

    def time_left(self) -> float:
        """Seconds that this call may still wait."""
        return self.remaining - MARGIN_SECONDS - (time.monotonic() - self.started)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """A text that can be written as UTF-8: half a surrogate pair, which JSON lets through, becomes '?'."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
