"""Google Gemini's image models, one row each, and the retired ones.

Sources: Google's model and deprecation pages and google-genai 3.4.0, read 2026-11; sizes and prices from tables of
third parties.
"""

from collections.abc import Mapping
from typing import Any

from image_studio.providers.instructions import IN_PROMPT
from image_studio.providers.spec import InputLimits, ModelSpec, NativeSize

#: Pixels at 1K; 2K doubles each side, 4K doubles it twice, 512 halves it.
_RATIOS = {"1:1": (1_024, 1_024), "2:3": (848, 1_264), "3:2": (1_264, 848), "3:4": (896, 1_200)}
_RATIOS |= {"4:3": (1_200, 896), "4:5": (928, 1_152), "5:4": (1_152, 928)}
_RATIOS |= {"9:16": (768, 1_376), "16:9": (1_376, 768), "21:9": (1_584, 672)}
_EXTREME = {"1:4": (512, 2_048), "4:1": (2_048, 512), "1:8": (384, 3_072), "8:1": (3_072, 384)}
_SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}

_CONTROLS = ("control.sketch", "control.structure", "control.style", "control.style_transfer")
_EDITS = frozenset({"edit.inpaint", "edit.erase", "edit.outpaint", "edit.relight", *_CONTROLS}) | {
    "edit.search_replace",
    "edit.search_recolor",
}


def _sizes(prices: Mapping[str, float], ratios: Mapping[str, tuple[int, int]]) -> tuple[NativeSize, ...]:
    return tuple(
        NativeSize(ratio, int(width * _SCALES[size]), int(height * _SCALES[size]), size, usd)
        for size, usd in prices.items()
        for ratio, (width, height) in ratios.items()
    )


def _model(name: str, prices: Mapping[str, float], ratios: Mapping[str, tuple[int, int]], **data: Any) -> ModelSpec:
    return ModelSpec(
        **{
            "name": name,
            "endpoint": name,
            "operations": frozenset({"create"}),
            "usd": prices["1K"],
            "sizes": _sizes(prices, ratios),
            "accepts": frozenset({"prompt", "seed", "negative_prompt"}),
            "in_prompt": frozenset({"negative_prompt"}),
            **data,
        }
    )


def _editing(*more: str) -> dict[str, Any]:
    return {
        "operations": frozenset({"create", "edit.general_edit"}),
        "emulates": _EDITS | set(more),
        "accepts": frozenset({"prompt", "seed", "image", "mask", "style", "background", "lighting"}) | IN_PROMPT,
        "in_prompt": IN_PROMPT,
        "max_images": 14,
        "inputs": InputLimits(min_side=64, max_side=4_096, max_pixels=9_437_184),
    }


def _retired(name: str, use: ModelSpec, why: str) -> ModelSpec:
    return ModelSpec(
        name=name, endpoint=name, operations=frozenset({"create"}), usd=use.usd, retired=f"{why}. Use {use.name}."
    )


FLASH = _model(
    "gemini-3.1-flash-image",
    {"512": 0.045, "1K": 0.067, "2K": 0.101, "4K": 0.151},
    _RATIOS | _EXTREME,
    auto={"create": {"standard": 3}, "edit.general_edit": {"standard": 1}, "edit.relight": {"draft": 1}},
    **_editing(),
)
PRO = _model(
    "gemini-3-pro-image",
    {"1K": 0.134, "2K": 0.134, "4K": 0.24},
    _RATIOS,
    deadline=180.0,
    auto={
        "create": {"premium": 2},
        "lettering": {"premium": 2},
        "edit.general_edit": {"premium": 1},
        **{control: {"premium": 2} for control in _CONTROLS},
    },
    **_editing("upscale.creative"),
)
LITE = _model("gemini-3.1-flash-lite-image", {"1K": 0.034}, _RATIOS | _EXTREME, auto={"create": {"draft": 3}})

_PREVIEW = "Google shut the preview down on 2026-06-25"
_IMAGEN = "Google shut Imagen down on 2026-08-17"
MODELS = (
    FLASH,
    PRO,
    LITE,
    _retired("gemini-2.5-flash-image", FLASH, "Google shut it down on 2026-10-02"),
    _retired("gemini-2.5-flash-image-preview", FLASH, "Google shut it down before 2026"),
    _retired("gemini-3.1-flash-image-preview", FLASH, _PREVIEW),
    _retired("gemini-3-pro-image-preview", PRO, _PREVIEW),
    _retired("imagen-4.0-generate-001", FLASH, _IMAGEN),
    _retired("imagen-4.0-ultra-generate-001", PRO, _IMAGEN),
    _retired("imagen-4.0-fast-generate-001", LITE, _IMAGEN),
    _retired("imagen-3.0-generate-001", FLASH, _IMAGEN),
    _retired("imagen-3.0-generate-002", FLASH, _IMAGEN),
    _retired("imagen-3.0", FLASH, _IMAGEN),
)
