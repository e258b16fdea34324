"""Reading a WaveSpeed submit: each input checked by the model's data; unknown ones are ignored but noted."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from local.emulators.encoding import NotAImage, decode, from_text
from local.emulators.wavespeed_kinds import Area, Flag, ImageInput, ImageInputs, Input, Model, OneOf, Range, Words
from local.emulators.wire import Visit

Fetch = Callable[[str], bytes | None]
AREA = re.compile(r"(\d{1,5})\*(\d{1,5})")


@dataclass
class Submit:
    """The inputs of a submit, checked; images decoded."""

    values: dict[str, Any] = field(default_factory=dict)
    images: dict[str, list[Image.Image]] = field(default_factory=dict)
    error: str = ""

    def text(self, name: str) -> str:
        """A text, empty if absent."""
        return str(self.values.get(name) or "")

    def image(self, name: str) -> Image.Image | None:
        """The first image of an input."""
        found = self.images.get(name)
        return found[0] if found else None

    @property
    def area(self) -> tuple[int, int] | None:
        """The size asked for, width x height."""
        match = AREA.fullmatch(self.text("size"))
        return (int(match[1]), int(match[2])) if match else None


def read_submit(visit: Visit, model: Model, body: dict[str, Any], fetch: Fetch) -> Submit:
    """The inputs of a body; `error` is the first thing wrong with them."""
    submit = Submit()
    visit.call.unknown_fields = sorted(set(body) - set(model.inputs))
    for name in model.required:
        if body.get(name) in (None, "", []):
            submit.error = submit.error or f'property "{name}" is missing'
    for name, spec in model.inputs.items():
        value = body.get(name)
        if value is None:
            if isinstance(spec, OneOf) and spec.default:
                submit.values[name] = spec.default
            continue
        complaint = _checked(spec, value) or (
            _loaded(visit, submit, name, value, fetch) if isinstance(spec, (ImageInput, ImageInputs)) else ""
        )
        if complaint:
            submit.error = submit.error or f'property "{name}" {complaint}'
        submit.values[name] = value
    return submit


def _checked(spec: Input, value: Any) -> str:
    match spec:
        case Words(most):
            if not isinstance(value, str):
                return "must be a string"
            return f"must be at most {most} characters" if len(value) > most else ""
        case OneOf(options):
            return "" if value in options else f"must be one of {', '.join(options)}"
        case Range():
            return _out_of_range(spec, value)
        case Area():
            return _bad_area(spec, value)
        case Flag():
            return "" if isinstance(value, bool) else "must be a boolean"
        case ImageInputs(most):
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


def _loaded(visit: Visit, submit: Submit, name: str, value: Any, fetch: Fetch) -> str:
    """Load the images of an input; says what went wrong."""
    for number, source in enumerate(value if isinstance(value, list) else [value]):
        try:
            data = _bytes(source, fetch)
            submit.images.setdefault(name, []).append(decode(data))
        except NotAImage as broken:
            return f"could not be loaded: {broken}"
        label = f"{name}[{number}]" if isinstance(value, list) else name
        visit.call.images[label] = data
        visit.call.files[label] = {"bytes": len(data)}
    return ""


def _bytes(source: Any, fetch: Fetch) -> bytes:
    if not isinstance(source, str):
        raise NotAImage("not a URL")
    if not source.startswith(("http://", "https://")):
        return from_text(source)
    data = fetch(source)
    if data is None:
        raise NotAImage("the URL could not be downloaded")
    return data
