"""Prompts that carry out an operation: instructions for editing models, descriptions for inpainters."""

from collections.abc import Callable, Mapping

from image_studio.providers.adapter import Task
from image_studio.providers.spec import ModelSpec

#: The order in which a model gets its images.
ROLES = ("image", "mask", "style", "background", "lighting")
#: Fields and settings that an instruction can state; models that edit by instruction list them as `in_prompt`.
IN_PROMPT = frozenset(
    {
        "negative_prompt",
        "search_prompt",
        "select_prompt",
        "foreground_prompt",
        "keep_original_background",
        "light_source_direction",
    }
)
_PLACES = ("first", "second", "third", "fourth", "fifth")
_DIRECTIONS = {"left": "the left", "right": "the right"}
_KEEP = "Keep everything else exactly as it is"

NameOf = Callable[[str], str]  # a role -> "the second image", or "" where the model doesn't get it


def image_roles(model: ModelSpec, task: Task) -> list[str]:
    """The roles of the images that the model gets, in order."""
    return [role for role in ROLES if role in task.images][: model.max_images]


def build_prompt(model: ModelSpec, task: Task) -> str:
    if model.max_images and task.operation in _INSTRUCTIONS:
        roles = image_roles(model, task)

        def name_of(role: str) -> str:
            return f"the {_PLACES[roles.index(role)]} image" if role in roles else ""

        parts = _INSTRUCTIONS[task.operation](task, name_of)
    elif task.operation in model.emulates and task.operation in _DESCRIPTIONS:
        parts = [_DESCRIPTIONS[task.operation](task)]
    else:
        parts = [task.prompt]
    if task.negative_prompt and "negative_prompt" in model.in_prompt:
        parts.append(f"Avoid: {task.negative_prompt}")
    return _sentences(parts)


def _sentences(parts: list[str]) -> str:
    """Join the parts as sentences; a single part stays unchanged."""
    sentences = [part.strip() for part in parts if part and part.strip()]
    if len(sentences) < 2:
        return "".join(sentences)
    return " ".join(part if part[-1] in ".!?" else f"{part}." for part in sentences)


def _masked(name_of: NameOf) -> str:
    mask = name_of("mask")
    return f"{mask.capitalize()} is a mask of the first: work only where the mask is bright" if mask else ""


def _general_edit(task: Task, name_of: NameOf) -> list[str]:
    return [task.prompt, _masked(name_of), _KEEP if name_of("mask") else ""]


def _inpaint(task: Task, name_of: NameOf) -> list[str]:
    return [task.prompt, _masked(name_of), _KEEP]


def _erase(task: Task, name_of: NameOf) -> list[str]:
    what = task.prompt or ("what is there" if name_of("mask") else "the unwanted object")
    return [f"Remove {what} and let its surroundings go on in its place", _masked(name_of), _KEEP]


def _outpaint(task: Task, name_of: NameOf) -> list[str]:
    where = f", which is bright in {name_of('mask')}, a mask of the first," if name_of("mask") else ""
    return [
        f"The image lies on a larger canvas: fill the empty area around it{where} so that the scene goes on",
        task.prompt,
        "Keep the existing part exactly as it is",
    ]


def _search_replace(task: Task, name_of: NameOf) -> list[str]:
    return [f"Replace {task.settings.get('search_prompt', 'the subject')} with {task.prompt}", _masked(name_of), _KEEP]


def _search_recolor(task: Task, name_of: NameOf) -> list[str]:
    what = task.settings.get("select_prompt", "the subject")
    return [f"Change only the color of {what}: {task.prompt}", _masked(name_of), f"Keep its shape and texture. {_KEEP}"]


def _relight(task: Task, name_of: NameOf) -> list[str]:
    direction = task.settings.get("light_source_direction")
    lighting = name_of("lighting")
    return [
        _background(task, name_of),
        str(task.settings.get("foreground_prompt") or ""),
        f"Light the subject as {lighting} is lit" if lighting else "",
        f"The light comes from {_DIRECTIONS.get(direction, direction)}" if direction else "",
        "Match the light on the subject to the scene, and keep the subject itself unchanged",
    ]


def _background(task: Task, name_of: NameOf) -> str:
    background = name_of("background")
    if background:
        return f"Replace the background by the place in {background}" + (f": {task.prompt}" if task.prompt else "")
    if task.prompt and str(task.settings.get("keep_original_background", "")).lower() != "true":
        return f"Replace the background: {task.prompt}"
    return f"Keep the surroundings as they are. {task.prompt}"


def _creative(task: Task, name_of: NameOf) -> list[str]:
    return ["Render this image anew at a higher resolution, with fine detail, and keep what it shows", task.prompt]


def _sketch(task: Task, name_of: NameOf) -> list[str]:
    return [f"Turn this sketch into a finished image: {task.prompt}", "Follow its lines and its composition"]


def _structure(task: Task, name_of: NameOf) -> list[str]:
    return [f"Make a new image: {task.prompt}", "Keep the structure of the given one: layout, shapes, perspective"]


def _style(task: Task, name_of: NameOf) -> list[str]:
    return [
        f"Make a new image: {task.prompt}",
        "Take only the visual style of the given image: its colors, light, medium and texture, not its content",
    ]


def _style_transfer(task: Task, name_of: NameOf) -> list[str]:
    style = name_of("style")
    return [
        f"Redraw the first image in the visual style of {style}" if style else "Redraw the image",
        task.prompt,
        "Keep what the first image shows, and where it shows it",
    ]


_INSTRUCTIONS: Mapping[str, Callable[[Task, NameOf], list[str]]] = {
    "edit.general_edit": _general_edit,
    "edit.inpaint": _inpaint,
    "edit.erase": _erase,
    "edit.outpaint": _outpaint,
    "edit.search_replace": _search_replace,
    "edit.search_recolor": _search_recolor,
    "edit.relight": _relight,
    "upscale.creative": _creative,
    "control.sketch": _sketch,
    "control.structure": _structure,
    "control.style": _style,
    "control.style_transfer": _style_transfer,
}

#: What a model that fills a mask should paint there.
_DESCRIPTIONS: Mapping[str, Callable[[Task], str]] = {
    "edit.erase": lambda task: "Empty background that continues the surroundings, nothing standing out",
    "edit.outpaint": lambda task: task.prompt or "The scene goes on naturally, in the same style and light",
}
