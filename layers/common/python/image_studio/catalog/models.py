"""The models of the catalog's data.

They are plain dataclasses, so that a cold read of the catalog doesn't import pydantic. The build and the tests let
pydantic check every value against these annotations (`scripts/check_catalog.py`), and OpenAPI is rendered from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Annotated, Any, Final, Literal

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.schemas.limits import MAX_PROMPT, MAX_SIDE, MIN_SIDE, Quality, SourceType

MEGABYTE: Final = 1_000_000  # bytes; platforms rarely say which megabyte they mean, so the smaller one
RESULT_MAX_BYTES: Final = 5 * MEGABYTE  # the API reference promises 5.0 MB; lower where a platform takes less
ANIMATED: Final = "gif"  # platforms accept it, but we never write a still image as it

# Shapes whose everyday name isn't their reduced fraction: link previews, and 64:27 screens sold as 21:9.
NAMED_RATIOS: Final = {"1.91:1": 1.91, "21:9": 64 / 27}
RATIO_TOLERANCE: Final = 0.005  # 1200x630, 1200x628, 1200x627 and 1080x566 are all called 1.91:1
MAX_RATIO_NUMBER: Final = 16  # 16:9 is read as a ratio, 205:78 isn't


class Constraint:
    """Constraints of an annotated type, such as `ge` or `pattern`, for pydantic to read where it is loaded."""

    def __init__(self, **constraints: Any) -> None:
        self.constraints = constraints

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return {**handler(source), **self.constraints}


Word = Annotated[str, Constraint(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=40)]
Line = Annotated[str, Constraint(pattern=r"^\S(.*\S)?$", max_length=200)]
Side = Annotated[int, Constraint(ge=MIN_SIDE, le=MAX_SIDE)]  # pixels
Share = Annotated[float, Constraint(ge=0, lt=0.5)]
FileTypeWord = Literal["jpeg", "png", "webp", "gif"]


def ratio_of(width: int, height: int) -> str:
    """Name the shape of width x height pixels: `4:5`, `1.91:1`, or decimals such as `2.63:1`."""
    if width < 1 or height < 1:
        raise ValueError(f"{width}x{height} has no ratio")
    for name, value in NAMED_RATIOS.items():
        if abs(width / height - value) <= value * RATIO_TOLERANCE:
            return name
    divisor = gcd(width, height)
    if max(width, height) <= MAX_RATIO_NUMBER * divisor:
        return f"{width // divisor}:{height // divisor}"
    times = f"{max(width, height) / min(width, height):.2f}".rstrip("0").rstrip(".")
    return f"{times}:1" if width > height else f"1:{times}"


def is_called(name: str, *names: str) -> bool:
    """Whether `name` is one of `names`, in any case."""
    return name.strip().casefold() in (each.casefold() for each in names)


@dataclass(frozen=True)
class AspectRatio:
    """A template's size in pixels, and the name of its shape."""

    ratio: str
    width: Side
    height: Side
    label: Line


@dataclass(frozen=True)
class Template:
    """A named preset for create, as the API lists it."""

    id: Word
    name: Line
    category: Word
    platform: Word
    aspect_ratio: AspectRatio
    description: Line
    recommended_provider: Word
    style_preset: Word
    quality: Quality
    use_cases: Annotated[tuple[Line, ...], Constraint(min_length=1, max_length=8)]


@dataclass(frozen=True)
class SafeZone:
    """Shares of height (top, bottom) and width (left, right) that a platform may cover."""

    top: Share
    bottom: Share
    left: Share
    right: Share


@dataclass(frozen=True)
class PlatformLimits:
    """What a platform itself accepts, in bytes and pixels. None means that it publishes no limit."""

    file_types: Annotated[tuple[FileTypeWord, ...], Constraint(min_length=1)]
    max_bytes: Annotated[int, Constraint(ge=100_000, le=100_000_000)]
    min_width: int | None = None
    min_height: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    max_pixels: int | None = None
    notes: Annotated[tuple[Line, ...], Constraint(max_length=5)] = ()

    @property
    def max_size_mb(self) -> float:
        """The largest file, in megabytes of 10^6 bytes."""
        return self.max_bytes / MEGABYTE

    def accepts(self, width: int, height: int) -> bool:
        """Whether width x height pixels lie within the sides and the area."""
        sides = (self.min_width or 1) <= width <= (self.max_width or width)
        sides = sides and (self.min_height or 1) <= height <= (self.max_height or height)
        return sides and width * height <= (self.max_pixels or width * height)


@dataclass(frozen=True)
class PlatformFormat:
    """A named size of a platform, width x height pixels."""

    name: Line
    width: Side
    height: Side
    label: Line
    safe_zone: SafeZone
    limits: PlatformLimits
    aliases: tuple[Line, ...] = ()

    @property
    def ratio(self) -> str:
        return ratio_of(self.width, self.height)

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def file_types(self) -> tuple[str, ...]:
        """What a still image may be written as here, of `jpeg`, `png` and `webp`."""
        return tuple(each for each in self.limits.file_types if each != ANIMATED)

    @property
    def file_type(self) -> str:
        """The file type that the API lists: PNG where the platform accepts it."""
        return "png" if "png" in self.file_types else self.file_types[0]

    @property
    def max_bytes(self) -> int:
        """The bytes that our result stays under: what the API promises, or the platform's limit if lower."""
        return min(RESULT_MAX_BYTES, self.limits.max_bytes)

    @property
    def max_size_mb(self) -> float:
        """`max_bytes` in megabytes of 10^6 bytes."""
        return self.max_bytes / MEGABYTE


@dataclass(frozen=True)
class Platform:
    """A place that images are made for. Blog, email and website have no formats and no limits."""

    id: Word
    name: Line
    formats: tuple[PlatformFormat, ...]
    limits: PlatformLimits | None = None
    aliases: tuple[Line, ...] = ()

    def format(self, name: str) -> PlatformFormat:
        """Return the format with that name or alias, in any case. Raises UnknownChoice with the names."""
        for each in self.formats:
            if is_called(name, each.name, *each.aliases):
                return each
        raise UnknownChoice.of(f"{self.name} format", name, [each.name for each in self.formats])


@dataclass(frozen=True)
class Option:
    """An entry that `options` may have: a number from `low` to `high`, one of a list, or a text."""

    low: float | None = None
    high: float | None = None
    whole: bool = False
    default: float | None = None
    one_of: tuple[Word, ...] = ()
    text: bool = False

    def check(self, name: str, value: Any) -> Any:
        """Return the value. Raises InvalidRequest, or UnknownChoice with the list."""
        if self.one_of:
            word = str(value).strip().lower()
            if word not in self.one_of:
                raise UnknownChoice.of(f"options.{name}", str(value), self.one_of)
            return word
        if self.low is None or self.high is None:
            if not isinstance(value, str) or len(value) > MAX_PROMPT:
                raise InvalidRequest(f"options.{name} must be a text of at most {MAX_PROMPT:,} characters.")
            return value
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.low <= value <= self.high:
            what = "a whole number" if self.whole else "a number"
            raise InvalidRequest(f"options.{name} must be {what} from {self.low:g} to {self.high:g}.")
        return value


@dataclass(frozen=True)
class AnyOf:
    """At least one of the fields `of` is needed, or one that `suffices` though the sentence doesn't name it."""

    what: Line
    of: Annotated[tuple[Word, ...], Constraint(min_length=2)]
    suffices: tuple[Word, ...] = ()


@dataclass(frozen=True)
class OperationInfo:
    """One operation as the API lists and checks it. `phrase` is its name inside a sentence."""

    name: Word
    label: Line
    description: Line
    phrase: Line
    source_type: SourceType  # what it makes of a photograph
    shows: tuple[Word, ...] = ()  # the inputs that its list shows: fields of EditFields or ControlFields
    requires: tuple[Annotated[tuple[Word, ...], Constraint(min_length=1, max_length=2)], ...] = ()
    requires_any: AnyOf | None = None
    takes: tuple[Word, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)

    @property
    def honored(self) -> frozenset[str]:
        """The fields that it uses, whether a client shows them or not."""
        return frozenset((*self.shows, *self.takes))

    def missing(self, fields: frozenset[str]) -> str | None:
        """Return the documented sentence for what is missing beside these fields, or None."""
        for group in self.requires:
            if not fields.issuperset(group):
                if len(group) == 1:
                    return f"{group[0].replace('_', ' ').capitalize()} is required for {self.phrase}"
                return f"Both {' and '.join(group)} are required for {self.phrase}"
        some = self.requires_any
        if some and fields.isdisjoint((*some.of, *some.suffices)):
            listed = f"{', '.join(some.of[:-1])} or {some.of[-1]}"
            return f"At least one {some.what} ({listed}) is required for {self.phrase}"
        return None


@dataclass(frozen=True)
class OperationTable:
    """The operations of one group (edit, upscale, control) by name, in their published order."""

    group: Word
    operations: Mapping[str, OperationInfo]

    def short_name(self, name: str) -> str:
        """Return `inpaint` for `edit.inpaint` and `Inpaint`."""
        return name.strip().lower().removeprefix(f"{self.group}.")

    def choose(self, name: str) -> OperationInfo:
        """Return the operation, whose name may have the group in front. Raises UnknownChoice with the list."""
        short = self.short_name(name)
        if short not in self.operations:
            raise UnknownChoice.of("operation", name, tuple(self.operations))
        return self.operations[short]
