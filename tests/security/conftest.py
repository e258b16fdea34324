"""The API in this process, for the tests of what it must withstand."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.security.inside import Inside, inside_aws, providers


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """The whole API in this process, its table empty."""
    with inside_aws(monkeypatch):
        yield Inside()


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The providers' emulators by name."""
    with providers(monkeypatch) as started:
        yield started
