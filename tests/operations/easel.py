"""What the tests of create and produce work with: a wire that paints or fails as told, a journal that remembers."""

import io
import threading
from collections.abc import Callable
from typing import Any

from PIL import Image

from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry, NullJournal, Stage
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import Adapter, ProviderCredentials, ProviderImage, Task
from image_studio.providers.client import ProviderClient
from image_studio.providers.spec import ModelSpec, nearest_size

EVERYONE = frozenset(PROVIDERS)
Act = Callable[[str, Task], Any]


def painted(width: int, height: int) -> bytes:
    """A PNG with a corner of another color."""
    image = Image.new("RGB", (width, height), (20, 90, 160))
    image.paste((250, 250, 250), (0, 0, width // 4, height // 4))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    """Width x height of a file's image."""
    return Image.open(io.BytesIO(data)).size


class ToldWire(ProviderClient):
    """Paints in the model's own size; `act` may raise, or give a Finished of its own, by provider and task."""

    def __init__(self, act: Act = lambda provider, task: None) -> None:
        super().__init__()
        self.act = act
        self.calls: list[tuple[str, str, Task, ProviderCredentials, str | None]] = []
        self._lock = threading.Lock()

    def make(
        self,
        adapter: Adapter,
        model: ModelSpec,
        task: Task,
        access: ProviderCredentials,
        handle: str | None = None,
        **more: Any,
    ) -> ProviderImage:
        """Note the call, then do as told; `self.on_handle` is the caller's."""
        if not handle:
            more["on_paying"]()
        with self._lock:
            self.calls.append((adapter.SPEC.name, model.name, task, access, handle))
            self.on_handle, self.watch = more["on_handle"], more["watch"]
        made = self.act(adapter.SPEC.name, task)
        if isinstance(made, ProviderImage):
            return made
        native = nearest_size(model, task.width or 512, task.height or 512)  # a resumed call has no size
        return ProviderImage(painted(native.width, native.height))

    @property
    def called(self) -> list[str]:
        """The providers that were called, in order."""
        return [provider for provider, *_ in self.calls]

    @property
    def tasks(self) -> list[Task]:
        """The tasks of the calls, by seed where they have one."""
        return sorted((call[2] for call in self.calls), key=lambda task: task.seed or 0)


class Ledger(NullJournal):
    """A journal in memory that outlives a run, as a job's does."""

    def __init__(self, *entries: Entry) -> None:
        super().__init__()
        self.entries = {entry.variation: entry for entry in entries}
        self.raw: dict[int, bytes] = {}
        self.notes: dict[str, str] = {}
        self.log: list[tuple[str, Entry]] = []

    def _note(self, what: str, entry: Entry) -> None:
        self.entries[entry.variation] = entry
        self.log.append((what, entry))

    def entry(self, variation: int) -> Entry:
        """What is known."""
        return self.entries.get(variation) or Entry(variation=variation)

    def intend(self, entry: Entry) -> None:
        """Noted."""
        self._note("intend", entry)

    def order(self, entry: Entry) -> None:
        """Noted."""
        self._note("order", entry)

    def receive(self, variation: int, data: bytes) -> None:
        """Kept."""
        self.raw[variation] = data

    def received(self, variation: int) -> bytes | None:
        """What was kept."""
        return self.raw.get(variation)

    def release(self, entry: Entry) -> None:
        """Fresh again."""
        self._note("release", entry.with_(stage=Stage.FRESH, handle=None))

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        """Done."""
        done = super().keep(entry, data, mime)
        self._note("keep", done)
        return done

    def fail(self, entry: Entry) -> None:
        """Noted."""
        self._note("fail", entry)

    def recall(self, name: str) -> str | None:
        """What was remembered."""
        return self.notes.get(name)

    def remember(self, name: str, value: str) -> None:
        """Remembered."""
        self.notes[name] = value


class Keys:
    """A key for everybody; `fresh` is what the secret says when it is read anew."""

    def __init__(self, key: str | None = "key", fresh: str | None = None) -> None:
        self.key = key
        self.fresh = fresh
        self.read_anew = 0

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials | None:
        """The key of the moment."""
        if anew:
            self.read_anew += 1
            self.key = self.fresh or self.key
        return ProviderCredentials(self.key) if self.key else None


class Vitals:
    """Health that is told and that tells what it was told."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.begun: list[str] = []
        self.reports: list[tuple[str, bool]] = []

    def is_open(self, provider: str) -> bool:
        """As told."""
        return provider in self.failing

    def begin(self, provider: str) -> None:
        """Noted."""
        self.begun.append(provider)

    def report(self, provider: str, *, ok: bool) -> None:
        """Noted."""
        self.reports.append((provider, ok))


def studio(wire: ProviderClient | None = None, configured: frozenset[str] = EVERYONE, **parts: Any) -> OperationContext:
    """A studio in which everybody has a key."""
    return OperationContext(configured=configured, **{"keyring": Keys(), "wire": wire or ToldWire(), **parts})
