"""The built artifacts, made once per test process, and a whole stack that runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.rie import machine
from local.stack import Options, Stack
from scripts.build import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, surroundings: dict[str, str]) -> Path:
    """The folder that `make build` makes, for this machine's architecture."""
    folder = tmp_path_factory.mktemp("built") / "build"
    build(machine(), folder, environment=surroundings)
    return folder


@pytest.fixture(scope="session")
def lambda_stack(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole local stack, its built functions under the Runtime Interface Emulator."""
    options = Options(template=built / "template.yaml", state=tmp_path_factory.mktemp("lambda"), emulated=True)
    with Stack(options) as stack:
        yield stack
