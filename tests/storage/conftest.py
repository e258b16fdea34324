"""Moto's table, a store on it, and a clock."""

from collections.abc import Iterator

import pytest

from image_studio.storage.jobs import JobStore
from tests.security.inside import inside_aws
from tests.storage.table import Clock, store


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def jobs(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobStore]:
    """A store on an empty table."""
    with inside_aws(monkeypatch):
        yield store(clock)
