"""Links and commands of the documentation exist, and the Makefile lists its targets."""

import re
import subprocess
from pathlib import Path

import pytest

from image_studio.runtime.settings import TIERS
from local.template import ROOT, Template

README = (ROOT / "README.md").read_text()
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/operating.md")
PACKAGE = ROOT / "layers/common/python/image_studio"
PARAMETERS = Template().document["Parameters"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link names a file or folder that is there."""
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
        if not target.startswith("https://"):
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    """Whatever a page tells to type is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (?:-s )?([a-z]+)\b(?=[` \n]|$)", _code(page))) <= targets


def _code(page: str) -> str:
    text = (ROOT / page).read_text()
    return "\n".join(re.findall(r"`[^`\n]+`|^ {4}.+$", text, re.MULTILINE))


def test_credits_are_the_same_without_a_template() -> None:
    """The parameters' defaults are those of the table."""
    for name, tier in TIERS.items():
        assert PARAMETERS[f"Credits{name.capitalize()}"]["Default"] == tier.credits


def test_make_lists_its_targets() -> None:
    """`make` alone prints one line for each."""
    printed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    lines = [line for line in printed.splitlines() if line.startswith("  make ")]
    named = [line.split()[1] for line in lines]
    assert {"run", "token", "test", "check", "bench", "build", "deploy"} <= set(named)
    assert len(named) == len(set(named))
    assert all(len(line.split()) > 2 for line in lines)


def test_nothing_points_outside_the_repository() -> None:
    """The symbolic link of the layer's requirements stays inside; there is no other."""
    links = [path for path in Path(ROOT / "layers").rglob("*") if path.is_symlink()]
    assert [path.resolve() for path in links] == [ROOT / "requirements/layer.txt"]


def test_the_architecture_page_names_files_that_exist() -> None:
    """Each path is in the layer, or in the repository."""
    page = (ROOT / "docs/architecture.md").read_text()
    paths = set(re.findall(r"[\w/]+\.(?:py|yaml)\b", page))
    layer = ROOT / "layers/common/python/image_studio"
    assert len(paths) > 25
    assert [path for path in sorted(paths) if not ((layer / path).is_file() or (ROOT / path).is_file())] == []
