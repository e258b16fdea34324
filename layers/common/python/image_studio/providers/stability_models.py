"""Stability AI's models: one row per generator and per endpoint. Source: its OpenAPI document (2026), read 2026-11.

One Stability credit is one US cent. An endpoint's last path segment is the name that callers use for it.
"""

from collections.abc import Mapping, Set
from typing import Any

from image_studio.providers.spec import InputLimits, ModelSpec, NativeSize, Range
from image_studio.schemas.limits import MAX_SEED

_NINE_MP = 9_437_184  # pixels
_SD3 = "generate/sd3"
_EXPAND = ("left", "right", "up", "down")
_STYLED = frozenset({"prompt", "negative_prompt", "seed", "style_preset"})
_EDITED = InputLimits(min_side=64, min_pixels=4_096, max_pixels=_NINE_MP)
_NARROW = InputLimits(min_side=64, min_pixels=4_096, max_pixels=_NINE_MP, max_aspect=2.5)
_IMAGES = ("png", "jpeg", "webp")

#: Pixels of SD3.5 and Ultra per ratio (about 1 MP); Core makes up to 1.5 MP of the same ratios.
_RATIOS = tuple(
    NativeSize(word, width, height)
    for word, width, height in (
        *(("21:9", 1536, 640), ("16:9", 1344, 768), ("3:2", 1216, 832), ("5:4", 1088, 896), ("1:1", 1024, 1024)),
        *(("4:5", 896, 1088), ("2:3", 832, 1216), ("9:16", 768, 1344), ("9:21", 640, 1536)),
    )
)

_EVERY = {"draft": 1, "standard": 1, "premium": 1}
_BETTER = {"standard": 1, "premium": 1}  # drafts go to cheaper models


def _generator(name: str, usd: float, *, endpoint: str = _SD3, auto: Mapping[str, int] | None = None) -> ModelSpec:
    family = endpoint == _SD3
    return ModelSpec(
        name=name,
        endpoint=endpoint,
        operations=frozenset({"create"}),
        usd=usd,
        sizes=_RATIOS,
        accepts=_STYLED | ({"guidance_scale"} if family else set()),
        field_names={"guidance_scale": "cfg_scale"},
        fixed_fields={"model": name} if family else {},
        file_types=_IMAGES,
        ranges={"guidance_scale": Range(1, 10)} if family else {},
        max_seed=MAX_SEED,
        auto={"create": auto} if auto else {},
    )


def _endpoint(
    endpoint: str,
    operation: str,
    usd: float,
    accepts: Set[str] = frozenset(),
    ranges: Mapping[str, Range] | None = None,
    **data: Any,
) -> ModelSpec:
    """Return the row of an endpoint, which accepts `accepts`, the fields of `ranges`, and an image."""
    auto = data.pop("auto", _EVERY)
    ranges = ranges or {}
    return ModelSpec(
        **{
            "name": endpoint.rpartition("/")[2],
            "endpoint": endpoint,
            "operations": frozenset({operation}),
            "usd": usd,
            "accepts": frozenset({"image", *accepts, *ranges}),
            "ranges": ranges,
            "file_types": _IMAGES,
            "inputs": _NARROW,
            "max_seed": MAX_SEED,
            "auto": {operation: auto},
            **data,
        }
    )


GENERATORS = (
    _generator("ultra", 0.08, endpoint="generate/ultra", auto={"premium": 1}),
    _generator("core", 0.03, endpoint="generate/core", auto={"draft": 4, "standard": 1}),
    _generator("sd3.5-large", 0.065, auto={"premium": 4}),
    _generator("sd3.5-large-turbo", 0.04),
    _generator("sd3.5-medium", 0.035),
    _generator("sd3.5-flash", 0.025),
)

EDITORS = (
    _endpoint(
        "edit/remove-background",
        "edit.remove_background",
        0.05,
        inputs=InputLimits(min_side=64, min_pixels=4_096, max_pixels=4_194_304),
        file_types=("png", "webp"),  # the result has an alpha channel
        auto=_BETTER,
    ),
    _endpoint(
        "edit/inpaint",
        "edit.inpaint",
        0.05,
        _STYLED | {"mask"},
        {"grow_mask": Range(0, 100, 5)},
        inputs=_EDITED,
        auto=_BETTER,
    ),
    _endpoint(
        "edit/erase",
        "edit.erase",
        0.05,
        {"seed", "mask"},
        {"grow_mask": Range(0, 20, 5)},
        inputs=_EDITED,
        auto=_BETTER,
    ),
    _endpoint(
        "edit/outpaint",
        "edit.outpaint",
        0.04,
        {"prompt", "seed", "style_preset"},
        {"creativity": Range(0, 1, 0.5)} | {f"expand_{side}": Range(0, 2_000) for side in _EXPAND},
        field_names={f"expand_{side}": side for side in _EXPAND},
    ),
    _endpoint(
        "edit/search-and-replace",
        "edit.search_replace",
        0.05,
        _STYLED | {"search_prompt"},
        {"grow_mask": Range(0, 20, 3)},
        auto=_BETTER,
    ),
    _endpoint(
        "edit/search-and-recolor",
        "edit.search_recolor",
        0.05,
        _STYLED | {"select_prompt"},
        {"grow_mask": Range(0, 20, 3)},
        auto=_BETTER,
    ),
    _endpoint(
        "edit/replace-background-and-relight",
        "edit.relight",
        0.08,
        {"prompt", "negative_prompt", "seed", "background", "lighting", "foreground_prompt"}
        | {"keep_original_background", "light_source_direction"},
        {
            "preserve_original_subject": Range(0, 1, 0.6),
            "original_background_depth": Range(0, 1, 0.5),
            "light_source_strength": Range(0, 1, 0.3),
        },
        field_names={
            "image": "subject_image",
            "prompt": "background_prompt",
            "background": "background_reference",
            "lighting": "light_reference",
        },
        asynchronous=True,
        deadline=300.0,
        auto=_BETTER,
    ),
)

UPSCALERS = (
    _endpoint(
        "upscale/fast",
        "upscale.fast",
        0.02,
        inputs=InputLimits(min_side=32, max_side=1_536, min_pixels=1_024, max_pixels=1_048_576),
        factor=4.0,
        max_output=16_777_216,
    ),
    _endpoint(
        "upscale/conservative",
        "upscale.conservative",
        0.40,
        {"prompt", "negative_prompt", "seed"},
        {"creativity": Range(0.2, 0.5, 0.35)},
        max_output=4_194_304,  # "4 megapixels"
        deadline=180.0,
    ),
    _endpoint(
        "upscale/creative",
        "upscale.creative",
        0.60,
        _STYLED,
        {"creativity": Range(0.1, 0.5, 0.3)},
        inputs=InputLimits(min_side=64, min_pixels=4_096, max_pixels=1_048_576),
        max_output=8_294_400,  # "4K"
        asynchronous=True,
        deadline=300.0,
    ),
)

CONTROLS = (
    _endpoint(
        "control/sketch",
        "control.sketch",
        0.05,
        _STYLED,
        {"control_strength": Range(0, 1, 0.7)},
        inputs=InputLimits(min_side=64, max_pixels=_NINE_MP, max_aspect=2.5),
    ),
    _endpoint("control/structure", "control.structure", 0.05, _STYLED, {"control_strength": Range(0, 1, 0.7)}),
    _endpoint(
        "control/style",
        "control.style",
        0.05,
        _STYLED | {"aspect_ratio"},
        {"fidelity": Range(0, 1, 0.5)},
        sizes=_RATIOS,
    ),
    _endpoint(
        "control/style-transfer",
        "control.style_transfer",
        0.08,
        {"prompt", "negative_prompt", "seed", "style"},
        {
            "style_strength": Range(0, 1, 1),
            "composition_fidelity": Range(0, 1, 0.9),
            "change_strength": Range(0.1, 1, 0.9),
        },
        field_names={"image": "init_image", "style": "style_image"},
        inputs=InputLimits(min_side=64, max_side=16_383, min_pixels=4_096, max_pixels=_NINE_MP, max_aspect=2.5),
        max_output=1_048_576,
    ),
)

MODELS = (*GENERATORS, *EDITORS, *UPSCALERS, *CONTROLS)
