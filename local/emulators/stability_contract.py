"""Stability's REST v2beta as data (operations, fields, limits, prices in credits), and the reading of its forms.

From the provider's own OpenAPI document (2026). One credit is 0.01 USD. `erase` takes no prompt, although that
document lists one as required.
"""

from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from werkzeug.datastructures import FileStorage

from local.emulators.exchange import Exchange
from local.emulators.image_files import NotAnImage, decode

MAX_REQUEST_BYTES = 10 * 1024 * 1024
NINE_MP, FOUR_MP, ONE_MP = 9_437_184, 4_194_304, 1_048_576
#: An empty part that official samples add to force multipart.
FILLER = "none"

STYLE_PRESETS = (
    "enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art", "analog-film",
    "neon-punk", "isometric", "low-poly", "origami", "modeling-compound", "cinematic", "3d-model", "pixel-art",
    "tile-texture",
)  # fmt: skip
#: Width x height, pixels, of ultra and the sd3.5 family, about 1 MP.
SIZES = {
    "21:9": (1536, 640), "16:9": (1344, 768), "3:2": (1216, 832), "5:4": (1088, 896), "1:1": (1024, 1024),
    "4:5": (896, 1088), "2:3": (832, 1216), "9:16": (768, 1344), "9:21": (640, 1536),
}  # fmt: skip
#: Core paints about 1.5 MP; its exact sizes aren't published, these keep the ratio in steps of 64.
CORE_SIZES = {
    "21:9": (1856, 832), "16:9": (1600, 896), "3:2": (1472, 1024), "5:4": (1344, 1088), "1:1": (1216, 1216),
    "4:5": (1088, 1344), "2:3": (1024, 1472), "9:16": (896, 1600), "9:21": (832, 1856),
}  # fmt: skip
RATIOS = tuple(SIZES)
SD3_PRICES = {"sd3.5-large": 6.5, "sd3.5-large-turbo": 4, "sd3.5-medium": 3.5, "sd3.5-flash": 2.5}


@dataclass(frozen=True)
class Text:
    """A text, by its length in characters."""

    least: int = 0
    most: int = 10_000


@dataclass(frozen=True)
class OneOf:
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


Field = Text | OneOf | Number | File


@dataclass(frozen=True)
class Operation:
    """One endpoint below /v2beta/stable-image/; the fields of `required` are those marked with *."""

    path: str
    credits: float
    fields: dict[str, Field]
    required: tuple[str, ...]
    asynchronous: bool = False
    prices: dict[str, float] = field(default_factory=dict)


WORDS, RATIO, STYLE, SHARE = Text(), OneOf(RATIOS, "1:1"), OneOf(STYLE_PRESETS), Number(0, 1)
EDITED = File(64, least_pixels=4096, most_pixels=NINE_MP)
NARROW = File(64, least_pixels=4096, most_pixels=NINE_MP, most_aspect=2.5)
SMALL = File(64, least_pixels=4096, most_pixels=ONE_MP)
SIDES = ("left", "right", "up", "down")

_FIELDS: dict[str, Field] = {
    "prompt": Text(1),
    "seed": Number(0, 4_294_967_294, 0, whole=True),
    "output_format": OneOf(("png", "jpeg", "webp"), "png"),
    "negative_prompt": WORDS,
    "style_preset": STYLE,
    "aspect_ratio": RATIO,
    "strength": SHARE,
    "mask": File(),
    "control_strength": Number(0, 1, 0.7),
    **{side: Number(0, 2000, 0, whole=True) for side in SIDES},
}
_COMMON = "seed output_format"
_STYLED = f"{_COMMON} negative_prompt style_preset"


def _operation(path: str, price: float, names: str, *, asynchronous: bool = False, **own: Field) -> Operation:
    """Declare an operation by the names of its fields (* required); `own` fields replace the usual ones."""
    fields = {name: own.get(name) or _FIELDS[name] for name in names.replace("*", "").split()}
    required = tuple(name.rstrip("*") for name in names.split() if name.endswith("*"))
    return Operation(path, price, fields, required, asynchronous, SD3_PRICES if path == "generate/sd3" else {})


_ROWS = (
    _operation(
        "generate/ultra", 8, f"prompt* aspect_ratio image strength {_STYLED}", image=File(64, least_pixels=4096)
    ),
    _operation("generate/core", 3, f"prompt* aspect_ratio {_STYLED}"),
    _operation(
        "generate/sd3", 6.5, f"prompt* mode model image strength aspect_ratio cfg_scale {_STYLED}",
        mode=OneOf(("text-to-image", "image-to-image"), "text-to-image"),
        model=OneOf(tuple(SD3_PRICES), "sd3.5-large"), image=File(64), cfg_scale=Number(1, 10)
    ),
    _operation("edit/erase", 5, f"image* mask grow_mask {_COMMON}", image=EDITED, grow_mask=Number(0, 20, 5)),
    _operation(
        "edit/inpaint", 5, f"image* prompt* mask grow_mask {_STYLED}", image=EDITED, grow_mask=Number(0, 100, 5)
    ),
    _operation(
        "edit/outpaint", 4, f"image* left right up down creativity prompt style_preset {_COMMON}", image=NARROW,
        creativity=Number(0, 1, 0.5), prompt=WORDS
    ),
    _operation(
        "edit/search-and-replace", 5, f"image* prompt* search_prompt* grow_mask {_STYLED}", image=NARROW,
        search_prompt=Text(1), grow_mask=Number(0, 20, 3)
    ),
    _operation(
        "edit/search-and-recolor", 5, f"image* prompt* select_prompt* grow_mask {_STYLED}", image=NARROW,
        select_prompt=Text(1), grow_mask=Number(0, 20, 3)
    ),
    _operation(
        "edit/remove-background", 5, "image* output_format", image=File(64, least_pixels=4096, most_pixels=FOUR_MP),
        output_format=OneOf(("png", "webp"), "png")
    ),
    _operation(
        "edit/replace-background-and-relight", 8,
        "subject_image* background_reference background_prompt foreground_prompt negative_prompt "
        "preserve_original_subject original_background_depth keep_original_background light_source_direction "
        f"light_reference light_source_strength {_COMMON}",
        asynchronous=True, subject_image=NARROW, background_reference=EDITED, background_prompt=WORDS,
        foreground_prompt=WORDS, preserve_original_subject=Number(0, 1, 0.6),
        original_background_depth=Number(0, 1, 0.5), light_reference=EDITED,
        keep_original_background=OneOf(("true", "false"), "false"),
        light_source_direction=OneOf(("left", "right", "above", "below")), light_source_strength=Number(0, 1, 0.3)
    ),
    _operation("upscale/fast", 2, "image* output_format", image=File(32, 1536, 1024, ONE_MP)),
    _operation(
        "upscale/conservative", 40, f"image* prompt* negative_prompt creativity {_COMMON}", image=NARROW,
        creativity=Number(0.2, 0.5, 0.35)
    ),
    _operation(
        "upscale/creative", 60, f"image* prompt* creativity {_STYLED}", asynchronous=True, image=SMALL,
        creativity=Number(0.1, 0.5, 0.3)
    ),
    _operation(
        "control/sketch", 5, f"image* prompt* control_strength {_STYLED}",
        image=File(64, most_pixels=NINE_MP, most_aspect=2.5)
    ),
    _operation("control/structure", 5, f"image* prompt* control_strength {_STYLED}", image=NARROW),
    _operation(
        "control/style", 5, f"image* prompt* aspect_ratio fidelity {_STYLED}",
        image=NARROW, fidelity=Number(0, 1, 0.5)
    ),
    _operation(
        "control/style-transfer", 8,
        "init_image* style_image* prompt negative_prompt style_strength composition_fidelity change_strength "
        f"{_COMMON}",
        init_image=File(64, 16_383, 4096, NINE_MP, 2.5), style_image=File(64, 16_383, 4096, NINE_MP),
        prompt=WORDS, style_strength=Number(0, 1, 1), composition_fidelity=Number(0, 1, 0.9),
        change_strength=Number(0.1, 1, 0.9)
    ),
)  # fmt: skip
OPERATIONS: dict[str, Operation] = {row.path: row for row in _ROWS}


@dataclass
class Form:
    """The parts of a form by name, with defaults filled in; each error is `field: reason`."""

    values: dict[str, Any] = field(default_factory=dict)
    images: dict[str, Image.Image] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return a text part, empty if absent."""
        return str(self.values.get(name, ""))

    def number(self, name: str) -> float:
        """Return a number part, 0 if absent."""
        return float(self.values.get(name) or 0)


def read_form(exchange: Exchange, operation: Operation) -> Form:
    """Read and check the form of a request; unknown parts are ignored but logged."""
    form, call = Form(), exchange.call
    texts, files = exchange.request.form.to_dict(), exchange.request.files.to_dict()
    call.fields, call.size = dict(texts), exchange.request.content_length or 0
    call.unknown_fields = sorted({*texts, *files} - {*operation.fields, FILLER})
    for name, spec in operation.fields.items():
        if not isinstance(spec, File):
            _read_text(form, name, spec, texts.get(name))
        elif name in files:
            _read_file(exchange, form, name, spec, files[name])
        elif name in texts:
            form.errors.append(f"{name}: must be a file")
    present = {*form.values, *form.images, *call.files, *texts}
    form.errors += [f"{name}: is required" for name in operation.required if name not in present]
    rule = _RULES.get(operation.path)
    form.errors += rule(form, texts) if rule else []
    return form


def _read_text(form: Form, name: str, spec: Field, text: str | None) -> None:
    if text is None:
        if isinstance(spec, (OneOf, Number)) and spec.default not in (None, ""):
            form.values[name] = spec.default
        return
    form.values[name], problem = _checked(spec, text)
    if problem:
        form.errors.append(f"{name}: {problem}")


def _checked(spec: Field, text: str) -> tuple[Any, str]:
    match spec:
        case Text(least, most):
            too_long = f"must be at most {most} characters" if len(text) > most else ""
            return text, "cannot be blank" if len(text) < least else too_long
        case OneOf(options):
            return text, "" if text in options else f"must be one of {', '.join(options)}"
        case Number():
            return _number(spec, text)
    return text, ""


def _number(spec: Number, text: str) -> tuple[float | None, str]:
    try:
        value = float(text)
    except ValueError:
        return None, "must be a number"
    if spec.whole and value != int(value):
        return None, "must be an integer"
    if not spec.least <= value <= spec.most:
        return None, f"must be between {spec.least:g} and {spec.most:g}"
    return int(value) if spec.whole else value, ""


def _read_file(exchange: Exchange, form: Form, name: str, spec: File, part: FileStorage) -> None:
    data = part.read()
    exchange.call.files[name] = {"filename": part.filename, "content_type": part.content_type, "bytes": len(data)}
    exchange.call.images[name] = data
    try:
        form.images[name] = decode(data)
    except NotAnImage as broken:
        form.errors.append(f"{name}: {broken}; supported formats are jpeg, png, webp")
        return
    problem = size_problem(spec, *form.images[name].size)
    if problem:
        form.errors.append(f"{name}: {problem}")


def size_problem(spec: File, width: int, height: int) -> str:
    if min(width, height) < spec.least_side or max(width, height) > spec.most_side:
        return f"each side must be between {spec.least_side} and {spec.most_side} pixels, got {width}x{height}"
    if not spec.least_pixels <= width * height <= spec.most_pixels:
        return f"total pixels must be between {spec.least_pixels} and {spec.most_pixels}, got {width * height}"
    if spec.most_aspect and max(width, height) > spec.most_aspect * min(width, height):
        return f"aspect ratio must be between 1:{spec.most_aspect:g} and {spec.most_aspect:g}:1"
    return ""


# Rules over several fields.


def _ultra_rule(form: Form, texts: dict[str, str]) -> list[str]:
    missing = "image" in form.images and "strength" not in texts
    return ["strength: is required when image is given"] if missing else []


def _sd3_rule(form: Form, texts: dict[str, str]) -> list[str]:
    present = [name for name in ("image", "strength") if name in form.images or name in texts]
    if form.text("mode") != "image-to-image":
        return [f"{name}: only valid for image-to-image" for name in present]
    missing = [name for name in ("image", "strength") if name not in present]
    ratio = ["aspect_ratio: only valid for text-to-image"] if "aspect_ratio" in texts else []
    return [f"{name}: is required for image-to-image" for name in missing] + ratio


def _outpaint_rule(form: Form, _texts: dict[str, str]) -> list[str]:
    if any(form.number(side) for side in SIDES):
        return []
    return ["left, right, up, down: at least one must be greater than 0"]


def _relight_rule(form: Form, texts: dict[str, str]) -> list[str]:
    errors = []
    if not texts.get("background_prompt") and "background_reference" not in form.images:
        errors.append("background_prompt: either background_prompt or background_reference is required")
    lit = "light_source_direction" in texts or "light_reference" in form.images
    if "light_source_strength" in texts and not lit:
        errors.append("light_source_strength: needs light_reference or light_source_direction")
    return errors


_RULES = {
    "generate/ultra": _ultra_rule,
    "generate/sd3": _sd3_rule,
    "edit/outpaint": _outpaint_rule,
    "edit/replace-background-and-relight": _relight_rule,
}
