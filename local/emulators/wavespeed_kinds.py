"""The kinds of input that WaveSpeed's models take, and a model as data."""

from dataclasses import dataclass

MOST_SEED = 2**31 - 1
FILE_TYPES = ("jpeg", "png", "webp")


@dataclass(frozen=True)
class Words:
    """A string, up to a number of characters."""

    most: int = 20_000


@dataclass(frozen=True)
class OneOf:
    """One of a list."""

    options: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True)
class Range:
    """A number in a closed range."""

    least: float
    most: float
    whole: bool = True


@dataclass(frozen=True)
class Area:
    """`W*H`, each side in pixels within a range."""

    least: int = 256
    most: int = 1536


@dataclass(frozen=True)
class Flag:
    """True or false."""


@dataclass(frozen=True)
class ImageInput:
    """An image: an uploaded URL, a data URI or base64."""


@dataclass(frozen=True)
class ImageInputs:
    """A list of images, up to a number."""

    most: int


Input = Words | OneOf | Range | Area | Flag | ImageInput | ImageInputs


@dataclass(frozen=True)
class Model:
    """One model: what it takes, what it costs, and which task of the studio it is."""

    id: str
    task: str
    inputs: dict[str, Input]
    required: tuple[str, ...]
    usd: float
    file_type: str = "jpeg"
    sizes: tuple[tuple[str, tuple[int, int]], ...] = ()

    @property
    def sync(self) -> bool:
        """Whether it can answer within the submit."""
        return "enable_sync_mode" in self.inputs


SEED = Range(-1, MOST_SEED)
FORMAT = OneOf(FILE_TYPES, "jpeg")
BASE64: dict[str, Input] = {"enable_base64_output": Flag()}
SYNC: dict[str, Input] = {"enable_sync_mode": Flag()}
PROMPT: dict[str, Input] = {"prompt": Words()}

KONTEXT_SIZES = (
    ("21:9", (1568, 672)), ("16:9", (1392, 752)), ("4:3", (1184, 880)), ("3:2", (1248, 832)), ("1:1", (1024, 1024)),
    ("2:3", (832, 1248)), ("3:4", (880, 1184)), ("9:16", (752, 1392)), ("9:21", (672, 1568)),
)  # fmt: skip


def ratios_of(sizes: tuple[tuple[str, tuple[int, int]], ...], default: str = "") -> dict[str, Input]:
    """An `aspect_ratio` input that offers the ratios of a size table."""
    return {"aspect_ratio": OneOf(tuple(ratio for ratio, _ in sizes), default)}
