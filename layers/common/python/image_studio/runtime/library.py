"""A caller's own things, by id: uploads, earlier results, personas. One read in the caller's own partition."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.errors import NotFound, Superseded
from image_studio.runtime.account import find_persona
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.settings import settings
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.storage import keys
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore

_REFERENCE = re.compile(r"(upload|job):([0-9a-f]{32})(?:/(\d{1,2}))?")
UPLOAD = "upload:"
DAY = 24 * 3600


class ImageAwaited(Exception):
    """The image is still to be uploaded, and the job waits for it."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """An object of the hot folder: the id of its job, its path below inbox/, and which content is meant."""

    id: str
    path: str
    etag: str

    @property
    def reference(self) -> str:
        """How its job's request names it."""
        return UPLOAD + self.id

    @classmethod
    def of(cls, job: Job) -> "Dropped | None":
        """What the job works on, where it came from the hot folder."""
        return cls(job.id, job.inbox, job.etag or "") if job.inbox else None


class CallerLibrary:
    """What belongs to one tenant. `dropped` is the hot folder's object that a job may read."""

    def __init__(
        self, tenant: str, jobs: JobStore, images: ObjectStore, *, dropped: Dropped | None = None, awaited: str = ""
    ) -> None:
        self._tenant = tenant
        self._jobs = jobs
        self._images = images
        self._dropped = dropped
        self._awaited = awaited

    def image(self, reference: str) -> bytes:
        """The bytes behind `upload:<id>` or `job:<id>[/<variation>]`.

        Raises NotFound for what isn't there (any more), TooLarge, and ImageAwaited for the upload that is awaited.
        """
        if self._awaited and reference == UPLOAD + self._awaited:
            raise ImageAwaited
        if self._dropped and reference == self._dropped.reference:
            return self._drop(self._dropped)
        match = _REFERENCE.fullmatch(reference)
        data = self._find(*match.groups()) if match else None
        if data is None:
            raise NotFound(
                f"'{reference[:80]}' was not found. Use upload:<id> of a finished upload, or job:<id>/<variation>."
            )
        return data

    def _find(self, kind: str, found: str, variation: str | None) -> bytes | None:
        if kind == "upload" and variation is None:
            held = self._images.read(keys.upload_key(self._tenant, found), most=MAX_FILE_BYTES)
            return held.data if held and held.written.timestamp() + settings().input_days * DAY > time.time() else None
        job = self._jobs.get(self._tenant, found) if kind == "job" else None
        entry = entries_of(job).get(int(variation or 1)) if job else None
        return self._images.get(entry.stored.key) if entry and entry.stored else None

    def _drop(self, dropped: Dropped) -> bytes:
        held = self._images.read(keys.INBOX + dropped.path, most=MAX_FILE_BYTES, etag=dropped.etag or None)
        if held is None:
            raise Superseded
        return held.data

    def persona(self, persona_id: str) -> Mapping[str, Any]:
        """A persona's document. Raises NotFound."""
        return find_persona(self._tenant, persona_id)
