"""What the rehearsal changes in the built template before it deploys it, and what the page says of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.rehearse import CANNOT, within_reach
from scripts.transcripts import PAGE, keep


def _read(built: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((built / "template.yaml").read_text())
    return document


def test_only_what_the_emulator_cannot_is_changed(built: Path) -> None:
    """Alarms on sums of metrics, and the worker's event source; everything else is deployed as it is."""
    plain, changed = _read(built)["Resources"], within_reach(_read(built))["Resources"]
    different = {name for name in plain if plain[name] != changed[name]}
    sums = {name for name, each in plain.items() if "Metrics" in each.get("Properties", {})}
    assert plain.keys() == changed.keys()
    assert different == sums | {"WorkerFunction"}


def test_an_alarm_on_a_sum_watches_one_of_its_metrics(built: Path) -> None:
    """With the fields that an alarm on one metric has."""
    alarm = within_reach(_read(built))["Resources"]["ErrorsAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == (
        "AWS/Lambda",
        "Errors",
        "Sum",
        60,
    )
    assert "Metrics" not in alarm


def test_the_page_says_what_the_emulator_cannot() -> None:
    """All of it, word for word."""
    page = PAGE.read_text()
    assert all(f"- {each}\n" in page for each in CANNOT)


def test_a_transcript_needs_a_place() -> None:
    """A name that the page doesn't know is an error, and the page stays as it is."""
    before = PAGE.read_text()
    with pytest.raises(ValueError, match="no place for nothing"):
        keep("nothing", "said")
    assert PAGE.read_text() == before
