"""Which fields a request gives, which of them an operation honours, and which options it has: read off the table."""

from collections.abc import Iterable, Mapping
from typing import Any

from image_studio import catalog
from image_studio.catalog.operations import OperationInfo
from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.schemas.quality import Quality
from image_studio.schemas.request import Request

#: Fields of the table that a request calls otherwise.
WIRE_NAMES: Mapping[str, tuple[str, ...]] = {
    "mask": ("mask_base64",),
    "background": ("background_image_base64",),
    "lighting": ("lighting_image_base64",),
    "control_image": ("control_image_base64",),
    "style_image": ("style_image_base64",),
    "expansion": ("expand_left", "expand_right", "expand_up", "expand_down"),
}
#: The option that every operation has.
QUALITY = "quality"


def given_fields(request: Request, names: Iterable[str]) -> frozenset[str]:
    """Those of the table's fields `names` that the request gives: not null, not empty, no side of 0."""
    return frozenset(name for name in names if any(_has(request, wire) for wire in WIRE_NAMES.get(name, (name,))))


def _has(request: Request, wire: str) -> bool:
    value = getattr(request, wire)
    return value not in (None, "", 0) if wire.startswith("expand_") else value not in (None, "")


def require(info: OperationInfo, given: frozenset[str]) -> None:
    """Raise InvalidRequest with the documented sentence where a field is missing."""
    sentence = info.missing(given)
    if sentence:
        raise InvalidRequest(sentence)


def not_honoured(request: Request, info: OperationInfo, given: frozenset[str]) -> list[str]:
    """Fields and options, as the request calls them, that the operation has no use for."""
    fields = [
        wire for name in sorted(given - info.honoured) for wire in WIRE_NAMES.get(name, (name,)) if _has(request, wire)
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
