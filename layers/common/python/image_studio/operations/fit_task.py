"""Fit a task to a model: values outside its range are clamped, fields it doesn't know are dropped, both said so."""

from dataclasses import replace
from typing import Any

from image_studio.providers.adapter import Task
from image_studio.providers.spec import ModelSpec

#: Fields of a task that a model may or may not honour.
OPTIONAL = ("negative_prompt", "seed", "style_preset", "guidance_scale", "steps")


def fit_task(task: Task, model: ModelSpec) -> tuple[Task, dict[str, Any]]:
    """The task as the model takes it, and the notes for `metadata`: `clamped` values and `ignored` fields.

    A style that a model doesn't know is no loss, its words are in the prompt already.
    """
    ignored = [
        name
        for name in OPTIONAL
        if getattr(task, name) is not None and name not in model.accepts and name != "style_preset"
    ]
    ignored += [name for name in task.settings if name not in model.accepts]
    clamped: dict[str, Any] = {}

    def within(name: str, value: Any) -> Any:
        if name not in model.ranges or value is None:
            return value
        fitted = model.ranges[name].clamp(value)
        if fitted != value:
            clamped[name] = fitted
        return int(fitted) if isinstance(value, int) and fitted == int(fitted) else fitted

    settings = {name: within(name, value) for name, value in task.settings.items() if name in model.accepts}
    fields: dict[str, Any] = {
        name: within(name, getattr(task, name)) if name in model.accepts else None for name in OPTIONAL
    }
    notes = {key: value for key, value in (("ignored", ignored), ("clamped", clamped)) if value}
    return replace(task, settings=settings, **fields), notes
