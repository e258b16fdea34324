"""The OpenAPI document is what the code says, and is served."""

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path
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
    with inside_aws(monkeypatch):
        yield Inside()


def test_committed_files_are_up_to_date() -> None:
    """`make openapi` would change nothing."""
    for path, text in files().items():
        assert path.read_text() == text, f"{path.name} is stale. Run: make openapi"


def test_every_route_of_the_template_is_answered_and_documented() -> None:
    """Template, functions, entries and document have the same routes, and the same ones need no token."""
    routes = [each for each in Template().routes() if each.path.startswith("/api/") and each.method != "HEAD"]
    declared = {f"{route.method} {route.path.removeprefix(PREFIX)}" for route in routes}
    assert declared == {key for key, _ in declared_routes()} == set(ENTRIES)
    assert {f"{method.upper()} {path.removeprefix(PREFIX)}" for path, method, _ in OPERATIONS} == declared
    documented = {f"{method.upper()} {path}" for path, method, found in OPERATIONS if found.get("security") == []}
    assert documented == {route.key for route in routes if not route.authorized}


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


def test_operations_have_unique_ids_and_described_fields() -> None:
    """Generators of clients name functions by the ids. A request's fields carry words."""
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    for _, _, operation in OPERATIONS:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            assert all(field.get("description") for field in schema["properties"].values())


def test_examples_of_requests_are_in_their_enums() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    bodies = [operation["requestBody"] for *_, operation in OPERATIONS if "requestBody" in operation]
    found = 0
    for [content] in (body["content"].values() for body in bodies):
        properties = schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"]
        for name, value in content["examples"]["usual"]["value"].items():
            kinds = properties[name].get("anyOf", [properties[name]])
            enums = [{**kind, **schemas.get(kind.get("$ref", "").rpartition("/")[2], {})}.get("enum") for kind in kinds]
            for enum in filter(None, enums):
                assert value in enum, f"{name}: {value}"
                found += 1
    assert found > 10


SAMPLES = [sample for _, _, operation in OPERATIONS for sample in operation.get("x-codeSamples", [])]


def _sources(language: str) -> list[str]:
    return [sample["source"] for sample in SAMPLES if sample["lang"] == language]


def test_every_operation_has_samples_that_parse(tmp_path: Path) -> None:
    """In curl, Python and JavaScript; none holds an image."""
    assert len(SAMPLES) == 3 * (len(OPERATIONS) - 1)  # all but the page
    assert not any("base64,iVBOR" in sample["source"] for sample in SAMPLES)
    for source in _sources("Python"):
        compile(source, "sample", "exec")
    subprocess.run(["bash", "-n"], input="\n".join(_sources("curl")), text=True, check=True)
    bodies = [re.sub(r"^import .*", "", source) for source in _sources("JavaScript")]
    script = tmp_path / "samples.mjs"
    script.write_text("\n".join(f"async () => {{ {body} }};" for body in bodies))
    subprocess.run(["node", "--check", script], check=True)


def test_the_document_is_served_to_everybody(inside: Inside) -> None:
    """As JSON with an ETag, without a token and without limits; 304 to who has it."""
    answer = inside.ask("GET", "/openapi.json", claims=None)
    assert answer.status == 200
    assert answer.json == DOCUMENT
    assert "x-ratelimit-limit" not in answer.headers
    again = inside.ask("GET", "/openapi.json", claims=None, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, "")


#: Whatever on a page could load or run something: elements, inline handlers and styles, addresses of others.
_ASSETS = re.compile(r"<(?:script|iframe|img|link|object|embed|form)\b|<[^>]*\s(?:on\w+|style)=|(?:href|src)=\S*//")


def test_the_page_loads_nothing(inside: Inside) -> None:
    """No script, no remote asset, a policy that allows just its own style, by hash; every operation and schema."""
    answer = inside.ask("GET", "/docs", claims=None)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert _ASSETS.findall(answer.body) == []
    style = answer.body.partition("<style>")[2].partition("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in POLICY
    assert all(f'id="{operation["operationId"]}"' in answer.body for _, _, operation in OPERATIONS)
    assert all(f'id="schema-{name}"' in answer.body for name in DOCUMENT["components"]["schemas"])
