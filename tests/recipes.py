"""Carrying out an ADDING.md: its blocks are found and done on a copy of the tree."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from local.template import ROOT

PACKAGE = "layers/common/python/image_studio"
SECONDS = 300  # for one program on the copy


@dataclass(frozen=True)
class Block:
    """One block of a page: what to do with which file."""

    verb: str
    path: str
    anchor: str
    text: str


def steps(page: str, section: str) -> list[str]:
    """The numbers of a section's steps."""
    return re.findall(r"^(\d)\. ", _section(page, section), re.MULTILINE)


def blocks(page: str, section: str) -> list[Block]:
    """The blocks of a section, in order."""
    fences = re.finditer(
        r"^( *)```(?:python|text|json) (\w+) (\S+) ?(.*?)\n(.*?)^ *```$",
        _section(page, section),
        re.MULTILINE | re.DOTALL,
    )
    return [Block(m[2], m[3], m[4], textwrap.dedent(m[5])) for m in fences]


def _section(page: str, section: str) -> str:
    found = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"the page has a section '{section}'"
    return found[1]


def carry_out(block: Block, tree: Path) -> None:
    """Do what a block says: write a file, set a key of a JSON file, add after a line, replace a line."""
    path = tree / block.path
    before = path.read_text() if path.exists() else ""
    if block.verb == "write":
        path.write_text(block.text)
    elif block.verb == "set":
        document = json.loads(before)
        *way, key = block.anchor.split(".")
        place = document
        for name in way:
            place = place[name]
        place[key] = json.loads(block.text)
        path.write_text(json.dumps(document))
    elif block.verb == "after":
        assert before.count(f"\n{block.anchor}\n") == 1, block.anchor
        inside = block.anchor.endswith(("{", "(", ",")) and not block.text.startswith(" ")
        text = textwrap.indent(block.text, "    ") if inside else block.text
        path.write_text(before.replace(f"\n{block.anchor}\n", f"\n{block.anchor}\n{text}"))
    else:
        old, new = block.text.splitlines()
        assert before.count(old) == 1, old
        path.write_text(before.replace(old, new))


def copy_tree(tree: Path, *folders: str) -> Path:
    """A copy of the layer, of some folders and of what tests share; `local` is the original's."""
    for folder in (PACKAGE, *folders):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    shutil.copy(ROOT / "tests/emulated.py", tree / "tests")
    os.symlink(ROOT / "local", tree / "local")
    return tree


def python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the copy."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tree / 'layers/common/python'}:{tree}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
