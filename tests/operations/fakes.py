"""Fakes for the tests of operations: images, a provider client without a network, a journal, credentials, circuits."""

import base64
import io
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from image_studio.operations.context import Circuits, OperationContext
from image_studio.operations.journal import Entry, NullJournal, Stage
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import ProviderCredentials, ProviderImage, Task
from image_studio.providers.client import PaidCall
from image_studio.providers.spec import ModelSpec, nearest_size
from image_studio.runtime.aws_transport import make_provider_client
from local.emulators import Emulator
from tests.emulated import credentials_for

EVERYONE = frozenset(PROVIDERS)


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Three crossing ramps with a red disc in the middle: no two neighborhoods are alike."""
    ramp = Image.linear_gradient("L").resize((width, height))
    turned = ramp.transpose(Image.Transpose.ROTATE_90).resize((width, height))
    image = Image.merge("RGB", (ramp, turned, ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM)))
    box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    ImageDraw.Draw(image).ellipse(box, fill=(200, 30, 40))
    return image


def block_mask(width: int = 640, height: int = 480) -> Image.Image:
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).rectangle((width // 3, height // 3, 2 * width // 3, 2 * height // 3), fill=255)
    return mask


def corner_image(width: int, height: int) -> bytes:
    image = Image.new("RGB", (width, height), (20, 90, 160))
    image.paste((250, 250, 250), (0, 0, width // 4, height // 4))
    return to_bytes(image)


def to_bytes(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"compress_level": 1} if kind == "PNG" else {}))
    return out.getvalue()


def to_text(image: Image.Image, kind: str = "PNG") -> str:
    return base64.b64encode(to_bytes(image, kind)).decode()


def from_bytes(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def invert(task: Task, image: Image.Image) -> Image.Image:
    """A result that differs from the sent image in every pixel."""
    return image.convert("RGB").point(lambda value: 255 - value if abs(value - 127.5) > 20 else 255)


class Call(NamedTuple):
    provider: str
    model: ModelSpec
    task: Task | None
    handle: str | None
    paid: PaidCall


class FakeClient:
    """A provider client without a network. It notes each call and returns an image.

    `act` may raise, or return a ProviderImage, by provider and task. Else the image is what `paint` makes of the sent
    one, or one of the model's own size.
    """

    def __init__(
        self,
        act: Callable[[str, Task], Any] = lambda provider, task: None,
        *,
        paint: Callable[[Task, Image.Image], Image.Image] = invert,
        seed: int | None = None,
    ) -> None:
        self.act = act
        self.paint = paint
        self.seed = seed
        self.calls: list[Call] = []
        self.waits: list[float] = []

    def submit(self, call: PaidCall, task: Task, on_submit: Callable[[], None]) -> ProviderImage:
        on_submit()
        return self._respond(call, task, None)

    def resume(self, call: PaidCall, handle: str, wait: float = 0.0) -> ProviderImage:
        self.waits.append(wait)
        return self._respond(call, Task(operation="", width=512, height=512), handle)

    def _respond(self, call: PaidCall, task: Task, handle: str | None) -> ProviderImage:
        self.calls.append(Call(call.spec.name, call.model, None if handle else task, handle, call))
        made = self.act(call.spec.name, task)
        if isinstance(made, ProviderImage):
            return made
        if "image" in task.images:
            return ProviderImage(to_bytes(self.paint(task, from_bytes(task.images["image"].data))), self.seed)
        native = nearest_size(call.model, task.width, task.height)
        return ProviderImage(corner_image(native.width, native.height), self.seed)

    @property
    def providers(self) -> list[str]:
        return [call.provider for call in self.calls]

    @property
    def tasks(self) -> list[Task]:
        """The tasks of the paid calls, by seed where they have one."""
        return sorted((call.task for call in self.calls if call.task), key=lambda task: task.seed or 0)

    @property
    def sent(self) -> Image.Image:
        return from_bytes(self.calls[-1].task.images["image"].data)


def failing(**errors: Exception | None) -> FakeClient:
    def act(provider: str, task: Task) -> None:
        error = errors.get(provider)
        if error:
            raise error

    return FakeClient(act)


class RecordingJournal(NullJournal):
    """A journal in memory that outlives a run, as a job's does."""

    def __init__(self, *entries: Entry) -> None:
        super().__init__()
        self.entries = {entry.variation: entry for entry in entries}
        self.raw: dict[int, bytes] = {}
        self.notes: dict[str, str] = {}
        self.log: list[tuple[str, Entry]] = []

    def _record(self, what: str, entry: Entry) -> None:
        self.entries[entry.variation] = entry
        self.log.append((what, entry))

    def entry(self, variation: int) -> Entry:
        return self.entries.get(variation) or Entry(variation=variation)

    def intend(self, entry: Entry) -> None:
        self._record("intend", entry)

    def order(self, entry: Entry) -> None:
        self._record("order", entry)

    def receive(self, variation: int, data: bytes) -> None:
        self.raw[variation] = data

    def received(self, variation: int) -> bytes | None:
        return self.raw.get(variation)

    def release(self, entry: Entry) -> None:
        self._record("release", entry.with_(stage=Stage.FRESH, handle=None))

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        done = super().keep(entry, data, mime)
        self._record("keep", done)
        return done

    def fail(self, entry: Entry) -> None:
        self._record("fail", entry)

    def recall(self, name: str) -> str | None:
        return self.notes.get(name)

    def remember(self, name: str, value: str) -> None:
        self.notes[name] = value


class FakeCredentials:
    """One key for every provider; `renewed` is what the secret has when it is read again."""

    def __init__(self, key: str | None = "key", renewed: str | None = None) -> None:
        self.key = key
        self.renewed = renewed

    def __call__(self, provider: str, *, renew: bool = False) -> ProviderCredentials | None:
        if renew:
            self.key = self.renewed or self.key
        return ProviderCredentials(self.key) if self.key else None


class FakeCircuits(Circuits):
    """Circuits that are open for the given providers, and note the reports."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.begun: list[str] = []
        self.reports: list[tuple[str, bool]] = []

    def is_open(self, provider: str) -> bool:
        return provider in self.failing

    def begin(self, provider: str) -> None:
        self.begun.append(provider)

    def report(self, provider: str, *, ok: bool) -> None:
        self.reports.append((provider, ok))


def make_context(
    client: FakeClient | None = None, configured: frozenset[str] = EVERYONE, **parts: Any
) -> OperationContext:
    fakes: dict[str, Any] = {"credentials": FakeCredentials(), "provider_client": client or FakeClient()}
    return OperationContext(configured=configured, **{**fakes, **parts})


def emulator_context(emulators: dict[str, Emulator], **parts: Any) -> OperationContext:
    client = make_provider_client(sleep=lambda seconds: time.sleep(min(seconds, 0.02)))

    def credentials(provider: str, *, renew: bool = False) -> ProviderCredentials:
        return credentials_for(emulators[provider])

    return OperationContext(configured=frozenset(emulators), credentials=credentials, provider_client=client, **parts)


def result(context: OperationContext) -> Image.Image:
    return from_bytes(result_bytes(context))


def result_bytes(context: OperationContext) -> bytes:
    data: bytes = context.journal.images["1"]  # type: ignore[attr-defined]  # these journals hold images in memory
    return data
