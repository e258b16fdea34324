"""Images that a request refers to or carries, and a caller's personas. Each lookup stays in the caller's partition.

A request names an image by `upload:<id>`, `job:<id>[/<variation>]`, `asset:<id>` or an https URL, or carries it as
base64. In each case the bytes that were priced are stored, and the stored request names them by `input:<SHA-256>`: no
caller can send that form.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from image_studio.errors import InputLost, InvalidImage, NotFound, Superseded
from image_studio.imaging.decode import decode_base64
from image_studio.operations.context import References, is_url
from image_studio.operations.journal import Entry
from image_studio.runtime.account import find_persona
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.settings import settings
from image_studio.schemas.common import Request
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.storage import keys
from image_studio.storage.job import DAY, Job
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore

UPLOAD, JOB, INPUT = "upload:", "job:", "input:"
IMAGE_FIELD = "_base64"  # how the name of each request field ends that takes an image
_REFERENCE = re.compile(r"(upload|job|asset):([0-9a-f]{32})(?:/(\d{1,2}))?")

Inputs = Callable[[str], bytes | None]  # the bytes of an input by its name
R = TypeVar("R", bound=Request)


class ImageAwaited(Exception):
    """The image is still to be uploaded, and the job waits for it."""


@dataclass(frozen=True, slots=True)
class HotFolderObject:
    """An object of the hot folder: the id of its job, its path below inbox/, and which content is meant."""

    id: str
    path: str
    etag: str

    @property
    def reference(self) -> str:
        return UPLOAD + self.id

    @classmethod
    def of(cls, job: Job) -> "HotFolderObject | None":
        """Return the object that a job works on, or None where the job isn't from the hot folder."""
        return cls(job.id, job.inbox, job.etag or "") if job.inbox else None


def take_inputs(request: R, read: Mapping[str, bytes]) -> tuple[R, dict[str, bytes]]:
    """Name the images of a request by `input:`, and return their bytes by that name (SHA-256, hex).

    `read` has the bytes behind references. Text that is neither in it nor base64 stays: it is a reference that isn't
    read yet, or the operation refuses it if it reads the field.
    """
    inputs: dict[str, bytes] = {}
    references: dict[str, str] = {}
    for name in type(request).model_fields:
        text = getattr(request, name) if name.endswith(IMAGE_FIELD) else None
        if text:
            try:
                data = read[text] if text in read else decode_base64(text)
            except InvalidImage:
                continue
            digest = sha256(data).hexdigest()
            inputs[digest], references[name] = data, INPUT + digest
    return request.model_copy(update=references), inputs


def unknown_reference(reference: str) -> NotFound:
    """Return the same error for an unknown id, an expired one and another caller's."""
    return NotFound(
        f"'{reference[:80]}' was not found. Use upload:<id> of a finished upload of at most"
        f" {MAX_FILE_BYTES // 1_000_000} MB, job:<id>/<variation>, or asset:<id>."
    )


def find_result(jobs: JobStore, tenant: str, reference: str) -> tuple[Job, Entry] | None:
    """Return the job behind `job:<id>[/<variation>]`, and the entry of its image; None where there is no image."""
    match = _REFERENCE.fullmatch(reference)
    job = jobs.get(tenant, match[2]) if match and match[1] == "job" else None
    entry = entries_of(job).get(int(match[3] or 1)) if job and match else None
    return (job, entry) if job and entry and entry.stored else None


def no_inputs(name: str) -> bytes | None:
    return None


def no_url(url: str) -> bytes:
    """A run of a job fetches nothing: the bytes at its URLs were stored when it was priced."""
    raise InvalidImage


@dataclass(frozen=True, slots=True)
class CallerReferences(References):
    """What one tenant may refer to."""

    tenant: str
    jobs: JobStore
    objects: ObjectStore
    inputs: Inputs = no_inputs  # gives the images that the request carried
    hot_folder: HotFolderObject | None = None  # the hot folder's object that a job may read
    awaited: str = ""  # the id of the upload that the job waits for
    fetch: Callable[[str], bytes] = no_url  # gives the image at an https URL
    read: dict[str, bytes] = field(default_factory=dict)  # what was read, by reference or URL

    def image(self, reference: str) -> bytes:
        """Return the bytes behind a reference. Raises NotFound, TooLarge, InvalidImage, ImageAwaited."""
        if reference.startswith(INPUT):
            data = self.inputs(reference.removeprefix(INPUT))
            if data is None:
                raise InvalidImage
            return data
        if self.awaited and reference == UPLOAD + self.awaited:
            raise ImageAwaited
        if self.hot_folder and reference == self.hot_folder.reference:
            source = self.hot_folder
            found = self.objects.read(keys.INBOX + source.path, most=MAX_FILE_BYTES, etag=source.etag or None)
            if found is None:
                raise Superseded
            return found.data
        data = self.read.get(reference) or (self.fetch(reference) if is_url(reference) else self._find(reference))
        if data is None:
            raise unknown_reference(reference)
        self.read[reference] = data
        return data

    def _find(self, reference: str) -> bytes | None:
        match = _REFERENCE.fullmatch(reference)
        if not match:
            return None
        kind, found, variation = match.groups()
        if kind == "upload" and variation is None:
            upload = self.objects.read(keys.upload_key(self.tenant, found), most=MAX_FILE_BYTES)
            kept = upload and upload.written.timestamp() + settings().input_days * DAY > time.time()
            return upload.data if upload and kept else None
        if kind == "asset":
            return self.objects.get(keys.asset_key(self.tenant, found)) if variation is None else None
        result = find_result(self.jobs, self.tenant, reference)
        return self.objects.get(result[1].stored.key) if result and result[1].stored else None

    def persona(self, persona_id: str) -> Mapping[str, Any]:
        """Return a persona's document. Raises NotFound."""
        return find_persona(self.tenant, persona_id)


def stored_inputs(objects: ObjectStore, job: Job) -> Inputs:
    """Return the lookup of a job's stored inputs; it raises InputLost for one that is gone."""

    def find(name: str) -> bytes:
        data = objects.get(keys.input_key(job.tenant, job.batch or job.id, name))
        if data is None:
            raise InputLost
        return data

    return find
