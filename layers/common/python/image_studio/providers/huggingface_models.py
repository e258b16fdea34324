"""Hugging Face's models, one row each: hub models behind its router, served by fal or by hf-inference.

Sources: huggingface_hub 2.4.0 and the inference-providers docs, read 2026-11. `endpoint` is the path below the router.
Prices are planning values per image of one megapixel (the router adds nothing, the pages name no price per
image), so larger images are not requested.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from image_studio.providers.instructions import IN_PROMPT
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, Range

ONE_MEGAPIXEL = FreeSize(256, 1_536, step=16, max_pixels=1_048_576)
HF_INFERENCE = "hf-inference/models/"
_STEPS = {"steps": "num_inference_steps"}
_INPUT = InputLimits(min_side=64, max_side=4_096, max_pixels=4_194_304)
_BY_INSTRUCTION = frozenset(
    {"edit.search_replace", "edit.search_recolor", "control.sketch", "control.structure", "control.style"}
)
#: Operations that need a second image: a mask, a style, a background, a light.
_BY_MORE_IMAGES = frozenset({"edit.inpaint", "edit.erase", "edit.outpaint", "edit.relight", "control.style_transfer"})


def _generator(
    name: str, endpoint: str, usd: float, accepts: Iterable[str], auto: Mapping[str, int] | None = None, **data: Any
) -> ModelSpec:
    return ModelSpec(
        **{
            "name": name,
            "endpoint": endpoint,
            "operations": frozenset({"create"}),
            "usd": usd,
            "sizes": ONE_MEGAPIXEL,
            "accepts": frozenset({"prompt", "seed", "steps", *accepts}),
            "field_names": _STEPS,
            "max_seed": 2**32 - 1,
            "auto": {"create": auto} if auto else {},
            **data,
        }
    )


def _editor(name: str, endpoint: str, usd: float, auto: Mapping[str, int] | None = None, **data: Any) -> ModelSpec:
    return ModelSpec(
        **{
            "name": name,
            "endpoint": endpoint,
            "operations": frozenset({"edit.general_edit"}),
            "emulates": _BY_INSTRUCTION,
            "usd": usd,
            "accepts": frozenset({"prompt", "image", "guidance_scale", "steps"}) | IN_PROMPT,
            "in_prompt": IN_PROMPT,
            "field_names": _STEPS,
            "max_images": 1,
            "ranges": {"guidance_scale": Range(0, 20), "steps": Range(1, 50)},
            "inputs": _INPUT,
            "auto": {"edit.general_edit": auto} if auto else {},
            **data,
        }
    )


MODELS = (
    _generator("FLUX.1-schnell", "fal-ai/fal-ai/flux/schnell", 0.003, (), {"draft": 2}, ranges={"steps": Range(1, 12)}),
    _generator(
        "FLUX.1-Krea-dev",
        "fal-ai/fal-ai/flux/krea",
        0.025,
        ("guidance_scale",),
        {"standard": 4},
        ranges={"guidance_scale": Range(1, 20), "steps": Range(1, 50)},
    ),
    _generator(
        "Qwen-Image",
        "fal-ai/fal-ai/qwen-image",
        0.02,
        ("guidance_scale", "negative_prompt"),
        ranges={"guidance_scale": Range(0, 20), "steps": Range(2, 50)},
    ),
    _generator(
        "stable-diffusion-3-medium",
        f"{HF_INFERENCE}stabilityai/stable-diffusion-3-medium-diffusers",
        0.0012,
        ("guidance_scale", "negative_prompt"),
        ranges={"guidance_scale": Range(0, 20), "steps": Range(1, 50)},
    ),
    _editor("FLUX.1-Kontext-dev", "fal-ai/fal-ai/flux-kontext/dev", 0.025, {"standard": 3}),
    _editor("Qwen-Image-Edit", "fal-ai/fal-ai/qwen-image-edit", 0.03, {"draft": 2}),
    _editor(
        "FLUX.2-klein-9B",
        "fal-ai/fal-ai/flux-2/klein/9b/edit",
        0.015,
        emulates=_BY_INSTRUCTION | _BY_MORE_IMAGES,
        accepts=frozenset({"prompt", "image", "mask", "style", "background", "lighting", "steps"}) | IN_PROMPT,
        ranges={"steps": Range(1, 50)},
        max_images=4,
    ),
    ModelSpec(
        name="RMBG-2.0",
        endpoint="fal-ai/fal-ai/bria/background/remove",
        operations=frozenset({"edit.remove_background"}),
        usd=0.018,
        accepts=frozenset({"image"}),
        field_names={"image": "image_url"},
        fixed_fields={"sync_mode": True},  # the response contains the image, as a data URI
        inputs=_INPUT,
        auto={"edit.remove_background": {"draft": 2}},
    ),
    _generator(
        "stable-diffusion-xl-base-1.0",
        f"{HF_INFERENCE}stabilityai/stable-diffusion-xl-base-1.0",
        0.0,
        (),
        retired="no provider behind the router serves it any more. Use FLUX.1-schnell.",
    ),
)
