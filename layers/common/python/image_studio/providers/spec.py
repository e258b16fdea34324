"""What a provider and its models can do, as data: everything the API lists, checks, chooses by and prices."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Upstream price of one credit: credits are US cents, rounded up.
CREDIT_USD = 0.01


@dataclass(frozen=True, slots=True)
class Range:
    """The values a model takes, both ends included."""

    low: float
    high: float

    def clamp(self, value: float) -> float:
        """The nearest value that the model takes."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Sized:
    """One native output: the word the wire uses (a ratio, or a ratio and a size class) and its pixels."""

    word: str
    width: int
    height: int
    size_class: str | None = None
    usd: float | None = None  # where the price depends on the size


@dataclass(frozen=True, slots=True)
class FreeSize:
    """A model that takes width x height, each side within bounds (pixels), in steps."""

    low: int
    high: int
    step: int = 1
    max_pixels: int | None = None


@dataclass(frozen=True, slots=True)
class InputLimits:
    """What a model takes as its main picture: sides and areas in pixels, aspect as long side / short side."""

    min_side: int = 1
    max_side: int = 16_384
    min_pixels: int = 1
    max_pixels: int = 25_000_000
    max_aspect: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model: a row of data. Its `name` is what callers say and is unique within the provider."""

    name: str
    wire: str  # the path or id on the provider's side
    operations: frozenset[str]  # native
    emulates: frozenset[str] = frozenset()  # by an instruction and our own compositing or padding
    usd: float  # upstream, one call
    credits: int | None = None  # only where the API reference gives a number of its own
    sizes: tuple[Sized, ...] | FreeSize | None = None  # None: the size follows the input
    accepts: frozenset[str] = frozenset()  # request fields that it honours
    ranges: Mapping[str, Range] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    inputs: InputLimits | None = None
    #: Place in the ordered choice of `auto`: operation -> quality -> rank, lowest first.
    auto: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    alias: str | None = None  # a word that templates and clients use as a provider
    deadline: float = 120.0  # seconds from submit to picture, polling included
    retired: str | None = None  # why it is gone, and what to use instead

    def price(self, size: Sized | None = None) -> int:
        """Credits of one picture: upstream US cents rounded up, or the reference's number."""
        if self.credits is not None:
            return self.credits
        usd = size.usd if size is not None and size.usd is not None else self.usd
        return math.ceil(round(usd / CREDIT_USD, 6))

    def does(self, operation: str) -> bool:
        """Whether it carries out the operation, natively or by emulation."""
        return operation in self.operations or operation in self.emulates


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """One provider: how to reach it and what it offers."""

    name: str
    title: str
    base_url: str
    key_variable: str  # the environment variable, and the field of the secret
    base_url_variable: str
    auth_header: str
    auth_format: str  # with {key}
    models: tuple[ModelSpec, ...]
    in_flight: int  # calls at a time, from one worker
    result_hosts: frozenset[str] = frozenset()  # exact names that results may be fetched from
    capabilities: tuple[str, ...] = ()
    max_resolution: tuple[int, int] = (1024, 1024)  # width x height of the largest native picture, pixels
    submit_timeout: float = 120.0  # seconds; the longest a synchronous call takes to answer

    def model(self, name: str) -> ModelSpec | None:
        """The model that callers call `name`."""
        return next((model for model in self.models if model.name == name), None)

    def live_models(self) -> tuple[ModelSpec, ...]:
        """The models that can be used today."""
        return tuple(model for model in self.models if model.retired is None)
