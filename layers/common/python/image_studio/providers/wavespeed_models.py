"""WaveSpeed AI's models, one row each. Sources: its models' machine pages and documentation, read 2026-11.

Prices in US dollars of one run. Names are those that clients of the original send.
"""

from collections.abc import Iterable
from typing import Any

from image_studio.providers.instructions import IN_PROMPT
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, NativeSize, Range

_QWEN_SIZE = FreeSize(256, 1_536)
_INPUT = InputLimits(min_side=64, max_side=1_536)  # more pixels than the result can have are not worth sending
_LARGE = InputLimits(min_side=64, max_side=4_096, max_pixels=4_194_304)
_FILE_TYPES = ("png", "jpeg", "webp")
#: "8k" is left out: a square one has 67 MP, far above the 25 MP that the API decodes.
_CLASSES = (NativeSize("2k", 2_048, 2_048), NativeSize("4k", 4_096, 4_096))
_FURTHER_IMAGES = frozenset({"mask", "style", "background", "lighting"})


def _editor(name: str, endpoint: str, usd: float, accepts: Iterable[str] = (), **data: Any) -> ModelSpec:
    """Return a model that edits by instruction, search and replace included."""
    several = data.get("max_images", 1) > 1
    return ModelSpec(
        **{
            "name": name,
            "endpoint": endpoint,
            "operations": frozenset({"edit.general_edit"}),
            "emulates": frozenset({"edit.search_replace", "edit.search_recolor"}),
            "usd": usd,
            "accepts": frozenset({"prompt", "image", *accepts}) | IN_PROMPT | (_FURTHER_IMAGES if several else set()),
            "in_prompt": IN_PROMPT,
            "max_images": 1,
            "inputs": _LARGE,
            **data,
        }
    )


def _upscaler(name: str, usd: float, operations: Iterable[str], rank: int) -> ModelSpec:
    qualities = dict.fromkeys(("draft", "standard", "premium"), rank)
    return ModelSpec(
        name=name,
        endpoint=f"wavespeed-ai/{name}",
        operations=frozenset(operations),
        usd=usd,
        sizes=_CLASSES,
        accepts=frozenset({"image", "target_resolution"}),
        file_types=_FILE_TYPES,
        inputs=InputLimits(min_side=64, max_side=4_096, max_pixels=9_437_184),
        deadline=180.0,
        auto=dict.fromkeys(operations, qualities),
    )


GENERATORS = (
    ModelSpec(
        name="ideogram-v3-turbo",
        alias="ideogram",
        endpoint="ideogram-ai/ideogram-v3-turbo",
        operations=frozenset({"create", "edit.inpaint", "control.style"}),
        usd=0.03,
        credits=5,  # the API reference's own number
        sizes=(  # five ratios of about 1 MP
            NativeSize("1:1", 1_024, 1_024),
            NativeSize("16:9", 1_344, 768),
            NativeSize("9:16", 768, 1_344),
            NativeSize("4:3", 1_152, 896),
            NativeSize("3:4", 896, 1_152),
        ),
        accepts=frozenset({"prompt", "image", "mask", "aspect_ratio"}),
        field_names={"mask": "mask_image"},
        inputs=_LARGE,
        auto={"create": {"premium": 3}, "lettering": {"draft": 1, "standard": 1, "premium": 1}},
    ),
    ModelSpec(
        name="qwen-image",
        alias="qwen",
        endpoint="wavespeed-ai/qwen-image/text-to-image",
        operations=frozenset({"create"}),
        usd=0.02,
        sizes=_QWEN_SIZE,
        accepts=frozenset({"prompt", "seed"}),
        file_types=_FILE_TYPES,
        auto={"create": {"draft": 1, "standard": 2}},
    ),
    ModelSpec(
        name="z-image-turbo",
        endpoint="wavespeed-ai/z-image/turbo",
        operations=frozenset({"create"}),
        usd=0.005,
        sizes=_QWEN_SIZE,
        accepts=frozenset({"prompt", "seed"}),
    ),
)

EDITORS = (
    _editor(
        "qwen-edit",
        "wavespeed-ai/qwen-image/edit",
        0.02,
        {"seed"},
        sizes=_QWEN_SIZE,
        file_types=_FILE_TYPES,
        inputs=_INPUT,
        auto={f"edit.{name}": {"draft": 1} for name in ("general_edit", "search_replace", "search_recolor")},
    ),
    _editor(
        "qwen-edit-plus",
        "wavespeed-ai/qwen-image/edit-plus",
        0.02,
        {"seed"},
        emulates=frozenset({"edit.search_replace", "edit.search_recolor", "edit.relight", "control.style_transfer"}),
        sizes=_QWEN_SIZE,
        file_types=_FILE_TYPES,
        max_images=3,
        inputs=_INPUT,
    ),
    _editor(
        "flux-kontext-pro",
        "wavespeed-ai/flux-kontext-pro",
        0.04,
        {"guidance_scale"},
        ranges={"guidance_scale": Range(1, 20)},
        auto={"edit.general_edit": {"standard": 2}},
    ),
    _editor(
        "seedream-v4.5-edit",
        "bytedance/seedream-v4.5/edit",
        0.04,
        sizes=FreeSize(1_024, 4_096),
        max_images=10,
        auto={"edit.general_edit": {"premium": 2}},
    ),
    _editor(
        "nano-banana-pro-edit-ultra",
        "google/nano-banana-pro/edit-ultra",
        0.15,
        fixed_fields={"resolution": "4k"},
        file_types=("png", "jpeg"),
        max_images=14,
        deadline=180.0,
    ),
    ModelSpec(
        name="z-image-turbo-inpaint",
        endpoint="wavespeed-ai/z-image/turbo-inpaint",
        operations=frozenset({"edit.inpaint"}),
        emulates=frozenset({"edit.erase", "edit.outpaint"}),
        usd=0.02,
        sizes=_QWEN_SIZE,
        accepts=frozenset({"prompt", "image", "mask"}),
        field_names={"mask": "mask_image"},  # white: paint here, as ours
        inputs=_INPUT,
        auto={"edit.inpaint": {"draft": 1}},
    ),
    ModelSpec(
        name="image-eraser",
        endpoint="wavespeed-ai/image-eraser",
        operations=frozenset({"edit.erase"}),
        usd=0.025,
        accepts=frozenset({"prompt", "image", "mask"}),
        field_names={"mask": "mask_image"},
        inputs=_LARGE,
        auto={"edit.erase": {"draft": 1, "standard": 2}},
    ),
    ModelSpec(
        name="image-background-remover",
        endpoint="wavespeed-ai/image-background-remover",
        operations=frozenset({"edit.remove_background"}),
        usd=0.004,
        accepts=frozenset({"image"}),
        inputs=_LARGE,
        auto={"edit.remove_background": {"draft": 1, "standard": 2}},
    ),
)

UPSCALERS = (
    _upscaler("image-upscaler", 0.01, ("upscale.fast",), 2),
    _upscaler("ultimate-image-upscaler", 0.06, ("upscale.conservative", "upscale.creative"), 2),
)

CONTROLS = (
    ModelSpec(
        name="flux-controlnet-union-pro-2.0",
        endpoint="wavespeed-ai/flux-controlnet-union-pro-2.0",
        operations=frozenset({"control.sketch", "control.structure"}),
        usd=0.04,  # a planning value: its pages name no price
        sizes=FreeSize(512, 1_536),
        accepts=frozenset(
            {"prompt", "image", "control_strength", "guidance_scale", "steps", "seed", "width", "height"}
        ),
        field_names={
            "image": "control_image",
            "control_strength": "controlnet_conditioning_scale",
            "steps": "num_inference_steps",
        },
        ranges={"control_strength": Range(0, 2, 0.7), "guidance_scale": Range(0, 20), "steps": Range(1, 50)},
        inputs=_LARGE,
    ),
)

MODELS = (*GENERATORS, *EDITORS, *UPSCALERS, *CONTROLS)
