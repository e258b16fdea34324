"""Read images and fields of a request, and check them against the catalog's table of operations."""

from collections.abc import Iterable, Mapping
from typing import Any

from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import OperationInfo
from image_studio.errors import InvalidImage, InvalidRequest, UnknownChoice
from image_studio.imaging.base64 import decode_base64
from image_studio.imaging.decode import DecodeLimits, decode
from image_studio.imaging.types import DecodedImage
from image_studio.operations.context import OperationContext
from image_studio.schemas.common import Request
from image_studio.schemas.limits import Quality

#: Prefixes of references to an upload, an earlier result, or a stored input of the request.
REFERENCES = ("upload:", "job:", "input:")


def read_image(text: str, context: OperationContext) -> bytes:
    """Return the bytes of raw base64, a data URL, `upload:<id>`, `job:<id>[/<variation>]` or a stored input.

    Raises InvalidImage for anything else, NotFound for ids that are not the caller's.
    """
    if text.startswith(REFERENCES):
        return context.references.image(text)
    return decode_base64(text)


def decode_input(text: str, context: OperationContext, field: str | None = None) -> DecodedImage:
    """Decode an image. `field` is named in errors, for images other than the request's main one."""
    try:
        return decode(read_image(text, context), DecodeLimits(max_pixels=context.max_pixels))
    except InvalidImage as error:
        if field is None:
            raise
        raise InvalidImage(f"{field}: {error.detail}") from None


#: Fields of the table whose request fields have other names.
REQUEST_FIELDS: Mapping[str, tuple[str, ...]] = {
    "mask": ("mask_base64",),
    "background": ("background_image_base64",),
    "lighting": ("lighting_image_base64",),
    "control_image": ("control_image_base64",),
    "style_image": ("style_image_base64",),
    "expansion": ("expand_left", "expand_right", "expand_up", "expand_down"),
}
#: The option that every operation has.
QUALITY = "quality"


def request_fields(request: Request, names: Iterable[str]) -> frozenset[str]:
    """Those of the table's fields `names` that the request sets: not null, not empty, no side of 0."""
    return frozenset(name for name in names if any(_has(request, field) for field in REQUEST_FIELDS.get(name, (name,))))


def _has(request: Request, field: str) -> bool:
    value = getattr(request, field)
    return value not in (None, "", 0) if field.startswith("expand_") else value not in (None, "")


def require(info: OperationInfo, fields: frozenset[str]) -> None:
    """Raise InvalidRequest with the documented sentence where a required field is missing from `fields`."""
    sentence = info.missing(fields)
    if sentence:
        raise InvalidRequest(sentence)


def unsupported_fields(request: Request, info: OperationInfo, fields: frozenset[str]) -> list[str]:
    """The request's fields and options that the operation has no use for."""
    unsupported = [
        field
        for name in sorted(fields - info.honored)
        for field in REQUEST_FIELDS.get(name, (name,))
        if _has(request, field)
    ]
    options: Mapping[str, Any] = getattr(request, "options", {})
    return unsupported + [f"options.{name}" for name in options if name != QUALITY and name not in info.options]


def checked_options(info: OperationInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the operation's own options; null means "not set". Raises InvalidRequest or UnknownChoice."""
    return {
        name: info.options[name].check(name, value)
        for name, value in options.items()
        if name in info.options and value is not None
    }


def quality_of(options: Mapping[str, Any]) -> Quality:
    """Return `options.quality`, standard by default. Raises UnknownChoice."""
    quality = options.get(QUALITY)
    if quality is None:
        return Quality.STANDARD
    try:
        return Quality(quality)
    except ValueError:
        raise UnknownChoice.of("options.quality", str(quality), [*Quality]) from None


def check_style(style_preset: str | None) -> None:
    """Raise UnknownChoice for a style that isn't in the catalog."""
    known = tuple(load_catalog().styles)
    if style_preset and style_preset not in known:
        raise UnknownChoice.of("style_preset", style_preset, known)
