"""What a request must pass before its route runs: body and path, answered as the contract has it."""

import re
from typing import NoReturn

from image_studio.errors import InvalidRequest, MethodNotAllowed, NotFound, TooLarge, WrongContentType
from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call

WITH_BODY = ("POST", "PUT")
MAX_BODY = 6 * 1024 * 1024  # bytes; Lambda takes no larger event


def preflight() -> Response:
    """OPTIONS: the gateway answers real preflights; what reaches us gets an empty 204."""
    return {"statusCode": 204, "headers": {}, "body": ""}


def check_body(call: Call) -> None:
    """Raise WrongContentType, TooLarge or InvalidRequest for a body that no route takes."""
    if call.method not in WITH_BODY:
        return
    body = call.body
    if len(body) > MAX_BODY:
        raise TooLarge
    if not body:
        return
    whole = call.header("content-type")
    kind = whole.partition(";")[0].strip().lower()
    if kind.startswith("multipart/") and "boundary=" not in whole.lower():
        raise InvalidRequest("multipart/form-data needs a boundary; and this API takes application/json.")
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise WrongContentType(f"Send the body as application/json, not {kind[:60]}.")
    if call.header("content-encoding").strip().lower() not in ("", "identity"):
        raise WrongContentType("Send the body without a Content-Encoding.")


def refuse_unknown(method: str, path: str) -> NoReturn:
    """Raise MethodNotAllowed where the path has other methods only, NotFound where nothing is there."""
    from image_studio.runtime.openapi import documented_paths  # noqa: PLC0415  only for a request gone astray

    for template, methods in documented_paths().items():
        if method not in methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            raise MethodNotAllowed(method[:20], sorted(methods))
    raise NotFound(f"There is nothing at {path[:200]}. See /api/image-studio/docs.")
