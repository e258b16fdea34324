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
    """With no extras, no URL and no option between them; the first step installs uv alone and resolves nothing."""
    pins = _pins(name)
    assert pins
    assert [pin for pin in pins if not PIN.fullmatch(pin)] == []
    if name == "uv":
        assert [pin.partition("==")[0] for pin in pins] == ["uv"]
