"""The board reports what was counted, and doesn't call a part the whole."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.security import __main__ as security
from tests.security.board import ROWS, RUNS, Measured, collected, lines, outcome
from tests.security.canaries import keep_log, search_report

ROW = next(row for row in ROWS if row.name == "hypothesis")
MILLION = {"executions": 10**6, "crashes": 0}


@pytest.mark.parametrize(
    ("notes", "pieces", "failed", "whole", "is_called"),
    [
        ([MILLION], set(RUNS), 0, True, "ok"),
        ([{"executions": 10**6 - 1, "crashes": 0}], set(RUNS), 0, True, "FAIL"),
        ([MILLION], set(RUNS), 1, True, "FAIL"),
        ([{"executions": 500_000, "crashes": 0}], {"run-00"}, 0, True, "part"),
        ([{"executions": 1_500, "crashes": 0}], set(), 0, False, "part"),
        ([{"executions": 10**6, "crashes": 1}], set(RUNS), 0, True, "FAIL"),
    ],
)
def test_a_row_is_ok_when_all_of_it_ran_and_it_is_enough(
    notes: Any, pieces: set[str], failed: int, whole: bool, is_called: str
) -> None:
    """A failed test, or one execution too few, is a failure; a piece alone is a part."""
    assert outcome(ROW, Measured(notes, 1, failed, pieces), whole=whole) == is_called


def test_a_canary_fails_the_test_whose_functions_logged_it(tmp_path: Any) -> None:
    """In this process, or in a stack that has ended; every line is counted, once."""
    line = '{"service":"image-studio","message":"%s"}'
    log = tmp_path / "functions.log"
    secrets = ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.x", "iVBORw0KGgoAAAA", "a?X-Amz-Signature=0", "Bearer abc")
    log.write_text("\n".join([line % "request", *(line % each for each in secrets), f"another's line: {secrets[0]}"]))
    keep_log(log)
    sections = [("Captured stderr call", line % "ok")]
    report = SimpleNamespace(when="teardown", outcome="passed", user_properties=[], sections=sections)
    search_report(report)
    assert report.outcome == "failed"
    assert report.user_properties == [("counted", ("logs", {"searched": 6, "caught": 4}))]
    found = collected([report, SimpleNamespace(when="call", user_properties=report.user_properties)])
    assert found["logs"].notes == [{"searched": 6, "caught": 4}]
    assert sum("not measured" in each for each in lines(found, whole=True)) == len(ROWS) - 1


def test_the_page_claims_what_the_board_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and as `--write` writes it."""
    written = tmp_path / "security.md"
    written.write_text(security.PAGE.read_text())
    kept = security.PAGE
    monkeypatch.setattr(security, "PAGE", written)
    security._write({row.name: Measured() for row in ROWS})
    for page in (kept, written):
        board = page.read_text().partition(security.BEGIN)[2].partition(security.END)[0]
        assert re.findall(r"^\| (\w+) \| (.+?) \| .+ \|$", board, re.M)[1:] == [(row.name, row.claim) for row in ROWS]
