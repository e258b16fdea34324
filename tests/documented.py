"""What the API answers, compared with what its OpenAPI document says of it."""

from collections.abc import Mapping
from functools import cache, reduce
from operator import or_
from typing import Any

from pydantic import TypeAdapter, ValidationError

from image_studio.runtime.openapi import document
from image_studio.runtime.settings import PREFIX
from scripts.openapi.entries import ENTRIES

_document = cache(document)


@cache
def _headers(key: str, status: int) -> frozenset[str] | None:
    """Return the headers that a route's response may have; None for a route that isn't in the document."""
    method, path = key.split(" ")
    operation = _document()["paths"].get(path, {}).get(method.lower().replace("head", "get"))
    if operation is None:
        return None
    assert str(status) in operation["responses"], f"{key}: {status} is not documented"
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = _document()["components"]["responses"][str(status)]
    return frozenset(name.lower() for name in response["headers"])


@cache
def _body(key: str, status: int) -> TypeAdapter[Any] | None:
    entry = ENTRIES.get(key.replace(PREFIX, ""))
    found = entry.responses.get(status) if entry else None
    models = found if isinstance(found, tuple) else (found,)
    return TypeAdapter(reduce(or_, models)) if all(isinstance(each, type) for each in models) else None


def check_documented(key: str, status: int, headers: Mapping[str, str], body: str) -> None:
    """Raise AssertionError where a response has a status, a header or a body that the document doesn't have."""
    listed = _headers(key, status) if " " in key else None
    if listed is None:
        return
    known = {name.lower() for name in _document()["components"]["headers"]}
    unlisted = known & headers.keys() - listed
    assert not unlisted, f"{key}: {status} has {unlisted}, which the document doesn't list"
    assert ("location" in listed) <= ("location" in headers), f"{key}: {status} has no Location"
    adapter = _body(key, status) if body else None
    if adapter:
        try:
            adapter.validate_json(body)
        except ValidationError as error:
            raise AssertionError(f"{key}: {status} has another body: {error}") from None
