"""The toy stack: the same gateway, poller and AWS around two tiny functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Options, Stack

TOY = Path(__file__).parent / "toy" / "template.yaml"


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(Options(template=TOY, state=tmp_path_factory.mktemp("toy"), providers=False)) as stack:
        yield stack
