"""WaveSpeed's replies: the envelope, its errors, and its refusals by the name of the fault."""

from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.faults import Marker
from local.emulators.wire import Refusals, json_reply


def envelope(data: Any, status: int = 200) -> Response:
    """A success."""
    return json_reply({"code": 200, "message": "success", "data": data}, status)


def error(status: int, message: str, **extra: Any) -> Response:
    """A failure."""
    return json_reply({"code": status, "message": message, "data": None, **extra}, status)


def now() -> str:
    """The time as WaveSpeed writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refusals() -> Refusals:
    """The provider's own refusals, by the name of the fault."""

    def busy(marker: Marker) -> Response:
        reply = error(429, "Too many requests: rate limit exceeded, limits reset every minute")
        if marker.fault == "429":
            reply.headers["Retry-After"] = f"{marker.number('after', 1):g}"
        return reply

    no_credit = error(402, "Insufficient credits. Please top up.")
    return {
        "400": lambda _m: error(400, "invalid request"),
        "401": lambda _m: error(401, "Unauthorized: invalid API key"),
        "402": lambda _m: no_credit,
        "nocredit": lambda _m: no_credit,
        "403": lambda _m: error(403, "Forbidden: content policy", error_code="CONTENT_POLICY"),
        "404": lambda _m: error(404, "task not found"),
        "413": lambda _m: error(413, "payload too large"),
        "422": lambda _m: error(422, "input could not be processed"),
        "429": busy,
        "429now": busy,
        "500": lambda _m: error(500, "internal server error"),
        "503": lambda _m: error(503, "service unavailable"),
        "retired": lambda _m: error(404, "model not found"),
        "code500": lambda _m: json_reply({"code": 500, "message": "internal error", "data": None}),
    }
