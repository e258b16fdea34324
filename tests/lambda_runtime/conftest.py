"""The built artifacts, made once for all test processes of a run, and a whole stack that runs them."""

import os
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from local.rie import machine
from local.stack import Options, Stack
from scripts.build import HERE, NOT_FOR_311, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, surroundings: dict[str, str]) -> Path:
    """The folder that `make build` makes, for this machine and Python. The first process makes it, others wait."""
    if HERE == "3.11":
        pytest.skip(NOT_FOR_311)
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "built"
    shared.mkdir(exist_ok=True)
    folder, done = shared / "build", shared / "done"
    with (shared / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not done.exists():
            build(machine(), folder, python=HERE, environment=surroundings)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def lambda_stack(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole local stack, its built functions under the Runtime Interface Emulator."""
    options = Options(template=built / "template.yaml", state=tmp_path_factory.mktemp("lambda"), emulated=True)
    with Stack(options) as stack:
        yield stack
