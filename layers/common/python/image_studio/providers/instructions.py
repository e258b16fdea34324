"""What a model is told in words: instructions for models that edit by instruction, descriptions for inpainters."""

from collections.abc import Callable, Mapping

from image_studio.providers.adapter import Task
from image_studio.providers.spec import ModelSpec

#: The order in which a model is given its images.
ROLES = ("image", "mask", "style", "background", "lighting")
#: Settings that an instruction can carry; models that are told what to do list them as `worded`.
TELLABLE = frozenset(
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

Seen = Callable[[str], str]  # a role -> "the second image", or nothing where the model isn't given it


def shown(model: ModelSpec, task: Task) -> list[str]:
    """The roles of the images that the model is given, in order."""
    return [role for role in ROLES if role in task.images][: model.images]


def prompt_for(model: ModelSpec, task: Task) -> str:
    """The prompt that makes this model carry out the task."""
    if model.images and task.operation in _INSTRUCTIONS:
        roles = shown(model, task)

        def seen(role: str) -> str:
            return f"the {_PLACES[roles.index(role)]} image" if role in roles else ""

        parts = _INSTRUCTIONS[task.operation](task, seen)
    elif task.operation in model.emulates and task.operation in _DESCRIPTIONS:
        parts = [_DESCRIPTIONS[task.operation](task)]
    else:
        parts = [task.prompt]
    if task.negative_prompt and "negative_prompt" in model.worded:
        parts.append(f"Avoid: {task.negative_prompt}")
    return _sentences(parts)


def _sentences(parts: list[str]) -> str:
    """The parts as sentences; one part alone stays as it is."""
    said = [part.strip() for part in parts if part and part.strip()]
    if len(said) < 2:
        return "".join(said)
    return " ".join(part if part[-1] in ".!?" else f"{part}." for part in said)


def _masked(seen: Seen) -> str:
    mask = seen("mask")
    return f"{mask.capitalize()} is a mask of the first: work only where the mask is bright" if mask else ""


def _general_edit(task: Task, seen: Seen) -> list[str]:
    return [task.prompt, _masked(seen), _KEEP if seen("mask") else ""]


def _inpaint(task: Task, seen: Seen) -> list[str]:
    return [task.prompt, _masked(seen), _KEEP]


def _erase(task: Task, seen: Seen) -> list[str]:
    what = task.prompt or ("what is there" if seen("mask") else "the unwanted object")
    return [f"Remove {what} and let its surroundings go on in its place", _masked(seen), _KEEP]


def _outpaint(task: Task, seen: Seen) -> list[str]:
    where = f", which is bright in {seen('mask')}, a mask of the first," if seen("mask") else ""
    return [
        f"The image lies on a larger canvas: fill the empty area around it{where} so that the scene goes on",
        task.prompt,
        "Keep the existing part exactly as it is",
    ]


def _search_replace(task: Task, seen: Seen) -> list[str]:
    return [f"Replace {task.settings.get('search_prompt', 'the subject')} with {task.prompt}", _masked(seen), _KEEP]


def _search_recolor(task: Task, seen: Seen) -> list[str]:
    what = task.settings.get("select_prompt", "the subject")
    return [f"Change only the color of {what}: {task.prompt}", _masked(seen), f"Keep its shape and texture. {_KEEP}"]


def _relight(task: Task, seen: Seen) -> list[str]:
    direction = task.settings.get("light_source_direction")
    lighting = seen("lighting")
    return [
        _background(task, seen),
        str(task.settings.get("foreground_prompt") or ""),
        f"Light the subject as {lighting} is lit" if lighting else "",
        f"The light comes from {_DIRECTIONS.get(direction, direction)}" if direction else "",
        "Match the light on the subject to the scene, and keep the subject itself unchanged",
    ]


def _background(task: Task, seen: Seen) -> str:
    background = seen("background")
    if background:
        return f"Replace the background by the place in {background}" + (f": {task.prompt}" if task.prompt else "")
    if task.prompt and str(task.settings.get("keep_original_background", "")).lower() != "true":
        return f"Replace the background: {task.prompt}"
    return f"Keep the surroundings as they are. {task.prompt}"


def _creative(task: Task, seen: Seen) -> list[str]:
    return ["Render this image anew at a higher resolution, with fine detail, and keep what it shows", task.prompt]


def _sketch(task: Task, seen: Seen) -> list[str]:
    return [f"Turn this sketch into a finished image: {task.prompt}", "Follow its lines and its composition"]


def _structure(task: Task, seen: Seen) -> list[str]:
    return [f"Make a new image: {task.prompt}", "Keep the structure of the given one: layout, shapes, perspective"]


def _style(task: Task, seen: Seen) -> list[str]:
    return [
        f"Make a new image: {task.prompt}",
        "Take only the visual style of the given image: its colors, light, medium and texture, not its content",
    ]


def _style_transfer(task: Task, seen: Seen) -> list[str]:
    style = seen("style")
    return [
        f"Redraw the first image in the visual style of {style}" if style else "Redraw the image",
        task.prompt,
        "Keep what the first image shows, and where it shows it",
    ]


_INSTRUCTIONS: Mapping[str, Callable[[Task, Seen], list[str]]] = {
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

#: What a model that fills a mask is told to paint there.
_DESCRIPTIONS: Mapping[str, Callable[[Task], str]] = {
    "edit.erase": lambda task: "Empty background that continues the surroundings, nothing standing out",
    "edit.outpaint": lambda task: task.prompt or "The scene goes on naturally, in the same style and light",
}
