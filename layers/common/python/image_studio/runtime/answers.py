"""What a function gives back to API Gateway: status, headers, body; errors as {"detail", "code"}."""

import json
from collections.abc import Mapping
from typing import Any

from image_studio.errors import StudioError, TooLarge

Response = dict[str, Any]

JSON = "application/json"
#: Lambda's limit on a whole response, bytes (AWS, "Function.ResponseSizeTooLarge"); the envelope escapes the body.
MAX_RESPONSE = 6_291_556
#: What a body may be, so that quotes escaped once more and the headers still fit.
MAX_BODY = MAX_RESPONSE - 64 * 1024


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; text goes out as it is."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return {"statusCode": status, "headers": {"content-type": JSON, **(headers or {})}, "body": text}


def refuse(error: StudioError) -> Response:
    """An error as the contract has it."""
    return respond(error.status, {"detail": error.detail, "code": error.code}, error.headers)


def sealed(response: Response, headers: Mapping[str, str]) -> Response:
    """The response with the headers that belong to every answer of this call; one too large becomes a sentence."""
    if len(response["body"]) > MAX_BODY and len(response["body"].encode()) > MAX_BODY:
        response = refuse(TooLarge('The answer is larger than 6 MB. Ask for it with "delivery": "url".'))
    return {**response, "headers": {**response["headers"], **headers}}
