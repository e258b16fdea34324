"""The API in this process."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.security.inside import Inside, inside_aws, unbounded, use_emulators, without_workers


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    with inside_aws(monkeypatch):
        yield Inside()


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return use_emulators(monkeypatch)


@pytest.fixture(scope="module")
def unlimited() -> Iterator[Inside]:
    """The API without workers, and without limits that would hide what stands behind them."""
    with pytest.MonkeyPatch.context() as patch, unbounded(patch):
        without_workers(patch)
        yield Inside()
