"""Orders of one square image, for the tests of produce."""

from image_studio.operations.generate import EncodedImage, VariationTask, generate
from image_studio.operations.model_selection import Candidate
from image_studio.providers import find_model
from image_studio.providers.adapter import Task
from tests.operations.easel import ToldWire

CORE = Candidate(*find_model("stability", "core"), "one")
QWEN = Candidate(*find_model("wavespeed", "qwen-image"), "two")
FLUX = Candidate(*find_model("huggingface", "FLUX.1-schnell"), "three")


def order(variation=1, polish=None):
    """An order for a square image, its bytes taken as they are."""
    return VariationTask(
        variation,
        lambda choice: Task(operation="create", width=1024, height=1024, prompt="a boat", seed=variation),
        polish
        or (lambda data, entry: EncodedImage(data, "image/png", {"width": 1, "height": 1, "metadata": {"own": 1}})),
    )


def one(room, *choices):
    """The entry of a single variation."""
    (entry,) = generate(room, choices or (CORE,), [order()])
    return entry


def failing(**errors):
    """A wire whose providers fail as told; the others paint."""

    def act(provider, task):
        error = errors.get(provider)
        if error:
            raise error

    return ToldWire(act)
