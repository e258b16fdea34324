"""Which mode an upscale takes where the request leaves it open: pure, and light enough for an estimate."""

from collections.abc import Callable

from image_studio.catalog.operations import table
from image_studio.errors import ProviderUnavailable, UnsupportedChoice
from image_studio.operations.choose_model import Choice
from image_studio.providers import SPECS

STUDIO = "upscale"
FAST, CONSERVATIVE = "fast", "conservative"
Size = tuple[int, int]  # width x height, pixels
EXACT = 1.001  # times; less than this was only rounded


def automatic_mode(choices: Callable[[str], list[Choice]], model: str | None, size: Size, target: Size) -> str:
    """The mode of a model asked for by name; else fast where the picture and the target fit it, else conservative.

    `choices` gives a mode's models, best first. Creative is never taken of its own accord.
    """
    named = _mode_of(model) if model else None
    if named:
        return named
    try:
        first = choices(FAST)[0]
    except (UnsupportedChoice, ProviderUnavailable):
        return CONSERVATIVE
    return FAST if takes_whole(first, size) and reaches(first, size, target) else CONSERVATIVE


def takes_whole(choice: Choice, size: Size) -> bool:
    """Whether the model takes the picture without scaling it down first."""
    return choice.model.inputs is None or choice.model.inputs.fits(*size)


def reaches(choice: Choice, size: Size, target: Size) -> bool:
    """Whether the model's own answer covers the target; True where nothing is known against it."""
    factor = factor_of(size, target)
    if choice.model.factor is not None and factor > choice.model.factor * EXACT:
        return False
    most = choice.model.max_output
    return most is None or size[0] * size[1] * factor**2 <= most * EXACT


def factor_of(size: Size, target: Size) -> float:
    """How many times larger, per side, the picture must become to cover the target."""
    return max(target[0] / size[0], target[1] / size[1])


def _mode_of(model: str) -> str | None:
    """The first mode that a model of this name carries out."""
    models = [found for spec in SPECS if (found := spec.model(model))]
    able = (mode for mode in table(STUDIO).operations if any(found.does(f"{STUDIO}.{mode}") for found in models))
    return next(able, None)
