"""The journal bound to a job: entries in its record, images in the bucket. Fenced by the job's attempt.

What it writes was often paid for already, so a write that fails is retried for a while.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from image_studio.errors import TemporarilyUnavailable
from image_studio.operations.journal import Entry, JobLost, Stage
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.schemas.common import StoredImage
from image_studio.storage import keys
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore

log = logging.getLogger(__name__)

RAW_MIME = "application/octet-stream"
MAX_TRIES = 6  # of one write, beside boto3's own retries: a table that hangs for a minute is outlasted
FIRST_PAUSE = 1.0  # seconds, doubled at each try

T = TypeVar("T")


class Unrecorded(Exception):
    """Table or bucket keep failing: the run can't go on, and the job must not end with that."""


class JobJournal:
    """The journal of one run. Its writes raise JobLost when another run has taken over."""

    def __init__(self, job: Job, jobs: JobStore, objects: ObjectStore) -> None:
        self._job = job
        self._jobs = jobs
        self._objects = objects
        self._entries = entries_of(job)
        self._notes = dict(job.notes)

    def entries(self) -> list[Entry]:
        return [self._entries[number] for number in sorted(self._entries)]

    def entry(self, variation: int) -> Entry:
        return self._entries.get(variation) or Entry(variation=variation)

    def receive(self, variation: int, data: bytes) -> None:
        """Store the provider's bytes; the first write wins."""
        _retry_storage(lambda: self._objects.put_once(self._raw(variation), data, RAW_MIME))

    def received(self, variation: int) -> bytes | None:
        return _retry_storage(lambda: self._objects.get(self._raw(variation)))

    def release(self, entry: Entry) -> None:
        self._note(entry.with_(stage=Stage.FRESH, handle=None))

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        key = keys.result_key(self._job.tenant, self._job.id, entry.variation)
        if not _retry_storage(lambda: self._objects.put_once(key, data, mime)):
            # An earlier run stored it. Signed at another time, its file may have another size.
            data = _retry_storage(lambda: self._objects.get(key)) or data
        done = entry.with_(stage=Stage.DONE, stored=StoredImage(key, len(data), mime))
        self._note(done)
        return done

    def keep_copy(self, variation: int, data: bytes, mime: str) -> StoredImage:
        key = keys.copy_key(self._job.tenant, self._job.id, variation)
        _retry_storage(lambda: self._objects.put_once(key, data, mime))
        return StoredImage(key, len(data), mime)

    def recall(self, name: str) -> str | None:
        return self._notes.get(name)

    def remember(self, name: str, value: str) -> None:
        if self._notes.get(name) == value:
            return
        if not _retry_storage(lambda: self._jobs.remember(self._job, name, value)):
            raise JobLost
        self._notes[name] = value

    def _note(self, entry: Entry) -> None:
        text = json.dumps(asdict(entry))
        if not _retry_storage(lambda: self._jobs.note(self._job, entry.variation, text)):
            raise JobLost
        self._entries[entry.variation] = entry

    intend = order = fail = _note

    def _raw(self, variation: int) -> str:
        return keys.raw_key(self._job.tenant, self._job.id, variation)


def _retry_storage(action: Callable[[], T]) -> T:
    """Return the action's result. Raises Unrecorded where table or bucket fail each time."""
    for attempt in range(MAX_TRIES):
        try:
            return action()
        except (*STORAGE_FAILURES, TemporarilyUnavailable) as error:
            if attempt == MAX_TRIES - 1:
                raise Unrecorded from error
            log.warning("journal not written, retrying", extra={"attempt": attempt + 1}, exc_info=True)
            time.sleep(FIRST_PAUSE * 2**attempt)
    raise AssertionError("the loop returns or raises")  # pragma: no cover


def entries_of(job: Job) -> dict[int, Entry]:
    """Return the journal entries of a job's record by variation, in order."""
    return {number: entry_from(text) for number, text in sorted((int(n), text) for n, text in job.variations.items())}


def entry_from(text: str) -> Entry:
    values: dict[str, Any] = json.loads(text)
    stored = values.pop("stored")
    values["stage"] = Stage(values["stage"])
    return Entry(stored=StoredImage(**stored) if stored else None, **values)
