"""A caller's own things, by id: uploads, earlier results, personas. One read in the caller's own partition."""

import re
from collections.abc import Mapping
from typing import Any

from image_studio.errors import NotFound
from image_studio.runtime.job_journal import entry_from
from image_studio.runtime.personas import find_persona
from image_studio.storage import keys
from image_studio.storage.jobs import JobStore
from image_studio.storage.pictures import PictureStore

_REFERENCE = re.compile(r"(upload|job):([0-9a-f]{32})(?:/(\d{1,2}))?")


class CallerLibrary:
    """What belongs to one tenant."""

    def __init__(self, tenant: str, jobs: JobStore, pictures: PictureStore) -> None:
        self._tenant = tenant
        self._jobs = jobs
        self._pictures = pictures

    def picture(self, reference: str) -> bytes:
        """The bytes behind `upload:<id>` or `job:<id>[/<variation>]`. Raises NotFound."""
        match = _REFERENCE.fullmatch(reference)
        key = self._key(*match.groups()) if match else None
        data = self._pictures.get(key) if key else None
        if data is None:
            raise NotFound(
                f"'{reference[:80]}' was not found. Use upload:<id> of a finished upload, or job:<id>/<variation>."
            )
        return data

    def _key(self, kind: str, found: str, variation: str | None) -> str | None:
        if kind == "upload":
            return keys.upload_key(self._tenant, found)
        job = self._jobs.get(self._tenant, found)
        entry = job.variations.get(variation or "1") if job else None
        stored = entry_from(entry).stored if entry else None
        return stored.key if stored else None

    def persona(self, persona_id: str) -> Mapping[str, Any]:
        """A persona's document. Raises NotFound."""
        return find_persona(self._tenant, persona_id)
