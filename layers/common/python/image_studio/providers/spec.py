"""What a provider and its models can do, as data: what the API lists, validates, selects by and prices."""

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import date, timedelta
from typing import Any

from image_studio.schemas.limits import MAX_PIXELS

CREDIT_USD = 0.01  # upstream price of one credit: credits are US cents, rounded up
#: What `/providers` calls an ability, by the first part of an operation's name, in the order of its lists.
CAPABILITIES = {"create": "generation", "edit": "editing", "upscale": "upscaling", "control": "control"}


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float
    default: float | None = None  # what the model takes where the field is not sent

    def clamp(self, value: float) -> float:
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class NativeSize:
    """One native output: the provider's word for it (a ratio, or a size class) and its pixels."""

    label: str
    width: int
    height: int
    size_class: str | None = None
    usd: float | None = None  # where the price depends on the size


@dataclass(frozen=True, slots=True)
class FreeSize:
    """The sizes of a model that takes width x height: the range of a side (pixels), and its step."""

    low: int
    high: int
    step: int = 1
    max_pixels: int | None = None


@dataclass(frozen=True, slots=True)
class InputLimits:
    """What a model takes as its main image: sides and areas in pixels, aspect as long side / short side."""

    min_side: int = 1
    max_side: int = 16_384
    min_pixels: int = 1
    max_pixels: int = MAX_PIXELS
    max_aspect: float | None = None

    def fits(self, width: int, height: int) -> bool:
        """Whether an image of width x height can be sent as it is."""
        short, long = sorted((width, height))
        sides = self.min_side <= short and long <= self.max_side
        shape = self.max_aspect is None or long <= short * self.max_aspect
        return sides and shape and self.min_pixels <= width * height <= self.max_pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The dates that a provider announced for a model, and where they were read."""

    deprecated: date | None = None
    retires: date | None = None  # the first day without the model
    source: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model: a row of data. Callers send its `name`, which is unique within the provider."""

    name: str
    endpoint: str  # the path or id on the provider's side
    usd: float  # upstream, one call
    _: KW_ONLY
    operations: frozenset[str]  # native
    emulates: frozenset[str] = frozenset()  # carried out by an instruction and our own compositing or padding
    credits: int | None = None  # only where the API reference gives a number of its own
    sizes: tuple[NativeSize, ...] | FreeSize | None = None  # None: the size follows the input
    #: Request fields and image roles (image, mask, style, background, lighting) that the model honors.
    accepts: frozenset[str] = frozenset()
    in_prompt: frozenset[str] = frozenset()  # those of `accepts` that are written into the prompt
    field_names: Mapping[str, str] = field(default_factory=dict)  # request field or role -> provider field
    fixed_fields: Mapping[str, Any] = field(default_factory=dict)  # provider fields with a constant value
    #: Provider fields whose value depends on the request's quality: quality -> fields.
    quality_fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    file_types: tuple[str, ...] = ()  # values of the provider field `output_format`; the first one is sent
    max_images: int = 0  # input images of a model that edits by instruction; 0 for other models
    ranges: Mapping[str, Range] = field(default_factory=dict)
    max_seed: int = 2**31 - 1  # the model's largest seed; ours are folded into its range
    inputs: InputLimits | None = None
    further_max_aspect: float | None = None  # long side / short side of further images (style, background, light)
    factor: float | None = None  # how many times larger, per side, an upscaler's result is
    max_output: int | None = None  # pixels of the largest result, where the size follows the input
    #: Place in the order of `auto`: operation (or "lettering") -> quality -> rank, lowest first.
    auto: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    alias: str | None = None  # a word that templates and clients send as the provider
    deadline: float = 120.0  # seconds of a submit, its free repetitions included
    asynchronous: bool = False  # responds with a handle where the provider's other models return the image
    lifecycle: Lifecycle | None = None  # announced dates
    retired: str | None = None  # why it can't be used any more, and what to use instead

    def price(self, size: NativeSize | None = None) -> int:
        """Credits of one image: upstream US cents rounded up, or the API reference's number."""
        if self.credits is not None:
            return self.credits
        usd = size.usd if size is not None and size.usd is not None else self.usd
        return math.ceil(round(usd / CREDIT_USD, 6))

    def does(self, operation: str) -> bool:
        return operation in self.operations or operation in self.emulates


@dataclass(frozen=True, slots=True)
class TextModel:
    id: str
    rank: int
    lifecycle: Lifecycle | None = None


#: Days before its end from which a model is avoided, and from which `make models` fails.
ENDING_DAYS = 14


def is_ending(model: ModelSpec | TextModel, today: date) -> bool:
    """Whether the model's announced end is less than `ENDING_DAYS` away, or over."""
    retires = model.lifecycle.retires if model.lifecycle else None
    return retires is not None and today > retires - timedelta(days=ENDING_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """One provider: how it is called and what it offers. It has a key, or a region in which our own role calls it."""

    name: str
    title: str
    base_url: str = ""  # empty where the SDK knows it
    key_variable: str = ""  # the environment variable, and the field of the secret
    region_variable: str = ""  # the environment variable with the AWS region; empty in it: not enabled
    base_url_variable: str
    models: tuple[ModelSpec, ...]
    in_flight: int  # calls at a time, from one worker
    auth_header: str = "authorization"
    auth_format: str = "Bearer {key}"
    text: TextModel | None = None
    result_hosts: frozenset[str] = frozenset()  # exact names that results may be fetched from
    max_resolution: tuple[int, int] = (1024, 1024)  # width x height that `/providers` lists, pixels
    listed_cost: tuple[int, int] | None = None  # credits that `/providers` lists instead of the models' own
    submit_timeout: float = 120.0  # seconds that the response to a submit may take
    busy_seconds: float = 5.0  # pause after a 429 without a Retry-After
    poll_seconds: float = 1.0  # least pause between two polls of a call
    result_seconds: float = 24 * 3600.0  # how long after a call its result can be fetched
    request_bytes: int = 20 * 1024 * 1024  # largest request body

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the live models can do, in the words of `/providers`."""
        able = {name.partition(".")[0] for model in self.live_models() for name in model.operations | model.emulates}
        return tuple(word for kind, word in CAPABILITIES.items() if kind in able)

    def model(self, name: str) -> ModelSpec | None:
        return next((model for model in self.models if model.name == name), None)

    def live_models(self) -> tuple[ModelSpec, ...]:
        return tuple(model for model in self.models if model.retired is None)


#: Where a larger size costs more, up to this much upscaling of our own (per side) is preferred to paying for it.
PRICED_SHORTFALL = 0.2


def nearest_size(model: ModelSpec, width: int, height: int) -> NativeSize:
    """Return the model's native size (pixels) that needs the least scaling and cropping to become width x height."""
    if model.sizes is None:
        return NativeSize("", width, height)
    if isinstance(model.sizes, FreeSize):
        return _fit_free(model.sizes, width, height)
    return min(model.sizes, key=lambda size: _distance(size, width, height))


def _distance(size: NativeSize, width: int, height: int) -> tuple[float, ...]:
    """Rank by the distance of the ratios; then the cheapest that is large enough, then the smallest."""
    stretch = abs(math.log((size.width * height) / (size.height * width)))
    shortfall = max(0.0, width / size.width - 1.0, height / size.height - 1.0)
    tolerated = PRICED_SHORTFALL if size.usd is not None else 0.0
    return (
        # Half a percent of difference is the same ratio: providers round their pixels.
        round(stretch / 0.005) * 0.005,
        max(0.0, shortfall - tolerated),
        size.usd or 0.0,
        shortfall,
        size.width * size.height,
    )


def _fit_free(free: FreeSize, width: int, height: int) -> NativeSize:
    scale = min(1.0, free.high / max(width, height))
    scale = max(scale, free.low / min(width, height))
    most = free.max_pixels or math.inf
    scale = min(scale, math.sqrt(most / (width * height)))
    # Rounded up so that nothing is enlarged later, but down where the area is limited: the area is what is paid for.
    found = _in_steps(free, width * scale, height * scale, math.ceil)
    return found if found.width * found.height <= most else _in_steps(free, width * scale, height * scale, math.floor)


def _in_steps(free: FreeSize, width: float, height: float, rounded: Callable[[float], int]) -> NativeSize:
    w, h = (min(max(rounded(round(side / free.step, 6)) * free.step, free.low), free.high) for side in (width, height))
    return NativeSize(f"{w}*{h}", w, h)
