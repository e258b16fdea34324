"""The table of operations: `data/operations/{edit,upscale,control}.json`, read at first use and kept.

What an operation is called, which fields it shows, needs and takes, and how its options are bounded. Who can do it,
with which limits and for how many credits, is the providers' data. Nothing here imports pydantic.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from image_studio.catalog import DATA
from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.schemas.limits import MAX_PROMPT


@dataclass(frozen=True)
class Option:
    """One entry that `options` may have: a number within bounds, one of a list, or a text."""

    low: float = 0
    high: float = 1
    whole: bool = False
    default: float | None = None
    one_of: tuple[str, ...] = ()
    text: bool = False

    def check(self, name: str, value: Any) -> Any:
        """The value as it is used. Raises InvalidRequest, or UnknownChoice with the list."""
        if self.one_of:
            return _one_of(name, value, self.one_of)
        if self.text:
            return _text(name, value)
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self._holds(value):
            what = "a whole number" if self.whole else "a number"
            raise InvalidRequest(f"options.{name} must be {what} from {self.low:g} to {self.high:g}.")
        return value

    def _holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def _one_of(name: str, value: Any, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise UnknownChoice.of(f"options.{name}", str(value), words)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_PROMPT:
        raise InvalidRequest(f"options.{name} must be a text of at most {MAX_PROMPT:,} characters.")
    return value


@dataclass(frozen=True)
class AnyOf:
    """At least one of the fields `of` is needed, or one that `suffices` though it is not among them."""

    what: str
    of: tuple[str, ...]
    suffices: tuple[str, ...] = ()


@dataclass(frozen=True)
class OperationInfo:
    """One operation as the API lists and checks it; `phrase` is its name inside a sentence."""

    name: str
    label: str
    description: str
    phrase: str
    shows: tuple[str, ...]
    requires: tuple[tuple[str, ...], ...] = ()
    requires_any: AnyOf | None = None
    takes: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)

    @property
    def honored(self) -> frozenset[str]:
        """The fields that it uses, whether a client shows them or not."""
        return frozenset((*self.shows, *self.takes))

    def missing(self, given: frozenset[str]) -> str | None:
        """What is still needed beside the fields that are given, as the documented sentence; None if nothing is."""
        for group in self.requires:
            if not given.issuperset(group):
                return self._needs(group)
        some = self.requires_any
        if some and given.isdisjoint((*some.of, *some.suffices)):
            listed = f"{', '.join(some.of[:-1])} or {some.of[-1]}"
            return f"At least one {some.what} ({listed}) is required for {self.phrase}"
        return None

    def _needs(self, group: tuple[str, ...]) -> str:
        if len(group) == 1:
            return f"{group[0].replace('_', ' ').capitalize()} is required for {self.phrase}"
        return f"Both {' and '.join(group)} are required for {self.phrase}"


@dataclass(frozen=True)
class Table:
    """The operations of one studio by name, in their published order, and the flags that its list shows."""

    studio: str
    flags: tuple[str, ...]
    operations: Mapping[str, OperationInfo]

    def choose(self, name: str) -> OperationInfo:
        """The operation. Raises UnknownChoice with the list."""
        if name not in self.operations:
            raise UnknownChoice.of("operation", name, tuple(self.operations))
        return self.operations[name]


@lru_cache(maxsize=3)
def table(studio: str) -> Table:
    """The operations of `edit`, `upscale` or `control`."""
    document = json.loads((DATA / "operations" / f"{studio}.json").read_bytes())
    rows = {name: _row(name, row) for name, row in document["operations"].items()}
    return Table(studio, tuple(document["flags"]), rows)


def _row(name: str, row: dict[str, Any]) -> OperationInfo:
    some = row.pop("requires_any", None)
    return OperationInfo(
        name=name,
        shows=tuple(row.pop("shows")),
        requires=tuple(map(tuple, row.pop("requires", ()))),
        requires_any=AnyOf(some["what"], tuple(some["of"]), tuple(some.get("suffices", ()))) if some else None,
        takes=tuple(row.pop("takes", ())),
        options={
            key: Option(**value | {"one_of": tuple(value.get("one_of", ()))})
            for key, value in row.pop("options", {}).items()
        },
        **row,
    )
