"""A limit is declared once, and everything else derives it."""

import ast
from pathlib import Path
from typing import get_args

import image_studio
from image_studio.schemas import limits
from image_studio.schemas.jobs import JobStatus
from image_studio.storage.job import Status

PACKAGE = Path(image_studio.__file__).parent


def test_large_bounds_are_typed_once() -> None:
    """No other file of the layer has the number of a bound that is too odd to occur by chance."""
    odd = {value for name, value in vars(limits).items() if name.isupper() and value > MAX_COMMON}
    assert {limits.MAX_PIXELS, limits.MAX_SEED} <= odd
    twice = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.value:,}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != Path(limits.__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in odd
    ]
    assert twice == []


MAX_COMMON = 100_000  # numbers up to here may stand for something else


def test_statuses_are_those_that_are_stored() -> None:
    """Responses list every status of a job record."""
    assert set(get_args(JobStatus)) == set(Status)
