"""The interface of a provider: pure functions that build requests and read responses. `client.py` sends them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from image_studio.errors import NotCharged, ResultUnusable, StudioError, UnknownCharge
from image_studio.providers.spec import ModelSpec, ProviderSpec


@dataclass(frozen=True, slots=True)
class ProviderCredentials:
    """How a provider is called: with its key, or in a region of AWS, where our own role signs."""

    key: str = field(default="", repr=False)
    base_url: str | None = None
    region: str | None = None


def read_credentials(values: Mapping[str, str], spec: ProviderSpec) -> ProviderCredentials | None:
    """Read the provider's credentials from variables, or None where neither key nor region is set."""
    names = (spec.key_variable, spec.region_variable, spec.base_url_variable)
    key, region, base_url = (values.get(name, "").strip() if name else "" for name in names)
    return ProviderCredentials(key, base_url or None, region or None) if key or region else None


@dataclass(frozen=True, slots=True)
class Blob:
    data: bytes = field(repr=False)
    mime: str = "image/png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One image to make, in provider-neutral fields; an adapter turns it into one request.

    `width` x `height` is the wanted size (pixels); the model makes its nearest one. `images` are by role: image, mask
    (white: change, black: keep), style, background, lighting. `settings` are by request field.
    """

    operation: str
    width: int
    height: int
    prompt: str = field(default="", repr=False)
    negative_prompt: str | None = field(default=None, repr=False)
    seed: int | None = None
    quality: str | None = None
    style_preset: str | None = None
    guidance_scale: float | None = None
    steps: int | None = None
    images: Mapping[str, Blob] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request to the provider, without host and key. `form` (text and files) is sent as multipart."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str | Blob] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCall:
    """A call of an AWS service: the SDK's operation and parameters. `region` is for one that runs in no other."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(repr=False)
    region: str | None = None


ProviderRequest = HttpRequest | AwsCall  # each kind has a transport of its own


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A provider's response: status, headers (lower-case names) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def fields(self) -> dict[str, Any] | None:
        """Return the body's JSON object, or None for any other body."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def json_object(self, title: str) -> dict[str, Any]:
        """Return the body's JSON object. Raises UnknownCharge for any other body; `title` is the provider's name."""
        document = self.fields()
        if document is None:
            raise UnknownCharge(f"{title}'s answer could not be read.")
        return document


@dataclass(frozen=True, slots=True)
class ProviderImage:
    """The image's bytes, as the provider encoded them, and the seed, where the provider reports it."""

    data: bytes = field(repr=False)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ResultUrl:
    """The URL of the image, on one of the provider's result hosts."""

    url: str = field(repr=False)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The image is in progress: poll `handle` in `wait` seconds."""

    handle: str
    wait: float


Outcome = ProviderImage | ResultUrl | Pending


class NotThere(NotCharged):
    """404 or 410: to a submit, there is no such model; to a poll, there is no such result."""


class DownloadFault(ResultUnusable):
    """A download failed, and the same download may succeed when it is retried; `gone`: the result isn't there."""

    gone = False


class Adapter(Protocol):
    """A provider's module: its spec and pure functions. Only `client.py` calls them."""

    @property
    def SPEC(self) -> ProviderSpec: ...  # noqa: N802  a constant of the module
    def build_request(self, model: ModelSpec, task: Task) -> ProviderRequest: ...  # the paid call
    def build_poll(self, model: ModelSpec, handle: str) -> ProviderRequest: ...  # polls are free and repeatable
    #: Reads a 2xx response to the paid call (`handle` None) or to a poll. Raises StudioErrors, as `read_error`.
    def read_response(self, model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome: ...
    def read_error(self, response: HttpResponse) -> StudioError: ...  # what another status than 2xx means
