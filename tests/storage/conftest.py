"""Moto's table, a store on it, and a clock."""

from collections.abc import Iterator

import pytest

from image_studio.storage.jobs import JobStore
from tests.storage.table import Clock, store
from tests.tables import fake_aws


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake_aws(monkeypatch):
        yield


@pytest.fixture
def jobs(table: None, clock: Clock) -> JobStore:
    return store(clock)
