"""Put the pictures into an answer: inline what fits into one response, the rest as URLs."""

from typing import Any

from image_studio.imaging.payload import to_base64
from image_studio.operations import find_operation
from image_studio.runtime import wiring
from image_studio.runtime.answers import MAX_BODY
from image_studio.schemas.delivery import PUBLIC, Deliverable, Delivery
from image_studio.storage.job import Job

ENVELOPE = 16 * 1024  # bytes kept for everything that isn't a picture, per picture
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def documented_body(job: Job, delivery: Delivery) -> str:
    """The operation's own body of a job that succeeded, its pictures inline or as presigned URLs."""
    answer: Any = find_operation(job.operation).answer.model_validate_json(job.answer or "{}")
    parts = answer.deliverables()
    room = 0 if delivery is Delivery.URL else MAX_BODY - ENVELOPE * len(parts)
    for number, part in enumerate(parts, start=1):
        if part.stored is None:
            continue
        size = _base64_size(part.stored.size)
        if size <= room and _inline(part):
            room -= size
        else:
            name = f"{job.id}-{number}.{_EXTENSIONS.get(part.stored.mime, 'bin')}"
            part.image_url = wiring.pictures().link(part.stored.key, name)
    return str(answer.model_dump_json(context=PUBLIC))


def _base64_size(size: int) -> int:
    return (size + 2) // 3 * 4 + 64


def _inline(part: Deliverable) -> bool:
    """Fill in the picture; False where the object is gone."""
    stored = part.stored
    data = wiring.pictures().get(stored.key) if stored else None
    if data is None or stored is None:
        return False
    prefix = f"data:{stored.mime};base64," if part.as_data_url else ""
    part.image_base64 = prefix + to_base64(data)
    return True
