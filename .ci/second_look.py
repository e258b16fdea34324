"""A pytest plugin for .ci/run: writes the ids of failed tests to the file that SECOND_LOOK names, one a line.

Nothing is written where more than tests failed (a file that can't be collected, a process that crashed), or too many.
"""

import os
from pathlib import Path
from typing import Any

import pytest

MOST = 10  # failed tests; with more of them, nobody needs a second look


class _Failures:
    """What failed in a run; in xdist's workers nothing is noted, their controller hears of it all."""

    def __init__(self) -> None:
        self.tests: dict[str, None] = {}  # in order, each once
        self.others = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a failed test; a crash has none of a test's phases."""
        if report.failed and report.when in ("setup", "call", "teardown"):
            self.tests[report.nodeid] = None
        elif report.failed:
            self.others += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Note what could not be collected."""
        self.others += report.failed

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the ids."""
        if exitstatus == pytest.ExitCode.TESTS_FAILED and not self.others and len(self.tests) <= MOST:
            Path(os.environ["SECOND_LOOK"]).write_text("".join(f"{each}\n" for each in self.tests))


def pytest_configure(config: pytest.Config) -> None:
    """Listen, but for in a worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Failures())
