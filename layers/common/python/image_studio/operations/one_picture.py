"""Operations that give one picture: choose, make it, tell how it was made."""

from collections.abc import Callable
from typing import Any

from image_studio.errors import RecordedError
from image_studio.imaging.encode import encode
from image_studio.imaging.gate import open_picture
from image_studio.imaging.picture import Picture
from image_studio.operations.choose_model import Choice, Wish, choose
from image_studio.operations.fit_input import Fit
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.produce import Order, Polished, produce
from image_studio.operations.prompts import enhance
from image_studio.operations.studio import Studio
from image_studio.providers import PROVIDERS, SPECS, find
from image_studio.providers.adapter import Task
from image_studio.providers.shapes import nearest
from image_studio.schemas.image import FileType

#: A picture for the caller and what the answer's `metadata` says of it.
Finished = tuple[Picture, dict[str, Any]]


def choices_for(wish: Wish, studio: Studio) -> list[Choice]:
    """The models to try, best first; a model that is another provider's than the one named with it wins.

    Clients of the original name one fixed provider with every model that `/edit/models` lists.
    """
    known = PROVIDERS.get(wish.provider or "")
    elsewhere = known and wish.model and known.SPEC.model(wish.model) is None
    if elsewhere and any(spec.model(wish.model or "") for spec in SPECS):
        wish = Wish(operation=wish.operation, quality=wish.quality, model=wish.model)
    return choose(wish, studio.configured, studio.health.is_open)


def price(choice: Choice, fit: Fit) -> int:
    """Credits of one picture of the size that is wanted."""
    return choice.model.price(nearest(choice.model, *fit.wanted))


def make(
    studio: Studio,
    choices: list[Choice],
    task: Callable[[Choice], Task],
    finish: Callable[[Picture, Choice], Finished],
    file_type: FileType,
) -> Entry:
    """The one variation, done. Raises RecordedError where it failed, StillRunning where it needs longer."""

    def polish(data: bytes, entry: Entry) -> Polished:
        result = open_picture(data)
        picture, notes = finish(result, Choice(*find(entry.provider, entry.model), ""))
        metadata = {
            "native_size": f"{result.width}x{result.height}",
            **notes,
            "ignored": [*notes.get("ignored", ()), *entry.facts.get("ignored", ())],
            "processing_time": round(studio.now() - entry.ordered_at, 2),
        }
        facts = {"width": picture.width, "height": picture.height, "metadata": metadata}
        return Polished(encode(picture, file_type), file_type.mime, facts)

    entry = produce(studio, choices, [Order(1, task, polish)])[0]
    if entry.stage is Stage.FAILED:
        raise RecordedError(entry.status or 500, entry.code or "", entry.detail or "")
    return entry


def answer_fields(entry: Entry, first: dict[str, Any]) -> dict[str, Any]:
    """What every answer has: the reference's metadata `first`, then how the picture was made."""
    made = {key: value for key, value in entry.facts["metadata"].items() if key != "ignored" or value}
    seed = {} if entry.seed is None else {"seed": entry.seed}
    return {
        "success": True,
        "provider": entry.provider,
        "model": entry.model,
        "width": entry.facts["width"],
        "height": entry.facts["height"],
        "stored": entry.stored,
        "metadata": {**first, **made, **seed},
    }


def fit_notes(choice: Choice, operation: str, fit: Fit) -> dict[str, Any]:
    """What was done to the picture on its way to the model."""
    frame = fit.frame
    notes: dict[str, Any] = {"sent_size": str(frame.size)}
    if frame.padded:
        notes["padded_from"] = str(frame.inner)
    if operation in choice.model.emulates:
        notes["emulated"] = True
    return notes


def styled(prompt: str | None, style_preset: str | None, choice: Choice) -> str:
    """The prompt, with the style's words for a model that doesn't know styles by name."""
    if not prompt or not style_preset or "style_preset" in choice.model.accepts:
        return prompt or ""
    return enhance(prompt, style_preset)
