"""From a body to a request model. What doesn't fit is one sentence, never a list, and never repeats an image."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.runtime.api import Call, ignored_header, missing, title
from image_studio.schemas.common import Request

R = TypeVar("R", bound=Request)
MAX_ECHO = 80  # characters of a value that a sentence repeats
#: What pydantic calls a value. Sentences have the field's name instead.
_SUBJECT = re.compile(r"^(Input|String|List|Dictionary|Set|Tuple|Value) (?=should )")
NOT_JSON = "The body is not valid JSON."
NOT_AN_OBJECT = "The body must be a JSON object."


def parse_request(kind: type[R], body: str | bytes) -> tuple[R, list[str]]:
    """Return the request and the names of ignored fields. Raises InvalidRequest with one sentence."""
    try:
        request = kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise explain(error.errors(include_url=False, include_context=True)[0]) from None
    except UnicodeEncodeError:  # half a surrogate pair: no text
        raise InvalidRequest(NOT_JSON) from None
    return request, request.take_ignored()


def read_request(kind: type[R], call: Call, unread: Callable[[R], list[str]] = lambda _: []) -> R:
    """Return the call's request, and name unknown and unread fields in a header. Raises InvalidRequest."""
    request, unknown = parse_request(kind, call.text())
    call.headers.update(ignored_header([*unknown, *unread(request)]))
    return request


def explain(problem: Mapping[str, Any]) -> InvalidRequest:
    """Return the first problem as a sentence that says what to change."""
    field = ".".join(str(part) for part in problem["loc"])[:MAX_ECHO]
    context = problem.get("ctx") or {}
    match problem["type"]:
        case "json_invalid":
            return InvalidRequest(NOT_JSON)
        case "model_type" | "model_attributes_type":
            return InvalidRequest(f"{field} should be an object." if field else NOT_AN_OBJECT)
        case "missing":
            return missing(field)
        case _ if field and problem["input"] is None and isinstance(problem["loc"][-1], str):  # null means "not given"
            return missing(field)
        case "string_too_short" | "too_short" if isinstance(problem["input"], str):
            return InvalidRequest(f"{title(field)} must not be empty.")
        case "enum" | "literal_error":
            valid = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            return UnknownChoice.of(field, str(problem["input"])[:MAX_ECHO], valid)
        case "value_error":
            said = str(context.get("error") or problem["msg"])
            return InvalidRequest(f"{field}: {said}." if field else f"{said[:1].upper()}{said[1:]}.")
    said = _SUBJECT.sub("", str(problem["msg"])).partition(" after validation")[0]
    return InvalidRequest(f"{field} {said}." if field else f"{problem['msg']}.")
