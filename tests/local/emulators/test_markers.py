"""Markers: what they mean, when they apply, and that they are never painted."""

import re
from pathlib import Path

import pytest

from local import emulators
from local.emulators import gemini_replies, huggingface_replies, shelf, wavespeed_replies
from local.emulators.faults import ENDS_THE_WORK, Marker, Plan, Tally, markers_in, without_markers
from local.emulators.wire import SPOILERS


def _plan(text: str, **changes: object) -> Plan:
    settings: dict[str, object] = {"provider": "stability", "scope": text, "tally": Tally()}
    return Plan(markers=markers_in(text), **(settings | changes))  # type: ignore[arg-type]  # a test's shorthand


def _faults(plan: Plan, stage: str, count: int) -> list[str]:
    return [marker.fault if (marker := plan.strike(stage)[1]) else "" for _ in range(count)]


def test_options_are_read() -> None:
    """Names in any case, spaces allowed, several markers in one text."""
    found = markers_in("a [[ Fault = 429 ; times=2;after=7 ]] cat [[delay=0.5]] [[not a marker]]")
    assert [marker.options for marker in found] == [{"fault": "429", "times": "2", "after": "7"}, {"delay": "0.5"}]


@pytest.mark.parametrize(
    ("text", "plain"),
    [("a [[delay=1]] cat", "a cat"), ("[[fault=500]] x", "x"), ("two  spaces", "two  spaces"), ("[[x]]", "[[x]]")],
)
def test_markers_are_cut_from_a_text(text: str, plain: str) -> None:
    """What isn't a marker stays as it is."""
    assert without_markers(text) == plain


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("[[fault=500]]", "submit"),
        ("[[fault=500;stage=poll]]", "poll"),
        ("[[fault=failed]]", "work"),
        ("[[fault=moderated]]", "work"),
        ("[[delay=3]]", "work"),
        ("[[delay=3;stage=result]]", "result"),
    ],
)
def test_each_marker_has_a_stage(text: str, stage: str) -> None:
    """Faults strike the submit, endings and delays the work, unless said otherwise."""
    assert markers_in(text)[0].stage == stage


def test_times_counts_across_plans_of_the_same_prompt() -> None:
    """The first two calls fail, whichever variation makes them; another prompt counts for itself."""
    tally, text = Tally(), "x [[fault=429;times=2]]"
    struck = [_faults(_plan(text, tally=tally, seed=seed), "submit", 1)[0] for seed in range(4)]
    assert struck == ["429", "429", "", ""]
    assert _faults(_plan(text, tally=tally, scope="another"), "submit", 1) == ["429"]


def test_times_counts_per_stage_and_scope() -> None:
    """Two tasks of one prompt each have their failing polls."""
    plan = _plan("x [[fault=503;stage=poll;times=1]]")
    assert _faults(plan, "submit", 1) == [""]
    struck = [bool(plan.strike("poll", scope=task)[1]) for task in ("a", "a", "b", "b")]
    assert struck == [True, False, True, False]


@pytest.mark.parametrize(
    ("options", "strikes"),
    [("seed=43", True), ("seed=44", False), ("provider=stability", True), ("provider=gemini", False)],
)
def test_seed_and_provider_narrow_a_marker(options: str, strikes: bool) -> None:
    """One variation, or one provider, fails and the others don't."""
    assert bool(_plan(f"[[fault=500;{options}]]", seed=43).strike("submit")[1]) is strikes


def test_delays_add_up_and_are_bounded() -> None:
    """No marker holds an emulator for longer than two minutes; nonsense counts as nothing."""
    assert _plan("[[delay=1]] [[delay=2.5]] [[delay=x]] [[delay=-4]]").strike("submit", "work")[0] == 3.5
    assert _plan("[[delay=9999]]").strike("work")[0] == 120


def test_aimed_markers_strike_once_whatever_their_stage() -> None:
    """A script that aims at one call doesn't follow the task to the next."""
    plan = _plan("x", now=(Marker({"fault": "500"}),))
    assert _faults(plan, "poll", 1) == ["500"]
    assert _faults(plan.at(()), "poll", 1) == [""]


def test_polls_are_told() -> None:
    """How many polls come before the end; nothing unless a marker says so."""
    assert (_plan("[[polls=3]]").polls, _plan("x").polls) == (3, None)


def test_the_page_names_every_fault() -> None:
    """README.md has all names that the wire and the providers know, apart from the options."""
    page = (Path(emulators.__file__).parent / "README.md").read_text()
    named = set(re.findall(r"`([a-z0-9]+)`", page))
    known = {*SPOILERS, *ENDS_THE_WORK, *gemini_replies.refusals("m"), *huggingface_replies.refusals("m")}
    known |= {*wavespeed_replies.refusals(), *shelf.REFUSALS}
    assert known - named == set()
