"""Select provider and model: a pure function of the request, the specs and who is configured. It says why."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from image_studio.catalog.operations import table
from image_studio.errors import ProviderUnavailable, UnknownChoice, UnsupportedChoice
from image_studio.providers import ALIASES, PROVIDERS, SPECS, find_model
from image_studio.providers.spec import ModelSpec, ProviderSpec

AUTO = "auto"
LETTERING = "lettering"  # a list of `ModelSpec.auto` beside those of the operations
UNLISTED = 1_000  # the rank of a model that no list names


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider's model, and why it is here."""

    provider: ProviderSpec
    model: ModelSpec
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """What a request asks of the choice. `hint` is a template's recommended provider, which only advises.

    `lettering`: there are words to be set in the image, which few models do well.
    """

    operation: str
    quality: str
    provider: str | None = None
    model: str | None = None
    hint: str | None = None
    lettering: bool = False


def provider_names() -> list[str]:
    """Everything that `provider` accepts."""
    return [AUTO, *PROVIDERS, *ALIASES]


def select_candidates(
    wish: ModelQuery, configured: frozenset[str], is_open: Callable[[str], bool] = lambda _: False
) -> list[Candidate]:
    """The models to try, best first. A provider or model that was asked for by name is the only one.

    Raises UnknownChoice, UnsupportedChoice (who can is listed) and ProviderUnavailable (nobody is configured).
    """
    provider, model = resolve_names(wish.provider, wish.model)
    if model is None and provider is None:
        return _automatic(wish, configured, is_open)
    choices = list(_asked_for(wish, provider, model))
    usable = [choice for choice in choices if choice.provider.name in configured]
    if not usable:
        names = ", ".join(dict.fromkeys(choice.provider.title for choice in choices))
        raise ProviderUnavailable(f"{names} is not configured: no key is set.")
    return usable[:1]


def resolve_names(provider: str | None, model: str | None) -> tuple[str | None, str | None]:
    """Provider and model by their own names, aliases resolved; None means free to choose. Raises UnknownChoice."""
    if not provider or provider == AUTO:
        return None, model or None
    if provider in ALIASES:
        name, aliased = ALIASES[provider]
        return name, model or aliased
    if provider not in PROVIDERS:
        raise UnknownChoice.of("provider", provider, provider_names())
    return provider, model or None


def _asked_for(wish: ModelQuery, provider: str | None, model: str | None) -> Iterator[Candidate]:
    if provider and model:
        spec = PROVIDERS[provider].SPEC
        found = spec.model(model)
        if found is None:
            raise UnknownChoice.of(f"model of {provider}", model, _able(wish.operation, spec) or ["none"])
        yield _checked(wish, spec, found)
    elif provider:
        able = ranked_models(wish, [spec for spec in SPECS if spec.name == provider])
        if not able:
            raise UnsupportedChoice(
                f"{PROVIDERS[provider].SPEC.title} can't do {wish.operation}. Who can: {_who_can(wish.operation)}."
            )
        yield Candidate(*able[0], f"{provider} was asked for; its model for {wish.quality} quality")
    elif model:
        named = [(spec, found) for spec in SPECS if (found := spec.model(model))]
        if not named:
            raise UnknownChoice.of("model", model, _able(wish.operation, *SPECS))
        for spec, found in named:
            yield _checked(wish, spec, found)


def _checked(wish: ModelQuery, spec: ProviderSpec, model: ModelSpec) -> Candidate:
    if model.retired:
        raise UnsupportedChoice(f"{model.name} is retired: {model.retired}")
    if not model.does(wish.operation):
        raise UnsupportedChoice(
            f"{spec.title}'s {model.name} can't do {wish.operation}. Who can: {_who_can(wish.operation)}."
        )
    return Candidate(spec, model, f"{spec.name} {model.name} was asked for")


def _automatic(wish: ModelQuery, configured: frozenset[str], is_open: Callable[[str], bool]) -> list[Candidate]:
    hinted = list(_hinted(wish))
    wish = replace(wish, lettering=wish.lettering or any(LETTERING in choice.model.auto for choice in hinted))
    able = [*hinted, *(Candidate(spec, model, _why(wish, model)) for spec, model in ranked_models(wish, SPECS))]
    if not able:
        raise UnsupportedChoice(f"Nobody can do {wish.operation}.")
    # One model per provider: a second model of a provider that just failed is no fallback.
    best: dict[str, Candidate] = {}
    for choice in able:
        if choice.provider.name in configured:
            best.setdefault(choice.provider.name, choice)
    if not best:
        raise ProviderUnavailable(f"No provider that can do {wish.operation} is configured: no key is set.")
    return _failing_last(list(best.values()), {name for name in best if is_open(name)})


def _failing_last(choices: list[Candidate], failing: set[str]) -> list[Candidate]:
    """The choices in their order, but providers that failed just now behind the others, whose reasons say so."""
    names = " and ".join(sorted(failing))
    well = [
        replace(choice, reason=f"{choice.reason}; {names} failed just now") if failing else choice
        for choice in choices
        if choice.provider.name not in failing
    ]
    return well + [choice for choice in choices if choice.provider.name in failing]


def _hinted(wish: ModelQuery) -> Iterator[Candidate]:
    """The template's recommendation, if it can do the operation."""
    if wish.hint not in PROVIDERS and wish.hint not in ALIASES:
        return  # it only advises: a template may outlive the provider that it recommends
    provider, model = resolve_names(wish.hint, None)
    if provider and model:
        spec, found = find_model(provider, model)
        if found.does(wish.operation):
            yield Candidate(spec, found, f"the template recommends {wish.hint}")
    elif provider:
        for spec, found in ranked_models(wish, [PROVIDERS[provider].SPEC])[:1]:
            yield Candidate(spec, found, f"the template recommends {provider}; its model for {wish.quality} quality")


def ranked_models(wish: ModelQuery, specs: Iterable[ProviderSpec]) -> list[tuple[ProviderSpec, ModelSpec]]:
    """Live models that can, by the ordered lists of the quality, then the cheapest first."""

    def order(pair: tuple[ProviderSpec, ModelSpec]) -> tuple[list[int], int, bool]:
        _, model = pair
        ranks = [model.auto.get(name, {}).get(wish.quality, UNLISTED) for name in _lists(wish)]
        return ranks, model.price(), wish.operation in model.emulates

    able = [(spec, model) for spec in specs for model in spec.live_models() if model.does(wish.operation)]
    return sorted(able, key=order)


def _lists(wish: ModelQuery) -> tuple[str, ...]:
    """The names of the ordered lists that count, the first one most."""
    return (LETTERING, wish.operation) if wish.lettering else (wish.operation,)


def _why(wish: ModelQuery, model: ModelSpec) -> str:
    for name in _lists(wish):
        rank = model.auto.get(name, {}).get(wish.quality)
        if rank:
            purpose = "words in an image" if name == LETTERING else f"{wish.quality} quality"
            return f"number {rank} in the order for {purpose}"
    return "cheapest configured model that can"


def _who_can(operation: str) -> str:
    return "; ".join(f"{spec.name} ({', '.join(able)})" for spec in SPECS if (able := _able(operation, spec)))


def _able(operation: str, *specs: ProviderSpec) -> list[str]:
    """The live models that can, by name."""
    return [model.name for spec in specs for model in spec.live_models() if model.does(operation)]


UPSCALE = "upscale"
FAST, CONSERVATIVE = "fast", "conservative"
Size = tuple[int, int]  # width x height, pixels
EXACT = 1.001  # times; less than this was only rounded


def automatic_mode(choices: Callable[[str], list[Candidate]], model: str | None, size: Size, target: Size) -> str:
    """The mode of a model asked for by name; else fast where the image and the target fit it, else conservative.

    `choices` gives a mode's models, best first. Creative is never taken of its own accord.
    """
    named = _mode_of(model) if model else None
    if named:
        return named
    try:
        first = choices(FAST)[0]
    except (UnsupportedChoice, ProviderUnavailable):
        return CONSERVATIVE
    return FAST if fits_unscaled(first, size) and reaches(first, size, target) else CONSERVATIVE


def fits_unscaled(choice: Candidate, size: Size) -> bool:
    """Whether the model takes the image without scaling it down first."""
    return choice.model.inputs is None or choice.model.inputs.fits(*size)


def reaches(choice: Candidate, size: Size, target: Size) -> bool:
    """Whether the model's own answer covers the target; True where nothing is known against it."""
    factor = scale_factor(size, target)
    if choice.model.factor is not None and factor > choice.model.factor * EXACT:
        return False
    most = choice.model.max_output
    return most is None or size[0] * size[1] * factor**2 <= most * EXACT


def scale_factor(size: Size, target: Size) -> float:
    """How many times larger, per side, the image must become to cover the target."""
    return max(target[0] / size[0], target[1] / size[1])


def _mode_of(model: str) -> str | None:
    """The first mode that a model of this name carries out."""
    models = [found for spec in SPECS if (found := spec.model(model))]
    able = (mode for mode in table(UPSCALE).operations if any(found.does(f"{UPSCALE}.{mode}") for found in models))
    return next(able, None)
