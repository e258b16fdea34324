"""What the API lists: providers, operations, edit models and platforms, rendered from the data that execution reads."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from image_studio.catalog import Catalog, default
from image_studio.catalog.operations import Table, table
from image_studio.errors import InvalidRequest, NotFound, UnknownChoice, UnsupportedChoice
from image_studio.operations.estimate import known_operations
from image_studio.operations.model_selection import ModelQuery, ranked_models, select_candidates
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, ProviderSpec
from image_studio.schemas.limits import Quality


def platform_formats(platform: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """Answer `{"formats": [...]}` of a platform, in any case; NotFound lists the platforms."""
    found = (catalog or default()).platform(platform)
    return {"formats": [each.as_dict() for each in found.formats]}


def platform_specs(platform: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """Answer a platform's specifications; NotFound lists the platforms that have any."""
    shelf = catalog or default()
    found = shelf.platform(platform)
    specs = found.specs()
    if specs is None:
        valid = ", ".join(shelf.social_platform_names)
        raise NotFound(f"{found.name} has no specifications, as it has no fixed formats. Valid: {valid}.")
    return specs


def edit_operations() -> dict[str, Any]:
    """Answer GET /edit/operations: label, description, default provider and the eight `fields` of each."""
    return _operation_list(table("edit"))


def control_operations() -> dict[str, Any]:
    """Answer GET /control/operations: label, description, default provider and the six `fields` of each."""
    return _operation_list(table("control"))


def default_provider(operation: str) -> str:
    """The provider that `auto` asks first for an operation such as `edit.inpaint`, were all configured."""
    wish = ModelQuery(operation=operation, quality=Quality.STANDARD)
    return select_candidates(wish, frozenset(PROVIDERS))[0].provider.name


def _operation_list(rows: Table) -> dict[str, Any]:
    return {
        "operations": {
            name: {
                "label": info.label,
                "description": info.description,
                "provider": default_provider(f"{rows.studio}.{name}"),
                "fields": {flag: flag in info.shows for flag in rows.flags},
            }
            for name, info in rows.operations.items()
        }
    }


GENERATION = "create"


def list_providers(configured: frozenset[str], is_open: Callable[[str], bool]) -> dict[str, Any]:
    """All providers by the name that `provider` accepts; each of their models can be sent back as `model`."""
    return {"providers": {spec.name: _provider_entry(spec, configured, is_open) for spec in SPECS}}


def _provider_entry(spec: ProviderSpec, configured: frozenset[str], is_open: Callable[[str], bool]) -> dict[str, Any]:
    width, height = spec.max_resolution
    return {
        "name": spec.title,
        "models": [model.name for model in generators(spec)],
        "capabilities": list(spec.capabilities),
        "max_resolution": f"{width}x{height}",
        "cost_range": cost_range(spec),
        "configured": spec.name in configured,
        "healthy": not is_open(spec.name),
        "operations": abilities(spec),
    }


def abilities(spec: ProviderSpec) -> dict[str, list[str]]:
    """The live models that carry out each operation other than generating, by the names that estimates take."""
    able = {name: [model.name for model in spec.live_models() if model.does(name)] for name in known_operations()}
    return {name: models for name, models in able.items() if models}


def generators(spec: ProviderSpec) -> list[ModelSpec]:
    """The live models that make images from words."""
    return [model for model in spec.live_models() if model.does(GENERATION)]


def cost_range(spec: ProviderSpec) -> str:
    """The least and the most that one generated image costs, such as `3-8 credits`."""
    low, high = spec.listed_cost or _prices(spec)
    return f"{low}-{high} credits" if low < high else f"{low} credits"


def _prices(spec: ProviderSpec) -> tuple[int, int]:
    prices = [price for model in generators(spec) for price in _prices_of(model)]
    return min(prices, default=0), max(prices, default=0)


def _prices_of(model: ModelSpec) -> Iterator[int]:
    """Its price, and those of its sizes where they differ."""
    yield model.price()
    if isinstance(model.sizes, tuple):
        yield from map(model.price, model.sizes)


#: Tier of a model by the credits of one image, up to and including; above the last it is premium.
PRICE_TIERS: Mapping[str, float] = {"budget": 3, "mid": 7, "premium": math.inf}
#: What a request for a recommendation may say; the rest of it is ignored.
FIELDS = ("operation", "image_resolution", "user_tier", "preferences")
ALTERNATIVES = 3
#: What a list of features says of a request field that a model honors.
_FEATURES: Mapping[str, str] = {
    "mask": "Mask",
    "negative_prompt": "Negative prompt",
    "seed": "Seed",
    "guidance_scale": "Guidance scale control",
    "steps": "Steps",
    "style_preset": "Style presets",
}

Pair = tuple[ProviderSpec, ModelSpec]


def edit_models(operation: str | None = None, tier: str | None = None) -> dict[str, Any]:
    """Answer GET /edit/models: the models that edit, those of one operation or tier only where it is named.

    Raises UnknownChoice for an operation or a tier that doesn't exist.
    """
    if operation:
        table("edit").choose(operation)
    if tier and tier not in PRICE_TIERS:
        raise UnknownChoice.of("tier", tier, tuple(PRICE_TIERS))
    shown = [
        _model_entry(spec, model)
        for spec in SPECS
        for model in spec.live_models()
        if (operation in _abilities(model) if operation else _abilities(model)) and (not tier or tier_of(model) == tier)
    ]
    return {"models": shown, "total": len(shown)}


def tier_of(model: ModelSpec) -> str:
    """budget, mid or premium, by the credits of one image."""
    return next(name for name, most in PRICE_TIERS.items() if model.price() <= most)


def edit_recommend(body: Mapping[str, Any], configured: frozenset[str] | None = None) -> dict[str, Any]:
    """Answer POST /edit/recommend: a model for `operation`, `image_resolution`, `user_tier` and `preferences`.

    Only providers that are `configured` count, where that is known. Raises InvalidRequest or UnknownChoice.
    """
    operation = body.get("operation")
    if not isinstance(operation, str) or not operation:
        raise InvalidRequest("Operation is required.")
    table("edit").choose(operation)
    size = _resolution(body.get("image_resolution"))
    wish, why = _query(operation, body)
    able = [pair for pair in ranked_models(wish, SPECS) if configured is None or pair[0].name in configured]
    if "lowest cost" in why:
        able.sort(key=lambda pair: pair[1].price())
    fitting = [pair for pair in able if size is None or (pair[1].inputs or InputLimits()).fits(*size)]
    if size and fitting:
        why.append(f"takes {size[0]}x{size[1]} as it is")
    best = fitting or able
    if not best:
        raise UnsupportedChoice(f"No configured provider can do {operation}.")
    return {
        "recommended_model": best[0][1].name,
        "provider": best[0][0].name,
        "reason": f"{best[0][0].title}: {', '.join(why)}",
        "alternatives": [_alternative(pair, best[0]) for pair in best[1 : 1 + ALTERNATIVES]],
    }


def _query(operation: str, body: Mapping[str, Any]) -> tuple[ModelQuery, list[str]]:
    """What to look for, and the words that say so."""
    preferences = body.get("preferences") or {}
    if not isinstance(preferences, Mapping):
        raise InvalidRequest("preferences must be an object.")
    quality, why = Quality.STANDARD, "first choice for standard quality"
    if preferences.get("prioritize_quality"):
        quality, why = Quality.PREMIUM, "first choice for premium quality"
    elif preferences.get("prioritize_cost"):
        quality, why = Quality.DRAFT, "lowest cost"
    elif body.get("user_tier") == "free":
        quality, why = Quality.DRAFT, "first choice for drafts, which cost the least"
    return ModelQuery(operation=f"edit.{operation}", quality=quality), [why]


def _resolution(value: Any) -> tuple[int, int] | None:
    if not value:
        return None
    width, height = (value.get("width"), value.get("height")) if isinstance(value, Mapping) else (None, None)
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        raise InvalidRequest("image_resolution must be an object with width and height in pixels.")
    return width, height


def _alternative(pair: Pair, best: Pair) -> dict[str, Any]:
    spec, model = pair
    cheaper = model.usd < best[1].usd
    price = "lower cost" if cheaper else "the same cost" if model.usd == best[1].usd else "higher cost"
    return {
        "model_id": model.name,
        "name": f"{spec.title} {model.name}",
        "provider": spec.name,
        "cost": model.usd,
        "credits": model.price(),
        "reason": f"{tier_of(model).title()} tier, {price}",
    }


def _abilities(model: ModelSpec) -> list[str]:
    """The edit operations that a model carries out, in the table's order."""
    return [name for name in table("edit").operations if model.does(f"edit.{name}")]


def _model_entry(spec: ProviderSpec, model: ModelSpec) -> dict[str, Any]:
    operations = table("edit").operations
    able = _abilities(model)
    labels = [operations[name].label for name in able]
    return {
        "id": model.name,
        "name": f"{spec.title} {model.name}",
        "provider": spec.name,
        "description": f"{spec.title}'s {model.name}: {', '.join(labels)}",
        "cost": model.usd,
        "credits": model.price(),
        "tier": tier_of(model),
        "max_resolution": list(_largest_size(model)),
        "capabilities": able,
        "emulated": [name for name in able if f"edit.{name}" in model.emulates],
        "use_cases": labels,
        "features": _features(model),
        "supports_multi_image": model.max_images > 1,
        "supports_controlnet": model.does("control.structure") and not model.max_images,
        "languages": ["en"],
    }


def _features(model: ModelSpec) -> list[str]:
    several = [f"Multi-image ({model.max_images} images)"] if model.max_images > 1 else []
    return several + [word for field, word in _FEATURES.items() if field in model.accepts]


def _largest_size(model: ModelSpec) -> tuple[int, int]:
    """Width x height, pixels, of the largest image that it makes, or takes where the size follows the input."""
    if isinstance(model.sizes, FreeSize):
        return model.sizes.high, model.sizes.high
    if model.sizes:
        largest = max(model.sizes, key=lambda size: (min(size.width, size.height), size.width * size.height))
        return largest.width, largest.height
    limits = model.inputs or InputLimits()
    side = min(limits.max_side, math.isqrt(limits.max_pixels))
    return side, side
