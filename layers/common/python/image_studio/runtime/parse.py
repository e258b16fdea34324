"""From a body to a request: what doesn't fit is one sentence, never a list, and never echoes an image."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from image_studio.errors import InvalidRequest, UnknownChoice

if TYPE_CHECKING:
    from image_studio.schemas.common import Request

R = TypeVar("R", bound="Request")
MAX_ECHO = 80  # characters of a value that a sentence repeats
MAX_HEADER = 1000  # characters of a header that names fields
#: What pydantic calls a value, in whose place a sentence has the field's name.
_SUBJECT = re.compile(r"^(Input|String|List|Dictionary|Set|Tuple|Value) (?=should )")
NOT_JSON = "The body is not valid JSON."
NOT_AN_OBJECT = "The body must be a JSON object."


def parse_request(kind: type[R], body: str | bytes) -> tuple[R, list[str]]:
    """The request, and the names of fields that were ignored. Raises InvalidRequest with one sentence."""
    from pydantic import ValidationError  # noqa: PLC0415  only a POST pays for pydantic

    try:
        request = kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise explain(error.errors(include_url=False, include_context=True)[0]) from None
    except UnicodeEncodeError:  # half a surrogate pair: no text
        raise InvalidRequest(NOT_JSON) from None
    return request, request.take_ignored()


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """The header that names ignored fields, or nothing; what a header can't hold is a question mark."""
    clean = ["".join(char if "!" <= char <= "~" and char != "," else "?" for char in name) for name in names]
    return {"x-ignored-fields": ", ".join(clean)[:MAX_HEADER]} if clean else {}


def explain(problem: Mapping[str, Any]) -> InvalidRequest:
    """The first thing that is wrong, as a sentence that says how to mend it."""
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
        case "string_too_short":
            return InvalidRequest(f"{_title(field)} must not be empty.")
        case "enum" | "literal_error":
            valid = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            return UnknownChoice.of(field, str(problem["input"])[:MAX_ECHO], valid)
        case "value_error":
            said = str(context.get("error") or problem["msg"])
            return InvalidRequest(f"{field}: {said}." if field else f"{said[:1].upper()}{said[1:]}.")
    said = _SUBJECT.sub("", str(problem["msg"])).partition(" after validation")[0]
    return InvalidRequest(f"{field} {said}." if field else f"{problem['msg']}.")


def missing(field: str) -> InvalidRequest:
    """What the caller has to say, and didn't."""
    return InvalidRequest(f"{_title(field)} is required.")


def _title(field: str) -> str:
    """'prompt' -> 'Prompt', as the documented sentences have it; a technical name stays as it is."""
    return field if "_" in field or "." in field else field.capitalize()


def json_object(body: str) -> dict[str, Any]:
    """A small JSON object that needs no schema. Raises InvalidRequest."""
    try:
        document = json.loads(body or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InvalidRequest(NOT_JSON) from None
    if not isinstance(document, dict):
        raise InvalidRequest(NOT_AN_OBJECT)
    return document


def _no_number(word: str) -> float:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(word)
