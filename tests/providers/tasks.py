"""Tasks that say as much as they can, and what is expected of them."""

import base64
import json
from typing import Any

from image_studio.providers.adapter import Blob, HttpResponse, Task
from image_studio.providers.spec import ModelSpec

IMAGE, MASK, STYLE, BACKGROUND, LIGHT = (Blob(name.encode()) for name in ("IMG", "MSK", "STY", "BG", "LGT"))
#: As data URIs, as most providers take them.
IMAGE_URI, MASK_URI = "data:image/png;base64,SU1H", "data:image/png;base64,TVNL"
AVOID = "Avoid: blurry."
KEEP = "Keep everything else exactly as it is."
MASKED = "The second image is a mask of the first: work only where the mask is bright."

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

#: What a model that edits by instruction is sent for each operation: the prompt, and the images in their order.
INSTRUCTIONS: dict[str, tuple[str, list[Blob]]] = {
    "edit.general_edit": (f"a red fox. {AVOID}", [IMAGE]),
    "edit.inpaint": (f"a red fox. {MASKED} {KEEP} {AVOID}", [IMAGE, MASK]),
    "edit.erase": (
        f"Remove a red fox and let its surroundings go on in its place. {MASKED} {KEEP} {AVOID}",
        [IMAGE, MASK],
    ),
    "edit.outpaint": (
        "The image lies on a larger canvas: fill the empty area around it, which is bright in the second image, a mask"
        " of the first, so that the scene goes on. a red fox. Keep the existing part exactly as it is. Avoid: blurry.",
        [IMAGE, MASK],
    ),
    "edit.search_replace": (f"Replace the hat with a red fox. {KEEP} {AVOID}", [IMAGE]),
    "edit.search_recolor": (
        f"Change only the color of the car: a red fox. Keep its shape and texture. {KEEP} {AVOID}",
        [IMAGE],
    ),
    "edit.relight": (
        "Replace the background by the place in the second image: a red fox. a bottle. Light the subject as the third"
        " image is lit. The light comes from the left. Match the light on the subject to the scene, and keep the"
        f" subject itself unchanged. {AVOID}",
        [IMAGE, BACKGROUND, LIGHT],
    ),
    "control.sketch": (
        f"Turn this sketch into a finished image: a red fox. Follow its lines and its composition. {AVOID}",
        [IMAGE],
    ),
    "control.structure": (
        f"Make a new image: a red fox. Keep the structure of the given one: layout, shapes, perspective. {AVOID}",
        [IMAGE],
    ),
    "control.style": (
        "Make a new image: a red fox. Take only the visual style of the given image: its colors, light, medium and"
        f" texture, not its content. {AVOID}",
        [IMAGE],
    ),
    "control.style_transfer": (
        "Redraw the first image in the visual style of the second image. a red fox. Keep what the first image shows,"
        f" and where it shows it. {AVOID}",
        [IMAGE, STYLE],
    ),
    "upscale.creative": (
        f"Render this image anew at a higher resolution, with fine detail, and keep what it shows. a red fox. {AVOID}",
        [IMAGE],
    ),
}


def base64_of(images: list[Blob], prefix: str = "") -> list[str]:
    return [prefix + base64.b64encode(image.data).decode() for image in images]


def json_response(body: object, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"} | headers, json.dumps(body).encode())


def full_task(operation: str, **changes: Any) -> Task:
    images, settings = GIVEN[operation]
    fields: dict[str, Any] = {
        "operation": operation,
        "width": 1200,
        "height": 628,
        "prompt": "a red fox",
        "negative_prompt": "blurry",
        "seed": 7,
        "quality": "standard",
        "style_preset": "photographic",
        "guidance_scale": 6.5,
        "steps": 20,
        "images": images,
        "settings": settings,
    }
    return Task(**(fields | changes))


def cells(models: tuple[ModelSpec, ...]) -> list[tuple[ModelSpec, str]]:
    return [
        (model, operation)
        for model in models
        if model.retired is None
        for operation in sorted(model.operations | model.emulates)
    ]


def cell_id(value: object) -> str:
    return value.name if isinstance(value, ModelSpec) else str(value)
