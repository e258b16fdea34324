"""POST /estimate-cost: what an operation would cost, a function of the specs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from image_studio.catalog.operations import table
from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.imaging.types import Size
from image_studio.operations.model_selection import (
    AUTO,
    UPSCALE,
    Candidate,
    ModelQuery,
    automatic_mode,
    select_candidates,
)
from image_studio.operations.sizes import check_area, target_size, wanted_size
from image_studio.providers import PROVIDERS
from image_studio.providers.spec import nearest_size
from image_studio.schemas.limits import MAX_PIXELS, MAX_SIDE, MAX_VARIATIONS, MIN_SIDE, Quality, check_pixels

#: What a request may say; the rest of it is ignored.
FIELDS = (
    *("provider", "model", "operation", "num_images", "width", "height", "quality"),
    *("target_width", "target_height", "preset"),
)
CURRENCY = "credits"
GENERATE = ("generate", "create")
GROUPS = ("edit", UPSCALE, "control")
FREE = ("social", "social.optimize")


def everyone() -> frozenset[str]:
    """Every provider that there is."""
    return frozenset(PROVIDERS)


def estimate_cost(
    body: Mapping[str, Any], most: int = MAX_PIXELS, configured: Callable[[], frozenset[str]] = everyone
) -> dict[str, Any]:
    """The credits of `num_images` calls of `operation`, by provider and model, and by size where it matters.

    `width` x `height` (pixels) is the image that is made (generate) or worked on; an upscale's `target_width`,
    `target_height` and `preset` mean what they mean in its request. `most` is what the caller may send or ask for
    (pixels): more is refused by the same checks as the request itself. `configured` is asked for `auto` alone, whose
    price is that of who would be taken. Raises InvalidRequest, InvalidImage, UnknownChoice or UnsupportedChoice with
    the names that are valid, and ProviderUnavailable where `auto` finds nobody.
    """
    provider = _text(body, "provider")
    if not provider:
        raise InvalidRequest("Provider is required.")
    asked = _text(body, "operation") or GENERATE[0]
    number = _whole(body, "num_images", 1, MAX_VARIATIONS) or 1
    wish = ModelQuery(
        operation=_operation(asked), quality=_quality(body), provider=provider, model=_text(body, "model")
    )
    size = _size(body, wish.operation, most)
    target = _target(body, size, most) if wish.operation.startswith(UPSCALE) else size
    among = configured() if provider == AUTO and wish.operation not in FREE else everyone()
    each, choice = _price(wish, size, target, among)
    return {
        "estimated_cost": each * number,
        "currency": CURRENCY,
        "provider": choice.provider.name if choice else provider,
        "model": choice.model.name if choice else wish.model,
        "operation": asked,
        "num_images": number,
        "cost_per_image": each,
        "total_cost": each * number,
        "estimated": True,
    }


def known_operations() -> list[str]:
    """Every operation that has a price."""
    return [
        GENERATE[0],
        *(f"{studio}.{name}" for studio in GROUPS for name in table(studio).operations),
        UPSCALE,
        FREE[0],
    ]


def _price(wish: ModelQuery, size: Size, target: Size, among: frozenset[str]) -> tuple[int, Candidate | None]:
    """Credits of one call, and who would do it; what costs nothing is nobody's."""
    if wish.operation in FREE:
        select_candidates(replace(wish, operation=GENERATE[1]), among)
        return 0, None
    if wish.operation == UPSCALE:
        mode = automatic_mode(
            lambda mode: select_candidates(replace(wish, operation=f"{UPSCALE}.{mode}"), among),
            wish.model,
            size,
            target,
        )
        wish = replace(wish, operation=f"{UPSCALE}.{mode}")
    choice = select_candidates(wish, among)[0]
    return choice.model.price(nearest_size(choice.model, *target)), choice


def _operation(asked: str) -> str:
    """The operation as the specs call it; `upscale` leaves the mode open. Raises UnknownChoice."""
    if asked in GENERATE:
        return GENERATE[1]
    if asked in FREE or asked == UPSCALE:
        return asked
    for studio in GROUPS:
        for name in table(studio).operations:
            if asked == f"{studio}.{name}" or (asked == name and studio != UPSCALE):
                return f"{studio}.{name}"
    raise UnknownChoice.of("operation", asked, known_operations())


def _target(body: Mapping[str, Any], size: Size, most: int) -> Size:
    """The size that an upscale of an image ends at."""
    width, height = (_whole(body, name, MIN_SIDE, MAX_SIDE) for name in ("target_width", "target_height"))
    return target_size(size, width, height, _text(body, "preset"), most)


def _size(body: Mapping[str, Any], operation: str, most: int) -> Size:
    """The size of what is made, or of what is worked on."""
    width, height = (_whole(body, name, MIN_SIDE, MAX_SIDE) for name in ("width", "height"))
    size = wanted_size(width, height, None, None)
    if operation == GENERATE[1]:
        check_area(size, most)
    else:
        check_pixels(*size, most)
    return size


def _quality(body: Mapping[str, Any]) -> str:
    quality = _text(body, "quality") or Quality.STANDARD
    if quality not in [*Quality]:
        raise UnknownChoice.of("quality", quality, [*Quality])
    return quality


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a text.")
    return value.strip() or None


def _whole(body: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a whole number from {low} to {high}.")
    return value
