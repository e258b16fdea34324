"""Build the OpenAPI 3.1 document: routes from the template, the rest from the functions, the schemas and `entries`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import DeclaredRoute
from image_studio.runtime.settings import VERSION, full_path
from scripts.events import REQUESTS
from scripts.openapi import words
from scripts.openapi.entries import ENTRIES, Entry
from scripts.openapi.routes import declared_routes
from scripts.openapi.samples import samples
from scripts.openapi.schemas import REF, Error, GatewayError, definitions

EXAMPLES: Mapping[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text())
JSON = "application/json"


def document() -> dict[str, Any]:
    """The whole document."""
    routes = dict(declared_routes())
    used = [model for key in routes for model in _models(ENTRIES[key])]
    paths: dict[str, dict[str, Any]] = {}
    for key, route in routes.items():
        method, path = key.split(" ")
        paths.setdefault(full_path(path), {})[method.lower()] = _operation(key, route, ENTRIES[key])
    return {
        "openapi": "3.1.0",
        "info": {"title": words.TITLE, "version": VERSION, "description": words.introduction()},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(ENTRIES[key].tag for key in routes)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "headers": {
                name: {"description": about, "schema": dict(schema)} for name, (about, schema) in words.HEADERS.items()
            },
            "responses": {str(status): _refusal(status) for status in words.ERRORS},
            "schemas": definitions([*used, Error, GatewayError]),
        },
    }


def _models(entry: Entry) -> Iterator[Any]:
    bodies = [entry.request, *entry.responses.values()]
    for body in bodies:
        yield from (each for each in (body if isinstance(body, tuple) else (body,)) if isinstance(each, type))


def _operation(key: str, route: DeclaredRoute, entry: Entry) -> dict[str, Any]:
    method, path = key.split(" ")
    about = (route.action.__doc__ or "").strip().splitlines()[0]
    operation: dict[str, Any] = {
        "operationId": f"{method.lower()}_{'_'.join(_words_of(path))}",
        "summary": about.rstrip("."),
        "tags": [entry.tag],
        "parameters": list(_parameters(path, route, entry)),
        "responses": {**dict(_responses(key, route, entry)), **dict(_errors(path, route, entry))},
    }
    if entry.request is not None:
        content: dict[str, Any] = {"schema": _ref(entry.request)}
        if key in REQUESTS:
            content["examples"] = {"usual": {"value": REQUESTS[key]["body"]}}
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    if not isinstance(entry.responses.get(200), str):  # the page itself
        makes_images = 303 in entry.responses or key == "POST /social/optimize"
        found = samples(method, full_path(path), REQUESTS.get(key, {}), makes_images=makes_images)
        operation["x-codeSamples"] = list(found)
    if route.counts_as is None:
        operation["security"] = []
    else:
        operation["x-counted-as"] = str(route.counts_as)
    return operation


def _words_of(path: str) -> list[str]:
    """The words of an id; a path with a slash at its end is another one than without."""
    parts = path.removeprefix("/").split("/")
    return [part.strip("{}").replace("-", "_").replace(".", "_") or "slash" for part in parts]


def _parameters(path: str, route: DeclaredRoute, entry: Entry) -> Iterator[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            schema = {"type": "string", "minLength": 1, "maxLength": 128}
            yield {"name": part[1:-1], "in": "path", "required": True, "schema": schema}
    for query in entry.query:
        parameter: dict[str, Any] = {"name": query.name, "in": "query", "description": query.about}
        yield parameter | {"required": query.required, "schema": dict(query.schema)}
    if 303 in entry.responses:
        yield _header("Prefer", "respond-async, or wait=N (RFC 7240).")
    if route.method == "POST" and (route.spends or entry.tag == "Uploads") and entry.request is not None:
        yield _header("Idempotency-Key", "The same key and request join the same job, for 24 hours.", maxLength=255)
    if entry.cached:
        yield _header("If-None-Match", "An ETag; 304 where nothing has changed.")


def _header(name: str, about: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string", **schema}}


def _responses(key: str, route: DeclaredRoute, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, body in entry.responses.items():
        response: dict[str, Any] = {"description": _ABOUT[status], "headers": _headers(status, route, entry)}
        example = EXAMPLES.get(key, {}).get(str(status))
        if isinstance(body, str):
            response["content"] = {body.partition(";")[0]: {"schema": {"type": "string"}}}
        else:
            response["content"] = {JSON: {"schema": _ref(body)} | ({"example": example} if example else {})}
        yield str(status), response
    if entry.cached:
        yield "304", {"description": _ABOUT[304], "headers": _headers(304, route, entry)}


_ABOUT = {
    200: "Done.",
    201: "Created.",
    202: "Accepted; not done yet.",
    303: "Not done yet; the Location waits on.",
    304: "Nothing has changed.",
}


def _headers(status: int, route: DeclaredRoute, entry: Entry) -> dict[str, Any]:
    names = [] if route.counts_as is None else list(words.RATE_HEADERS)
    names += ["X-Credits-Remaining"] if route.spends else []
    names += ["X-Job-Id"] if route.spends and status == 200 else []
    names += ["X-Ignored-Fields"] if entry.request is not None else []
    names += ["Location"] if status in (202, 303) else []
    names += ["Retry-After"] if status in (202, 303) or entry.polled else []
    names += ["Preference-Applied"] if 303 in entry.responses else []
    names += ["ETag"] if entry.cached else []
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _errors(path: str, route: DeclaredRoute, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
    with_body = route.method in ("POST", "PUT")
    statuses = {*entry.errors, 500}
    statuses |= {401, 403, 429} if route.counts_as is not None else set()
    statuses |= {400, 413, 415} if with_body else set()
    statuses |= {404} if "{" in path else set()
    statuses |= {503} if entry.stored or route.counts_as is RateClass.WORK else set()
    for status in sorted(statuses):
        yield str(status), {"$ref": f"#/components/responses/{status}"}


def _refusal(status: int) -> dict[str, Any]:
    kinds = [Error, GatewayError] if status in words.BY_GATEWAY else [Error]
    schema = {"anyOf": [_ref(kind) for kind in kinds]} if len(kinds) > 1 else _ref(kinds[0])
    also = [*words.RATE_HEADERS, "X-Credits-Remaining", "X-Ignored-Fields", "Preference-Applied"]
    names = ["WWW-Authenticate"] if status == 401 else also
    names += ["Retry-After"] if status in (429, 503) else []
    return {
        "description": words.ERRORS[status],
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {JSON: {"schema": schema, "example": _example(status)}},
    }


def _example(status: int) -> dict[str, str]:
    documented: dict[str, str] | None = EXAMPLES["errors"].get(str(status))
    if documented:
        return documented
    kinds = {kind.status: kind for kind in reversed(list(words.tree()))}
    return {"detail": kinds[status].default_detail, "code": kinds[status].code}


def _ref(body: Any) -> dict[str, Any]:
    if isinstance(body, tuple):
        return {"anyOf": [_ref(each) for each in body]}
    if isinstance(body, Mapping):
        return dict(body)
    return {"$ref": REF.format(model=body.__name__)}
