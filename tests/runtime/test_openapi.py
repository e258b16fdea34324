"""The OpenAPI document is what the code says, and is served."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from image_studio.errors import StudioError
from image_studio.runtime import openapi
from image_studio.runtime.settings import PREFIX
from local.template import Template
from scripts.openapi.__main__ import files
from scripts.openapi.entries import ENTRIES
from scripts.openapi.page import POLICY
from scripts.openapi.routes import declared_routes
from scripts.openapi.words import ERRORS, tree
from tests.security.inside import Inside, inside_aws

DOCUMENT = openapi.document()
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The API in this process."""
    with inside_aws(monkeypatch):
        yield Inside()


def test_committed_files_are_up_to_date() -> None:
    """`make openapi` would change nothing."""
    for path, text in files().items():
        assert path.read_text() == text, f"{path.name} is stale. Run: make openapi"


def test_every_route_of_the_template_is_answered_and_documented() -> None:
    """Template, functions, entries and document have the same routes."""
    declared = {
        f"{route.method} {route.path.removeprefix(PREFIX)}"
        for route in Template().routes()
        if route.path.startswith(PREFIX)
    }
    assert declared == {key for key, _ in declared_routes()} == set(ENTRIES)
    assert {f"{method.upper()} {path.removeprefix(PREFIX)}" for path, method, _ in OPERATIONS} == declared


def test_open_routes_are_the_templates() -> None:
    """What needs no token in the template is documented so, and the other way round."""
    open_routes = {route.key for route in Template().routes() if not route.authorized and route.path.startswith(PREFIX)}
    assert {
        f"{method.upper()} {path}" for path, method, found in OPERATIONS if found.get("security") == []
    } == open_routes


def test_every_reference_leads_somewhere() -> None:
    """No `$ref` points outside the document or at nothing."""
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT))):
        node = DOCUMENT
        assert reference.startswith("#/")
        for part in reference[2:].split("/"):
            node = node[part]


def test_every_error_status_is_documented() -> None:
    """Each status of the error tree has a response, and none is 422."""
    statuses = {kind.status for kind in tree(StudioError)}
    assert statuses - {405} <= set(ERRORS)
    assert not any("422" in operation["responses"] for _, _, operation in OPERATIONS)


def test_operations_have_unique_ids() -> None:
    """Generators of clients name functions by them."""
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_every_field_of_a_request_is_described() -> None:
    """A request's fields carry words, also those of operations added later."""
    for _, _, operation in OPERATIONS:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            assert all(field.get("description") for field in schema["properties"].values())


def test_the_document_is_served_to_everybody(inside: Inside) -> None:
    """As JSON with an ETag, without a token and without limits; 304 to who has it."""
    answer = inside.ask("GET", "/openapi.json", claims=None)
    assert answer.status == 200
    assert answer.json == DOCUMENT
    assert "x-ratelimit-limit" not in answer.headers
    again = inside.ask("GET", "/openapi.json", claims=None, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, "")


class _Assets(HTMLParser):
    """Everything on a page that could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note scripts, embedded things, addresses and inline handlers."""
        if tag in ("script", "iframe", "img", "link", "object", "embed", "form"):
            self.found.append(tag)
        self.found += [name for name, value in attrs if name.startswith("on") or name == "style"]
        self.found += [value for name, value in attrs if name in ("href", "src") and value and "//" in value]


def test_the_page_loads_nothing(inside: Inside) -> None:
    """No script, no remote asset, and a policy that allows just its own style, by hash."""
    answer = inside.ask("GET", "/docs", claims=None)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assets = _Assets()
    assets.feed(answer.body)
    assert assets.found == []
    style = answer.body.partition("<style>")[2].partition("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in POLICY


def test_the_page_shows_every_operation() -> None:
    """Each path and each schema stands on it."""
    page = openapi.PAGE.read_text()
    assert all(f'id="{operation["operationId"]}"' in page for _, _, operation in OPERATIONS)
    assert all(f'id="schema-{name}"' in page for name in DOCUMENT["components"]["schemas"])
