"""WaveSpeed's models that start from an image, as data.

Prices marked (assumed) and inputs marked (guessed) were never documented; adapters shouldn't rely on them.
"""

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
    Input,
    Model,
    OneOf,
    Range,
    Words,
    ratios_of,
)

IMAGE: dict[str, Input] = {"image": ImageInput()}
MASK: dict[str, Input] = {"mask_image": ImageInput()}
OUT: dict[str, Input] = {"output_format": FORMAT, **BASE64, **SYNC}
CONTROL: dict[str, Input] = {**PROMPT, "control_image": ImageInput(), "seed": SEED, "num_images": Range(1, 4), **BASE64}
OLD_SIZE: dict[str, Input] = {"width": Range(512, 1536), "height": Range(512, 1536)}
STEPS: dict[str, Input] = {"num_inference_steps": Range(1, 50), "guidance_scale": Range(0, 100, whole=False)}
TARGET = ("2k", "4k", "8k")
BOTH = ("prompt", "image")

EDITORS = (
    Model(
        "wavespeed-ai/qwen-image/edit",
        "edit",
        {**PROMPT, **IMAGE, "size": Area(), "seed": SEED, **OUT},
        BOTH,
        0.02,
    ),
    Model(
        "wavespeed-ai/qwen-image/edit-plus",
        "edit",
        {**PROMPT, "images": ImageInputs(3), "size": Area(), "seed": SEED, **OUT},
        ("prompt", "images"),
        0.02,
    ),
    *(
        Model(
            name,
            "edit",
            {**PROMPT, **IMAGE, "guidance_scale": Range(1, 20, whole=False), **ratios_of(KONTEXT_SIZES), **SYNC},
            BOTH,
            usd,
            sizes=KONTEXT_SIZES,
        )
        for name, usd in (("wavespeed-ai/flux-kontext-pro", 0.04), ("wavespeed-ai/flux-kontext-max", 0.08))
    ),
    Model("google/nano-banana/edit", "edit", {**PROMPT, "images": ImageInputs(10), **OUT}, ("prompt", "images"), 0.038),
    *(
        Model(
            f"google/nano-banana-pro/{name}",
            "edit",
            {
                **PROMPT,
                "images": ImageInputs(14),
                "aspect_ratio": Words(10),
                "resolution": OneOf(resolutions, resolutions[0]),
                "output_format": OneOf(("png", "jpeg"), "png"),
                **BASE64,
                **SYNC,
            },
            ("prompt", "images"),
            usd,
            "png",
        )
        for name, resolutions, usd in (("edit", ("1k", "2k", "4k"), 0.14), ("edit-ultra", ("4k", "8k"), 0.15))
    ),
    Model(
        "bytedance/seedream-v4.5/edit",
        "edit",
        {**PROMPT, "images": ImageInputs(10), "size": Area(1024, 4096), **BASE64, **SYNC},
        ("prompt", "images"),
        0.04,
    ),
    Model(
        "wavespeed-ai/z-image/turbo-inpaint",
        "inpaint",
        {**PROMPT, **IMAGE, **MASK, "size": Area()},
        ("prompt", "image", "mask_image"),
        0.02,
    ),
    Model(
        "wavespeed-ai/flux-fill-dev",
        "inpaint",
        {**IMAGE, **MASK, **PROMPT, **OLD_SIZE, **STEPS, "seed": SEED, "num_images": Range(1, 4)},
        ("image",),
        0.035,  # (assumed)
    ),
    Model("wavespeed-ai/image-eraser", "erase", {**IMAGE, **MASK, **PROMPT}, ("image",), 0.025),
    Model(
        "wavespeed-ai/image-background-remover",
        "remove_background",
        {**IMAGE, **BASE64, **SYNC},
        ("image",),
        0.004,
        "png",
    ),
    Model("wavespeed-ai/image-zoom-out", "zoom_out", {**IMAGE, **PROMPT}, ("image",), 0.02),  # (guessed)
    Model("bria/expand", "zoom_out", {**IMAGE, **PROMPT}, ("image",), 0.04),  # (guessed)
    Model("bria/generate-background", "background", {**IMAGE, **PROMPT}, ("image",), 0.04),  # (guessed)
    Model(
        "bria/increase-resolution", "upscale", {**IMAGE, "desired_increase": Range(2, 4)}, ("image",), 0.04
    ),  # (guessed)
    Model(
        "wavespeed-ai/image-upscaler",
        "upscale",
        {**IMAGE, "target_resolution": OneOf(TARGET, "4k"), **OUT},
        ("image",),
        0.01,
    ),
    Model(
        "wavespeed-ai/ultimate-image-upscaler",
        "upscale",
        {**IMAGE, "target_resolution": OneOf(TARGET, "4k"), **OUT},
        ("image",),
        0.06,
    ),
    Model(
        "wavespeed-ai/flux-controlnet-union-pro-2.0",
        "structure",
        {
            **CONTROL,
            "controlnet_conditioning_scale": Range(0, 2, whole=False),
            "control_guidance_start": Range(0, 1, whole=False),
            "control_guidance_end": Range(0, 1, whole=False),
            **STEPS,
            **OLD_SIZE,
        },
        ("prompt", "control_image"),
        0.04,  # (assumed)
    ),
    *(
        Model(
            f"wavespeed-ai/flux-control-lora-{kind}",
            task,
            {**CONTROL, "control_scale": Range(0, 2, whole=False), **STEPS, **OLD_SIZE},
            ("prompt", "control_image"),
            0.03,  # (assumed)
        )
        for kind, task in (("canny", "sketch"), ("depth", "structure"))
    ),
    Model(
        "wavespeed-ai/flux-pro-redux",
        "style",
        {**IMAGE, **PROMPT, **OLD_SIZE, "seed": SEED, **BASE64},
        ("image",),
        0.04,  # (assumed)
    ),
)
