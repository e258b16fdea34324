"""The built artifacts, made once per test process, and a whole stack that runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.rie import machine
from local.stack import Options, Stack
from scripts.build import HERE, NOT_FOR_311, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, surroundings: dict[str, str]) -> Path:
    """The folder that `make build` makes, for this machine and Python."""
    if HERE == "3.11":
        pytest.skip(NOT_FOR_311)
    folder = tmp_path_factory.mktemp("built") / "build"
    build(machine(), folder, python=HERE, environment=surroundings)
    return folder


@pytest.fixture(scope="session")
def lambda_stack(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole local stack, its built functions under the Runtime Interface Emulator."""
    options = Options(template=built / "template.yaml", state=tmp_path_factory.mktemp("lambda"), emulated=True)
    with Stack(options) as stack:
        yield stack
