"""Stability's REST v2beta as data: operations, their fields and limits, prices in credits.

From the provider's own OpenAPI (2026). One credit is 0.01 USD. `erase` takes no prompt, although that
document lists one as required.
"""

from dataclasses import dataclass, field

MOST_SEED = 4_294_967_294
LARGEST_REQUEST_BYTES = 10 * 1024 * 1024
NINE_MP = 9_437_184
FOUR_MP = 4_194_304
ONE_MP = 1_048_576

RATIOS = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")
STYLE_PRESETS = (
    "enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art", "analog-film",
    "neon-punk", "isometric", "low-poly", "origami", "modeling-compound", "cinematic", "3d-model", "pixel-art",
    "tile-texture",
)  # fmt: skip
#: Width x height, pixels, of ultra and the sd3.5 family, about 1 MP.
SIZES = {
    "1:1": (1024, 1024), "16:9": (1344, 768), "9:16": (768, 1344), "3:2": (1216, 832), "2:3": (832, 1216),
    "5:4": (1088, 896), "4:5": (896, 1088), "21:9": (1536, 640), "9:21": (640, 1536),
}  # fmt: skip
#: Core paints about 1.5 MP; its exact sizes aren't published, these keep the ratio in steps of 64.
CORE_SIZES = {
    "1:1": (1216, 1216), "16:9": (1600, 896), "9:16": (896, 1600), "3:2": (1472, 1024), "2:3": (1024, 1472),
    "5:4": (1344, 1088), "4:5": (1088, 1344), "21:9": (1856, 832), "9:21": (832, 1856),
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """Words, by length in characters."""

    least: int = 0
    most: int = 10_000


@dataclass(frozen=True)
class Choice:
    """One of a list."""

    options: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True)
class Number:
    """A number in a closed range."""

    least: float
    most: float
    default: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class File:
    """A PNG, JPEG or WebP image: sides and area in pixels, width / height at most `most_aspect` either way."""

    least_side: int = 0
    most_side: int = 16_384
    least_pixels: int = 0
    most_pixels: int = 268_435_456
    most_aspect: float | None = None


Field = Text | Choice | Number | File


@dataclass(frozen=True)
class Operation:
    """One endpoint below /v2beta/stable-image/."""

    path: str
    fields: dict[str, Field]
    required: tuple[str, ...]
    credits: float
    asynchronous: bool = False
    prices: dict[str, float] = field(default_factory=dict)


PROMPT = Text(1)
WORDS = Text()
RATIO = Choice(RATIOS, "1:1")
SEED = Number(0, MOST_SEED, 0, whole=True)
FORMAT = Choice(("png", "jpeg", "webp"), "png")
STYLE = Choice(STYLE_PRESETS)
SHARE = Number(0, 1)
EDITED = File(64, least_pixels=4096, most_pixels=NINE_MP)
NARROW = File(64, least_pixels=4096, most_pixels=NINE_MP, most_aspect=2.5)
MASK = File()
SIDE = Number(0, 2000, 0, whole=True)

SD3_PRICES = {"sd3.5-large": 6.5, "sd3.5-large-turbo": 4, "sd3.5-medium": 3.5, "sd3.5-flash": 2.5}

_COMMON: dict[str, Field] = {"seed": SEED, "output_format": FORMAT}
_STYLED: dict[str, Field] = {**_COMMON, "negative_prompt": WORDS, "style_preset": STYLE}
_SIDES: dict[str, Field] = {"left": SIDE, "right": SIDE, "up": SIDE, "down": SIDE}

_ROWS = (
    Operation(
        "generate/ultra",
        {
            "prompt": PROMPT,
            "aspect_ratio": RATIO,
            "image": File(64, 16_384, 4096),
            "strength": SHARE,
            **_STYLED,
        },
        ("prompt",),
        8,
    ),
    Operation("generate/core", {"prompt": PROMPT, "aspect_ratio": RATIO, **_STYLED}, ("prompt",), 3),
    Operation(
        "generate/sd3",
        {
            "prompt": PROMPT,
            "mode": Choice(("text-to-image", "image-to-image"), "text-to-image"),
            "model": Choice(tuple(SD3_PRICES), "sd3.5-large"),
            "image": File(64),
            "strength": SHARE,
            "aspect_ratio": RATIO,
            "cfg_scale": Number(1, 10),
            **_STYLED,
        },
        ("prompt",),
        6.5,
        prices=SD3_PRICES,
    ),
    Operation("edit/erase", {"image": EDITED, "mask": MASK, "grow_mask": Number(0, 20, 5), **_COMMON}, ("image",), 5),
    Operation(
        "edit/inpaint",
        {"image": EDITED, "prompt": PROMPT, "mask": MASK, "grow_mask": Number(0, 100, 5), **_STYLED},
        ("image", "prompt"),
        5,
    ),
    Operation(
        "edit/outpaint",
        {
            "image": NARROW,
            **_SIDES,
            "creativity": Number(0, 1, 0.5),
            "prompt": WORDS,
            "style_preset": STYLE,
            **_COMMON,
        },
        ("image",),
        4,
    ),
    Operation(
        "edit/search-and-replace",
        {"image": NARROW, "prompt": PROMPT, "search_prompt": Text(1), "grow_mask": Number(0, 20, 3), **_STYLED},
        ("image", "prompt", "search_prompt"),
        5,
    ),
    Operation(
        "edit/search-and-recolor",
        {"image": NARROW, "prompt": PROMPT, "select_prompt": Text(1), "grow_mask": Number(0, 20, 3), **_STYLED},
        ("image", "prompt", "select_prompt"),
        5,
    ),
    Operation(
        "edit/remove-background",
        {"image": File(64, least_pixels=4096, most_pixels=FOUR_MP), "output_format": Choice(("png", "webp"), "png")},
        ("image",),
        5,
    ),
    Operation(
        "edit/replace-background-and-relight",
        {
            "subject_image": NARROW,
            "background_reference": EDITED,
            "background_prompt": WORDS,
            "foreground_prompt": WORDS,
            "negative_prompt": WORDS,
            "preserve_original_subject": Number(0, 1, 0.6),
            "original_background_depth": Number(0, 1, 0.5),
            "keep_original_background": Choice(("true", "false"), "false"),
            "light_source_direction": Choice(("left", "right", "above", "below")),
            "light_reference": EDITED,
            "light_source_strength": Number(0, 1, 0.3),
            **_COMMON,
        },
        ("subject_image",),
        8,
        asynchronous=True,
    ),
    Operation("upscale/fast", {"image": File(32, 1536, 1024, ONE_MP), "output_format": FORMAT}, ("image",), 2),
    Operation(
        "upscale/conservative",
        {
            "image": NARROW,
            "prompt": PROMPT,
            "negative_prompt": WORDS,
            "creativity": Number(0.2, 0.5, 0.35),
            **_COMMON,
        },
        ("image", "prompt"),
        40,
    ),
    Operation(
        "upscale/creative",
        {
            "image": File(64, least_pixels=4096, most_pixels=ONE_MP),
            "prompt": PROMPT,
            "creativity": Number(0.1, 0.5, 0.3),
            **_STYLED,
        },
        ("image", "prompt"),
        60,
        asynchronous=True,
    ),
    Operation(
        "control/sketch",
        {
            "image": File(64, most_pixels=NINE_MP, most_aspect=2.5),
            "prompt": PROMPT,
            "control_strength": Number(0, 1, 0.7),
            **_STYLED,
        },
        ("image", "prompt"),
        5,
    ),
    Operation(
        "control/structure",
        {"image": NARROW, "prompt": PROMPT, "control_strength": Number(0, 1, 0.7), **_STYLED},
        ("image", "prompt"),
        5,
    ),
    Operation(
        "control/style",
        {"image": NARROW, "prompt": PROMPT, "aspect_ratio": RATIO, "fidelity": Number(0, 1, 0.5), **_STYLED},
        ("image", "prompt"),
        5,
    ),
    Operation(
        "control/style-transfer",
        {
            "init_image": File(64, 16_383, 4096, NINE_MP, 2.5),
            "style_image": File(64, 16_383, 4096, NINE_MP),
            "prompt": WORDS,
            "negative_prompt": WORDS,
            "style_strength": Number(0, 1, 1),
            "composition_fidelity": Number(0, 1, 0.9),
            "change_strength": Number(0.1, 1, 0.9),
            **_COMMON,
        },
        ("init_image", "style_image"),
        8,
    ),
)
OPERATIONS: dict[str, Operation] = {row.path: row for row in _ROWS}
