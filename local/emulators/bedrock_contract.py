"""Stability's models on Amazon Bedrock as data (ids, fields, limits, prices in USD), and the reading of InvokeModel.

From AWS's user guide (2026). Where it differs from Stability's own API the row says so; prices are (assumed). Whether
unknown fields are refused is not published: here they are, as empty prompts are.
"""

import binascii
from dataclasses import dataclass
from typing import Any

from local.emulators.exchange import Exchange
from local.emulators.image_files import NotAnImage, decode, from_base64
from local.emulators.stability_contract import (
    NARROW,
    NINE_MP,
    ONE_MP,
    RATIO,
    SHARE,
    SIDES,
    SMALL,
    STYLE,
    WORDS,
    Field,
    File,
    Form,
    Number,
    OneOf,
    Text,
    size_problem,
)

REGIONS = ("us-east-1", "us-east-2", "us-west-2")  # of the inference profile
GENERATORS_REGION = "us-west-2"
PROFILE = "us."
MAX_REQUEST_BYTES = 25_000_000
MAX_RESPONSE_BYTES = 16_777_216


@dataclass(frozen=True)
class Model:
    """One model: what it does, as the path of Stability's own endpoint, and the fields of its JSON."""

    id: str  # as it is sent
    path: str
    usd: float
    fields: dict[str, Field]
    required: tuple[str, ...]

    def runs_in(self, region: str) -> bool:
        """Return whether it can be called in a region."""
        return region in REGIONS if self.id.startswith(PROFILE) else region == GENERATORS_REGION


_FIELDS: dict[str, Field] = {
    "prompt": Text(1),
    "negative_prompt": WORDS,
    "seed": Number(0, 4_294_967_294, 0, whole=True),
    "output_format": OneOf(("jpeg", "png", "webp"), "png"),
    "style_preset": STYLE,
    "aspect_ratio": RATIO,
    "image": NARROW,
    "mask": File(),
    "grow_mask": Number(0, 20, 5),
    "control_strength": Number(0, 1, 0.7),
    "fidelity": Number(0, 1, 0.5),
    "strength": SHARE,
    "mode": OneOf(("text-to-image", "image-to-image"), "text-to-image"),
    "search_prompt": Text(1),
    "select_prompt": Text(1),
    "init_image": NARROW,
    "style_image": NARROW,
    "style_strength": Number(0, 1, 1),
    "composition_fidelity": Number(0, 1, 0.9),
    "change_strength": Number(0.1, 1, 0.9),
    **{side: Number(0, 2000, 0, whole=True) for side in SIDES},
}
_SEEDED = "negative_prompt seed output_format"
_STYLED = f"{_SEEDED} style_preset"


def _model(identifier: str, path: str, usd: float, names: str, **own: Field) -> Model:
    """Declare a model by the names of its fields (* required); `own` fields replace the usual ones."""
    fields = {name: own.get(name) or _FIELDS[name] for name in names.replace("*", "").split()}
    return Model(identifier, path, usd, fields, tuple(name.rstrip("*") for name in names.split() if "*" in name))


_PHOTO = OneOf(("jpeg", "png"), "png")
_ROWS = (
    _model(
        "stability.stable-image-core-v1:1", "generate/core", 0.04, f"prompt* aspect_ratio {_SEEDED}",
        output_format=_PHOTO
    ),
    _model(
        "stability.stable-image-ultra-v1:1", "generate/ultra", 0.14, f"prompt* aspect_ratio {_SEEDED}",
        output_format=_PHOTO
    ),
    _model(
        "stability.sd3-5-large-v1:0", "generate/sd3", 0.08, f"prompt* mode image strength aspect_ratio {_SEEDED}",
        image=File(64, most_pixels=NINE_MP)
    ),
    _model(
        "us.stability.stable-fast-upscale-v1:0", "upscale/fast", 0.03, "image* output_format",
        image=File(32, 1536, 1024, ONE_MP)
    ),
    _model(
        "us.stability.stable-conservative-upscale-v1:0", "upscale/conservative", 0.40,
        f"image* prompt* creativity {_SEEDED}", creativity=Number(0.1, 0.5, 0.35)
    ),
    _model(
        "us.stability.stable-creative-upscale-v1:0", "upscale/creative", 0.60, f"image* prompt* creativity {_STYLED}",
        image=SMALL, creativity=Number(0.1, 0.5, 0.3)
    ),
    _model(
        "us.stability.stable-outpaint-v1:0", "edit/outpaint", 0.06,
        "image* left right up down creativity prompt seed output_format style_preset", prompt=WORDS,
        creativity=Number(0.1, 1, 0.5)
    ),
    _model(
        "us.stability.stable-image-inpaint-v1:0", "edit/inpaint", 0.07, f"image* prompt* mask grow_mask {_STYLED}"
    ),
    _model(
        "us.stability.stable-image-erase-object-v1:0", "edit/erase", 0.07, "image* mask grow_mask seed output_format"
    ),
    _model(
        "us.stability.stable-image-remove-background-v1:0", "edit/remove-background", 0.07, "image* output_format",
        output_format=OneOf(("png", "webp"), "png")
    ),
    _model(
        "us.stability.stable-image-search-replace-v1:0", "edit/search-and-replace", 0.07,
        f"image* prompt* search_prompt* grow_mask {_STYLED}"
    ),
    _model(
        "us.stability.stable-image-search-recolor-v1:0", "edit/search-and-recolor", 0.07,
        f"image* prompt* select_prompt* grow_mask {_STYLED}"
    ),
    _model(
        "us.stability.stable-image-control-sketch-v1:0", "control/sketch", 0.07,
        f"image* prompt* control_strength {_STYLED}"
    ),
    _model(
        "us.stability.stable-image-control-structure-v1:0", "control/structure", 0.07,
        f"image* prompt* control_strength {_STYLED}"
    ),
    _model(
        "us.stability.stable-image-style-guide-v1:0", "control/style", 0.07,
        f"image* prompt* aspect_ratio fidelity {_STYLED}"
    ),
    _model(
        "us.stability.stable-style-transfer-v1:0", "control/style-transfer", 0.08,
        f"init_image* style_image* prompt style_strength composition_fidelity change_strength {_SEEDED}", prompt=WORDS
    ),
)  # fmt: skip
MODELS: dict[str, Model] = {row.id: row for row in _ROWS}


def read_body(exchange: Exchange, model: Model) -> Form:
    """Read and check the JSON of a request; each error names its field."""
    form, body = Form(), exchange.json()
    if body is None:
        form.errors.append("Malformed input request, please reformat your input and try again.")
        return form
    exchange.call.unknown_fields = sorted({*body} - {*model.fields})
    form.errors += [f"{name}: extraneous key is not permitted" for name in exchange.call.unknown_fields]
    form.errors += [f"{name}: required key not found" for name in model.required if name not in body]
    for name, spec in model.fields.items():
        if name in body:
            problem = _read(exchange, form, name, spec, body[name])
            form.errors += [f"{name}: {problem}"] if problem else []
        elif isinstance(spec, (OneOf, Number)) and spec.default not in (None, ""):
            form.values[name] = spec.default
    form.errors += _rule(model.path, form, body)
    return form


def _read(exchange: Exchange, form: Form, name: str, spec: Field, value: Any) -> str:
    """Add a value to the form; return what is wrong with it."""
    form.values[name] = value
    match spec:
        case Text(least, most):
            return "" if isinstance(value, str) and least <= len(value) <= most else f"expected {least} to {most} chars"
        case OneOf(options):
            return "" if value in options else f"{value!r} is not one of {', '.join(options)}"
        case Number(least, most, _, whole):
            kinds = int if whole else (int, float)
            number = isinstance(value, kinds) and not isinstance(value, bool)
            return "" if number and least <= value <= most else f"{value!r} is not between {least:g} and {most:g}"
        case File():
            return _read_image(exchange, form, name, spec, form.values.pop(name))


def _read_image(exchange: Exchange, form: Form, name: str, spec: File, value: Any) -> str:
    if not isinstance(value, str) or value.startswith("data:"):
        return "expected base64"
    try:
        data = from_base64(value)
        form.images[name] = decode(data)
    except (NotAnImage, binascii.Error):
        return "could not be decoded as jpeg, png or webp"
    exchange.call.images[name] = data
    exchange.call.files[name] = {"bytes": len(data)}
    exchange.call.fields = exchange.call.fields | {name: f"<{len(data)} bytes>"}
    return size_problem(spec, *form.images[name].size)


def _rule(path: str, form: Form, body: dict[str, Any]) -> list[str]:
    """Return what is wrong between several fields."""
    if path == "edit/outpaint" and not any(body.get(side) for side in SIDES):
        return ["left, right, up, down: at least one must be greater than 0"]
    if path in {"edit/inpaint", "edit/erase"} and "image" in form.images:
        mask, image = form.images.get("mask"), form.images["image"]
        if mask is None and "A" not in image.getbands():
            return ["mask: is required for an image without transparency"]
        return ["mask: must have the size of the image"] if mask and mask.size != image.size else []
    if path == "generate/sd3":
        given, wanted = "image" in body, body.get("mode") == "image-to-image"
        return [] if given == wanted == ("strength" in body) else ["mode: image and strength are for image-to-image"]
    return []
