"""The files of `catalog/data`, strictly. The build and the tests read by these; run time trusts the files."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Word = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=40)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
Lines = Annotated[list[Line], Field(max_length=10)]
Side = Annotated[int, Field(ge=16, le=8192)]  # pixels
Share = Annotated[float, Field(ge=0, lt=0.5)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class IndexFile(_Row):
    """index.json: what exists, in its published order."""

    platforms: Annotated[list[Word], Field(min_length=1)]
    categories: Annotated[list[Word], Field(min_length=1)]

    @field_validator("platforms", "categories")
    @classmethod
    def distinct(cls, names: list[str]) -> list[str]:
        """Refuse a name that occurs twice."""
        return _distinct(names)


class SafeZoneRow(_Row):
    """One entry of safe_zones.json: shares that a platform may cover."""

    top: Share
    bottom: Share
    left: Share
    right: Share


class LimitsRow(_Row):
    """What a format states of its own; the rest is its platform's."""

    file_types: Annotated[list[Literal["jpeg", "png", "webp", "gif"]], Field(min_length=1)] | None = None
    max_bytes: Annotated[int, Field(ge=100_000, le=100_000_000)] | None = None
    min_width: Side | Annotated[int, Field(ge=1)] | None = None
    min_height: Annotated[int, Field(ge=1)] | None = None
    max_width: Side | None = None
    max_height: Side | None = None
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    notes: Lines = []
