"""The models that edit, and which one suits: `/edit/models` and `/edit/recommend`, rendered from the specs."""

import math
from collections.abc import Mapping
from typing import Any

from image_studio.catalog.operations import table
from image_studio.errors import InvalidRequest, UnknownChoice, UnsupportedChoice
from image_studio.operations.choose_model import Wish, ranked
from image_studio.providers import SPECS
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, ProviderSpec
from image_studio.schemas.quality import Quality

#: Tier of a model by the credits of one picture, up to and including; above the last it is premium.
TIERS: Mapping[str, float] = {"budget": 3, "mid": 7, "premium": math.inf}
#: What a request for a recommendation may say; the rest of it is ignored.
FIELDS = ("operation", "image_resolution", "user_tier", "preferences")
ALTERNATIVES = 3
#: What a list of features says of a request field that a model honours.
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
    if tier and tier not in TIERS:
        raise UnknownChoice.of("tier", tier, tuple(TIERS))
    shown = [
        _entry(spec, model)
        for spec in SPECS
        for model in spec.live_models()
        if (operation in _abilities(model) if operation else _abilities(model)) and (not tier or tier_of(model) == tier)
    ]
    return {"models": shown, "total": len(shown)}


def tier_of(model: ModelSpec) -> str:
    """budget, mid or premium, by the credits of one picture."""
    return next(name for name, most in TIERS.items() if model.price() <= most)


def edit_recommend(body: Mapping[str, Any], configured: frozenset[str] | None = None) -> dict[str, Any]:
    """Answer POST /edit/recommend: a model for `operation`, `image_resolution`, `user_tier` and `preferences`.

    Only providers that are `configured` count, where that is known. Raises InvalidRequest or UnknownChoice.
    """
    operation = body.get("operation")
    if not isinstance(operation, str) or not operation:
        raise InvalidRequest("Operation is required.")
    table("edit").choose(operation)
    size = _resolution(body.get("image_resolution"))
    wish, why = _wish(operation, body)
    able = [pair for pair in ranked(wish, SPECS) if configured is None or pair[0].name in configured]
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


def _wish(operation: str, body: Mapping[str, Any]) -> tuple[Wish, list[str]]:
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
    return Wish(operation=f"edit.{operation}", quality=quality), [why]


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


def _entry(spec: ProviderSpec, model: ModelSpec) -> dict[str, Any]:
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
        "max_resolution": list(_largest(model)),
        "capabilities": able,
        "emulated": [name for name in able if f"edit.{name}" in model.emulates],
        "use_cases": labels,
        "features": _features(model),
        "supports_multi_image": model.pictures > 1,
        "supports_controlnet": model.does("control.structure") and not model.pictures,
        "languages": ["en"],
    }


def _features(model: ModelSpec) -> list[str]:
    several = [f"Multi-image ({model.pictures} images)"] if model.pictures > 1 else []
    return several + [word for field, word in _FEATURES.items() if field in model.accepts]


def _largest(model: ModelSpec) -> tuple[int, int]:
    """Width x height, pixels, of the largest picture that it makes, or takes where the size follows the input."""
    if isinstance(model.sizes, FreeSize):
        return model.sizes.high, model.sizes.high
    if model.sizes:
        largest = max(model.sizes, key=lambda size: (min(size.width, size.height), size.width * size.height))
        return largest.width, largest.height
    limits = model.inputs or InputLimits()
    side = min(limits.max_side, math.isqrt(limits.max_pixels))
    return side, side
