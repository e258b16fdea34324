"""What each task behind the router does to pixels."""

from PIL import Image

from local.emulators.huggingface_inputs import Wish
from local.emulators.huggingface_models import SEGMENT, T2I
from local.emulators.instruct import follow
from local.emulators.painting import Order, Size, paint
from local.emulators.retouching import cut_out


def perform(task: str, wish: Wish, size: Size, number: int = 0) -> Image.Image:
    """Carry a task out; `number` is the image's place in a batch."""
    order = Order(wish.prompt, size, wish.seed + number, negative=wish.negative)
    if task == T2I:
        return paint(order)
    if task == SEGMENT:
        return cut_out(wish.images[0])
    return follow(order, wish.images)
