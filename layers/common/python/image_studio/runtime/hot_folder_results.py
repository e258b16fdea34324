"""The hot folder's results: images and result.json, or error.json, under outbox/ at the input's own path."""

import base64
import json
import logging
import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from image_studio.errors import Superseded
from image_studio.operations.table import Operation
from image_studio.runtime import wiring
from image_studio.runtime.api import JSON
from image_studio.schemas.common import PUBLIC, Deliverable, FileType, extension_of
from image_studio.storage import keys
from image_studio.storage.job import Job

log = logging.getLogger(__name__)

RESULT, ERROR = "result.json", "error.json"
MAX_KEY = 1024  # bytes of an object's key (S3)


def write(
    job: Job, operation: Operation, response: str | None = None, error: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write how the job ended, and return the outcome for its record, which has file names for the images.

    Nothing is written where another image was dropped at the path meanwhile: the answer there is that of its job.
    """
    path = job.inbox or ""
    if _is_replaced(path.rpartition("/")[0] if job.batch else path, job.etag):
        log.info("dropped image was replaced", extra={"job_id": job.id})
        return {"error": error} if response is None else {"response": response}
    if error is not None or response is None:
        write_error(path, error or {}, job_id=job.id, etag=job.etag)
        return {"error": error}
    parsed: Any = operation.response.model_validate_json(response)
    parts: list[Deliverable] = parsed.deliverables()
    for number, part in enumerate(parts, start=1):
        _place(path, part, str(number) if len(parts) > 1 else "")
    document = {"job_id": job.id, "input": keys.INBOX + path, "etag": job.etag}
    result = {**document, **parsed.model_dump(mode="json", context=PUBLIC)}
    _put_document(path, RESULT, result)
    return {"response": str(parsed.model_dump_json())}


def write_error(path: str, error: dict[str, Any], *, job_id: str | None = None, etag: str | None = None) -> None:
    """Write error.json, unless the input was replaced: its successor has a job of its own."""
    if error.get("code") != Superseded.code:
        _put_document(path, ERROR, {"job_id": job_id, "input": keys.INBOX + path, "etag": etag, **error})


def write_batch(path: str, record: dict[str, Any], *, etag: str | None) -> None:
    """Write the record of a batch that has ended; the results of its lines are in folders beside it, by number."""
    if not _is_replaced(path, etag):
        _put_document(path, RESULT, {"input": keys.INBOX + path, "etag": etag, **record})


def _is_replaced(path: str, etag: str | None) -> bool:
    """Whether the inbox has another content at the path now. An input that was taken away isn't replaced."""
    found = wiring.objects().etag(keys.INBOX + path)
    return bool(found and etag and found != etag)


def _place(path: str, part: Deliverable, number: str) -> None:
    """Put an image beside result.json, whose `image_url` then is its file name: with platform, format and number."""
    data, mime = _image(part)
    words = " ".join(str(getattr(part, name, "")) for name in ("platform", "format"))
    label = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    stem = "-".join(filter(None, [PurePosixPath(path).stem, label, number]))
    name = f"{stem}.{extension_of(mime)}"
    part.image_base64, part.image_url = None, quote(name)
    _put(path, name, data, mime)


def _image(part: Deliverable) -> tuple[bytes, str]:
    if part.stored:
        data = wiring.objects().get(part.stored.key)
        if data is None:
            raise LookupError("a stored image is gone")
        return data, part.stored.mime
    head, _, text = (part.image_base64 or "").rpartition(",")
    mime = head.removeprefix("data:").partition(";")[0]
    return base64.b64decode(text), mime or FileType.PNG.mime


def _put_document(path: str, name: str, document: dict[str, Any]) -> None:
    """Write one of the two documents, and delete the other one, which an earlier content of the input left."""
    _put(path, name, json.dumps(document, ensure_ascii=False).encode(), JSON)
    wiring.objects().delete([f"{keys.OUTBOX}{path}/{ERROR if name == RESULT else RESULT}"])


def _put(path: str, name: str, data: bytes, mime: str) -> None:
    key = f"{keys.OUTBOX}{path}/{name}"
    if len(key.encode()) > MAX_KEY:
        log.error("hot folder's path is too long for a result", extra={"bytes": len(key.encode())})
        return
    wiring.objects().put(key, data, mime)
