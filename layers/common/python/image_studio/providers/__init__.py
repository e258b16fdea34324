"""The matrix: who can do what. Removing a provider is its file, its row here and its test file."""

from collections.abc import Mapping

from image_studio.errors import UnknownChoice
from image_studio.providers import bedrock, gemini, huggingface, stability, wavespeed
from image_studio.providers.adapter import Adapter
from image_studio.providers.spec import ModelSpec, ProviderSpec

_ROWS: tuple[Adapter, ...] = (stability, wavespeed, huggingface, gemini, bedrock)

PROVIDERS: Mapping[str, Adapter] = {adapter.SPEC.name: adapter for adapter in _ROWS}

SPECS: tuple[ProviderSpec, ...] = tuple(adapter.SPEC for adapter in PROVIDERS.values())

#: Words that templates and clients send as `provider`, and the provider and model they mean.
ALIASES: Mapping[str, tuple[str, str]] = {
    model.alias: (spec.name, model.name) for spec in SPECS for model in spec.models if model.alias
}


def find_model(provider: str, model: str) -> tuple[ProviderSpec, ModelSpec]:
    """The provider and its model. Raises UnknownChoice, naming those that exist."""
    if provider not in PROVIDERS:
        raise UnknownChoice.of("provider", provider, tuple(PROVIDERS))
    spec = PROVIDERS[provider].SPEC
    found = spec.model(model)
    if found is None:
        raise UnknownChoice.of(f"model of {provider}", model, tuple(m.name for m in spec.live_models()))
    return spec, found
