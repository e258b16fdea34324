"""The harness."""

from collections.abc import Iterator

import pytest

from image_studio.runtime.dispatch import dispatcher
from tests.jobs.harness import Harness
from tests.providers.hosts import cdn, guard
from tests.security.inside import inside_aws
from tests.tables import forget

__all__ = ["cdn", "guard", "harness"]


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with inside_aws(monkeypatch):
        made = Harness(monkeypatch)
        forget()
        dispatcher.cache_clear()
        yield made
