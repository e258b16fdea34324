"""The desk, and the circuits that a test may have opened closed again."""

from collections.abc import Iterator

import pytest

from tests.jobs.desk import Desk
from tests.security.inside import inside_aws
from tests.tables import forget


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with an empty table, bucket and queue."""
    with inside_aws(monkeypatch):
        made = Desk(monkeypatch)
        forget()
        from image_studio.runtime.dispatch import dispatcher

        dispatcher.cache_clear()
        yield made
