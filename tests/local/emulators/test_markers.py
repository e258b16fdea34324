"""Markers: what they mean and when they apply; and the text models' rule."""

import json
import re
from pathlib import Path

from local import emulators
from local.emulators import exchange, gemini, huggingface_contract, server, wavespeed_tasks
from local.emulators.faults import ENDS_THE_WORK, FaultPlan, Marker, MarkerCounts, markers_in, without_markers
from local.emulators.text_model import as_json, enhance


def _plan(text: str, counts: MarkerCounts | None = None, seed: int | None = None, scope: str = "") -> FaultPlan:
    return FaultPlan("stability", markers_in(text), scope=scope or text, seed=seed, counts=counts or MarkerCounts())


def _faults(plan: FaultPlan, stage: str, count: int = 1, scope: str = "") -> list[str]:
    found = (plan.apply(stage, scope=scope)[1] for _ in range(count))
    return [marker.fault if marker else "" for marker in found]


def test_options_are_read_and_cut_from_the_text() -> None:
    """Names in any case, with spaces, several markers in one text; everything that isn't a marker stays."""
    found = markers_in("a [[ Fault = 429 ; times=2;after=7 ]] cat [[delay=0.5]] [[[not a marker]]")
    assert [marker.options for marker in found] == [{"fault": "429", "times": "2", "after": "7"}, {"delay": "0.5"}]
    texts = ("a [[delay=1]] cat", "[[fault=500]] x", "two  spaces", "[[x]]")
    assert [without_markers(text) for text in texts] == ["a cat", "x", "two  spaces", "[[x]]"]


def test_a_marker_has_a_stage() -> None:
    """Faults apply to the submit, endings and delays to the work, unless a stage is given."""
    stages = {"fault=500": "submit", "fault=500;stage=poll": "poll", "fault=failed": "work", "delay=3": "work"}
    assert {options: markers_in(f"[[{options}]]")[0].stage for options in stages} == stages


def test_times_counts_for_each_prompt_and_task() -> None:
    """Two calls fail, whatever their seed; another prompt counts for itself, and so does each task's poll."""
    counts, text = MarkerCounts(), "x [[fault=429;times=2]]"
    assert [_faults(_plan(text, counts, seed), "submit")[0] for seed in range(4)] == ["429", "429", "", ""]
    assert _faults(_plan(text, counts, scope="another"), "submit") == ["429"]
    plan = _plan("x [[fault=503;stage=poll;times=1]]")
    assert _faults(plan, "submit") == [""]
    assert [_faults(plan, "poll", 2, task) for task in ("a", "b")] == [["503", ""]] * 2


def test_seed_and_provider_narrow_a_marker() -> None:
    """It applies to one variation or to one provider only."""
    for options, applies in (("seed=43", 1), ("seed=44", 0), ("provider=stability", 1), ("provider=gemini", 0)):
        assert bool(_plan(f"[[fault=500;{options}]]", seed=43).apply("submit")[1]) == applies


def test_delays_add_up_and_are_bounded() -> None:
    """The sum of delays counts, each at most two minutes; what is no number counts as 0; polls are a number, too."""
    assert _plan("[[delay=1]] [[delay=2.5]] [[delay=x]] [[delay=-4]]").apply("submit", "work")[0] == 3.5
    assert _plan("[[delay=9999]]").apply("work")[0] == 120
    assert (_plan("[[polls=3]]").polls, _plan("x").polls) == (3, 0)


def test_an_aimed_marker_applies_once() -> None:
    """It applies at any stage of the call that a script aimed at, and not to the task's later calls."""
    plan = FaultPlan("stability", now=(Marker({"fault": "500"}),))
    assert (_faults(plan, "poll"), _faults(plan.later(), "poll")) == (["500"], [""])


def test_the_readme_names_every_fault() -> None:
    """README.md has all names that the network and the providers know."""
    page = (Path(emulators.__file__).parent / "README.md").read_text()
    named = set(re.findall(r"`([a-z0-9]+)`", page))
    known = {*exchange.SPOILERS, *ENDS_THE_WORK, *gemini.refusals("m"), *huggingface_contract.refusals("m")}
    known |= {*wavespeed_tasks.refusals(), *server.MEDIA_REFUSALS}
    assert known - named == set()


def test_a_text_model_adds_the_style_words() -> None:
    """It writes `<prompt>, <style words>`, whichever line comes first."""
    written = {
        "Improve this.\n  Prompt: a cat\non a sofa\nStyle words: moody, film": "a cat\non a sofa, moody, film",
        "Style words: moody\nPrompt: a cat": "a cat, moody",
        "Prompt: a cat": "a cat",
        "a cat": "a cat",
        "Prompt: a cat [[delay=2]]\nStyle words:": "a cat [[delay=2]]",
    }
    assert {text: enhance(text) for text in written} == written


def test_json_uses_the_schemas_name() -> None:
    """The name is `prompt`, else the schema's first text property."""
    named = {"properties": {"prompt": {"type": "STRING"}, "other": {"type": "STRING"}}}
    other = {"properties": {"number": {"type": "INTEGER"}, "text": {"type": "string"}}}
    for schema, name in ((None, "prompt"), (named, "prompt"), (other, "text")):
        assert json.loads(as_json("a cat", schema)) == {name: "a cat"}
