"""Fit a task to a model: what it can't take is changed or dropped, and never in silence."""

from typing import Any

import pytest

from image_studio.operations.generate import fit_task
from image_studio.providers.adapter import Task
from image_studio.providers.spec import ModelSpec, Range

MODEL = ModelSpec(
    name="toy",
    wire="toy",
    operations=frozenset({"create"}),
    usd=0.01,
    accepts=frozenset({"seed", "steps", "guidance_scale", "control_strength"}),
    ranges={"steps": Range(4, 30), "guidance_scale": Range(1.5, 8), "control_strength": Range(0, 1)},
)


def fit(**fields: Any) -> tuple[Task, dict[str, Any]]:
    """A task with some fields, fitted."""
    return fit_task(Task(operation="create", width=64, height=64, **fields), MODEL)


def test_what_fits_is_left_alone() -> None:
    """No notes, the same task."""
    task, notes = fit(seed=7, steps=30, guidance_scale=1.5, settings={"control_strength": 1})
    assert task == Task(
        operation="create", width=64, height=64, seed=7, steps=30, guidance_scale=1.5, settings={"control_strength": 1}
    )
    assert notes == {}


@pytest.mark.parametrize(
    ("field", "asked", "got"),
    [("steps", 31, 30), ("steps", 3, 4), ("guidance_scale", 50, 8), ("guidance_scale", 0, 1.5)],
)
def test_what_is_out_of_range_is_the_nearest_value(field: str, asked: float, got: float) -> None:
    """And said so."""
    task, notes = fit(**{field: asked})
    assert getattr(task, field) == got
    assert notes == {"clamped": {field: got}}


def test_steps_stay_whole() -> None:
    """A range's ends are numbers of any kind; a count goes out as one."""
    assert isinstance(fit(steps=99)[0].steps, int)


def test_settings_are_clamped_too() -> None:
    """They are fields of the wire like the others."""
    task, notes = fit(settings={"control_strength": 1.7})
    assert (task.settings, notes) == ({"control_strength": 1}, {"clamped": {"control_strength": 1}})


def test_what_the_model_does_not_know_is_dropped_and_named() -> None:
    """Fields and settings alike."""
    task, notes = fit(negative_prompt="rain", settings={"fidelity": 0.5})
    assert (task.negative_prompt, task.settings) == (None, {})
    assert notes == {"ignored": ["negative_prompt", "fidelity"]}


def test_a_style_is_no_loss() -> None:
    """Its words are in the prompt already."""
    task, notes = fit(style_preset="anime")
    assert (task.style_preset, notes) == (None, {})
