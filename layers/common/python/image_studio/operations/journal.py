"""The seam between pure and durable: what an operation notes while it works, variation by variation.

The worker binds it to a job record, so that whatever crashes, the next run knows what was paid for. An operation
asks for a variation's entry first and goes on from there; it never makes a second paid call for one.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from image_studio.schemas.common import StoredImage


class Stage(StrEnum):
    """How far a variation is."""

    FRESH = "fresh"  # nothing was paid
    INTENDED = "intended"  # a paid call was about to be made; whether it was is unknown
    ORDERED = "ordered"  # the provider gave a handle
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one variation."""

    variation: int
    stage: Stage = Stage.FRESH
    provider: str = ""
    model: str = ""
    handle: str | None = None
    seed: int | None = None
    credits: int = 0
    ordered_at: float = 0.0  # epoch seconds of the paid call
    stored: StoredImage | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # width, height, metadata
    detail: str | None = None  # of a failure, with its code and status
    code: str | None = None
    status: int | None = None

    def with_(self, **changes: Any) -> "Entry":
        """The entry with some fields changed."""
        return replace(self, **changes)


class Journal(Protocol):
    """Where an operation notes what it does. Every call is on record when it returns."""

    def entry(self, variation: int) -> Entry:
        """What is known of a variation (1-based)."""
        ...

    def intend(self, entry: Entry) -> None:
        """Note that a paid call is about to be made. Raises JobLost when another worker has taken over."""
        ...

    def order(self, entry: Entry) -> None:
        """Note the provider's handle, at once."""
        ...

    def receive(self, variation: int, data: bytes) -> None:
        """Keep the provider's bytes as they came, before anything is done with them."""
        ...

    def received(self, variation: int) -> bytes | None:
        """The bytes that an earlier run received, if it got that far."""
        ...

    def release(self, entry: Entry) -> None:
        """Note that the paid call surely wasn't charged: the variation is fresh again."""
        ...

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        """Store the finished image, then note it as done; the entry comes back with where it is."""
        ...

    def fail(self, entry: Entry) -> None:
        """Note why there will be no image."""
        ...

    def recall(self, name: str) -> str | None:
        """What an earlier run remembered under `name`."""
        ...

    def remember(self, name: str, value: str) -> None:
        """Keep a decision that a later run must not take anew, such as an enhanced prompt."""
        ...


class JobLost(Exception):
    """Another worker holds the job now; this run must stop without a further paid call."""


class NullJournal:
    """A journal of an inline run: nothing is kept, nothing can be resumed."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}

    def entry(self, variation: int) -> Entry:
        """Always fresh."""
        return Entry(variation=variation)

    def intend(self, entry: Entry) -> None:
        """Nothing to note."""

    def order(self, entry: Entry) -> None:
        """Nothing to note."""

    def receive(self, variation: int, data: bytes) -> None:
        """Nothing to keep."""

    def received(self, variation: int) -> bytes | None:
        """Nothing was kept."""
        return None

    def release(self, entry: Entry) -> None:
        """Nothing to note."""

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        """Hold the image in memory under the variation's number."""
        stored = StoredImage(str(entry.variation), len(data), mime)
        self.images[stored.key] = data
        return entry.with_(stage=Stage.DONE, stored=stored)

    def fail(self, entry: Entry) -> None:
        """Nothing to note."""

    def recall(self, name: str) -> str | None:
        """Nothing was remembered."""
        return None

    def remember(self, name: str, value: str) -> None:
        """Nothing to note."""
