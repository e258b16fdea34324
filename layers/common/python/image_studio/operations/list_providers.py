"""What providers can do and cost, rendered from their specs: the list that clients choose from."""

from collections.abc import Callable, Iterator
from typing import Any

from image_studio.operations.estimate_cost import known_operations
from image_studio.providers import SPECS
from image_studio.providers.spec import ModelSpec, ProviderSpec

GENERATION = "create"


def list_providers(configured: frozenset[str], is_open: Callable[[str], bool]) -> dict[str, Any]:
    """All providers by the name that `provider` accepts; each of their models can be sent back as `model`."""
    return {"providers": {spec.name: _shown(spec, configured, is_open) for spec in SPECS}}


def _shown(spec: ProviderSpec, configured: frozenset[str], is_open: Callable[[str], bool]) -> dict[str, Any]:
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
    """The live models that make pictures from words."""
    return [model for model in spec.live_models() if model.does(GENERATION)]


def cost_range(spec: ProviderSpec) -> str:
    """The least and the most that one generated picture costs, such as `3-8 credits`."""
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
