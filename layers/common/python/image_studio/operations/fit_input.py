"""Making a picture fit a model: scaled down, padded to the model's own shapes, or refused with the reason."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_studio.errors import InvalidImage
from image_studio.imaging.frame import Frame
from image_studio.imaging.picture import Picture, Size
from image_studio.imaging.resize import scale
from image_studio.imaging.sending import encode_within
from image_studio.operations.choose_model import Choice
from image_studio.providers.adapter import Blob
from image_studio.providers.shapes import nearest
from image_studio.providers.spec import InputLimits

#: Two shapes closer than this are the same: providers round their pixels.
SAME_SHAPE = 0.005
#: Share of a provider's largest request that the pictures may fill; base64 takes a third more than bytes.
ROOM = 0.7


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture goes to a model: its place in what is sent, and the size that is wanted back (pixels)."""

    frame: Frame
    wanted: Size


def fit(choice: Choice, width: int, height: int, times: float = 1.0, *, pad: bool = True) -> Fit:
    """The fit of a width x height picture that is to come back `times` as large. Raises InvalidImage.

    A model that answers in shapes of its own gets the picture padded to the nearest of them (`pad`), so that
    nothing is cut off or stretched; the padding is cut off the result.
    """
    across, down = _canvas(choice, width, height) if pad else (width, height)
    limits = choice.model.inputs or InputLimits()
    shrink = min(1.0, limits.max_side / max(across, down), math.sqrt(limits.max_pixels / (across * down)))
    size = Size(*(max(1, math.floor(side * shrink + 1e-6)) for side in (across, down)))
    inner = Size(*(max(1, min(bound, round(side * shrink))) for side, bound in zip((width, height), size, strict=True)))
    _check(choice, limits, size, Size(width, height))
    frame = Frame(size, (size.width - inner.width) // 2, (size.height - inner.height) // 2, inner)
    return Fit(frame, Size(round(across * times), round(down * times)))


def _canvas(choice: Choice, width: int, height: int) -> tuple[float, float]:
    """The picture's size, or the smallest canvas around it that has the nearest of the model's own shapes.

    An upscaler's classes of size are no shapes.
    """
    if not isinstance(choice.model.sizes, tuple) or "target_resolution" in choice.model.accepts:
        return width, height
    native = nearest(choice.model, width, height)
    ratio = native.width / native.height
    if abs(math.log(ratio * height / width)) <= SAME_SHAPE:
        return width, height
    return max(width, height * ratio), max(height, width / ratio)


def _check(choice: Choice, limits: InputLimits, sent: Size, size: Size) -> None:
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
        f" and {limits.min_pixels:,} pixels in all. Send a larger picture."
    )


def takers(choices: Sequence[Choice], check: Callable[[Choice], object]) -> list[Choice]:
    """The choices whose model takes the picture. Raises the first one's InvalidImage where none does."""
    able: list[Choice] = []
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


def reference(image: Picture, choice: Choice) -> Picture:
    """A further picture (style, background, light), scaled down to the model's limits; its shape is free."""
    limits = choice.model.inputs or InputLimits()
    shrink = min(1.0, limits.max_side / max(image.size), math.sqrt(limits.max_pixels / (image.width * image.height)))
    if shrink == 1.0:
        return image
    return scale(image, max(1, math.floor(image.width * shrink)), max(1, math.floor(image.height * shrink)))


def blob(image: Picture, choice: Choice, share: int = 1) -> Blob:
    """The picture as it is sent, in its share of the provider's largest request (bytes)."""
    data, file_type = encode_within(image, int(choice.provider.request_bytes * ROOM / share))
    return Blob(data, file_type.mime)
