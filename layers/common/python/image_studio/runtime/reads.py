"""The doors of the free reads: cached by clients, answered without a table, a key or pydantic."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from image_studio.runtime.answers import JSON, Response, respond
from image_studio.runtime.call import Call

STATIC = "public, max-age=300"  # the catalog changes with a deployment only


def cached(call: Call, document: Mapping[str, Any]) -> Response:
    """A static document with ETag and Cache-Control; 304 to who has it."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    headers = {"etag": etag, "cache-control": STATIC, "vary": "authorization"}
    asked = [tag.strip().removeprefix("W/") for tag in call.header("if-none-match").split(",")]
    if etag in asked or "*" in asked:
        return {"statusCode": 304, "headers": {"content-type": JSON, **headers}, "body": ""}
    return respond(200, body, headers)
