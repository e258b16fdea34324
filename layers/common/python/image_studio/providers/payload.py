"""Turn a task into a provider's fields, by the model's data, and into the prompt that carries it out."""

from collections.abc import Callable, Mapping
from typing import Any

import pybase64

from image_studio.providers.adapter import Blob, Task
from image_studio.providers.spec import ModelSpec, nearest_size

ROLES = ("image", "mask", "style", "background", "lighting")  # the order in which a model gets its images
#: Fields and settings that an instruction can state; models that edit by instruction list them as `in_prompt`.
IN_PROMPT = frozenset({"negative_prompt", "search_prompt", "select_prompt", "foreground_prompt"}) | {
    "keep_original_background",
    "light_source_direction",
}
_PLACES = ("first", "second", "third", "fourth", "fifth")
_DIRECTIONS = {"left": "the left", "right": "the right"}
_KEEP = "Keep everything else exactly as it is"

NameOf = Callable[[str], str]  # a role -> "the second image", or "" where the model doesn't get it


def image_roles(model: ModelSpec, task: Task) -> list[str]:
    """The roles of the images that the model gets, in order."""
    return [role for role in ROLES if role in task.images][: model.max_images]


def build_prompt(model: ModelSpec, task: Task) -> str:
    roles = image_roles(model, task)

    def name_of(role: str) -> str:
        return f"the {_PLACES[roles.index(role)]} image" if role in roles else ""

    parts = [task.prompt]
    if model.max_images:
        parts = _instructions(task, name_of).get(task.operation, parts)
    elif task.operation in model.emulates and task.operation in _DESCRIPTIONS:
        parts = [_DESCRIPTIONS[task.operation](task)]
    if task.negative_prompt and "negative_prompt" in model.in_prompt:
        parts.append(f"Avoid: {task.negative_prompt}")
    return _sentences(parts)


def _sentences(parts: list[str]) -> str:
    """Join the parts as sentences; a single part stays unchanged."""
    sentences = [part.strip() for part in parts if part and part.strip()]
    if len(sentences) < 2:
        return "".join(sentences)
    return " ".join(part if part[-1] in ".!?" else f"{part}." for part in sentences)


def _instructions(task: Task, name_of: NameOf) -> Mapping[str, list[str]]:
    """The sentences of each operation."""
    prompt, settings = task.prompt, task.settings
    mask, lighting, style = name_of("mask"), name_of("lighting"), name_of("style")
    masked = f"{mask.capitalize()} is a mask of the first: work only where the mask is bright" if mask else ""
    where = f", which is bright in {mask}, a mask of the first," if mask else ""
    erased = prompt or ("what is there" if mask else "the unwanted object")
    selected = settings.get("select_prompt", "the subject")
    direction = settings.get("light_source_direction")
    return {
        "edit.general_edit": [prompt, masked, _KEEP if mask else ""],
        "edit.inpaint": [prompt, masked, _KEEP],
        "edit.erase": [f"Remove {erased} and let its surroundings go on in its place", masked, _KEEP],
        "edit.outpaint": [
            f"The image lies on a larger canvas: fill the empty area around it{where} so that the scene goes on",
            prompt,
            "Keep the existing part exactly as it is",
        ],
        "edit.search_replace": [f"Replace {settings.get('search_prompt', 'the subject')} with {prompt}", masked, _KEEP],
        "edit.search_recolor": [
            f"Change only the color of {selected}: {prompt}",
            masked,
            f"Keep its shape and texture. {_KEEP}",
        ],
        "edit.relight": [
            _background(task, name_of),
            str(settings.get("foreground_prompt") or ""),
            f"Light the subject as {lighting} is lit" if lighting else "",
            f"The light comes from {_DIRECTIONS.get(direction, direction)}" if direction else "",
            "Match the light on the subject to the scene, and keep the subject itself unchanged",
        ],
        "upscale.creative": [
            "Render this image anew at a higher resolution, with fine detail, and keep what it shows",
            prompt,
        ],
        "control.sketch": [f"Turn this sketch into a finished image: {prompt}", "Follow its lines and its composition"],
        "control.structure": [
            f"Make a new image: {prompt}",
            "Keep the structure of the given one: layout, shapes, perspective",
        ],
        "control.style": [
            f"Make a new image: {prompt}",
            "Take only the visual style of the given image: its colors, light, medium and texture, not its content",
        ],
        "control.style_transfer": [
            f"Redraw the first image in the visual style of {style}" if style else "Redraw the image",
            prompt,
            "Keep what the first image shows, and where it shows it",
        ],
    }


def _background(task: Task, name_of: NameOf) -> str:
    background = name_of("background")
    if background:
        return f"Replace the background by the place in {background}" + (f": {task.prompt}" if task.prompt else "")
    if task.prompt and str(task.settings.get("keep_original_background", "")).lower() != "true":
        return f"Replace the background: {task.prompt}"
    return f"Keep the surroundings as they are. {task.prompt}"


#: What a model that fills a mask should paint there.
_DESCRIPTIONS: Mapping[str, Callable[[Task], str]] = {
    "edit.erase": lambda task: "Empty background that continues the surroundings, nothing standing out",
    "edit.outpaint": lambda task: task.prompt or "The scene goes on naturally, in the same style and light",
}

#: Fields that state a size: the adapter derives them from the model's `sizes`.
_SIZES = frozenset({"aspect_ratio", "target_resolution", "width", "height"})


def provider_fields(model: ModelSpec, task: Task) -> dict[str, Any]:
    """Return the task's values by provider field, limited to those that the model takes in one; images are Blobs."""
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
