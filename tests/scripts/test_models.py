"""`make models` fails two weeks before a model in use ends, and on no other day."""

from dataclasses import replace
from datetime import date

import pytest

from image_studio.providers import PROVIDERS
from image_studio.providers.spec import Lifecycle
from scripts import models

GEMINI = PROVIDERS["gemini"].SPEC
ENDS = Lifecycle(deprecated=date(2030, 1, 1), retires=date(2030, 3, 31), source="a page")


def test_todays_rows_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """On a day on which nothing is about to end, it lists what ended and what is announced."""
    assert models.main(date(2026, 11, 28)) == 0
    assert "ends 2026-08-17  retired    gemini imagen-4.0-generate-001  (ai.google.dev" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("day", "code"), [(date(2030, 3, 17), 0), (date(2030, 3, 18), 1), (date(2030, 3, 31), 1), (date(2031, 1, 1), 1)]
)
@pytest.mark.parametrize("kind", ["image", "text"])
def test_the_last_two_weeks_fail(day: date, code: int, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A model of either kind, while it is in use."""
    assert GEMINI.text
    if kind == "image":
        spec, name = replace(GEMINI, models=(replace(GEMINI.models[0], lifecycle=ENDS),)), GEMINI.models[0].name
    else:
        spec, name = replace(GEMINI, models=(), text=replace(GEMINI.text, lifecycle=ENDS)), GEMINI.text.id
    assert models.main(day, [spec]) == code
    shown = capsys.readouterr()
    assert f"gemini {name}  (a page)" in shown.out
    assert (f"gemini {name}." in shown.err) == bool(code)


def test_a_retired_model_is_no_failure() -> None:
    """Nobody can call it any more."""
    gone = replace(GEMINI.models[0], lifecycle=ENDS, retired="it ended. Use another.")
    assert models.main(date(2031, 1, 1), [replace(GEMINI, models=(gone,))]) == 0
