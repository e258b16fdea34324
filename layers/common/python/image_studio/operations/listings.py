"""What the API lists: platforms, operations, providers, models, from the data of execution."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from image_studio.catalog.load import OPERATION_GROUPS, choose, load_catalog
from image_studio.errors import InvalidRequest, NotFound, UnknownChoice, UnsupportedChoice
from image_studio.operations.model_selection import AUTO, UPSCALE, ModelQuery, ranked_models, select_candidates
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, ProviderSpec
from image_studio.schemas import catalog as responses
from image_studio.schemas.catalog import ControlFields, EditFields, RecommendRequest
from image_studio.schemas.common import Response
from image_studio.schemas.limits import Quality

# -- platforms


def platform_formats(platform: str) -> responses.PlatformFormatList:
    """Return a platform's formats. The name counts in any case. Raises NotFound with the platforms."""
    return responses.PlatformFormatList.model_validate(load_catalog().platform(platform))


def platform_specs(platform: str) -> responses.PlatformSpecs:
    """Return a platform's specifications. Raises NotFound with the platforms that have some."""
    found = load_catalog().platform(platform)
    if found.limits is None:
        valid = ", ".join(load_catalog().social_platforms)
        raise NotFound(f"{found.name} has no specifications, as it has no fixed formats. Valid: {valid}.")
    limits = {"file_types": found.limits.file_types, "max_file_size": f"{found.limits.max_size_mb:g}MB"}
    return responses.PlatformSpecs.model_validate(
        {"name": found.name, "formats": found.formats, "limits": found.limits, **limits}
    )


# -- operations


def edit_operations() -> responses.EditOperationList:
    return responses.EditOperationList.model_validate({"operations": _operations("edit", EditFields)})


def control_operations() -> responses.ControlOperationList:
    return responses.ControlOperationList.model_validate({"operations": _operations("control", ControlFields)})


def _operations(group: str, fields: type[Response]) -> dict[str, Any]:
    return {
        name: {
            "label": info.label,
            "description": info.description,
            "provider": default_provider(f"{group}.{name}"),
            "fields": {field: field in info.shows for field in fields.model_fields},
        }
        for name, info in load_catalog().operations[group].operations.items()
    }


def default_provider(operation: str) -> str:
    """Return the provider that `auto` tries first for an operation such as `edit.inpaint`, if all are configured."""
    query = ModelQuery(operation=operation, quality=Quality.STANDARD)
    return select_candidates(query, frozenset(PROVIDERS))[0].provider.name


def known_operations() -> list[str]:
    return ["generate", *group_operations(), UPSCALE, "social"]


GENERATE = ("generate", "create")
FREE = ("social", "social.optimize")


def _group_of(name: str) -> str:
    """Return the group of an operation that is named without it; modes of upscale have no such names."""
    own = (group for group in ("edit", "control") if name in load_catalog().operations[group].operations)
    return next(own, "")


def full_name(operation: str, part: str | None = None) -> str:
    """Return an operation by the name that models list it by. Raises UnknownChoice.

    Understood are `edit.inpaint`, `inpaint`, and `edit` with the part `inpaint`, in any case. `upscale` without a part
    leaves the mode open.
    """
    name = operation.strip().lower()
    if name in GENERATE:
        return GENERATE[1]
    if name in FREE:
        return name
    group, _, short = name.partition(".")
    if _group_of(name):
        group, short = _group_of(name), name
    if group in OPERATION_GROUPS:
        table = load_catalog().operations[group]
        parts = {table.choose(each).name for each in (short, part) if each and not _is_open(group, each)}
        if len(parts) > 1:
            raise InvalidRequest(f"'{operation[:80]}' and '{str(part)[:80]}' are different operations.")
        if parts or group == UPSCALE:
            return ".".join((group, *parts))
    raise UnknownChoice.of("operation", operation, known_operations())


def _is_open(group: str, part: str) -> bool:
    """Whether it is upscale's `auto`, which leaves the mode open."""
    return group == UPSCALE and load_catalog().operations[group].short_name(part) == AUTO


def group_operations() -> list[str]:
    operations = load_catalog().operations
    return [f"{group}.{name}" for group in OPERATION_GROUPS for name in operations[group].operations]


# -- providers


def list_providers(configured: frozenset[str], is_open: Callable[[str], bool]) -> responses.ProviderList:
    return responses.ProviderList(providers={spec.name: _provider_info(spec, configured, is_open) for spec in SPECS})


def _provider_info(
    spec: ProviderSpec, configured: frozenset[str], is_open: Callable[[str], bool]
) -> responses.ProviderInfo:
    width, height = spec.max_resolution
    able = {name: [model.name for model in spec.live_models() if model.does(name)] for name in known_operations()}
    return responses.ProviderInfo(
        name=spec.title,
        models=[model.name for model in generators(spec)],
        capabilities=list(spec.capabilities),
        max_resolution=f"{width}x{height}",
        cost_range=cost_range(spec),
        configured=spec.name in configured,
        healthy=not is_open(spec.name),
        operations={name: models for name, models in able.items() if models},
        lifecycle={model.name: dates for model in spec.models if (dates := _dates(model))},
    )


def _dates(model: ModelSpec) -> responses.ModelDates | None:
    found = model.lifecycle
    if found is None:
        return None
    return responses.ModelDates(
        deprecated=found.deprecated, retires=found.retires, available=model.retired is None, source=found.source
    )


def generators(spec: ProviderSpec) -> list[ModelSpec]:
    return [model for model in spec.live_models() if model.does("create")]


def cost_range(spec: ProviderSpec) -> str:
    """Return the least and the most that one generated image costs, such as `3-8 credits`."""
    sizes = [(one, one.sizes if isinstance(one.sizes, tuple) else ()) for one in generators(spec)]
    prices = [model.price(size) for model, own in sizes for size in (None, *own)]
    low, high = spec.listed_cost or (min(prices, default=0), max(prices, default=0))
    return f"{low}-{high} credits" if low < high else f"{low} credits"


# -- edit models

#: Price class of a model by the credits of one image, up to and including. Above the last it is premium.
PRICE_CLASSES: Mapping[str, float] = {"budget": 3, "mid": 7, "premium": math.inf}
MAX_ALTERNATIVES = 3
#: The request fields that a model honors, as a list of features names them.
_FEATURES: Mapping[str, str] = {
    "mask": "Mask",
    "negative_prompt": "Negative prompt",
    "seed": "Seed",
    "guidance_scale": "Guidance scale control",
    "steps": "Steps",
    "style_preset": "Style presets",
}

ProviderModel = tuple[ProviderSpec, ModelSpec]


def edit_models(operation: str | None = None, tier: str | None = None) -> responses.EditModelList:
    """Return the models that edit, those of one operation or price class where it is given. Raises UnknownChoice."""
    if operation:
        operation = load_catalog().operations["edit"].choose(operation).name
    if tier:
        choose("tier", tier, PRICE_CLASSES)
        tier = tier.strip().lower()
    models = [
        _edit_model(spec, model)
        for spec in SPECS
        for model in spec.live_models()
        if (operation in _edits_of(model) if operation else _edits_of(model))
        and (not tier or price_class_of(model) == tier)
    ]
    return responses.EditModelList(models=models, total=len(models))


def price_class_of(model: ModelSpec) -> str:
    return next(name for name, most in PRICE_CLASSES.items() if model.price() <= most)


def edit_recommend(
    request: RecommendRequest, configured: frozenset[str] | None = None, not_ready: frozenset[str] = frozenset()
) -> responses.Recommendation:
    """Return a model of the `configured` providers (None: all) for an edit, and alternatives. Raises InvalidRequest."""
    operation = load_catalog().operations["edit"].choose(request.operation).name
    quality, reason = _wanted_quality(request)
    query = ModelQuery(operation=f"edit.{operation}", quality=quality, not_ready=not_ready)
    able = [pair for pair in ranked_models(query, SPECS) if configured is None or pair[0].name in configured]
    able = [pair for pair in able if not query.avoids(*pair)] or able
    if request.preferences and request.preferences.prioritize_cost and quality is Quality.DRAFT:
        able.sort(key=lambda pair: pair[1].price())
    if not able:
        raise UnsupportedChoice(f"No configured provider can do {operation}.")
    size = request.image_resolution
    fitting = [pair for pair in able if size and (pair[1].inputs or InputLimits()).fits(size.width, size.height)]
    if size and fitting:
        reason += f", takes {size.width}x{size.height} as it is"
    best, *others = fitting or able
    return responses.Recommendation(
        recommended_model=best[1].name,
        provider=best[0].name,
        reason=f"{best[0].title}: {reason}",
        alternatives=[_alternative(pair, best) for pair in others[:MAX_ALTERNATIVES]],
    )


def _wanted_quality(request: RecommendRequest) -> tuple[Quality, str]:
    """Return the quality to look for, and the reason in words."""
    preferences = request.preferences
    if preferences and preferences.prioritize_quality:
        return Quality.PREMIUM, "first choice for premium quality"
    if preferences and preferences.prioritize_cost:
        return Quality.DRAFT, "lowest cost"
    if request.user_tier == "free":
        return Quality.DRAFT, "first choice for drafts, which cost the least"
    return Quality.STANDARD, "first choice for standard quality"


def _alternative(pair: ProviderModel, best: ProviderModel) -> responses.Alternative:
    spec, model = pair
    cheaper = model.usd < best[1].usd
    price = "lower cost" if cheaper else "the same cost" if model.usd == best[1].usd else "higher cost"
    return responses.Alternative(
        model_id=model.name,
        name=f"{spec.title} {model.name}",
        provider=spec.name,
        cost=model.usd,
        credits=model.price(),
        reason=f"{price_class_of(model).title()} tier, {price}",
    )


def _edits_of(model: ModelSpec) -> list[str]:
    return [name for name in load_catalog().operations["edit"].operations if model.does(f"edit.{name}")]


def _edit_model(spec: ProviderSpec, model: ModelSpec) -> responses.EditModel:
    able = _edits_of(model)
    several = [f"Multi-image ({model.max_images} images)"] if model.max_images > 1 else []
    labels = [load_catalog().operations["edit"].operations[name].label for name in able]
    return responses.EditModel(
        id=model.name,
        name=f"{spec.title} {model.name}",
        provider=spec.name,
        description=f"{spec.title}'s {model.name}: {', '.join(labels)}",
        cost=model.usd,
        credits=model.price(),
        tier=price_class_of(model),
        max_resolution=_largest_size(model),
        capabilities=able,
        emulated=[name for name in able if f"edit.{name}" in model.emulates],
        use_cases=labels,
        features=several + [word for field, word in _FEATURES.items() if field in model.accepts],
        supports_multi_image=model.max_images > 1,
        supports_controlnet=model.does("control.structure") and not model.max_images,
        languages=["en"],
    )


def _largest_size(model: ModelSpec) -> tuple[int, int]:
    """Return width and height, pixels, of the largest image that it makes, or takes if the size follows the input."""
    if isinstance(model.sizes, FreeSize):
        return model.sizes.high, model.sizes.high
    if model.sizes:
        largest = max(model.sizes, key=lambda size: (min(size.width, size.height), size.width * size.height))
        return largest.width, largest.height
    limits = model.inputs or InputLimits()
    side = min(limits.max_side, math.isqrt(limits.max_pixels))
    return side, side
