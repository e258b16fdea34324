"""The files of `catalog/data`, strictly. The build and the tests read them by these; run time trusts them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from image_studio.schemas.limits import MAX_PIXELS, MAX_SIDE, MIN_SIDE, Quality

Word = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=40)]
Line = Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=200)]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]  # pixels
Bound = Annotated[int, Field(ge=1)]  # pixels
Bytes = Annotated[int, Field(ge=100_000, le=100_000_000)]
Share = Annotated[float, Field(ge=0, lt=0.5)]
FileTypes = Annotated[list[Literal["jpeg", "png", "webp", "gif"]], Field(min_length=1)]


class Row(BaseModel):
    """An object of a data file: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def refuse_null(cls, row: object) -> object:
        """Refuse null: a field that isn't stated is left out."""
        if isinstance(row, dict) and None in row.values():
            raise ValueError("leave a field out instead of stating null")
        return row


class IndexFile(Row):
    """index.json: what exists, in its published order."""

    platforms: Annotated[list[Word], Field(min_length=1)]
    categories: Annotated[list[Word], Field(min_length=1)]


class SafeZoneRow(Row):
    """Shares of an image that a platform may cover."""

    top: Share
    bottom: Share
    left: Share
    right: Share


class SafeZonesFile(RootModel[dict[Word, SafeZoneRow]]):
    """safe_zones.json: zones by name, since several formats share one."""


class StylesFile(RootModel[dict[Word, Line]]):
    """styles.json: the words that each preset adds to a prompt."""


class UpscaleFile(RootModel[dict[Word, Side]]):
    """upscale.json: the long side of each preset, pixels."""


class LimitsRow(Row):
    """Limits that a format states of its own; the rest are its platform's."""

    file_types: FileTypes | None = None
    max_bytes: Bytes | None = None
    min_width: Bound | None = None
    min_height: Bound | None = None
    max_width: Bound | None = None
    max_height: Bound | None = None
    max_pixels: Bound | None = None
    notes: Annotated[list[Line], Field(max_length=5)] | None = None


class PlatformLimitsRow(LimitsRow):
    """A platform's limits: file types and bytes are known."""

    file_types: FileTypes
    max_bytes: Bytes


class FormatRow(Row):
    """A named size of a platform."""

    name: Line
    aliases: list[Line] = []
    width: Side
    height: Side
    label: Line
    safe_zone: Word
    limits: LimitsRow | None = None


class PlatformFile(Row):
    """platforms/<id>.json; without formats it needs no limits."""

    name: Line
    limits: PlatformLimitsRow | None = None
    formats: list[FormatRow]

    @model_validator(mode="after")
    def limit_formats(self) -> Self:
        """Hold formats and limits together, and each name or alias to one format."""
        if bool(self.formats) != bool(self.limits):
            raise ValueError("formats and limits come together")
        names = [name.casefold() for row in self.formats for name in (row.name, *row.aliases)]
        if len(set(names)) != len(names):
            raise ValueError("a format's name or alias occurs twice")
        return self


class TemplateRow(Row):
    """A preset for create: the size of a platform's format, or its own width, height and label."""

    id: Word
    name: Line
    category: Word
    format: Line | None = None
    width: Side | None = None
    height: Side | None = None
    label: Line | None = None
    description: Line
    recommended_provider: Word
    style_preset: Word
    quality: Quality
    use_cases: Annotated[list[Line], Field(min_length=1, max_length=8)]

    @model_validator(mode="after")
    def take_one_size(self) -> Self:
        """Hold it to one source of its size, and to what one answer may have."""
        own = [self.width, self.height, self.label]
        if any(own) if self.format else not all(own):
            raise ValueError("a template has either a format, or width, height and label")
        if self.width and self.height and self.width * self.height > MAX_PIXELS:
            raise ValueError(f"a template has at most {MAX_PIXELS:,} pixels")
        return self


class TemplatesFile(RootModel[list[TemplateRow]]):
    """templates/<platform>.json."""
