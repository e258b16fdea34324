"""What the tests of operations work with: drawn images, a wire that paints without a network, a studio around it."""

import base64
import io
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

from image_studio.operations.context import OperationContext
from image_studio.providers.adapter import Adapter, ProviderCredentials, ProviderImage, Task
from image_studio.providers.client import ProviderClient
from image_studio.providers.spec import ModelSpec

EVERYONE = frozenset({"stability", "wavespeed", "huggingface", "gemini"})
Paint = Callable[[Task, Image.Image], Image.Image]


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Three crossing ramps with a red disc in the middle: no two neighborhoods are alike."""
    ramp = Image.linear_gradient("L").resize((width, height))
    turned = ramp.transpose(Image.Transpose.ROTATE_90).resize((width, height))
    image = Image.merge("RGB", (ramp, turned, ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM)))
    box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    ImageDraw.Draw(image).ellipse(box, fill=(200, 30, 40))
    return image


def block_mask(width: int = 640, height: int = 480, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """A white rectangle on black: the middle ninth where no box is given."""
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).rectangle(box or (width // 3, height // 3, 2 * width // 3, 2 * height // 3), fill=255)
    return mask


def to_bytes(image: Image.Image, kind: str = "PNG") -> bytes:
    """The image as a file."""
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def to_text(image: Image.Image, kind: str = "PNG") -> str:
    """The image as raw base64."""
    return base64.b64encode(to_bytes(image, kind)).decode()


def from_bytes(data: bytes) -> Image.Image:
    """A file's image."""
    return Image.open(io.BytesIO(data))


def invert(task: Task, image: Image.Image) -> Image.Image:
    """A result that differs from what was sent in every pixel."""
    return image.convert("RGB").point(lambda value: 255 - value if abs(value - 127.5) > 20 else 255)


class PaintingWire(ProviderClient):
    """Answers each task with a painted image and keeps the tasks."""

    def __init__(self, paint: Paint = invert, *, seed: int | None = None, error: Exception | None = None) -> None:
        super().__init__()
        self.paint = paint
        self.seed = seed
        self.error = error
        self.tasks: list[Task] = []
        self.models: list[ModelSpec] = []

    def make(
        self, adapter: Adapter, model: ModelSpec, task: Task, access: ProviderCredentials, **more: Any
    ) -> ProviderImage:
        """Paint; an error is raised once."""
        more["on_paying"]()
        self.tasks.append(task)
        self.models.append(model)
        if self.error:
            error, self.error = self.error, None
            raise error
        return ProviderImage(to_bytes(self.paint(task, from_bytes(task.images["image"].data))), self.seed)

    @property
    def sent(self) -> Image.Image:
        """The main image of the last task."""
        return from_bytes(self.tasks[-1].images["image"].data)


class AnyKey:
    """A key for everybody."""

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials:
        """Always there."""
        return ProviderCredentials("key")


def studio(wire: ProviderClient | None = None, configured: frozenset[str] = EVERYONE, **more: Any) -> OperationContext:
    """A studio whose providers all have a key."""
    return OperationContext(configured=configured, keyring=AnyKey(), wire=wire or PaintingWire(), **more)


def result(room: OperationContext) -> Image.Image:
    """The image that an inline run kept."""
    return from_bytes(result_bytes(room))


def result_bytes(room: OperationContext) -> bytes:
    """Its file."""
    data: bytes = room.journal.images["1"]  # type: ignore[attr-defined]  # the inline journal holds images in memory
    return data
