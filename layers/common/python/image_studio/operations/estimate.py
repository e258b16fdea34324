"""POST /estimate-cost: the credits of an operation, computed from the providers' specs."""

from collections.abc import Callable
from dataclasses import replace

from image_studio.catalog.load import OPERATION_GROUPS, load_catalog
from image_studio.errors import UnknownChoice
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
from image_studio.schemas.catalog import Estimate, EstimateRequest
from image_studio.schemas.limits import MAX_PIXELS, Quality, check_pixels

GENERATE = ("generate", "create")
FREE = ("social", "social.optimize")
ALL = frozenset(PROVIDERS)


def estimate_cost(
    request: EstimateRequest, max_pixels: int = MAX_PIXELS, configured: Callable[[], frozenset[str]] = lambda: ALL
) -> Estimate:
    """Return the credits of `num_images` calls of `operation`, by provider and model, and by size where it matters.

    `width` x `height` (pixels) is the image that is created or worked on. An upscale's `target_width`, `target_height`
    and `preset` mean what they mean in its request. The sizes pass the same checks as in the request itself.
    `configured` is called for `auto` only: its price is that of the model that would be used.

    Raises InvalidRequest, InvalidImage, UnknownChoice or UnsupportedChoice with the valid names, and
    ProviderUnavailable if no configured provider can do it.
    """
    operation = request.operation or GENERATE[0]
    query = ModelQuery(
        operation=_full_name(operation),
        quality=request.quality or Quality.STANDARD,
        provider=request.provider,
        model=request.model,
    )
    size = _size(request, query.operation, max_pixels)
    target = size
    if query.operation.startswith(UPSCALE):
        target = target_size(size, request.target_width, request.target_height, request.preset, max_pixels)
    among = configured() if request.provider == AUTO and query.operation not in FREE else ALL
    each, candidate = _price(query, size, target, among)
    return Estimate(
        estimated_cost=each * request.num_images,
        currency="credits",
        provider=candidate.provider.name if candidate else request.provider,
        model=candidate.model.name if candidate else request.model,
        operation=operation,
        num_images=request.num_images,
        cost_per_image=each,
        total_cost=each * request.num_images,
        estimated=True,
    )


def known_operations() -> list[str]:
    return [GENERATE[0], *_group_operations(), UPSCALE, FREE[0]]


def _group_operations() -> list[str]:
    operations = load_catalog().operations
    return [f"{group}.{name}" for group in OPERATION_GROUPS for name in operations[group].operations]


def _price(query: ModelQuery, size: Size, target: Size, among: frozenset[str]) -> tuple[int, Candidate | None]:
    if query.operation in FREE:
        select_candidates(replace(query, operation=GENERATE[1]), among)
        return 0, None
    if query.operation == UPSCALE:
        mode = automatic_mode(
            lambda mode: select_candidates(replace(query, operation=f"{UPSCALE}.{mode}"), among),
            query.model,
            size,
            target,
        )
        query = replace(query, operation=f"{UPSCALE}.{mode}")
    candidate = select_candidates(query, among)[0]
    return candidate.model.price(nearest_size(candidate.model, *target)), candidate


def _full_name(operation: str) -> str:
    """Return the operation as the specs call it. `upscale` leaves the mode open. Raises UnknownChoice."""
    if operation in GENERATE:
        return GENERATE[1]
    if operation in FREE or operation == UPSCALE:
        return operation
    for name in _group_operations():
        group, _, short = name.partition(".")
        if operation == name or (operation == short and group != UPSCALE):
            return name
    raise UnknownChoice.of("operation", operation, known_operations())


def _size(request: EstimateRequest, operation: str, max_pixels: int) -> Size:
    size = wanted_size(request.width, request.height, None, None)
    if operation == GENERATE[1]:
        check_area(size, max_pixels)
    else:
        check_pixels(*size, max_pixels)
    return size
