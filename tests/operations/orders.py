"""Orders of one square picture, for the tests of produce."""

from image_studio.operations.choose_model import Choice
from image_studio.operations.produce import Order, Polished, produce
from image_studio.providers import find
from image_studio.providers.adapter import Task
from tests.operations.easel import ToldWire

CORE = Choice(*find("stability", "core"), "one")
QWEN = Choice(*find("wavespeed", "qwen-image"), "two")
FLUX = Choice(*find("huggingface", "FLUX.1-schnell"), "three")


def order(variation=1, polish=None):
    """An order for a square picture, its bytes taken as they are."""
    return Order(
        variation,
        lambda choice: Task(operation="create", width=1024, height=1024, prompt="a boat", seed=variation),
        polish or (lambda data, entry: Polished(data, "image/png", {"width": 1, "height": 1, "metadata": {"own": 1}})),
    )


def one(room, *choices):
    """The entry of a single variation."""
    (entry,) = produce(room, choices or (CORE,), [order()])
    return entry


def failing(**errors):
    """A wire whose providers fail as told; the others paint."""

    def act(provider, task):
        error = errors.get(provider)
        if error:
            raise error

    return ToldWire(act)
