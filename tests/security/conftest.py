"""The API in this process, and the board that `make security` prints."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.security.inside import Inside, inside_aws, use_emulators

Note = Callable[[str, object, str], None]


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """The whole API in this process, its table empty."""
    with inside_aws(monkeypatch):
        yield Inside()


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The providers' emulators by name."""
    return use_emulators(monkeypatch)


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Note:
    """Put a row on the board: what was measured, how much it is, and what it must be."""
    return lambda what, measured, target: request.node.user_properties.append(("board", (what, str(measured), target)))


#: Rows that other folders' tests fill: what, where they are, what they are of.
ELSEWHERE = (
    ("hostile images, gate only", "tests/imaging/test_hostile.py", "all"),
    ("hostile result URLs (SSRF)", "tests/providers/test_fetch.py", "all"),
)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the board."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    rows = [
        (*row, report.outcome)
        for report in reports
        if report.when == "call"
        for name, row in report.user_properties
        if name == "board"
    ]
    for what, path, target in ELSEWHERE:
        own = [report for report in reports if report.nodeid.startswith(path) and report.when == "call"]
        if own:
            passed = sum(report.passed for report in own)
            rows.append((what, f"{passed} of {len(own)} tests", target, "passed" if passed == len(own) else "failed"))
    if not rows:
        return
    terminalreporter.section("security board")
    width = max(len(row[0]) for row in rows)
    for what, measured, target, outcome in rows:
        terminalreporter.write_line(
            f"{'ok  ' if outcome == 'passed' else 'FAIL'} {what:<{width}}  {measured}  (must be: {target})"
        )
