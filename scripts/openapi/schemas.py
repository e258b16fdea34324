"""JSON Schemas of requests and responses, from their classes, corrected where pydantic says too little or too much."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from image_studio.catalog.load import load_catalog
from image_studio.providers import ALIASES, PROVIDERS
from image_studio.runtime.settings import TIERS
from image_studio.schemas.common import FileType, InlineCopy, InputType, Request, Response, StoredImage
from image_studio.schemas.convert import TargetType

REF = "#/components/schemas/{model}"
STORAGE_FIELDS = ("stored", "inline")  # of a response: no caller sees them, nor their schemas
#: How a response carries an image.
IMAGE_FORMS = {
    "image_base64": "The image; where it doesn't fit, a smaller copy of it, which `metadata.inline` describes.",
    "image_url": "The URL of the whole image, valid for 15 minutes.",
}
IMAGES = "image_base64"  # the end of the name of every field that takes an image


class Error(Response):
    """The body of every error of a function."""

    detail: Annotated[str, Field(description="One sentence that says what to change.")]
    code: Annotated[str, Field(description="A word for programs.", pattern="^[a-z_]+$")]


class GatewayError(Response):
    """The body of an error of API Gateway itself, before a function is reached."""

    message: str | None


def definitions(models: Iterable[type]) -> dict[str, Any]:
    """Return the schemas by class name, with all that they refer to. The models are pydantic's or dataclasses."""
    wanted = list(dict.fromkeys(models))
    found = _schemas(wanted)
    ambiguous = [name for name in found if "__" in name]
    if ambiguous:
        raise ValueError(f"two schemas have the same name: {', '.join(ambiguous)}")
    requests = [model for model in wanted if issubclass(model, Request)]
    for model in requests:
        _correct_request(model, found[model.__name__])
    parts_of_requests = _schemas(requests)
    for name, schema in found.items():
        _remove_titles(schema)
        if name not in parts_of_requests:
            _correct_response(schema)
    for name in (StoredImage.__name__, InlineCopy.__name__):
        found.pop(name, None)
    for kind in (FileType, InputType, TargetType):
        found[kind.__name__]["enum"].append("jpg")
    found["Usage"]["properties"]["tier"]["enum"] = list(TIERS)
    return dict(sorted(found.items()))


def _schemas(models: Iterable[type]) -> dict[str, Any]:
    adapters: list[tuple[type, Any, TypeAdapter[Any]]] = [(model, "validation", TypeAdapter(model)) for model in models]
    _, whole = TypeAdapter.json_schemas(adapters, ref_template=REF)
    found: dict[str, Any] = whole["$defs"]
    return found


def _correct_request(model: type[Request], schema: dict[str, Any]) -> None:
    """Put a request's own fields first, let null mean "not sent", and add the values that there are."""
    shared = {name for base in model.__bases__ if issubclass(base, Request) for name in base.model_fields}
    schema["properties"] = dict(sorted(schema["properties"].items(), key=lambda part: part[0] in shared))
    for name, field in model.model_fields.items():
        part = schema["properties"][name]
        if name.endswith(IMAGES) or name == "mask_base64":
            _typed(part)["format"] = "image"
        values = _values().get(f"{model.__name__}.{name}") or _values().get(name)
        if values:
            _typed(part)["enum"] = list(values)
        if not field.is_required() and "anyOf" not in part and name not in schema.get("required", []):
            _allow_null(part)


def _values() -> Mapping[str, Iterable[str]]:
    """Published lists, by field."""
    operations = load_catalog().operations
    return {
        "EditRequest.operation": operations["edit"].operations,
        "ControlRequest.operation": operations["control"].operations,
        "UpscaleRequest.mode": ["auto", *operations["upscale"].operations],
        "provider": ["auto", *PROVIDERS, *ALIASES],
        "style_preset": load_catalog().styles,
    }


def _typed(part: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a field's schema that isn't null."""
    some: list[dict[str, Any]] = [each for each in part.get("anyOf", [part]) if each.get("type") != "null"]
    return some[0]


def _allow_null(part: dict[str, Any]) -> None:
    kept: dict[str, Any] = {key: part.pop(key) for key in ("description", "default") if key in part}
    own = dict(part)
    part.clear()
    part.update({"anyOf": [own, {"type": "null"}], **kept})


def _remove_titles(schema: Any) -> None:
    """Remove the titles that pydantic makes of names."""
    if isinstance(schema, list):
        for each in schema:
            _remove_titles(each)
    elif isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for each in schema.values():
            _remove_titles(each)


def _correct_response(schema: dict[str, Any]) -> None:
    """Describe what a caller sees: no other fields, no object keys, an image or its URL but never null."""
    if "properties" not in schema:
        return
    schema["additionalProperties"] = False
    properties = schema["properties"]
    for name in STORAGE_FIELDS:
        properties.pop(name, None)
    for name, about in IMAGE_FORMS.items():
        if name in properties:
            properties[name] = {"type": "string", "description": about}
