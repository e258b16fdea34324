"""The journal of a run: what it records of each variation, so that a later run makes no second paid call."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from image_studio.schemas.common import StoredImage


class Stage(StrEnum):
    FRESH = "fresh"  # nothing was paid
    INTENDED = "intended"  # a paid call was about to be sent; whether it was is unknown
    ORDERED = "ordered"  # the provider accepted the call and returned a handle
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The record of one variation."""

    variation: int
    stage: Stage = Stage.FRESH
    provider: str = ""
    model: str = ""
    handle: str | None = None
    seed: int | None = None
    credits: int = 0
    ordered_at: float = 0.0  # epoch seconds of the paid call
    due_at: float = 0.0  # epoch seconds of the next poll: none may be made before
    stored: StoredImage | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # width, height, metadata
    detail: str | None = None  # of a failure, with its code and status
    code: str | None = None
    status: int | None = None

    def with_(self, **changes: Any) -> "Entry":
        return replace(self, **changes)


class Journal(Protocol):
    """Where an operation records its progress. Each method returns after the record is written."""

    def entry(self, variation: int) -> Entry: ...  # 1-based
    def intend(self, entry: Entry) -> None: ...  # a paid call is about to be sent; raises JobLost
    def order(self, entry: Entry) -> None: ...  # the provider returned a handle
    def receive(self, variation: int, data: bytes) -> None: ...  # the provider's bytes, before they are processed
    def received(self, variation: int) -> bytes | None: ...  # by an earlier run
    def release(self, entry: Entry) -> None: ...  # the call was surely not charged: the variation is fresh again
    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry: ...  # store the image, then record it as done
    def keep_copy(self, variation: int, data: bytes, mime: str) -> StoredImage: ...  # before its image is kept
    def fail(self, entry: Entry) -> None: ...  # why there is no image
    def recall(self, name: str) -> str | None: ...  # what an earlier run remembered
    def remember(self, name: str, value: str) -> None: ...  # a decision that a later run must not make again


class JobLost(Exception):
    """Another worker holds the job; this run must stop without a further paid call."""


class NullJournal:
    """The journal of an inline run: images stay in memory by their key, nothing is recorded or can be resumed."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix  # of the images' keys
        self.images: dict[str, bytes] = {}

    def entry(self, variation: int) -> Entry:
        return Entry(variation=variation)

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        stored = StoredImage(f"{self.prefix}{entry.variation}", len(data), mime)
        self.images[stored.key] = data
        return entry.with_(stage=Stage.DONE, stored=stored)

    def keep_copy(self, variation: int, data: bytes, mime: str) -> StoredImage:
        copy = StoredImage(f"{self.prefix}{variation}.inline", len(data), mime)
        self.images[copy.key] = data
        return copy

    def intend(self, entry: Entry) -> None: ...
    def order(self, entry: Entry) -> None: ...
    def receive(self, variation: int, data: bytes) -> None: ...
    def received(self, variation: int) -> bytes | None: ...
    def release(self, entry: Entry) -> None: ...
    def fail(self, entry: Entry) -> None: ...
    def recall(self, name: str) -> str | None: ...
    def remember(self, name: str, value: str) -> None: ...
