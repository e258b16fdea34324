"""What is installed is locked: one version and its hashes, so that any pip and any day bring the same."""

import re

import pytest

from local.template import ROOT

LOCKED = sorted(path.stem for path in (ROOT / "requirements").glob("*.in"))
PIN = re.compile(r"[a-z0-9-]+==\S+( ; [^\\]+?)?( --hash=sha256:[0-9a-f]{64})+")


def _pins(name: str) -> list[str]:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace(" \\\n   ", "").splitlines()


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    """With no extras, no URL and no option between them."""
    pins = _pins(name)
    assert pins
    assert [pin for pin in pins if not PIN.fullmatch(pin)] == []


def test_the_first_step_asks_nothing_of_pip() -> None:
    """It installs one package, which needs no other: no pip resolves anything."""
    [pin] = _pins("uv")
    assert pin.startswith("uv==")
