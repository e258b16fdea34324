"""Tasks that say as much as they can, and checks of what goes out against a provider's contract."""

import json
from pathlib import Path
from typing import Any

from image_studio.providers.adapter import Blob, Task
from image_studio.providers.spec import ModelSpec

CONTRACTS = Path(__file__).parent / "contracts"
IMAGE, MASK, STYLE, BACKGROUND, LIGHT = (Blob(name.encode()) for name in ("IMG", "MSK", "STY", "BG", "LGT"))
#: As data URIs, as most wires take them.
IMAGE_URI, MASK_URI, STYLE_URI = (f"data:image/png;base64,{text}" for text in ("SU1H", "TVNL", "U1RZ"))

#: What each operation is given beside the common fields: image roles and settings.
GIVEN: dict[str, tuple[dict[str, Blob], dict[str, Any]]] = {
    "create": ({}, {}),
    "edit.remove_background": ({"image": IMAGE}, {}),
    "edit.inpaint": ({"image": IMAGE, "mask": MASK}, {"grow_mask": 9}),
    "edit.erase": ({"image": IMAGE, "mask": MASK}, {"grow_mask": 9}),
    "edit.outpaint": (
        {"image": IMAGE, "mask": MASK},
        {"expand_left": 64, "expand_right": 0, "expand_up": 0, "expand_down": 32, "creativity": 0.4},
    ),
    "edit.search_replace": ({"image": IMAGE}, {"search_prompt": "the hat", "grow_mask": 4}),
    "edit.search_recolor": ({"image": IMAGE}, {"select_prompt": "the car", "grow_mask": 4}),
    "edit.general_edit": ({"image": IMAGE}, {}),
    "edit.relight": (
        {"image": IMAGE, "background": BACKGROUND, "lighting": LIGHT},
        {
            "foreground_prompt": "a bottle",
            "preserve_original_subject": 0.8,
            "original_background_depth": 0.25,
            "keep_original_background": False,
            "light_source_direction": "left",
            "light_source_strength": 0.5,
        },
    ),
    "upscale.fast": ({"image": IMAGE}, {}),
    "upscale.conservative": ({"image": IMAGE}, {"creativity": 0.3}),
    "upscale.creative": ({"image": IMAGE}, {"creativity": 0.3}),
    "control.sketch": ({"image": IMAGE}, {"control_strength": 0.8}),
    "control.structure": ({"image": IMAGE}, {"control_strength": 0.0}),
    "control.style": ({"image": IMAGE}, {"fidelity": 0.6, "aspect_ratio": "16:9"}),
    "control.style_transfer": (
        {"image": IMAGE, "style": STYLE},
        {"style_strength": 0.9, "composition_fidelity": 0.7, "change_strength": 0.5},
    ),
}


def full_task(operation: str, **changes: Any) -> Task:
    """A task that says everything that its operation can say."""
    images, settings = GIVEN[operation]
    fields: dict[str, Any] = {
        "operation": operation,
        "width": 1200,
        "height": 628,
        "prompt": "a red fox",
        "negative_prompt": "blurry",
        "seed": 7,
        "style_preset": "photographic",
        "guidance_scale": 6.5,
        "steps": 20,
        "images": images,
        "settings": settings,
    }
    return Task(**(fields | changes))


def cells(models: tuple[ModelSpec, ...]) -> list[tuple[ModelSpec, str]]:
    """Every live model with every operation that it does."""
    return [
        (model, operation)
        for model in models
        if model.retired is None
        for operation in sorted(model.operations | model.emulates)
    ]


def cell_id(value: object) -> str:
    """A test's name for a model or an operation."""
    return value.name if isinstance(value, ModelSpec) else str(value)


def contract(provider: str) -> dict[str, Any]:
    """What a provider's endpoints take, by path."""
    document: dict[str, Any] = json.loads((CONTRACTS / f"{provider}.json").read_text())
    return document


def against(endpoint: dict[str, Any], fields: dict[str, Any], *, words: bool = False) -> list[str]:
    """What is wrong with a request's fields; with `words` numbers are text, as in a form."""
    problems = [f"{name} is not a field" for name in fields if name not in endpoint["fields"]]
    problems += [f"{name} is missing" for name in endpoint["required"] if fields.get(name) in (None, "", [])]
    for name, value in fields.items():
        kind = endpoint["fields"].get(name)
        if not _fits(kind, value, words=words):
            problems.append(f"{name} is {value!r:.60}, not {kind}")
    return problems


def _fits(kind: Any, value: Any, *, words: bool) -> bool:
    if isinstance(kind, list):
        return value in kind
    if kind == "file":
        return isinstance(value, Blob)
    if isinstance(kind, dict) or kind == "number":
        number = float(value) if words and isinstance(value, str) else value
        in_range = not isinstance(kind, dict) or kind["from"] <= number <= kind["to"]
        return isinstance(number, int | float) and not isinstance(number, bool) and in_range
    return isinstance(value, {"text": str, "flag": bool, "list": list, "object": dict}.get(kind, object))
