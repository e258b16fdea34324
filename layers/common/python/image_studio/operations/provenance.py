"""How an image is marked: by what was done, on top of what the image was marked by that it was made from."""

from dataclasses import replace

from image_studio.imaging.content_credentials import History, read_mark_or_manifest
from image_studio.imaging.xmp import MAX_TEXT, Mark
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry
from image_studio.providers import find_model
from image_studio.schemas.limits import SourceType

ROOM = 16_000  # bytes that a signature without ingredients takes
SIGNED = frozenset(f"image/{name}" for name in ("png", "jpeg", "webp", "avif", "gif", "tiff"))  # what C2PA defines


def history_of(
    context: OperationContext, entry: Entry, done: SourceType, prompt: str | None, source: bytes = b""
) -> History:
    """Return the history of an image that the entry's model made, of `source` if there is one.

    The prompt is in it only where the operator allows that.
    """
    provider, model = find_model(entry.provider, entry.model)
    systems = [f"{provider.title} {model.name}"]
    earlier = read_mark_or_manifest(source)
    if earlier and earlier.ai_system and systems[0] not in earlier.ai_system:
        systems.insert(0, earlier.ai_system)
    named = "; ".join(systems)
    mark = Mark(
        done.over(earlier.source_type if earlier else None),
        named if len(named) <= MAX_TEXT else systems[-1],
        (prompt or "") if context.mark_prompts else "",
    )
    return History(mark, source)


def carried(source: bytes) -> History | None:
    """Return the history of an image that is only cropped, resized or converted; None for one that isn't marked."""
    mark = read_mark_or_manifest(source)
    return History(mark, source, made=False) if mark else None


def metadata_of(history: History | None) -> dict[str, str]:
    """Return the entry of a response's metadata that says the same as the image."""
    return {"digital_source_type": history.mark.source_type.value} if history else {}


def xmp_and_room(context: OperationContext, history: History | None) -> tuple[bytes, int]:
    """Return what a file carries as XMP, and the bytes that its signature takes beside."""
    if history is None:
        return b"", 0
    return history.mark.to_xmp(), ROOM if context.sign else 0


def sign(context: OperationContext, data: bytes, mime: str, history: History, most: float = float("inf")) -> bytes:
    """Return the file signed, in at most `most` bytes: without ingredients if they are too many, else as it was."""
    if context.sign is None or mime not in SIGNED:
        return data
    for known in (history, replace(history, source=b"", received=b"")):
        signed = context.sign(data, mime, known)
        if len(signed) <= most:
            return signed
    return data
