"""JSON Schemas of requests and answers, from the pydantic classes, mended where those say too little or too much."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from image_studio import catalog
from image_studio.catalog.operations import table
from image_studio.providers import ALIASES, PROVIDERS
from image_studio.schemas.common import Request
from scripts.openapi.words import FIELDS

REF = "#/components/schemas/{model}"
IMAGES = "image_base64"  # the end of the name of every field that takes an image


def definitions(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The models' schemas by class name, with all that they refer to."""
    wanted = list(dict.fromkeys(models))
    found = _schemas(wanted)
    ambiguous = [name for name in found if "__" in name]
    if ambiguous:
        raise ValueError(f"two schemas have the same name: {', '.join(ambiguous)}")
    for model in wanted:
        _mend(model, found[model.__name__])
    asked = _schemas([model for model in wanted if issubclass(model, Request)])
    for name, schema in found.items():
        _plain(schema)
        if name not in asked:
            _public(schema)
    found["FileType"]["enum"].append("jpg")
    return dict(sorted(found.items()))


def _schemas(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    _, whole = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    found: dict[str, Any] = whole["$defs"]
    return found


def _mend(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Fields of a request: its own first, described, null where it means "not given", and the values that there are."""
    if not issubclass(model, Request):
        return
    shared = {name for base in model.__bases__ if issubclass(base, Request) for name in base.model_fields}
    schema["properties"] = dict(sorted(schema["properties"].items(), key=lambda part: part[0] in shared))
    for name, field in model.model_fields.items():
        part = schema["properties"][name]
        part["description"] = FIELDS[name]
        if name.endswith(IMAGES) or name == "mask_base64":
            _typed(part)["format"] = "image"
        choice = _choices().get(f"{model.__name__}.{name}") or _choices().get(name)
        if choice:
            _typed(part)["enum"] = list(choice)
        if not field.is_required() and "anyOf" not in part and name not in schema.get("required", []):
            _nullable(part)


def _choices() -> Mapping[str, Iterable[str]]:
    """Published lists, by field."""
    return {
        "EditRequest.operation": table("edit").operations,
        "ControlRequest.operation": table("control").operations,
        "UpscaleRequest.mode": ["auto", *table("upscale").operations],
        "provider": ["auto", *PROVIDERS, *ALIASES],
        "style_preset": [style.id for style in catalog.styles()],
    }


def _typed(part: dict[str, Any]) -> dict[str, Any]:
    """The part of a field's schema that isn't null."""
    some: list[dict[str, Any]] = [each for each in part.get("anyOf", [part]) if each.get("type") != "null"]
    return some[0]


def _nullable(part: dict[str, Any]) -> None:
    kept: dict[str, Any] = {key: part.pop(key) for key in ("description", "default") if key in part}
    own = dict(part)
    part.clear()
    part.update({"anyOf": [own, {"type": "null"}], **kept})


def _plain(schema: Any) -> None:
    """Without the titles that pydantic makes of names."""
    if isinstance(schema, list):
        for each in schema:
            _plain(each)
    elif isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for each in schema.values():
            _plain(each)


def _public(schema: dict[str, Any]) -> None:
    """As a caller sees it: nothing undocumented, no object keys, an image inside or as a URL but never null."""
    if "properties" not in schema:
        return
    schema["additionalProperties"] = False
    properties = schema["properties"]
    properties.pop("stored", None)
    for name, about in (("image_base64", "The image."), ("image_url", "Where the image is, for 15 minutes.")):
        if name in properties:
            properties[name] = {"type": "string", "description": about}
