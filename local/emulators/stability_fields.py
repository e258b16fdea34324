"""Reading a Stability form: each part checked against the contract, each complaint as `field: reason`."""

from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from werkzeug.datastructures import FileStorage

from local.emulators.encoding import NotAImage, decode
from local.emulators.stability_contract import Choice, Field, File, Number, Operation, Text
from local.emulators.wire import Visit

#: Official samples add an empty part of this name to force multipart.
FILLER = "none"


@dataclass
class Form:
    """The parts of a form by name, with defaults filled in, and what is wrong with them."""

    values: dict[str, Any] = field(default_factory=dict)
    images: dict[str, Image.Image] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """A text part, empty if absent."""
        return str(self.values.get(name, ""))

    def number(self, name: str, default: float = 0.0) -> float:
        """A number part, or its default."""
        value = self.values.get(name)
        return default if value is None else float(value)


def read_form(visit: Visit, operation: Operation) -> Form:
    """The form of a request, read and checked; unknown parts are ignored but noted."""
    form = Form()
    texts, files = visit.request.form.to_dict(), visit.request.files.to_dict()
    visit.call.fields = dict(texts)
    visit.call.size = visit.request.content_length or 0
    visit.call.unknown_fields = sorted({*texts, *files} - {*operation.fields, FILLER})
    for name, spec in operation.fields.items():
        if isinstance(spec, File):
            if name in files:
                _read_file(visit, form, name, spec, files[name])
            elif name in texts:
                form.errors.append(f"{name}: must be a file")
        else:
            _read_text(form, name, spec, texts.get(name))
    given = {*form.values, *form.images, *visit.call.files}
    form.errors += [f"{name}: is required" for name in operation.required if name not in given and name not in texts]
    form.errors += _rules(operation, form, texts)
    return form


def _read_text(form: Form, name: str, spec: Field, text: str | None) -> None:
    if text is None:
        if isinstance(spec, (Choice, Number)) and spec.default not in (None, ""):
            form.values[name] = spec.default
        return
    value, complaint = _checked(spec, text)
    if complaint:
        form.errors.append(f"{name}: {complaint}")
    else:
        form.values[name] = value


def _checked(spec: Field, text: str) -> tuple[Any, str]:
    match spec:
        case Text(least, most):
            if len(text) < least:
                return None, "cannot be blank"
            return text, f"must be at most {most} characters" if len(text) > most else ""
        case Choice(options):
            return text, "" if text in options else f"must be one of {', '.join(options)}"
        case Number(least, most):
            return _number(text, least, most, whole=spec.whole)
    return text, ""


def _number(text: str, least: float, most: float, *, whole: bool) -> tuple[float | None, str]:
    try:
        value = float(text)
    except ValueError:
        return None, "must be a number"
    if whole and value != int(value):
        return None, "must be an integer"
    if not least <= value <= most:
        return None, f"must be between {least:g} and {most:g}"
    return int(value) if whole else value, ""


def _read_file(visit: Visit, form: Form, name: str, spec: File, part: FileStorage) -> None:
    data = part.read()
    visit.call.files[name] = {"filename": part.filename, "content_type": part.content_type, "bytes": len(data)}
    visit.call.images[name] = data
    try:
        image = decode(data)
    except NotAImage as broken:
        form.errors.append(f"{name}: {broken}; supported formats are jpeg, png, webp")
        return
    complaint = _size_complaint(spec, *image.size)
    if complaint:
        form.errors.append(f"{name}: {complaint}")
    form.images[name] = image


def _size_complaint(spec: File, width: int, height: int) -> str:
    if min(width, height) < spec.least_side or max(width, height) > spec.most_side:
        return f"each side must be between {spec.least_side} and {spec.most_side} pixels, got {width}x{height}"
    if not spec.least_pixels <= width * height <= spec.most_pixels:
        return f"total pixels must be between {spec.least_pixels} and {spec.most_pixels}, got {width * height}"
    if spec.most_aspect and max(width, height) > spec.most_aspect * min(width, height):
        return f"aspect ratio must be between 1:{spec.most_aspect:g} and {spec.most_aspect:g}:1"
    return ""


def _rules(operation: Operation, form: Form, texts: dict[str, str]) -> list[str]:
    """What one field alone can't tell."""
    match operation.path:
        case "generate/ultra":
            missing = "image" in form.images and "strength" not in texts
            return ["strength: is required when image is given"] if missing else []
        case "generate/sd3":
            return _sd3_rules(form, texts)
        case "edit/outpaint":
            sides = any(form.number(side) for side in ("left", "right", "up", "down"))
            return [] if sides else ["left, right, up, down: at least one must be greater than 0"]
        case "edit/replace-background-and-relight":
            return _relight_rules(form, texts)
    return []


def _sd3_rules(form: Form, texts: dict[str, str]) -> list[str]:
    if form.values.get("mode") == "image-to-image":
        wanted = {"image": "image" in form.images, "strength": "strength" in texts}
        missing = [f"{name}: is required for image-to-image" for name, given in wanted.items() if not given]
        return missing + (["aspect_ratio: only valid for text-to-image"] if "aspect_ratio" in texts else [])
    stray = [name for name in ("image", "strength") if name in form.images or name in texts]
    return [f"{name}: only valid for image-to-image" for name in stray]


def _relight_rules(form: Form, texts: dict[str, str]) -> list[str]:
    errors = []
    if not texts.get("background_prompt") and "background_reference" not in form.images:
        errors.append("background_prompt: either background_prompt or background_reference is required")
    lit = "light_source_direction" in texts or "light_reference" in form.images
    if "light_source_strength" in texts and not lit:
        errors.append("light_source_strength: needs light_reference or light_source_direction")
    return errors
