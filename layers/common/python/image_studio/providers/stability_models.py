"""What Stability's models have in common, whoever runs them: ratios, limits of input images, seeds.

Source: Stability's OpenAPI document (api.stability.ai, 2026), read 2026-11.
"""

from typing import Any

from image_studio.providers.spec import InputLimits, NativeSize
from image_studio.schemas.limits import MAX_SEED

ZERO_SEED = MAX_SEED + 1  # the models read 0 as "random", so our seed 0 is sent as their largest seed
MAX_PIXELS = 9_437_184  # of an input image

EDITED = InputLimits(min_side=64, min_pixels=4_096, max_pixels=MAX_PIXELS)
NARROW = InputLimits(min_side=64, min_pixels=4_096, max_pixels=MAX_PIXELS, max_aspect=2.5)
UPSCALED_FAST = InputLimits(min_side=32, max_side=1_536, min_pixels=1_024, max_pixels=1_048_576)
UPSCALED_CREATIVE = InputLimits(min_side=64, min_pixels=4_096, max_pixels=1_048_576)

#: Pixels of SD3.5 and Ultra per ratio (about 1 MP); Core makes up to 1.5 MP of the same ratios.
RATIOS = tuple(
    NativeSize(word, width, height)
    for word, width, height in (
        *(("21:9", 1536, 640), ("16:9", 1344, 768), ("3:2", 1216, 832), ("5:4", 1088, 896), ("1:1", 1024, 1024)),
        *(("4:5", 896, 1088), ("2:3", 832, 1216), ("9:16", 768, 1344), ("9:21", 640, 1536)),
    )
)
STYLED = frozenset({"prompt", "negative_prompt", "seed", "style_preset"})
EXPAND = {f"expand_{side}": side for side in ("left", "right", "up", "down")}  # request field -> provider field


def send_zero_seed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the provider fields with our seed 0 as a seed."""
    return fields | {"seed": ZERO_SEED} if fields.get("seed") == 0 else fields


def read_seed(value: object) -> int | None:
    """Return the seed of a response, a number or its digits, as ours; None for anything else."""
    text = str(value)
    number = int(text) if text.isascii() and text.isdigit() else None
    return 0 if number == ZERO_SEED else number
