"""WaveSpeed's models as data: inputs, sizes and prices (USD)."""

from local.emulators.wavespeed_editors import EDITORS
from local.emulators.wavespeed_kinds import (
    BASE64,
    FORMAT,
    KONTEXT_SIZES,
    PROMPT,
    SEED,
    SYNC,
    Area,
    ImageInput,
    ImageInputs,
    Model,
    OneOf,
    Range,
    Words,
    ratios_of,
)

IDEOGRAM_SIZES = (
    ("1:1", (1024, 1024)), ("16:9", (1312, 736)), ("9:16", (736, 1312)), ("4:3", (1152, 864)), ("3:4", (864, 1152)),
)  # fmt: skip
GENERATORS = (
    Model(
        "ideogram-ai/ideogram-v3-turbo",
        "generate",
        {
            **PROMPT,
            "image": ImageInput(),
            "mask_image": ImageInput(),
            "style": OneOf(("Auto", "General", "Realistic", "Design"), "Auto"),
            **ratios_of(IDEOGRAM_SIZES, "1:1"),
            "reference_images": ImageInputs(3),
            **BASE64,
        },
        ("prompt",),
        0.03,
        "png",
        IDEOGRAM_SIZES,
    ),
    Model(
        "wavespeed-ai/qwen-image/text-to-image",
        "generate",
        {**PROMPT, "size": Area(), "seed": SEED, "output_format": FORMAT, **BASE64, **SYNC},
        ("prompt",),
        0.02,
    ),
    Model(
        "wavespeed-ai/qwen-image/text-to-image-2512",
        "generate",
        {**PROMPT, "size": Area(), "seed": SEED, "output_format": FORMAT, **SYNC},
        ("prompt",),
        0.02,
    ),
    Model(
        "wavespeed-ai/qwen-image-2.0/text-to-image",
        "generate",
        {"prompt": Words(800), "size": Area(256, 4096), "seed": SEED},
        ("prompt",),
        0.03,
    ),
    Model(
        "wavespeed-ai/z-image/turbo",
        "generate",
        {**PROMPT, "size": Area(), "seed": SEED, "output_format": FORMAT, **BASE64, **SYNC},
        ("prompt",),
        0.005,
    ),
    Model(
        "wavespeed-ai/flux-kontext-pro/text-to-image",
        "generate",
        {
            **PROMPT,
            **ratios_of(KONTEXT_SIZES, "1:1"),
            "seed": SEED,
            "guidance_scale": Range(1, 20, whole=False),
            "safety_tolerance": Words(1),
        },
        ("prompt",),
        0.04,
        sizes=KONTEXT_SIZES,
    ),
)
MODELS: dict[str, Model] = {row.id: row for row in (*GENERATORS, *EDITORS)}
