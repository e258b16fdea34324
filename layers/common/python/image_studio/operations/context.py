"""The collaborators that an operation may use; `runtime/wiring.py` builds it, tests build their own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from image_studio.errors import InvalidImage, NotFound
from image_studio.operations.journal import Journal, NullJournal
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.client import ProviderClient
from image_studio.schemas.limits import MAX_PIXELS


class Keyring(Protocol):
    """The providers' keys, which only a worker can read."""

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials | None:
        """Key and base URL, or None where no key is set; `anew` reads the secret again."""
        ...


class NoKeys:
    """An API function's keyring: it has none."""

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials | None:
        """None, always."""
        return None


class Health(Protocol):
    """A small circuit breaker per provider, shared by all workers."""

    def is_open(self, provider: str) -> bool:
        """Whether the provider failed so often just now that others come first."""
        ...

    def begin(self, provider: str) -> None:
        """Tell that a call is about to be made: after a while somebody has to try a provider that failed."""
        ...

    def report(self, provider: str, *, ok: bool) -> None:
        """Tell how a call ended; only faults of the provider's own count as not ok."""
        ...


class AlwaysWell:
    """A breaker that never opens."""

    def is_open(self, provider: str) -> bool:
        """False."""
        return False

    def begin(self, provider: str) -> None:
        """Nothing to try."""

    def report(self, provider: str, *, ok: bool) -> None:
        """Nothing to note."""


class Rewriter(Protocol):
    """A text model that makes prompts richer. Not a paid image: it may fail, never a job with it."""

    def rewrite(self, prompt: str, words: str) -> str | None:
        """The prompt made richer in the sense of a style's `words` (which may be none), or None where it can't."""
        ...


class NoRewriter:
    """No text model."""

    def rewrite(self, prompt: str, words: str) -> str | None:
        """None, always."""
        return None


class Library(Protocol):
    """The caller's own things, by id."""

    def image(self, reference: str) -> bytes:
        """The bytes behind `upload:<id>` or `job:<id>[/<variation>]`. Raises NotFound for what isn't the caller's."""
        ...

    def persona(self, persona_id: str) -> Mapping[str, Any]:
        """A persona of the caller. Raises NotFound."""
        ...


class EmptyLibrary:
    """A caller without uploads, jobs or personas."""

    def image(self, reference: str) -> bytes:
        """Nothing is there."""
        raise InvalidImage

    def persona(self, persona_id: str) -> Mapping[str, Any]:
        """Nothing is there."""
        raise NotFound(f"Persona '{persona_id[:80]}' not found.")


@dataclass(frozen=True, kw_only=True)
class OperationContext:
    """What operations work with. `hold` is how long one run may wait for providers (seconds)."""

    configured: frozenset[str]  # names of the providers that have a key
    keyring: Keyring = field(default_factory=NoKeys)
    wire: ProviderClient = field(default_factory=ProviderClient)
    journal: Journal = field(default_factory=NullJournal)
    library: Library = field(default_factory=EmptyLibrary)
    health: Health = field(default_factory=AlwaysWell)
    rewriter: Rewriter = field(default_factory=NoRewriter)
    hold: float = 240.0
    max_pixels: int = MAX_PIXELS  # of an image that the caller may send or ask for
    now: Callable[[], float] = time.time
