"""Stability's errors, in both of their shapes, and its refusals by the name of the fault."""

import uuid
from collections.abc import Callable

from werkzeug.wrappers import Response

from local.emulators.faults import Marker
from local.emulators.wire import Refusals, Visit, json_reply


def error(status: int, name: str, *sentences: str, **headers: str) -> Response:
    """An error in the v2beta shape."""
    body = {"id": uuid.uuid4().hex, "name": name, "errors": list(sentences)}
    return json_reply(body, status, {title.replace("_", "-"): value for title, value in headers.items()})


def unauthorized(path: str) -> Response:
    """A refused key: v1 says it in `message`, v2beta in `errors`."""
    if path.startswith("/v1/"):
        body = {"id": uuid.uuid4().hex, "name": "unauthorized", "message": "Incorrect API key provided: sk-***"}
        return json_reply(body, 401)
    return error(401, "unauthorized", "authorization: invalid or missing header value")


def refusals(visit: Visit) -> Refusals:
    """The provider's own refusals, by the name of the fault."""

    def say(status: int, name: str, sentence: str) -> Callable[[Marker], Response]:
        return lambda _marker: error(status, name, sentence)

    def busy(marker: Marker) -> Response:
        reply = error(429, "rate_limit_exceeded", "You have exceeded the rate limit of 150 requests in 10 seconds")
        if marker.fault == "429":
            reply.headers["Retry-After"] = f"{marker.number('after', 1):g}"
        return reply

    moderated = say(403, "content_moderation", "Your request was flagged by our content moderation system")
    no_credit = say(402, "payment_required", "You lack sufficient credits to make this request")
    return {
        "401": lambda _marker: unauthorized(visit.path),
        "402": no_credit,
        "nocredit": no_credit,
        "moderated": moderated,
        "403": moderated,
        "413": say(413, "payload_too_large", "body: payload cannot be larger than 10MiB in size"),
        "422": say(422, "public_figure", "prompt: likenesses of public figures are not allowed"),
        "language": say(422, "invalid_language", "prompt: English is the only supported language"),
        "429": busy,
        "429now": busy,
        "500": say(500, "internal_error", "An internal error occurred"),
        "503": say(503, "service_unavailable", "The service is temporarily unavailable"),
        "retired": say(404, "not_found", "The requested path does not exist"),
        "notfound": say(404, "generation_not_found", "id: generation not found"),
    }
