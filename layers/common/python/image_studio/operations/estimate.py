"""POST /estimate-cost: the credits that an operation would reserve, by the selection of the operation itself."""

from collections.abc import Callable
from typing import Any

from image_studio.catalog.load import load_catalog
from image_studio.imaging.types import Size
from image_studio.operations import control, create, edit, upscale
from image_studio.operations.context import OperationContext
from image_studio.operations.listings import FREE, GENERATE, full_name
from image_studio.operations.model_selection import AUTO, UPSCALE, Candidate, ModelQuery, select_candidates
from image_studio.operations.single_image import SingleImageOperation
from image_studio.operations.sizes import check_area, target_size, wanted_size
from image_studio.providers import PROVIDERS
from image_studio.providers.spec import nearest_size
from image_studio.schemas.catalog import Estimate, EstimateRequest
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.limits import MAX_PIXELS, Quality, check_pixels
from image_studio.schemas.single_image import ControlRequest, EditRequest, UpscaleRequest

ALL = frozenset(PROVIDERS)


def estimate_cost(
    request: EstimateRequest, max_pixels: int = MAX_PIXELS, configured: Callable[[], frozenset[str]] = lambda: ALL
) -> Estimate:
    """Return the credits of `num_images` calls of `operation`.

    The sizes pass the same checks as in the request itself. `configured` is called for `auto` only. Raises what the
    request itself would raise for its sizes and its model.
    """
    name = full_name(request.operation or GENERATE[0], request.part)
    among = configured() if request.provider == AUTO and name not in FREE else ALL
    context = OperationContext(configured=among, max_pixels=max_pixels)
    candidate, requested = _selection(request, name, context)
    each = candidate.model.price(nearest_size(candidate.model, *requested)) if candidate else 0
    return Estimate(
        estimated_cost=each * request.num_images,
        currency="credits",
        provider=candidate.provider.name if candidate else request.provider,
        model=candidate.model.name if candidate else request.model,
        operation=request.operation or GENERATE[0],
        num_images=request.num_images,
        cost_per_image=each,
        total_cost=each * request.num_images,
        estimated=True,
    )


def _selection(request: EstimateRequest, name: str, context: OperationContext) -> tuple[Candidate | None, Size]:
    """Return the model that is tried first, None for free work, and the size (pixels) that is requested of it."""
    names = ("provider", "model", "template_id", "width", "height", "aspect_ratio", "quality")
    if name == GENERATE[1]:
        body = CreateRequest.model_construct(
            prompt=request.prompt or "", **{field: getattr(request, field) for field in names}
        )
        resolved = create.resolve(body)
        check_area(resolved.size, context.max_pixels)
        return create.candidates_for(body, resolved, context)[0], resolved.size
    size = wanted_size(request.width, request.height, None, None)
    check_pixels(*size, context.max_pixels)
    if name in FREE:  # the names are still checked
        query = ModelQuery(operation=GENERATE[1], quality="", provider=request.provider, model=request.model)
        select_candidates(query, context.configured)
        return None, size
    operation = _operation(request, name, size, context)
    if not operation.needs_model:
        return None, size
    first = operation.candidates(context)[0]
    return first, operation.fit(first).requested


def _operation(request: EstimateRequest, name: str, size: Size, context: OperationContext) -> SingleImageOperation:
    """Return the operation without its images: their sizes are all that selection and price depend on."""
    group, _, short = name.partition(".")
    model: dict[str, Any] = {"provider": request.provider, "model": request.model}
    quality = request.quality or Quality.STANDARD
    target = size
    if group == UPSCALE or request.target_width or request.target_height:
        target = target_size(size, request.target_width, request.target_height, request.preset, context.max_pixels)
    if group == UPSCALE:
        body = UpscaleRequest.model_construct(mode=short or AUTO, **model)
        short = upscale.choose_mode(body, quality, size, target, context)
    info = load_catalog().operations[group].choose(short)
    shared: dict[str, Any] = {"info": info, "quality": quality, "ignored": [], "source": b"", "image": size}
    if group == UPSCALE:
        return upscale.Upscale(request=body, options={}, original=size, target=target, **shared)
    if group == control.NAME:
        style: Any = size if "style_image" in info.honored else None
        free = control.free_size(info, request.aspect_ratio)
        return control.Control(request=ControlRequest.model_construct(**model), style=style, size=free, **shared)
    none: dict[str, Any] = dict.fromkeys(("mask", "mask_source", "background", "lighting"))
    expanded = target if "expansion" in info.honored else size
    return edit.Edit(request=EditRequest.model_construct(**model), options={}, size=expanded, **none, **shared)
