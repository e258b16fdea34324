"""Make the variations of a job at the same time, each with at most one paid call, whatever happened before.

Every operation goes through here. For each variation: what the journal knows is taken up (done, failed, ordered,
received); only a fresh one is paid for. A choice that surely didn't charge is followed by the next one.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from image_studio.errors import (
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.operations.choose_model import Choice
from image_studio.operations.fit_task import fit_task
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.studio import Studio
from image_studio.providers import PROVIDERS, find
from image_studio.providers.access import Access
from image_studio.providers.adapter import Finished, Task
from image_studio.providers.shapes import nearest
from image_studio.providers.wire import StillRunning, Watch

log = logging.getLogger(__name__)

#: Failures that say something of the provider, not of the request.
PROVIDERS_OWN = (ProviderOutage, ProviderUnavailable, UnknownCharge)
UNUSABLE = "The provider's picture can't be used: it is damaged, or larger or of another kind than we take."
MAX_AT_ONCE = 10  # threads of one job; the wire holds each provider to its own number


@dataclass(frozen=True, slots=True)
class Polished:
    """A picture ready for the caller: bytes, media type, and facts for the answer (width, height, metadata)."""

    data: bytes
    mime: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One variation to make: the task for a choice, and what turns the provider's bytes into the answer's.

    `polish` is told the entry too: how the bytes have to be read may depend on the model that made them.
    """

    variation: int  # 1-based
    task: Callable[[Choice], Task]
    polish: Callable[[bytes, Entry], Polished]


def produce(studio: Studio, choices: Sequence[Choice], orders: Sequence[Order]) -> list[Entry]:
    """Each order's entry, DONE or FAILED, in order. Raises StillRunning when some need longer than `studio.hold`."""
    until = time.monotonic() + studio.hold
    with ThreadPoolExecutor(max_workers=min(MAX_AT_ONCE, len(orders)), thread_name_prefix="variation") as pool:
        futures = [pool.submit(_make, studio, choices, order, until) for order in orders]
        wait(futures)
    running = [error for future in futures if isinstance(error := future.exception(), StillRunning)]
    others = [error for future in futures if (error := future.exception()) and not isinstance(error, StillRunning)]
    if others:
        raise others[0]
    if running:
        raise StillRunning(min(error.wait for error in running))
    return [future.result() for future in futures]


def _make(studio: Studio, choices: Sequence[Choice], order: Order, until: float) -> Entry:
    entry = studio.journal.entry(order.variation)
    if entry.stage in (Stage.DONE, Stage.FAILED):
        return entry
    maker = _Maker(studio, order, entry, until)
    try:
        data = maker.take_up() if entry.stage is not Stage.FRESH else maker.pay(choices)
        polished = _polish(order, data, maker.entry)
    except StudioError as error:
        return _failed(studio, maker.entry, error)
    facts = {**polished.facts, "metadata": {**maker.entry.facts, **polished.facts.get("metadata", {})}}
    return studio.journal.keep(maker.entry.with_(facts=facts), polished.data, polished.mime)


def _failed(studio: Studio, entry: Entry, error: StudioError) -> Entry:
    """Note the failure; credits stay on it only where the provider may have charged."""
    charged = isinstance(error, ProviderFailed) and error.maybe_charged
    failed = entry.with_(
        stage=Stage.FAILED,
        detail=error.detail,
        code=error.code,
        status=error.status,
        credits=entry.credits if charged else 0,
    )
    studio.journal.fail(failed)
    return failed


def _polish(order: Order, data: bytes, entry: Entry) -> Polished:
    """The provider's bytes went through no gate yet: what doesn't pass it can't be used."""
    try:
        return order.polish(data, entry)
    except StudioError as error:
        raise ResultUnusable(UNUSABLE) from error


class _Maker:
    """One variation on its way; `entry` is what the journal knows of it."""

    def __init__(self, studio: Studio, order: Order, entry: Entry, until: float) -> None:
        self.studio = studio
        self.order = order
        self.entry = entry
        self.until = until

    def take_up(self) -> bytes:
        """Go on from where an earlier run stopped, without a paid call. Raises UnknownCharge where it can't."""
        data = self.studio.journal.received(self.order.variation)
        if data is not None:
            return data
        if not self.entry.handle:
            raise UnknownCharge
        spec, model = find(self.entry.provider, self.entry.model)
        choice = Choice(spec, model, "resumed")
        return self._call(choice, None, self._access(choice), self.entry.handle)

    def pay(self, choices: Sequence[Choice]) -> bytes:
        """Try the choices in turn; the first that may have charged is the last. Raises its error."""
        failure: StudioError = ProviderUnavailable("No provider is configured for this.")
        passed: list[str] = []
        for choice in choices:
            task, notes = fit_task(self.order.task(choice), choice.model)
            size = nearest(choice.model, task.width, task.height)
            self.entry = self.entry.with_(
                provider=choice.provider.name,
                model=choice.model.name,
                seed=task.seed,
                credits=choice.model.price(size),
                ordered_at=self.studio.now(),
                facts={**notes, "reason": _reason(choice, passed)},
            )
            try:
                return self._with_fresh_key(choice, task)
            except ProviderFailed as error:
                self._report(choice, error)
                if error.maybe_charged:
                    raise
                failure = error
                passed.append(choice.provider.name)
                self.entry = self.entry.with_(stage=Stage.FRESH)
                self.studio.journal.release(self.entry)
        raise failure

    def _with_fresh_key(self, choice: Choice, task: Task) -> bytes:
        """A refused key is read anew once: it may have been rotated."""
        access = self._access(choice)
        try:
            return self._call(choice, task, access)
        except ProviderKeyRefused:
            fresh = self.studio.keyring.access(choice.provider.name, anew=True)
            if fresh is None or fresh == access:
                raise
            return self._call(choice, task, fresh)

    def _access(self, choice: Choice) -> Access:
        access = self.studio.keyring.access(choice.provider.name)
        if access is None:
            raise ProviderUnavailable(f"{choice.provider.title} is not configured: no key is set.")
        return access

    def _call(self, choice: Choice, task: Task | None, access: Access, handle: str | None = None) -> bytes:
        started = time.monotonic()
        left = choice.model.deadline - (self.studio.now() - self.entry.ordered_at)
        finished = self.studio.wire.make(
            PROVIDERS[choice.provider.name],
            choice.model,
            task or Task(operation="", width=0, height=0),
            access,
            watch=Watch(started + max(left, MIN_PATIENCE), self.until),
            on_handle=self._note_handle,
            on_paying=self._note_intent,
            handle=handle,
            renew=lambda: self.studio.keyring.access(choice.provider.name, anew=True),
        )
        self._settle(choice, finished, time.monotonic() - started)
        return finished.data

    def _note_intent(self) -> None:
        self.entry = self.entry.with_(stage=Stage.INTENDED)
        self.studio.journal.intend(self.entry)
        self.studio.health.begin(self.entry.provider)

    def _note_handle(self, handle: str) -> None:
        self.entry = self.entry.with_(stage=Stage.ORDERED, handle=handle)
        self.studio.journal.order(self.entry)

    def _settle(self, choice: Choice, finished: Finished, seconds: float) -> None:
        self.studio.journal.receive(self.order.variation, finished.data)
        if finished.seed is not None:
            self.entry = self.entry.with_(seed=finished.seed)
        self._report(choice, None)
        log.info(
            "picture received",
            extra={
                "provider": choice.provider.name,
                "model": choice.model.name,
                "variation": self.order.variation,
                "seconds": round(seconds, 3),
                "bytes": len(finished.data),
            },
        )

    def _report(self, choice: Choice, error: ProviderFailed | None) -> None:
        if error is None or isinstance(error, PROVIDERS_OWN):
            self.studio.health.report(choice.provider.name, ok=error is None)
        if error is not None:
            log.warning(
                "provider failed",
                extra={"provider": choice.provider.name, "model": choice.model.name, "code": error.code},
            )


def _reason(choice: Choice, passed: list[str]) -> str:
    """Why this model, and which providers failed for this variation before it."""
    return f"{choice.reason}; {' and '.join(passed)} failed before" if passed else choice.reason


MIN_PATIENCE = 5.0  # seconds that a resumed call gets for its last poll, however late it is
