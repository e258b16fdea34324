"""What operations work with besides the request; `runtime/wiring.py` builds it, tests build their own."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from image_studio.errors import InvalidImage, NotFound
from image_studio.imaging.content_credentials import History
from image_studio.operations.journal import Journal, NullJournal
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.client import ProviderClient
from image_studio.schemas.limits import MAX_PIXELS

#: (file, media type, history) -> the file with Content Credentials, or as it was where that fails.
Sign = Callable[[bytes, str, History], bytes]


#: (variation, file, fingerprints, whether it looks like its source): keeps what tells later that it was made here.
RecordResult = Callable[[int, bytes, Sequence[int], bool], None]


class ReadCredentials(Protocol):
    """Returns a provider's credentials, or None where it is not configured; `renew` reads the secret again."""

    def __call__(self, provider: str, *, renew: bool = False) -> ProviderCredentials | None: ...


def is_url(text: str) -> bool:
    """Whether it is a web address. No base64 starts like one."""
    return text[:8].lower().startswith(("https://", "http://"))


class References:
    """The caller's own images and personas, by id. This one has none; the runtime's reads them from storage."""

    def image(self, reference: str) -> bytes:
        """Return the bytes of `upload:<id>`, `job:<id>[/<variation>]`, `asset:<id>` or a URL.

        Raises NotFound, InvalidImage.
        """
        raise InvalidImage

    def persona(self, persona_id: str) -> Mapping[str, Any]:
        """Return a persona's document. Raises NotFound."""
        raise NotFound(f"Persona '{persona_id[:80]}' not found.")


class Circuits:
    """A circuit breaker per provider. These are always closed; the runtime's are shared by all workers."""

    def is_open(self, provider: str) -> bool:
        """Whether the provider failed repeatedly, so that others are called before it."""
        return False

    def begin(self, provider: str) -> None: ...  # a call starts: after a while, one tries an open circuit's provider
    def report(self, provider: str, *, ok: bool) -> None: ...  # not ok: a fault of the provider itself


@dataclass(frozen=True, kw_only=True)
class OperationContext:
    """The collaborators of one run of an operation."""

    configured: frozenset[str]  # names of the providers that have a key, or are enabled
    not_ready: frozenset[str] = frozenset()  # `provider/model` of those that the account can't use yet
    credentials: ReadCredentials = lambda provider, *, renew=False: None  # an API function has no keys
    provider_client: ProviderClient | None = None  # None where nothing is generated: in an API function
    journal: Journal = field(default_factory=NullJournal)
    references: References = field(default_factory=References)
    circuits: Circuits = field(default_factory=Circuits)
    #: (prompt, a style's words or "") -> a richer prompt, or None where that fails.
    enrich_prompt: Callable[[str, str], str | None] = lambda prompt, style_words: None
    sign: Sign | None = None  # None where nothing is signed
    record_result: RecordResult = lambda variation, data, fingerprints, like_source: None
    mark_prompts: bool = False  # whether an image says in its metadata which prompt made it
    wait_seconds: float = 240.0  # how long one run may wait for providers
    max_pixels: int = MAX_PIXELS  # of an image that the caller may send or request
    max_credits: float = math.inf  # what is reserved for one image: no dearer model is called
    now: Callable[[], float] = time.time
