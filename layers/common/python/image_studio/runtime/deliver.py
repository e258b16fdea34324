"""Put the images into an answer: inline what fits into one response, the rest as URLs."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from image_studio.imaging.base64 import to_base64
from image_studio.operations import find_operation
from image_studio.runtime import wiring
from image_studio.runtime.api import MAX_BODY
from image_studio.schemas.common import PUBLIC, Deliverable, Delivery, FileType, StoredImage
from image_studio.storage.job import Job

#: What an image's field takes beside its base64: name, quotes, `data:image/png;base64,`.
FIELD_BYTES = 64
_EXTENSIONS = {kind.mime: kind.value.replace("jpeg", "jpg") for kind in FileType}


def documented_body(job: Job, delivery: Delivery) -> str:
    """The operation's own body of a job that succeeded, its images inline or as presigned URLs."""
    answer: Any = find_operation(job.operation).answer.model_validate_json(job.answer or "{}")
    return delivered(answer, delivery, job.id, wiring.images().get)


def delivered(answer: Any, delivery: Delivery, name: str, fetch: Callable[[str], bytes | None]) -> str:
    """An answer as its caller gets it: inline what fits, the rest as URLs of files called `name`-1 and so on.

    `fetch` gives the bytes behind an object's key, or None where the object is gone.
    """
    parts = [part for part in answer.deliverables() if part.stored is not None]
    for number, part in enumerate(parts, start=1):
        part.image_url = _link(name, part.stored, number)
    # Every image is a URL now; one that becomes base64 instead makes room by the URL's length.
    room = 0 if delivery is Delivery.URL else MAX_BODY - _escaped(_public(answer))
    images: dict[str, str] = {}
    for part in parts:
        size = _base64_size(part.stored.size) + FIELD_BYTES
        if size <= room and _inline(part, part.stored, fetch, images):
            room -= size
    return spliced(_public(answer), images)


def _public(answer: Any) -> str:
    return str(answer.model_dump_json(context=PUBLIC))


def _escaped(body: str) -> int:
    """The body's size (bytes) inside Lambda's response, where it is a JSON string once more."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def _base64_size(size: int) -> int:
    return (size + 2) // 3 * 4


def _link(name: str, stored: StoredImage, number: int) -> str:
    return wiring.images().link(stored.key, f"{name}-{number}.{_EXTENSIONS.get(stored.mime, 'bin')}")


def _inline(
    part: Deliverable, stored: StoredImage, fetch: Callable[[str], bytes | None], images: dict[str, str]
) -> bool:
    """Put a mark in place of the image's URL, and its base64 beside; False where the object is gone."""
    data = fetch(stored.key)
    if data is None:
        return False
    mark = secrets.token_hex(16)  # no text of a caller's can be it
    images[mark] = to_base64(data)
    prefix = f"data:{stored.mime};base64," if part.as_data_url else ""
    part.image_base64, part.image_url = prefix + mark, None
    return True


def spliced(body: str, images: Mapping[str, str]) -> str:
    """A body of JSON with base64 in place of marks: it needs no escaping, which for megabytes takes milliseconds."""
    if not images:
        return body
    return "".join(images.get(piece, piece) for piece in re.split(f"({'|'.join(images)})", body))
