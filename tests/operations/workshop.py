"""What the tests of operations work with: drawn pictures, a wire that paints without a network, a studio around it."""

import base64
import io
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

from image_studio.operations.studio import Studio
from image_studio.providers.access import Access
from image_studio.providers.adapter import Adapter, Finished, Task
from image_studio.providers.spec import ModelSpec
from image_studio.providers.wire import Wire

EVERYONE = frozenset({"stability", "wavespeed", "huggingface", "gemini"})
Paint = Callable[[Task, Image.Image], Image.Image]


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Three crossing ramps with a red disc in the middle: no two neighbourhoods are alike."""
    ramp = Image.linear_gradient("L").resize((width, height))
    turned = ramp.transpose(Image.Transpose.ROTATE_90).resize((width, height))
    picture = Image.merge("RGB", (ramp, turned, ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM)))
    box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    ImageDraw.Draw(picture).ellipse(box, fill=(200, 30, 40))
    return picture


def block_mask(width: int = 640, height: int = 480, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """A white rectangle on black: the middle ninth where no box is given."""
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).rectangle(box or (width // 3, height // 3, 2 * width // 3, 2 * height // 3), fill=255)
    return mask


def to_bytes(picture: Image.Image, kind: str = "PNG") -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def to_text(picture: Image.Image, kind: str = "PNG") -> str:
    """The picture as raw base64."""
    return base64.b64encode(to_bytes(picture, kind)).decode()


def from_bytes(data: bytes) -> Image.Image:
    """A file's picture."""
    return Image.open(io.BytesIO(data))


def invert(task: Task, image: Image.Image) -> Image.Image:
    """A result that differs from what was sent in every pixel."""
    return image.convert("RGB").point(lambda value: 255 - value if abs(value - 127.5) > 20 else 255)


class PaintingWire(Wire):
    """Answers each task with a painted picture and keeps the tasks."""

    def __init__(self, paint: Paint = invert, *, seed: int | None = None, error: Exception | None = None) -> None:
        super().__init__()
        self.paint = paint
        self.seed = seed
        self.error = error
        self.tasks: list[Task] = []
        self.models: list[ModelSpec] = []

    def make(self, adapter: Adapter, model: ModelSpec, task: Task, access: Access, **more: Any) -> Finished:
        """Paint; an error is raised once."""
        more["on_paying"]()
        self.tasks.append(task)
        self.models.append(model)
        if self.error:
            error, self.error = self.error, None
            raise error
        return Finished(to_bytes(self.paint(task, from_bytes(task.images["image"].data))), self.seed)

    @property
    def sent(self) -> Image.Image:
        """The main picture of the last task."""
        return from_bytes(self.tasks[-1].images["image"].data)


class AnyKey:
    """A key for everybody."""

    def access(self, provider: str, *, anew: bool = False) -> Access:
        """Always there."""
        return Access("key")


def studio(wire: Wire | None = None, configured: frozenset[str] = EVERYONE, **more: Any) -> Studio:
    """A studio whose providers all have a key."""
    return Studio(configured=configured, keyring=AnyKey(), wire=wire or PaintingWire(), **more)


def result(room: Studio) -> Image.Image:
    """The picture that an inline run kept."""
    return from_bytes(result_bytes(room))


def result_bytes(room: Studio) -> bytes:
    """Its file."""
    data: bytes = room.journal.pictures["1"]  # type: ignore[attr-defined]  # the inline journal holds pictures in memory
    return data
