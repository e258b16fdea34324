"""`make security`: run what the board claims, in full, and print it; `ROW=openapi` or `ROW=openapi/edit` runs a part.

What a part counted is kept in `build/security`, so the board may be filled in pieces. With `--write` the board goes
into docs/security.md. The exit code is 1 where a test fails, or a row that ran in full falls short.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from local.template import ROOT
from tests.security.board import ROWS, Measured, Row, lines, outcome

KEPT = ROOT / "build" / "security"
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- board: begin -->", "<!-- board: end -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make security")
    parser.add_argument("row", nargs="?", default="", help="a row, or row/piece (default: all of them)")
    parser.add_argument("--write", action="store_true", help="put the board into docs/security.md; run nothing")
    chosen = parser.parse_args()
    wanted = [] if chosen.write else list(_wanted(chosen.row))
    if not wanted and not chosen.write:
        parser.error(f"rows are {', '.join(row.name for row in ROWS)}")
    KEPT.mkdir(parents=True, exist_ok=True)
    failed = [piece for row, piece in wanted if not _run(row, piece)]
    board = _board()
    text = "\n".join(lines(board, whole=True))
    sys.stdout.write(f"\n{text}\n")
    if chosen.write:
        _write(board)
    rows = {row.name for row, _ in wanted} or {row.name for row in ROWS}
    short = [row for row in ROWS if row.name in rows and outcome(row, board[row.name], whole=True) == "FAIL"]
    return int(bool(failed or short))


def _wanted(name: str) -> Iterator[tuple[Row, str]]:
    for row in ROWS:
        for piece in row.pieces:
            if name in ("", row.name, f"{row.name}/{piece}"):
                yield row, piece


def _run(row: Row, piece: str) -> bool:
    """Run a piece's tests in a process of its own and keep what they counted."""
    into = KEPT / f"{row.name}.{piece}.json"
    into.unlink(missing_ok=True)
    sys.stdout.write(f"==== {row.name}/{piece}\n")
    sys.stdout.flush()
    asked = [sys.executable, "-m", "pytest", "-q", *row.pieces[piece]]
    given = {**os.environ, "COUNTED": str(into), "PYTHONHASHSEED": "0"}
    return subprocess.run(asked, cwd=ROOT, env=given, check=False).returncode == 0


def _board() -> dict[str, Measured]:
    board = {row.name: Measured() for row in ROWS}
    for row in ROWS:
        for piece in row.pieces:
            _add(board[row.name], row.name, piece)
    return board


def _add(found: Measured, row: str, piece: str) -> None:
    path = KEPT / f"{row}.{piece}.json"
    if path.exists():
        kept = json.loads(path.read_text())
        found.notes += kept["notes"].get(row, [])
        found.passed += kept["passed"]
        found.failed += kept["failed"]
        found.pieces.add(piece)


def _write(board: dict[str, Measured]) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime(_latest()))
    table = ["| row | what must hold | counted | tests | |", "|---|---|---|---|---|"]
    for row in ROWS:
        found = board[row.name]
        summary = row.summary(found.notes) if found.notes else "not measured"
        called = outcome(row, found, whole=True) if found.notes else ""
        cells = (row.name, row.claim, summary, f"{found.passed:,}", called)
        table.append(f"| {' | '.join(cells)} |")
    text = PAGE.read_text()
    head, rest = text.partition(BEGIN)[0], text.partition(END)[2]
    body = "\n".join([f"Counted on {day}, two cores.", "", *table])
    PAGE.write_text(f"{head}{BEGIN}\n{body}\n{END}{rest}")


def _latest() -> float:
    return max((path.stat().st_mtime for path in Path(KEPT).glob("*.json")), default=time.time())


if __name__ == "__main__":
    sys.exit(main())
