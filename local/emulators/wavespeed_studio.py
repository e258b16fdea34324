"""What each WaveSpeed task does to pixels."""

from collections.abc import Callable

from PIL import Image

from local.emulators.painting import Order, paint
from local.emulators.wavespeed_inputs import Submit
from local.emulators.wavespeed_models import Model

SQUARE = (1024, 1024)


def perform(model: Model, submit: Submit, seed: int) -> Image.Image:
    """Carry a task out on checked inputs."""
    return STUDIO[model.task](model, submit, seed)


def _generate(model: Model, submit: Submit, seed: int) -> Image.Image:
    size = submit.area or dict(model.sizes).get(submit.text("aspect_ratio"), SQUARE)
    return paint(Order(submit.text("prompt"), size, seed, submit.text("style")))


STUDIO: dict[str, Callable[[Model, Submit, int], Image.Image]] = {"generate": _generate}
