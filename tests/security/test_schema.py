"""Requests made from the OpenAPI document, sent through the gateway: answers are what the document says, no 5xx."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as some
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from image_studio.runtime.openapi import document
from image_studio.runtime.settings import PREFIX
from tests.operations.fakes import photo, to_text
from tests.security.inside import Inside, gateway, unbounded, use_emulators, without_workers

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = 3
LONG = 1_000  # of each operation

IMAGES = [to_text(photo(*size), kind) for size in ((96, 96), (300, 200)) for kind in ("PNG", "JPEG", "WEBP")]
schemathesis.openapi.format(
    "image",
    some.one_of(
        some.sampled_from(IMAGES),
        some.sampled_from(IMAGES).map(lambda text: f"data:image/png;base64,{text}"),
        some.sampled_from(["upload:0", "job:" + "0" * 32, "job:" + "0" * 32 + "/1", "data:image/png;base64,"]),
        some.text(min_size=1, max_size=40),
    ),
)
SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]


@pytest.fixture(scope="module")
def there() -> Iterator[dict[str, str]]:
    """The API behind the gateway, without limits; ids of a job and a persona that are there."""
    with pytest.MonkeyPatch.context() as patch, unbounded(patch):
        use_emulators(patch)
        SCHEMA.app = gateway()
        inside = Inside()
        body = {"prompt": "a boat", "width": 64, "height": 64, "provider": "stability"}
        job = inside.ask("POST", "/create", body=body, headers={"prefer": "wait=20"}).headers["x-job-id"]
        inside.ask("PUT", "/personas/acme", body={"voice": "warm"})
        asset = inside.ask("POST", "/save-to-library", body={"image_base64": IMAGES[0]}).json["asset_id"]
        yield {"jobs": job, "personas": "acme", "content-assets": asset}


@pytest.fixture
def known(there: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The same, with the worker's keys: the environment is emptied before each test."""
    use_emulators(monkeypatch)
    return there


def _try(operation: Any, mode: GenerationMode, examples: int, known: Mapping[str, str]) -> Counter[int]:
    """Answers by status to so many requests of an operation; half of its ids, if it has one, are there."""
    statuses: Counter[int] = Counter()
    there = known.get(operation.path.removeprefix(f"{PREFIX}/").removeprefix("/api/").partition("/")[0])

    @given(case=operation.as_strategy(generation_mode=mode), by_id=some.booleans())
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(case: Any, by_id: bool) -> None:
        if by_id and there and "id" in case.path_parameters and operation.method != "delete":
            case.path_parameters["id"] = there
        response = case.call(app=SCHEMA.app)
        case.validate_response(response, checks=CHECKS)
        statuses[response.status_code] += 1

    for start in range(examples):  # Hypothesis ends early where few different requests can be made
        seed(start)(check)()
        if statuses.total() >= examples:
            break
    return statuses


def _fits(operation: Any, mode: GenerationMode) -> bool:
    """Without a body, a query or a variable there is nothing that could not fit the document."""
    has_inputs = operation.body or operation.query or operation.path_parameters
    return mode is GenerationMode.POSITIVE or bool(has_inputs)


def _label(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path}"


CASES = [
    pytest.param(operation, mode, id=f"{mode.value} {_label(operation)}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if _fits(operation, mode)
]


def _tried(operation: Any, mode: GenerationMode, examples: int, known: Mapping[str, str], count: Any) -> None:
    statuses = _try(operation, mode, examples, known)
    count("openapi", operation=_label(operation), cases=statuses.total(), statuses=statuses)


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_answers_are_as_documented(operation: Any, mode: GenerationMode, known: dict[str, str], count: Any) -> None:
    """A few requests of each operation: such as fit the document, and such as don't."""
    _tried(operation, mode, BOUNDED, known, count)


@pytest.mark.long
@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_many_answers_are_as_documented(
    operation: Any, mode: GenerationMode, known: dict[str, str], count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand requests of each operation, half of them such as don't fit where any can be made.

    Of those that make images a tenth does; the others meet a queue that nobody works on.
    """
    cases = LONG // sum(_fits(operation, each) for each in GenerationMode)
    _tried(operation, mode, cases // 10, known, count)
    without_workers(monkeypatch)
    _tried(operation, mode, cases - cases // 10, known, count)
