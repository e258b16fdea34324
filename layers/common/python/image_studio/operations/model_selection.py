"""Select providers and models, with reasons: a pure function of the request, the specs and the configured providers."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from image_studio.catalog.load import load_catalog
from image_studio.errors import ProviderUnavailable, UnknownChoice, UnsupportedChoice
from image_studio.imaging.types import Size
from image_studio.providers import ALIASES, PROVIDERS, SPECS, find_model
from image_studio.providers.spec import ModelSpec, ProviderSpec, is_ending, nearest_size

AUTO = "auto"
LETTERING = "lettering"  # a ranking in `ModelSpec.auto` besides those of the operations
UNLISTED = 1_000  # the rank of a model without one


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider and model that can carry out the request, and why it was selected."""

    provider: ProviderSpec
    model: ModelSpec
    reason: str
    avoided: bool = False  # `auto` tries it last: its end is near, or the account can't use it yet


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """What a request requires of the model."""

    operation: str
    quality: str
    provider: str | None = None
    model: str | None = None
    recommended: str | None = None  # a template's provider, which is preferred, not required
    lettering: bool = False  # text is to be set in the image, which few models do well
    not_ready: frozenset[str] = frozenset()  # `provider/model` of those that the account can't use yet
    today: date = field(default_factory=_today)  # what announced dates are compared with

    def avoids(self, spec: ProviderSpec, model: ModelSpec) -> bool:
        return is_ending(model, self.today) or f"{spec.name}/{model.name}" in self.not_ready


def provider_names() -> list[str]:
    return [AUTO, *PROVIDERS, *ALIASES]


def select_candidates(
    query: ModelQuery, configured: frozenset[str], is_open: Callable[[str], bool] = lambda _: False
) -> list[Candidate]:
    """The models to try, best first; a requested one only. Raises InvalidRequest or ProviderUnavailable."""
    provider, model = resolve_names(query.provider, query.model)
    if model is None and provider is None:
        return _automatic(query, configured, is_open)
    candidates = list(_requested(query, provider, model))
    usable = [candidate for candidate in candidates if candidate.provider.name in configured]
    if not usable:
        names = ", ".join(dict.fromkeys(candidate.provider.title for candidate in candidates))
        raise ProviderUnavailable(f"{names} is not configured.")
    return usable[:1]


def resolve_names(provider: str | None, model: str | None) -> tuple[str | None, str | None]:
    """Return provider and model by their own names, aliases resolved; None means any. Raises UnknownChoice."""
    if not provider or provider == AUTO:
        return None, model or None
    if provider in ALIASES:
        name, aliased = ALIASES[provider]
        return name, model or aliased
    if provider not in PROVIDERS:
        raise UnknownChoice.of("provider", provider, provider_names())
    return provider, model or None


def _requested(query: ModelQuery, provider: str | None, model: str | None) -> Iterator[Candidate]:
    if provider and model:
        spec = PROVIDERS[provider].SPEC
        found = spec.model(model)
        if found is None:
            raise UnknownChoice.of(f"model of {provider}", model, _able(query.operation, spec) or ["none"])
        yield _checked(query, spec, found)
    elif provider:
        able = ranked_models(query, [spec for spec in SPECS if spec.name == provider])
        if not able:
            raise _unsupported(PROVIDERS[provider].SPEC.title, query.operation)
        yield Candidate(*able[0], f"{provider} was requested; its model for {query.quality} quality")
    elif model:
        named = [(spec, found) for spec in SPECS if (found := spec.model(model))]
        if not named:
            raise UnknownChoice.of("model", model, _able(query.operation, *SPECS))
        for spec, found in named:
            yield _checked(query, spec, found)


def _checked(query: ModelQuery, spec: ProviderSpec, model: ModelSpec) -> Candidate:
    if model.retired:
        raise UnsupportedChoice(f"{model.name} is retired: {model.retired}")
    if not model.does(query.operation):
        raise _unsupported(f"{spec.title}'s {model.name}", query.operation)
    return Candidate(spec, model, f"{spec.name} {model.name} was requested")


def _automatic(query: ModelQuery, configured: frozenset[str], is_open: Callable[[str], bool]) -> list[Candidate]:
    recommended = list(_recommended(query))
    lettering = query.lettering or any(LETTERING in candidate.model.auto for candidate in recommended)
    query = replace(query, lettering=lettering)
    able = [candidate for candidate in recommended if not query.avoids(candidate.provider, candidate.model)]
    able += [
        Candidate(spec, found, _reason(query, found), query.avoids(spec, found))
        for spec, found in ranked_models(query, SPECS)
    ]
    if not able:
        raise UnsupportedChoice(f"No provider can do {query.operation}.")
    # One model per provider: a second model of a provider that just failed is no fallback.
    best: dict[str, Candidate] = {}
    for candidate in able:
        if candidate.provider.name in configured:
            best.setdefault(candidate.provider.name, candidate)
    if not best:
        raise ProviderUnavailable(f"No provider that can do {query.operation} is configured.")
    return _failing_last(list(best.values()), {name for name in best if is_open(name)})


def _failing_last(candidates: list[Candidate], failing: set[str]) -> list[Candidate]:
    """Move providers that failed just now behind the others, whose reasons then say so."""
    names = " and ".join(sorted(failing))
    well = [
        replace(candidate, reason=f"{candidate.reason}; {names} failed just now") if failing else candidate
        for candidate in candidates
        if candidate.provider.name not in failing
    ]
    return well + [candidate for candidate in candidates if candidate.provider.name in failing]


def _recommended(query: ModelQuery) -> Iterator[Candidate]:
    """The template's recommended model, if it can do the operation."""
    if query.recommended not in PROVIDERS and query.recommended not in ALIASES:
        return  # a template may still name a provider that was removed
    provider, model = resolve_names(query.recommended, None)
    if provider and model:
        spec, found = find_model(provider, model)
        if found.does(query.operation):
            yield Candidate(spec, found, f"the template recommends {query.recommended}")
    elif provider:
        for spec, found in ranked_models(query, [PROVIDERS[provider].SPEC])[:1]:
            yield Candidate(spec, found, f"the template recommends {provider}; its model for {query.quality} quality")


def ranked_models(query: ModelQuery, specs: Iterable[ProviderSpec]) -> list[tuple[ProviderSpec, ModelSpec]]:
    """The live models that can do it, by their rank for the quality, then by price; last those to be avoided."""

    def order(pair: tuple[ProviderSpec, ModelSpec]) -> tuple[bool, list[int], int, bool]:
        spec, model = pair
        ranks = [model.auto.get(name, {}).get(query.quality, UNLISTED) for name in _rankings(query)]
        return query.avoids(spec, model), ranks, model.price(), query.operation in model.emulates

    able = [(spec, model) for spec in specs for model in spec.live_models() if model.does(query.operation)]
    return sorted(able, key=order)


def _rankings(query: ModelQuery) -> tuple[str, ...]:
    return (LETTERING, query.operation) if query.lettering else (query.operation,)


def _reason(query: ModelQuery, model: ModelSpec) -> str:
    for name in _rankings(query):
        rank = model.auto.get(name, {}).get(query.quality)
        if rank:
            purpose = "words in an image" if name == LETTERING else f"{query.quality} quality"
            return f"number {rank} in the order for {purpose}"
    return "cheapest configured model that can"


def _unsupported(title: str, operation: str) -> UnsupportedChoice:
    able = "; ".join(f"{spec.name} ({', '.join(names)})" for spec in SPECS if (names := _able(operation, spec)))
    return UnsupportedChoice(f"{title} can't do {operation}. Models that can: {able}.")


def _able(operation: str, *specs: ProviderSpec) -> list[str]:
    return [model.name for spec in specs for model in spec.live_models() if model.does(operation)]


UPSCALE = "upscale"
FAST, CONSERVATIVE = "fast", "conservative"
ROUNDED_FACTOR = 1.001  # a factor up to this comes from rounding


def automatic_mode(candidates: Callable[[str], list[Candidate]], model: str | None, size: Size, target: Size) -> str:
    """Return the requested model's mode; else fast if it takes the image and reaches the target; else conservative."""
    named = [found for spec in SPECS if model and (found := spec.model(model))]
    for mode in load_catalog().operations[UPSCALE].operations:
        if any(found.does(f"{UPSCALE}.{mode}") for found in named):
            return mode
    try:
        first = candidates(FAST)[0]
    except (UnsupportedChoice, ProviderUnavailable):
        return CONSERVATIVE
    return FAST if fits_unscaled(first, size) and reaches(first, size, target) else CONSERVATIVE


def fits_unscaled(candidate: Candidate, size: Size) -> bool:
    return candidate.model.inputs is None or candidate.model.inputs.fits(*size)


def largest_result(model: ModelSpec, size: Size) -> float:
    """The most pixels that an upscale of an image of `size` gives, as far as the model's data says."""
    if model.max_output is not None:
        return model.max_output
    if model.sizes is None:
        return math.inf
    native = nearest_size(model, size.width * _FAR, size.height * _FAR)
    return size.width * size.height * min(native.width / size.width, native.height / size.height) ** 2


_FAR = 1_000  # times a side: of the nearest ratio, the largest size


def reaches(candidate: Candidate, size: Size, target: Size) -> bool:
    """Whether the model's result covers the target, as far as its data says."""
    factor = scale_factor(size, target)
    if candidate.model.factor is not None and factor > candidate.model.factor * ROUNDED_FACTOR:
        return False
    limit = candidate.model.max_output
    return limit is None or size.width * size.height * factor**2 <= limit * ROUNDED_FACTOR


def scale_factor(size: Size, target: Size) -> float:
    """How many times larger, per side, the image must become to cover the target."""
    return max(target.width / size.width, target.height / size.height)
