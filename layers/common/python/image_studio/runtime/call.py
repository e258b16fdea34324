"""One HTTP call as a route sees it: caller, body, query, headers, and the time that is left."""

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_studio.errors import InvalidRequest
from image_studio.runtime.identity import Caller

MARGIN_SECONDS = 2.0  # kept for the answer itself
MAX_KEY = 255  # characters of an Idempotency-Key


@dataclass(slots=True)
class Call:
    """What API Gateway passed on (payload format 2.0)."""

    event: Mapping[str, Any]
    caller: Caller | None = None
    started: float = field(default_factory=time.monotonic)
    remaining: float = 28.0  # seconds until the function is stopped
    headers: dict[str, str] = field(default_factory=dict)  # of the answer, whatever it will be

    @property
    def known(self) -> Caller:
        """The caller of a route that needs one."""
        assert self.caller is not None, "open routes have no caller"  # noqa: S101  a mistake of ours
        return self.caller

    def header(self, name: str) -> str:
        """A request header, empty where it isn't there (the gateway lower-cases names)."""
        return str((self.event.get("headers") or {}).get(name, ""))

    def query(self, name: str) -> str | None:
        """A query parameter."""
        value = (self.event.get("queryStringParameters") or {}).get(name)
        return None if value is None else str(value)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A query parameter as a number within bounds. Raises InvalidRequest where it isn't one."""
        text = self.query(name)
        if not text:
            return default
        try:
            return min(max(float(text), low), high)
        except ValueError:
            raise InvalidRequest(f"{name} must be a number.") from None

    def text(self) -> str:
        """The body. Raises InvalidRequest where it isn't UTF-8."""
        body = self.event.get("body") or ""
        if not self.event.get("isBase64Encoded"):
            return str(body)
        try:
            return base64.b64decode(body, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
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
