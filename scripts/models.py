"""`make models`: list the models with announced dates; fail from two weeks before the end of one that is in use."""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from image_studio.providers import SPECS
from image_studio.providers.spec import ENDING_DAYS, ModelSpec, ProviderSpec, TextModel, is_ending

Dated = tuple[ProviderSpec, str, ModelSpec | TextModel, str | None]  # with its name, and why it is retired


def main(today: date | None = None, specs: Iterable[ProviderSpec] = SPECS) -> int:
    """Print the list and return the exit code."""
    today = today or datetime.now(UTC).date()
    dated = sorted(_dated(specs), key=lambda row: (_end(row[2]) or date.max, row[1]))
    ending = [f"{spec.name} {name}" for spec, name, model, retired in dated if not retired and is_ending(model, today)]
    for spec, name, model, retired in dated:
        assert model.lifecycle  # noqa: S101  only such rows are listed
        when = f"ends {_end(model) or '?'!s:10}"
        state = "retired" if retired else "ENDS SOON" if f"{spec.name} {name}" in ending else "in use"
        print(f"{when}  {state:9}  {spec.name} {name}  ({model.lifecycle.source})")
    if ending:
        print(f"Replace within {ENDING_DAYS} days or less: {', '.join(ending)}.", file=sys.stderr)
    return 1 if ending else 0


def _dated(specs: Iterable[ProviderSpec]) -> Iterator[Dated]:
    for spec in specs:
        yield from ((spec, model.name, model, model.retired) for model in spec.models if model.lifecycle)
        if spec.text and spec.text.lifecycle:
            yield spec, spec.text.id, spec.text, None


def _end(model: ModelSpec | TextModel) -> date | None:
    return model.lifecycle.retires if model.lifecycle else None


if __name__ == "__main__":
    sys.exit(main())
