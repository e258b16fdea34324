"""What a function gives back to API Gateway: status, headers, body; errors as {"detail", "code"}."""

import json
import re
from collections.abc import Mapping
from typing import Any

from image_studio.errors import StudioError, TooLarge

Response = dict[str, Any]

JSON = "application/json"
#: Lambda's limit on a whole response, bytes (AWS, "Function.ResponseSizeTooLarge"); the envelope escapes the body.
MAX_RESPONSE = 6_291_556
#: What a body may be, so that quotes escaped once more and the headers still fit.
MAX_BODY = MAX_RESPONSE - 64 * 1024
MAX_HEADER = 1024  # characters of one header's value
#: On every answer: nothing that we send is to be guessed at, framed, or told to others.
SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; text goes out as it is."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return {"statusCode": status, "headers": {"content-type": JSON, **(headers or {})}, "body": text}


def refuse(error: StudioError) -> Response:
    """An error as the contract has it."""
    body = json.dumps({"detail": error.detail, "code": error.code}, separators=(",", ":"))
    return respond(error.status, body, {"cache-control": "no-store", **error.headers})


def sealed(response: Response, headers: Mapping[str, str]) -> Response:
    """The response with the headers that belong to every answer of this call; one too large becomes a sentence."""
    if _size(response["body"]) > MAX_BODY:
        response = refuse(TooLarge('The answer is larger than 6 MB. Ask for it with "delivery": "url".'))
    whole = {**SAFE, **headers, **{name.lower(): value for name, value in response["headers"].items()}}
    return {**response, "headers": {name: _one_line(value) for name, value in whole.items()}}


def _size(text: str) -> int:
    """Bytes of a text, for nothing where it is plain ASCII, as five megabytes of base64 are."""
    return len(text) if text.isascii() else len(text.encode())


def _one_line(value: str) -> str:
    """A header's value can hold no line of its own, whatever a caller named its fields."""
    return _UNPRINTABLE.sub("?", value)[:MAX_HEADER]
