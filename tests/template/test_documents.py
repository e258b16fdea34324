"""Links, commands and files that the documentation names exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_studio import errors
from local.template import ROOT

FOLDERS = ("", "docs/**/", "layers/**/", "local/**/")
PAGES = sorted(str(path.relative_to(ROOT)) for folder in FOLDERS for path in ROOT.glob(folder + "*.md"))
LAYER = ROOT / "layers/common/python/image_studio"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link names a file or folder that is there."""
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
        if not target.startswith(("https://", "http://127.0.0.1")):
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    """Whatever a page tells to type is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(re.findall(r"`[^`\n]+`|^ {4}.+$", (ROOT / page).read_text(), re.MULTILINE))
    assert set(re.findall(r"make (?:-s )?([a-z][a-z-]*)(?=[` \n]|$)", code)) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_files_exist(page: str) -> None:
    """Each event, test, program and page that a page names by its path."""
    named = r"(?<![\w./<-])((?:bench|docs|events|functions|local|scripts|tests|web)/[\w/-]+\.[a-z]+)\b"
    for path in re.findall(named, (ROOT / page).read_text()):
        assert (ROOT / path).exists(), path


def test_shell_lines_use_variables_that_are_set() -> None:
    """By the quickstart, or by a line of the same page; operators know their bucket, a job and a person."""
    for page in PAGES:
        text = (ROOT / page).read_text()
        known = {"ORIGIN", "TOKEN", "BUCKET", "ID", "SUB", *re.findall(r"\b([A-Z]+)=", text)}
        assert set(re.findall(r"\$([A-Z]+)\b", text)) <= known, page


def test_nothing_points_outside_the_repository() -> None:
    """The symbolic links of the layers' requirements stay inside; there are no others."""
    links = [path for path in Path(ROOT / "layers").rglob("*") if path.is_symlink()]
    assert {path.resolve() for path in links} == {ROOT / "requirements/layer.txt", ROOT / "requirements/provenance.txt"}


def test_the_architecture_page_names_files_that_exist() -> None:
    """Each path is in the layer, or in the repository."""
    page = (ROOT / "docs/architecture.md").read_text()
    paths = set(re.findall(r"[\w/]+\.(?:py|yaml)\b", page))
    assert len(paths) > 25
    assert [path for path in sorted(paths) if not ((LAYER / path).is_file() or (ROOT / path).is_file())] == []


def test_the_drawing_of_the_errors_is_their_tree() -> None:
    """Every class below its parent, in the order of the file, with its status and code."""
    lines = (errors.__doc__ or "").splitlines()
    drawn = [re.match(r"(\W*\w+) +(\w+) +(\w+)", line) for line in lines[2:]]
    assert [match and match[1] for match in drawn] == list(_drawing(errors.StudioError))
    for match in drawn:
        assert match
        each = getattr(errors, match[1].strip("│├└─ "))
        assert match.groups()[1:] in ((str(each.status), each.code), ("any", "any")), each


def _drawing(kind: type[errors.StudioError], branch: str = "", below: str = "") -> Iterator[str]:
    yield branch + kind.__name__
    children = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    for child in children:
        last = child is children[-1]
        yield from _drawing(child, below + ("└── " if last else "├── "), below + ("    " if last else "│   "))
