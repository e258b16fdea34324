"""Turn a task into a provider's fields, driven by the model's data: a new model is a row and no code."""

from typing import Any

import pybase64

from image_studio.providers.adapter import Blob, Task
from image_studio.providers.instructions import build_prompt
from image_studio.providers.spec import ModelSpec, nearest_size

#: Fields that state a size: the adapter derives them from the model's `sizes`.
_SIZES = frozenset({"aspect_ratio", "target_resolution", "width", "height"})


def provider_fields(model: ModelSpec, task: Task) -> dict[str, Any]:
    """Return the task's values by provider field, limited to those that the model takes in a field.

    Images are Blobs. For a model that edits by instruction, the adapter adds the images.
    """
    values: dict[str, Any] = {
        "prompt": build_prompt(model, task) or None,
        "negative_prompt": task.negative_prompt,
        "seed": provider_seed(model, task.seed),
        "style_preset": task.style_preset,
        "guidance_scale": task.guidance_scale,
        "steps": task.steps,
        **task.settings,
        **({} if model.max_images else task.images),
    }
    accepted = model.accepts - model.in_prompt - _SIZES
    fields = {
        model.field_names.get(name, name): value
        for name, value in values.items()
        if name in accepted and value is not None
    }
    if model.file_types:
        fields["output_format"] = model.file_types[0]
    return {**fields, **model.fixed_fields}


def provider_seed(model: ModelSpec, seed: int | None) -> int | None:
    """Fold our seed into the model's range: the same seed gives the same image, neighbors stay apart."""
    return None if seed is None else seed % (model.max_seed + 1)


def size_label(model: ModelSpec, task: Task, requested: str | None = None) -> str:
    """Return the provider's word for a native size: `requested` if the model has it, else the task's nearest."""
    if isinstance(model.sizes, tuple) and any(size.label == requested for size in model.sizes):
        return str(requested)
    return nearest_size(model, task.width, task.height).label


def data_uri(blob: Blob) -> str:
    return f"data:{blob.mime};base64,{pybase64.b64encode_as_string(blob.data)}"


def from_base64(text: object) -> bytes | None:
    """Decode base64 text or a data URI; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return pybase64.b64decode(text.rpartition(",")[2], validate=True) or None
    except ValueError:
        return None
