"""Turn a task into a provider's fields by the model's data, so that a new model is a row and no code."""

from typing import Any

import pybase64

from image_studio.providers.adapter import Blob, Task
from image_studio.providers.instructions import prompt_for
from image_studio.providers.spec import ModelSpec, nearest_size

#: Fields that say a size: the adapter settles them by the model's `sizes`.
_SIZES = frozenset({"aspect_ratio", "target_resolution", "width", "height"})


def provider_fields(model: ModelSpec, task: Task) -> dict[str, Any]:
    """What the task says, under the wire's names; only what the model takes in a field, values as they are.

    Images are Blobs. A model that is told what to do with its images gets them from its adapter instead.
    """
    said: dict[str, Any] = {
        "prompt": prompt_for(model, task) or None,
        "negative_prompt": task.negative_prompt,
        "seed": folded_seed(model, task.seed),
        "style_preset": task.style_preset,
        "guidance_scale": task.guidance_scale,
        "steps": task.steps,
        **task.settings,
        **({} if model.images else task.images),
    }
    taken = model.accepts - model.worded - _SIZES
    fields = {model.renames.get(name, name): said[name] for name in said if name in taken and said[name] is not None}
    if model.formats:
        fields["output_format"] = model.formats[0]
    return {**fields, **model.fixed}


def folded_seed(model: ModelSpec, seed: int | None) -> int | None:
    """Our seed within what the wire takes: the same seed gives the same image, neighbors stay apart."""
    return None if seed is None else seed % (model.max_seed + 1)


def size_word(model: ModelSpec, task: Task, asked: str | None = None) -> str:
    """The wire's word for the native size: `asked` where the model knows it, else the nearest to the task's."""
    if isinstance(model.sizes, tuple) and any(size.word == asked for size in model.sizes):
        return str(asked)
    return nearest_size(model, task.width, task.height).word


def data_uri(blob: Blob) -> str:
    """The image as a data URI."""
    return f"data:{blob.mime};base64,{to_base64(blob.data)}"


def to_base64(data: bytes) -> str:
    """Bytes as base64 text."""
    return pybase64.b64encode_as_string(data)


def from_base64(text: object) -> bytes | None:
    """The bytes of base64 text, of which a data URI's head is dropped; None where it isn't any."""
    if not isinstance(text, str):
        return None
    try:
        return pybase64.b64decode(text.rpartition(",")[2], validate=True) or None
    except ValueError:
        return None
