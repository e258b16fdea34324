"""Images and fields that a request carries, and which of them an operation uses: read off the operations table."""

from collections.abc import Iterable, Mapping
from typing import Any

from image_studio import catalog
from image_studio.catalog.operations import OperationInfo
from image_studio.errors import InvalidImage, InvalidRequest, UnknownChoice
from image_studio.imaging.base64 import decode_base64
from image_studio.imaging.decode import DecodeLimits, decode
from image_studio.imaging.types import DecodedImage
from image_studio.operations.context import OperationContext
from image_studio.schemas.common import Request
from image_studio.schemas.limits import Quality

#: How a reference to an upload, an earlier result, or a stored input of the request starts.
REFERENCES = ("upload:", "job:", "input:")


def read_image(text: str, studio: OperationContext) -> bytes:
    """The bytes of raw base64, a data URL, `upload:<id>`, `job:<id>[/<variation>]`, or an input that was stored apart.

    Raises InvalidImage for anything else, NotFound for what isn't the caller's.
    """
    if text.startswith(REFERENCES):
        return studio.library.image(text)
    return decode_base64(text)


def decode_input(text: str, studio: OperationContext, field: str | None = None) -> DecodedImage:
    """The decoded image. `field` names one that isn't the request's main image in the sentence of an error."""
    try:
        return decode(read_image(text, studio), pixel_limits(studio))
    except InvalidImage as error:
        if field is None:
            raise
        raise InvalidImage(f"{field}: {error.detail}") from None


def pixel_limits(studio: OperationContext) -> DecodeLimits:
    """What a caller's image may be: the gate's own limits, and the pixels of the caller's tier."""
    return DecodeLimits(max_pixels=studio.max_pixels)


#: Fields of the table that a request calls otherwise.
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
    """Those of the table's fields `names` that the request gives: not null, not empty, no side of 0."""
    return frozenset(name for name in names if any(_has(request, wire) for wire in REQUEST_FIELDS.get(name, (name,))))


def _has(request: Request, wire: str) -> bool:
    value = getattr(request, wire)
    return value not in (None, "", 0) if wire.startswith("expand_") else value not in (None, "")


def require(info: OperationInfo, given: frozenset[str]) -> None:
    """Raise InvalidRequest with the documented sentence where a field is missing."""
    sentence = info.missing(given)
    if sentence:
        raise InvalidRequest(sentence)


def unsupported_fields(request: Request, info: OperationInfo, given: frozenset[str]) -> list[str]:
    """Fields and options, as the request calls them, that the operation has no use for."""
    fields = [
        wire
        for name in sorted(given - info.honored)
        for wire in REQUEST_FIELDS.get(name, (name,))
        if _has(request, wire)
    ]
    options: Mapping[str, Any] = getattr(request, "options", {})
    return fields + [f"options.{name}" for name in options if name != QUALITY and name not in info.options]


def checked_options(info: OperationInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's own options. Raises InvalidRequest or UnknownChoice; null means "not given"."""
    return {
        name: info.options[name].check(name, value)
        for name, value in options.items()
        if name in info.options and value is not None
    }


def quality_of(options: Mapping[str, Any]) -> Quality:
    """`options.quality`, standard where it isn't given. Raises UnknownChoice."""
    asked = options.get(QUALITY)
    if asked is None:
        return Quality.STANDARD
    try:
        return Quality(asked)
    except ValueError:
        raise UnknownChoice.of("options.quality", str(asked), [*Quality]) from None


def check_style(style_preset: str | None) -> None:
    """Raise UnknownChoice for a style that isn't in the catalog."""
    known = tuple(style.id for style in catalog.styles())
    if style_preset and style_preset not in known:
        raise UnknownChoice.of("style_preset", style_preset, known)
