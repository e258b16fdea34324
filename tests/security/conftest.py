"""The API in this process."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.security.inside import Inside, inside_aws, use_emulators


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """The whole API in this process, its table empty."""
    with inside_aws(monkeypatch):
        yield Inside()


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The providers' emulators by name."""
    return use_emulators(monkeypatch)
