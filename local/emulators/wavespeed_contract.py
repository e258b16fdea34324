"""WaveSpeed's models as data (inputs, sizes, prices in USD), and the reading of submits.

Prices marked (assumed) and inputs marked (guessed) were never documented; adapters shouldn't rely on them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from local.emulators.exchange import Exchange
from local.emulators.image_files import NotAnImage, decode, from_base64
from local.emulators.painter import Size

Fetch = Callable[[str], bytes | None]
AREA = re.compile(r"(\d{1,5})\*(\d{1,5})")


@dataclass(frozen=True)
class Text:
    """A string, up to a number of characters."""

    most: int = 20_000


@dataclass(frozen=True)
class OneOf:
    """One of a list."""

    options: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True)
class Range:
    """A number in a closed range."""

    least: float
    most: float
    whole: bool = True


@dataclass(frozen=True)
class Area:
    """`W*H`, each side in pixels within a range."""

    least: int = 256
    most: int = 1536


@dataclass(frozen=True)
class Flag:
    """True or false."""


@dataclass(frozen=True)
class ImageInput:
    """An image: an uploaded URL, a data URI or base64."""


@dataclass(frozen=True)
class ImageList:
    """A list of images, up to a number."""

    most: int


Input = Text | OneOf | Range | Area | Flag | ImageInput | ImageList


@dataclass(frozen=True)
class Model:
    """One model: its task, its inputs (`required` are those marked with *), its price and its sizes by ratio."""

    id: str
    task: str
    usd: float
    inputs: dict[str, Input]
    required: tuple[str, ...]
    file_type: str
    sizes: dict[str, Size]

    @property
    def sync(self) -> bool:
        """Whether it can respond within the submit."""
        return "enable_sync_mode" in self.inputs


KONTEXT_SIZES: dict[str, Size] = {
    "21:9": (1568, 672), "16:9": (1392, 752), "4:3": (1184, 880), "3:2": (1248, 832), "1:1": (1024, 1024),
    "2:3": (832, 1248), "3:4": (880, 1184), "9:16": (752, 1392), "9:21": (672, 1568),
}  # fmt: skip
IDEOGRAM_SIZES: dict[str, Size] = {
    "1:1": (1024, 1024), "16:9": (1312, 736), "9:16": (736, 1312), "4:3": (1152, 864), "3:4": (864, 1152),
}  # fmt: skip
_UNIT, _OLD_SIDE = Range(0, 1, whole=False), Range(512, 1536)
_INPUTS: dict[str, Input] = {
    "prompt": Text(),
    "size": Area(),
    "seed": Range(-1, 2**31 - 1),
    "output_format": OneOf(("jpeg", "png", "webp"), "jpeg"),
    "enable_base64_output": Flag(),
    "enable_sync_mode": Flag(),
    "image": ImageInput(),
    "mask_image": ImageInput(),
    "control_image": ImageInput(),
    "images": ImageList(10),
    "reference_images": ImageList(3),
    "num_images": Range(1, 4),
    "width": _OLD_SIDE,
    "height": _OLD_SIDE,
    "num_inference_steps": Range(1, 50),
    "guidance_scale": Range(0, 100, whole=False),
    "control_scale": Range(0, 2, whole=False),
    "controlnet_conditioning_scale": Range(0, 2, whole=False),
    "control_guidance_start": _UNIT,
    "control_guidance_end": _UNIT,
    "target_resolution": OneOf(("2k", "4k", "8k"), "4k"),
    "desired_increase": Range(2, 4),
    "safety_tolerance": Text(1),
    "style": OneOf(("Auto", "General", "Realistic", "Design"), "Auto"),
}
_BOTH = "enable_base64_output enable_sync_mode"
_CONTROL = "prompt* control_image* seed num_images enable_base64_output num_inference_steps guidance_scale width height"


def _model(  # noqa: PLR0917  # the columns of a table
    name: str, task: str, usd: float, names: str, file_type: str = "jpeg", sizes: dict[str, Size] | None = None,
    **own: Input,
) -> Model:  # fmt: skip
    """Declare a model by the names of its inputs (* required); `own` inputs replace the usual ones."""
    inputs = {each: own.get(each) or _INPUTS[each] for each in names.replace("*", "").split()}
    required = tuple(each.rstrip("*") for each in names.split() if each.endswith("*"))
    return Model(name, task, usd, inputs, required, file_type, sizes or {})


_KONTEXT_RATIO, _KONTEXT_GUIDANCE = OneOf(tuple(KONTEXT_SIZES)), Range(1, 20, whole=False)
_QWEN = "wavespeed-ai/qwen-image"
_ROWS = (
    _model(
        "ideogram-ai/ideogram-v3-turbo", "generate", 0.03,
        "prompt* image mask_image style aspect_ratio reference_images enable_base64_output", "png", IDEOGRAM_SIZES,
        aspect_ratio=OneOf(tuple(IDEOGRAM_SIZES), "1:1")
    ),
    _model(f"{_QWEN}/text-to-image", "generate", 0.02, f"prompt* size seed output_format {_BOTH}"),
    _model(f"{_QWEN}/text-to-image-2512", "generate", 0.02, "prompt* size seed output_format enable_sync_mode"),
    _model(f"{_QWEN}-2.0/text-to-image", "generate", 0.03, "prompt* size seed", prompt=Text(800), size=Area(256, 4096)),
    _model("wavespeed-ai/z-image/turbo", "generate", 0.005, f"prompt* size seed output_format {_BOTH}"),
    _model(
        "wavespeed-ai/flux-kontext-pro/text-to-image", "generate", 0.04,
        "prompt* aspect_ratio seed guidance_scale safety_tolerance", sizes=KONTEXT_SIZES,
        aspect_ratio=OneOf(tuple(KONTEXT_SIZES), "1:1"), guidance_scale=_KONTEXT_GUIDANCE
    ),
    _model(f"{_QWEN}/edit", "edit", 0.02, f"prompt* image* size seed output_format {_BOTH}"),
    _model(f"{_QWEN}/edit-plus", "edit", 0.02, f"prompt* images* size seed output_format {_BOTH}", images=ImageList(3)),
    *(
        _model(
            f"wavespeed-ai/flux-kontext-{name}",
            "edit",
            usd,
            "prompt* image* guidance_scale aspect_ratio enable_sync_mode",
            sizes=KONTEXT_SIZES,
            aspect_ratio=_KONTEXT_RATIO,
            guidance_scale=_KONTEXT_GUIDANCE,
        )
        for name, usd in (("pro", 0.04), ("max", 0.08))
    ),
    _model("google/nano-banana/edit", "edit", 0.038, f"prompt* images* output_format {_BOTH}"),
    *(
        _model(
            f"google/nano-banana-pro/{name}",
            "edit",
            usd,
            f"prompt* images* aspect_ratio resolution output_format {_BOTH}",
            "png",
            images=ImageList(14),
            aspect_ratio=Text(10),
            resolution=OneOf(resolutions, resolutions[0]),
            output_format=OneOf(("png", "jpeg"), "png"),
        )
        for name, resolutions, usd in (("edit", ("1k", "2k", "4k"), 0.14), ("edit-ultra", ("4k", "8k"), 0.15))
    ),
    _model(
        "google/nano-banana-2.1/edit", "edit", 0.04,
        f"prompt* images* aspect_ratio resolution enable_web_search enable_image_search output_format {_BOTH}", "png",
        images=ImageList(14), aspect_ratio=Text(10), resolution=OneOf(("1k", "2k", "4k"), "1k"),
        output_format=OneOf(("png", "jpeg"), "png"), enable_web_search=Flag(), enable_image_search=Flag()
    ),  # (assumed)
    _model(
        "bytedance/seedream-v5.0-flash/edit", "edit", 0.027,
        f"prompt* images* aspect_ratio resolution output_format prompt_optimization_mode {_BOTH}",
        aspect_ratio=Text(10), resolution=OneOf(("1k", "1.5k", "2k"), "1k"),
        output_format=OneOf(("jpeg", "png"), "jpeg"), prompt_optimization_mode=OneOf(("standard", "fast"), "standard")
    ),
    _model("bytedance/seedream-v4.5/edit", "edit", 0.04, f"prompt* images* size {_BOTH}", size=Area(1024, 4096)),
    _model("wavespeed-ai/z-image/turbo-inpaint", "inpaint", 0.02, "prompt* image* mask_image* size"),
    _model(
        "wavespeed-ai/flux-fill-dev", "inpaint", 0.035,
        "image* mask_image prompt width height num_inference_steps guidance_scale seed num_images"
    ),  # (assumed)
    _model("wavespeed-ai/image-eraser", "erase", 0.025, "image* mask_image prompt"),
    _model("wavespeed-ai/image-background-remover", "remove_background", 0.004, f"image* {_BOTH}", "png"),
    _model("wavespeed-ai/image-zoom-out", "zoom_out", 0.02, "image* prompt"),  # (guessed)
    _model("bria/expand", "zoom_out", 0.04, "image* prompt"),  # (guessed)
    _model("bria/generate-background", "background", 0.04, "image* prompt"),  # (guessed)
    _model("bria/increase-resolution", "upscale", 0.04, "image* desired_increase"),  # (guessed)
    _model("wavespeed-ai/image-upscaler", "upscale", 0.01, f"image* target_resolution output_format {_BOTH}"),
    _model("wavespeed-ai/ultimate-image-upscaler", "upscale", 0.06, f"image* target_resolution output_format {_BOTH}"),
    _model(
        "wavespeed-ai/flux-controlnet-union-pro-2.0", "structure", 0.04,
        f"{_CONTROL} controlnet_conditioning_scale control_guidance_start control_guidance_end"
    ),  # (assumed)
    _model("wavespeed-ai/flux-control-lora-canny", "sketch", 0.03, f"{_CONTROL} control_scale"),  # (assumed)
    _model("wavespeed-ai/flux-control-lora-depth", "structure", 0.03, f"{_CONTROL} control_scale"),  # (assumed)
    _model(
        "wavespeed-ai/flux-pro-redux", "style", 0.04, "image* prompt width height seed enable_base64_output"
    ),  # (assumed)
)  # fmt: skip
#: Prices (USD) by resolution, where it changes the price.
RESOLUTION_PRICES = {
    "google/nano-banana-pro/edit-ultra": {"8k": 0.18},
    "google/nano-banana-2.1/edit": {"2k": 0.059, "4k": 0.134},
}
MODELS: dict[str, Model] = {row.id: row for row in _ROWS}


@dataclass
class Submit:
    """The inputs of a submit, checked; images decoded."""

    values: dict[str, Any] = field(default_factory=dict)
    images: dict[str, list[Image.Image]] = field(default_factory=dict)
    error: str = ""

    def text(self, name: str) -> str:
        """Return a text, empty if absent."""
        return str(self.values.get(name) or "")

    def image(self, name: str) -> Image.Image | None:
        """Return the first image of an input."""
        return next(iter(self.images.get(name, [])), None)

    def size(self, model: Model, default: Size) -> Size:
        """Return the size asked for by `size`, ratio or width and height, else the default."""
        match = AREA.fullmatch(self.text("size"))
        if match:
            return int(match[1]), int(match[2])
        if self.values.get("width") and self.values.get("height"):
            return int(self.values["width"]), int(self.values["height"])
        return model.sizes.get(self.text("aspect_ratio"), default)


def read_submit(exchange: Exchange, model: Model, body: dict[str, Any], fetch: Fetch) -> Submit:
    """Read and check the inputs of a body; `error` is the first thing wrong. Unknown inputs are ignored but logged."""
    submit = Submit()
    exchange.call.unknown_fields = sorted(set(body) - set(model.inputs))
    for name in model.required:
        if body.get(name) in (None, "", []):
            submit.error = submit.error or f'property "{name}" is missing'
    for name, spec in model.inputs.items():
        value = body.get(name)
        if value is None:
            if isinstance(spec, OneOf) and spec.default:
                submit.values[name] = spec.default
            continue
        problem = _problem(spec, value)
        if not problem and isinstance(spec, (ImageInput, ImageList)):
            problem = _load(exchange, submit, name, value, fetch)
        if problem:
            submit.error = submit.error or f'property "{name}" {problem}'
        submit.values[name] = value
    return submit


def _problem(spec: Input, value: Any) -> str:
    match spec:
        case Text(most) if isinstance(value, str) and len(value) > most:
            return f"must be at most {most} characters"
        case OneOf(options):
            return "" if value in options else f"must be one of {', '.join(options)}"
        case Range():
            return _out_of_range(spec, value)
        case Area():
            return _bad_area(spec, value)
        case Flag():
            return "" if isinstance(value, bool) else "must be a boolean"
        case ImageList(most):
            return "" if isinstance(value, list) and len(value) <= most else f"must be a list of at most {most}"
    return "" if isinstance(value, str) else "must be a string"


def _out_of_range(spec: Range, value: Any) -> str:
    kinds = (int,) if spec.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return "must be an integer" if spec.whole else "must be a number"
    return "" if spec.least <= value <= spec.most else f"must be between {spec.least:g} and {spec.most:g}"


def _bad_area(spec: Area, value: Any) -> str:
    match = AREA.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return "must be of the form width*height"
    if not all(spec.least <= int(side) <= spec.most for side in match.groups()):
        return f"must have sides between {spec.least} and {spec.most}"
    return ""


def _load(exchange: Exchange, submit: Submit, name: str, value: Any, fetch: Fetch) -> str:
    """Load the images of an input; return what is wrong with them."""
    for number, source in enumerate(value if isinstance(value, list) else [value]):
        try:
            data = _bytes_of(source, fetch)
            submit.images.setdefault(name, []).append(decode(data))
        except NotAnImage as broken:
            return f"could not be loaded: {broken}"
        label = f"{name}[{number}]" if isinstance(value, list) else name
        exchange.call.images[label] = data
        exchange.call.files[label] = {"bytes": len(data)}
    return ""


def _bytes_of(source: Any, fetch: Fetch) -> bytes:
    if not isinstance(source, str):
        raise NotAnImage("not a URL")
    if not source.startswith(("http://", "https://")):
        return from_base64(source)
    data = fetch(source)
    if data is None:
        raise NotAnImage("the URL could not be downloaded")
    return data
