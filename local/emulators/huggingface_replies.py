"""The Hugging Face router's errors, and the refusals by the name of the fault."""

import uuid
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.faults import Marker
from local.emulators.wire import Refusals, json_reply

NO_CREDIT = (
    "You have exceeded your monthly included credits for Inference Providers. "
    "Subscribe to PRO to get 20x more monthly included credits."
)
COLD_SECONDS = 20.0


def error(status: int, said: str, **extra: Any) -> Response:
    """A failure of the router: `{"error": ...}`; what it says is in a header too."""
    headers = {"X-Error-Message": said, "X-Request-Id": f"Root=1-{uuid.uuid4().hex[:24]}"}
    return json_reply({"error": said, **extra}, status, headers)


def unauthorized() -> Response:
    """A missing or invalid token."""
    return error(401, "Invalid credentials in Authorization header")


def fal_invalid(field: str, said: str, kind: str = "value_error") -> Response:
    """A validation error of fal, passed through by the router."""
    return json_reply({"detail": [{"loc": ["body", field], "msg": said, "type": kind}]}, 422)


def refusals(model: str) -> Refusals:
    """The router's own refusals, by the name of the fault."""

    def say(status: int, said: str, **extra: Any) -> Callable[[Marker], Response]:
        return lambda _marker: error(status, said, **extra)

    def busy(marker: Marker) -> Response:
        reply = error(429, "You have reached your rate limit")
        if marker.fault == "429":
            seconds = max(1, int(marker.number("after", 1)))
            reply.headers["RateLimit"] = f'"api";r=0;t={seconds}'
            reply.headers["RateLimit-Policy"] = '"fixed window";"api";q=500;w=300'
            reply.headers["Retry-After"] = str(seconds)
        return reply

    def loading(marker: Marker) -> Response:
        seconds = marker.number("after", COLD_SECONDS)
        return json_reply({"error": f"Model {model} is currently loading", "estimated_time": seconds}, 503)

    return {
        "400": say(400, "Bad request"),
        "401": lambda _marker: unauthorized(),
        "402": say(402, NO_CREDIT),
        "nocredit": say(402, NO_CREDIT),
        "403": say(403, "This authentication method does not have sufficient permissions to call Inference Providers"),
        "422": say(422, "Input validation error", error_type="validation"),
        "429": busy,
        "429now": busy,
        "500": say(500, "Internal Server Error"),
        "503": loading,
        "504": say(504, "Gateway Timeout"),
        "retired": say(404, f"Model {model} does not exist or is no longer served"),
        "policy": lambda _marker: fal_invalid("prompt", POLICY, "content_policy_violation"),
    }


POLICY = "The content could not be processed because it contained material flagged by a content checker."
