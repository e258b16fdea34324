"""Gemini's replies: candidates, blocked prompts, and errors as google.rpc.Status."""

import uuid
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from local.emulators.faults import Marker
from local.emulators.wire import Refusals, json_reply

RPC = "type.googleapis.com/google.rpc."
STATUSES = {
    400: "INVALID_ARGUMENT",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error(code: int, message: str, *details: dict[str, Any]) -> Response:
    """A failure; its RPC status follows from the HTTP status."""
    body: dict[str, Any] = {"code": code, "message": message, "status": STATUSES[code]}
    if details:
        body["details"] = list(details)
    return json_reply({"error": body}, code)


def detail(kind: str, **fields: Any) -> dict[str, Any]:
    """One entry of `details`."""
    return {"@type": RPC + kind, **fields}


def bad_key() -> Response:
    """An invalid key is a bad argument here, not a 401."""
    info = detail(
        "ErrorInfo",
        reason="API_KEY_INVALID",
        domain="googleapis.com",
        metadata={"service": "generativelanguage.googleapis.com"},
    )
    return error(400, "API key not valid. Please pass a valid API key.", info)


def unknown_fields(violations: dict[str, str]) -> Response:
    """Fields that the API doesn't know, by path: it refuses them all."""
    found = [{"field": place, "description": said} for place, said in violations.items()]
    lines = "\n".join(violations.values())
    return error(400, f"Invalid JSON payload received. {lines}", detail("BadRequest", fieldViolations=found))


def no_model(model: str, method: str) -> Response:
    """An unknown or retired model."""
    said = f"models/{model} is not found for API version v1beta, or is not supported for {method}."
    return error(404, said + " Call ListModels to see the list of available models and their supported methods.")


def candidates(model: str, parts: list[dict[str, Any]], tokens: tuple[int, int], finish: str = "STOP") -> Response:
    """A success: one candidate with its parts; tokens of prompt and answer."""
    candidate: dict[str, Any] = {"finishReason": finish, "index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    if finish not in {"STOP", "MAX_TOKENS"}:
        candidate["finishMessage"] = "Unable to show the generated image."
    return json_reply({"candidates": [candidate], **_usage(model, *tokens)})


def blocked(model: str, reason: str) -> Response:
    """A prompt that was refused: 200 without candidates."""
    return json_reply({"promptFeedback": {"blockReason": reason}, **_usage(model, 12, 0)})


def _usage(model: str, asked: int, answered: int) -> dict[str, Any]:
    usage = {"promptTokenCount": asked, "candidatesTokenCount": answered, "totalTokenCount": asked + answered}
    usage_details = {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked}]}
    return {"usageMetadata": usage | usage_details, "modelVersion": model, "responseId": uuid.uuid4().hex[:22]}


def refusals(model: str) -> Refusals:
    """The provider's own refusals, by the name of the fault."""

    def say(code: int, message: str) -> Callable[[Marker], Response]:
        return lambda _marker: error(code, message)

    def quota(marker: Marker) -> Response:
        period = "PerDay" if marker.fault == "429day" else "PerMinute"
        violation = {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
            "quotaId": f"GenerateRequests{period}PerProjectPerModel",
        }
        details = [detail("QuotaFailure", violations=[violation])]
        if marker.fault == "429":
            details.append(detail("RetryInfo", retryDelay=f"{marker.number('after', 1):g}s"))
        return error(429, "You exceeded your current quota, please check your plan and billing details.", *details)

    no_credit = say(402, "Your prepayment credits are depleted.")
    return {
        "400": say(400, "Request contains an invalid argument."),
        "401": lambda _marker: bad_key(),
        "402": no_credit,
        "nocredit": no_credit,
        "403": say(403, "The caller does not have permission"),
        "429": quota,
        "429now": quota,
        "429day": quota,
        "500": say(500, "An internal error has occurred. Please retry or report the problem."),
        "503": say(503, "The model is overloaded. Please try again later."),
        "504": say(504, "Deadline expired before operation could complete."),
        "retired": lambda _marker: no_model(model, "generateContent"),
        "moderated": lambda marker: blocked(model, marker.options.get("reason", "PROHIBITED_CONTENT")),
    }
