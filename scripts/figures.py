"""Measure the code: sizes of files and functions, share of comments. Fails where functions/ or layers/ are too big.

`python -m scripts.figures` prints one row per folder.
"""

import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from local.template import ROOT

GATED = ("functions", "layers")
REPORTED = ("local", "scripts", "bench", "tests")
LONGEST_FILE = 400  # lines
LONGEST_FUNCTION = 50
FORBIDDEN_NAMES = ("util", "utils", "helper", "helpers", "manager", "service", "base", "misc")


@dataclass
class Figures:
    """What one folder's Python files look like; sizes in lines."""

    files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    comments: int = 0
    code: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, path: Path, source: str) -> None:
        """Measure one file."""
        lines = source.count("\n")
        self.files.append(lines)
        self.code += lines
        self.comments += sum(1 for each in _tokens(source) if each.type == tokenize.COMMENT)
        shown = path.relative_to(ROOT)
        if lines > LONGEST_FILE:
            self.faults.append(f"{shown}: {lines} lines, at most {LONGEST_FILE}")
        if path.stem in FORBIDDEN_NAMES:
            self.faults.append(f"{shown}: a name that says nothing")
        for node in _functions(source):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            self.functions.append(length)
            if length > LONGEST_FUNCTION:
                self.faults.append(f"{shown}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}")

    def row(self, name: str) -> str:
        """One line of the table."""
        share = 100 * self.comments / self.code if self.code else 0
        return (
            f"{name:<10} {len(self.files):>5} {self.code:>7}   {_spread(self.files):>13}   "
            f"{_spread(self.functions):>13}   {share:>6.1f} %"
        )


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(source).readline)


def _functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _spread(sizes: list[int]) -> str:
    if not sizes:
        return "-"
    ordered = sorted(sizes)
    ninth = ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]
    return f"{statistics.median(ordered):.0f} / {ninth} / {ordered[-1]}"


def measure(paths: Iterable[Path]) -> Figures:
    """The figures of those files."""
    figures = Figures()
    for path in paths:
        figures.add(path, path.read_text())
    return figures


def main() -> int:
    """Print the table; 1 where a gate fails."""
    print(f"{'':<10} files   lines    file, lines    function, lines   comments     (median / 90 % / most)")
    faults: list[str] = []
    for folder in (*GATED, *REPORTED):
        figures = measure(sorted((ROOT / folder).rglob("*.py")))
        print(figures.row(folder))
        if folder in GATED:
            faults += figures.faults
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
