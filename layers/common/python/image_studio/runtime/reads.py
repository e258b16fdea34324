"""The doors of the free reads: cached by clients, answered without a table, a key or pydantic."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from image_studio.runtime.answers import JSON, Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.parse import ignored_header, json_object
from image_studio.runtime.tiers import TIERS

STATIC_SECONDS = 300  # the catalog changes with a deployment only
PROVIDERS_SECONDS = 60  # as old as what we know of keys and health ourselves


def cached(call: Call, document: Mapping[str, Any], seconds: int = STATIC_SECONDS) -> Response:
    """A document with ETag and Cache-Control, good for some seconds; 304 to who has it."""
    return cached_text(call, json.dumps(document, separators=(",", ":"), ensure_ascii=False), JSON, seconds)


def cached_text(call: Call, body: str, kind: str, seconds: int = STATIC_SECONDS) -> Response:
    """The same for a text of another media type."""
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    headers = {
        "content-type": kind,
        "etag": etag,
        "cache-control": f"public, max-age={seconds}",
        "vary": "authorization",
    }
    asked = [tag.strip().removeprefix("W/") for tag in call.header("if-none-match").split(",")]
    if etag in asked or "*" in asked:
        return {"statusCode": 304, "headers": headers, "body": ""}
    return respond(200, body, headers)


def providers(call: Call) -> Response:
    """GET /providers: what their specs say, who has a key, and who failed just now."""
    from image_studio.operations.listings import list_providers  # noqa: PLC0415  only this read needs the specs
    from image_studio.runtime import roster, wiring  # noqa: PLC0415  the same for boto3

    health = wiring.circuits(wiring.READER_SECONDS)
    return cached(call, list_providers(roster.configured(), health.is_open), PROVIDERS_SECONDS)


def estimate(call: Call) -> Response:
    """POST /estimate-cost: the credits of an operation, within the caller's tier."""
    from image_studio.operations.estimate import FIELDS, estimate_cost  # noqa: PLC0415  as above

    return respond(200, estimate_cost(_body(call, FIELDS), TIERS[call.known.tier].max_pixels, _configured))


def recommend(call: Call) -> Response:
    """POST /edit/recommend: a model for an edit, of the providers that have a key."""
    from image_studio.operations.listings import FIELDS, edit_recommend  # noqa: PLC0415  as above

    return respond(200, edit_recommend(_body(call, FIELDS), _configured()))


def _configured() -> frozenset[str]:
    from image_studio.runtime import roster  # noqa: PLC0415  boto3 only where the choice depends on it

    return roster.configured()


def _body(call: Call, fields: tuple[str, ...]) -> dict[str, Any]:
    """A small body; what none of the fields takes is named in a header. Raises InvalidRequest."""
    body = json_object(call.text())
    call.headers.update(ignored_header(sorted(body.keys() - set(fields))))
    return body
