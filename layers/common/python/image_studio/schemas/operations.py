"""The files of `catalog/data/operations`, strictly; the build and the tests read them by these."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from image_studio.schemas.catalog import Line, Row, Word


class OptionRow(Row):
    """An entry that `options` may have."""

    low: float | None = None
    high: float | None = None
    default: float | None = None
    whole: bool | None = None
    one_of: Annotated[list[Word], Field(min_length=2)] | None = None
    text: bool | None = None

    @model_validator(mode="after")
    def be_one_kind(self) -> Self:
        """Hold it to one kind: a number with both bounds, a list, or a text."""
        bounds = self.low is not None and self.high is not None
        if [bounds, self.one_of is not None, self.text is not None].count(True) != 1:
            raise ValueError("an option has either low and high, or one_of, or text")
        if bounds and self.default is not None and not (self.low or 0) <= self.default <= (self.high or 0):
            raise ValueError("an option's default lies within its bounds")
        return self


class AnyOfRow(Row):
    """Fields of which one is enough."""

    what: Line
    of: Annotated[list[Word], Field(min_length=2)]
    suffices: list[Word] = Field(default_factory=list)


class OperationRow(Row):
    """One operation."""

    label: Line
    description: Line
    phrase: Line
    shows: list[Word]
    requires: list[Annotated[list[Word], Field(min_length=1, max_length=2)]] = Field(default_factory=list)
    requires_any: AnyOfRow | None = None
    takes: list[Word] = Field(default_factory=list)
    options: dict[Word, OptionRow] = Field(default_factory=dict)


class OperationsFile(Row):
    """operations/<studio>.json."""

    flags: Annotated[list[Word], Field(min_length=1)]
    operations: Annotated[dict[Word, OperationRow], Field(min_length=1)]

    @model_validator(mode="after")
    def show_what_is_listed(self) -> Self:
        """Hold what an operation shows to the flags, what it needs to what it shows or takes."""
        for name, row in self.operations.items():
            if not set(row.shows) <= set(self.flags):
                raise ValueError(f"{name} shows a field that is no flag")
            if not {field for group in row.requires for field in group} <= {*row.shows, *row.takes}:
                raise ValueError(f"{name} requires a field that it neither shows nor takes")
        return self
