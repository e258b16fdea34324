"""Operations that make one image: fit the input to a model, make the image, describe how it was made."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from image_studio.errors import InvalidImage, JobFailed
from image_studio.imaging.decode import decode
from image_studio.imaging.encode import encode, encode_for_provider
from image_studio.imaging.geometry import Frame, scale
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import EncodedImage, VariationTask, generate
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate, ModelQuery, select_candidates
from image_studio.operations.prompts import enhance
from image_studio.providers import PROVIDERS, SPECS, find_model
from image_studio.providers.adapter import Blob, Task
from image_studio.providers.spec import InputLimits, nearest_size
from image_studio.schemas.common import FileType

#: Two shapes closer than this are the same: providers round their pixels.
SAME_SHAPE = 0.005
#: Share of a provider's largest request that the images may fill; base64 takes a third more than bytes.
ROOM = 0.7


@dataclass(frozen=True, slots=True)
class Fit:
    """How an image goes to a model: its place in what is sent, and the size that is wanted back (pixels)."""

    frame: Frame
    wanted: Size


def fit(choice: Candidate, width: int, height: int, times: float = 1.0, *, pad: bool = True) -> Fit:
    """The fit of a width x height image that is to come back `times` as large. Raises InvalidImage.

    A model that answers in shapes of its own gets the image padded to the nearest of them (`pad`), so that
    nothing is cut off or stretched; the padding is cut off the result.
    """
    across, down = _canvas(choice, width, height) if pad else (width, height)
    limits = choice.model.inputs or InputLimits()
    shrink = min(1.0, limits.max_side / max(across, down), math.sqrt(limits.max_pixels / (across * down)))
    size = Size(*(max(1, math.floor(side * shrink + 1e-6)) for side in (across, down)))
    inner = Size(*(max(1, min(bound, round(side * shrink))) for side, bound in zip((width, height), size, strict=True)))
    _check_limits(choice, limits, size, Size(width, height))
    frame = Frame(size, (size.width - inner.width) // 2, (size.height - inner.height) // 2, inner)
    return Fit(frame, Size(round(across * times), round(down * times)))


def _canvas(choice: Candidate, width: int, height: int) -> tuple[float, float]:
    """The image's size, or the smallest canvas around it that has the nearest of the model's own shapes.

    An upscaler's classes of size are no shapes.
    """
    if not isinstance(choice.model.sizes, tuple) or "target_resolution" in choice.model.accepts:
        return width, height
    native = nearest_size(choice.model, width, height)
    ratio = native.width / native.height
    if abs(math.log(ratio * height / width)) <= SAME_SHAPE:
        return width, height
    return max(width, height * ratio), max(height, width / ratio)


def _check_limits(choice: Candidate, limits: InputLimits, sent: Size, size: Size) -> None:
    if limits.fits(*sent):
        return
    who = f"{choice.provider.title}'s {choice.model.name}"
    short, long = sorted(sent)
    if limits.max_aspect and long > short * limits.max_aspect:
        raise InvalidImage(
            f"The image is {long / short:.2f}:1; {who} takes at most {limits.max_aspect:g}:1. Crop it first."
        )
    raise InvalidImage(
        f"The image has {size} pixels; {who} needs sides of at least {limits.min_side}"
        f" and {limits.min_pixels:,} pixels in all. Send a larger image."
    )


def accepting_models(choices: Sequence[Candidate], check: Callable[[Candidate], object]) -> list[Candidate]:
    """The choices whose model takes the image. Raises the first one's InvalidImage where none does."""
    able: list[Candidate] = []
    refusals: list[InvalidImage] = []
    for choice in choices:
        try:
            check(choice)
        except InvalidImage as refusal:
            refusals.append(refusal)
        else:
            able.append(choice)
    if not able:
        raise refusals[0]
    return able


def fit_reference(image: DecodedImage, choice: Candidate) -> DecodedImage:
    """A further image (style, background, light), scaled down to the model's limits; its shape is free."""
    limits = choice.model.inputs or InputLimits()
    shrink = min(1.0, limits.max_side / max(image.size), math.sqrt(limits.max_pixels / (image.width * image.height)))
    if shrink == 1.0:
        return image
    return scale(image, max(1, math.floor(image.width * shrink)), max(1, math.floor(image.height * shrink)))


def encode_input(image: DecodedImage, choice: Candidate, share: int = 1) -> Blob:
    """The image as it is sent, in its share of the provider's largest request (bytes)."""
    data, file_type = encode_for_provider(image, int(choice.provider.request_bytes * ROOM / share))
    return Blob(data, file_type.mime)


#: An image for the caller and what the answer's `metadata` says of it.
FinishedImage = tuple[DecodedImage, dict[str, Any]]


def find_candidates(wish: ModelQuery, studio: OperationContext) -> list[Candidate]:
    """The models to try, best first; a model that is another provider's than the one named with it wins.

    Clients of the original name one fixed provider with every model that `/edit/models` lists.
    """
    known = PROVIDERS.get(wish.provider or "")
    elsewhere = known and wish.model and known.SPEC.model(wish.model) is None
    if elsewhere and any(spec.model(wish.model or "") for spec in SPECS):
        wish = ModelQuery(operation=wish.operation, quality=wish.quality, model=wish.model)
    return select_candidates(wish, studio.configured, studio.health.is_open)


def price(choice: Candidate, fit: Fit) -> int:
    """Credits of one image of the size that is wanted."""
    return choice.model.price(nearest_size(choice.model, *fit.wanted))


def make(
    studio: OperationContext,
    choices: list[Candidate],
    task: Callable[[Candidate], Task],
    finish: Callable[[DecodedImage, Candidate], FinishedImage],
    file_type: FileType,
) -> Entry:
    """The one variation, done. Raises RecordedError where it failed, StillRunning where it needs longer."""

    def polish(data: bytes, entry: Entry) -> EncodedImage:
        result = decode(data)
        image, notes = finish(result, Candidate(*find_model(entry.provider, entry.model), ""))
        metadata = {
            "native_size": f"{result.width}x{result.height}",
            **notes,
            "ignored": [*notes.get("ignored", ()), *entry.facts.get("ignored", ())],
            "processing_time": round(studio.now() - entry.ordered_at, 2),
        }
        facts = {"width": image.width, "height": image.height, "metadata": metadata}
        return EncodedImage(encode(image, file_type), file_type.mime, facts)

    entry = generate(studio, choices, [VariationTask(1, task, polish)])[0]
    if entry.stage is Stage.FAILED:
        raise JobFailed(entry.status or 500, entry.code or "", entry.detail or "")
    return entry


def response_fields(entry: Entry, first: dict[str, Any]) -> dict[str, Any]:
    """What every answer has: the reference's metadata `first`, then how the image was made."""
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


def fit_notes(choice: Candidate, operation: str, fit: Fit) -> dict[str, Any]:
    """What was done to the image on its way to the model."""
    frame = fit.frame
    notes: dict[str, Any] = {"sent_size": str(frame.size)}
    if frame.padded:
        notes["padded_from"] = str(frame.inner)
    if operation in choice.model.emulates:
        notes["emulated"] = True
    return notes


def with_style(prompt: str | None, style_preset: str | None, choice: Candidate) -> str:
    """The prompt, with the style's words for a model that doesn't know styles by name."""
    if not prompt or not style_preset or "style_preset" in choice.model.accepts:
        return prompt or ""
    return enhance(prompt, style_preset)
