"""Make the variations of a job at the same time, each with at most one paid call, whatever happened before.

Every operation goes through here. For each variation, what the journal knows is resumed (done, failed, ordered,
received); only a fresh one is paid for. A candidate that surely didn't charge is followed by the next one.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
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
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate
from image_studio.providers import PROVIDERS, find_model
from image_studio.providers.adapter import ProviderCredentials, ProviderImage, Task
from image_studio.providers.client import Deadlines, StillRunning
from image_studio.providers.spec import ModelSpec, nearest_size

log = logging.getLogger(__name__)


#: Fields of a task that a model may or may not honor.
OPTIONAL = ("negative_prompt", "seed", "style_preset", "guidance_scale", "steps")


def fit_task(task: Task, model: ModelSpec) -> tuple[Task, dict[str, Any]]:
    """The task as the model takes it, and the notes for `metadata`: `clamped` values and `ignored` fields.

    A style that a model doesn't know is no loss, its words are in the prompt already.
    """
    ignored = [
        name
        for name in OPTIONAL
        if getattr(task, name) is not None and name not in model.accepts and name != "style_preset"
    ]
    ignored += [name for name in task.settings if name not in model.accepts]
    clamped: dict[str, Any] = {}

    def within(name: str, value: Any) -> Any:
        if name not in model.ranges or value is None:
            return value
        fitted = model.ranges[name].clamp(value)
        if fitted != value:
            clamped[name] = fitted
        return int(fitted) if isinstance(value, int) and fitted == int(fitted) else fitted

    settings = {name: within(name, value) for name, value in task.settings.items() if name in model.accepts}
    fields: dict[str, Any] = {
        name: within(name, getattr(task, name)) if name in model.accepts else None for name in OPTIONAL
    }
    notes = {key: value for key, value in (("ignored", ignored), ("clamped", clamped)) if value}
    return replace(task, settings=settings, **fields), notes


#: Failures that say something of the provider, not of the request.
PROVIDER_FAULTS = (ProviderOutage, ProviderUnavailable, UnknownCharge)
UNUSABLE = "The provider's image can't be used: it is damaged, or larger or of another kind than we take."
MAX_AT_ONCE = 10  # threads of one job; the wire holds each provider to its own number


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image ready for the caller: bytes, media type, and facts for the answer (width, height, metadata)."""

    data: bytes
    mime: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VariationTask:
    """One variation to make: the task for a choice, and what turns the provider's bytes into the answer's.

    `polish` is told the entry too: how the bytes have to be read may depend on the model that made them.
    """

    variation: int  # 1-based
    task: Callable[[Candidate], Task]
    polish: Callable[[bytes, Entry], EncodedImage]


def generate(studio: OperationContext, choices: Sequence[Candidate], orders: Sequence[VariationTask]) -> list[Entry]:
    """Each order's entry, DONE or FAILED, in order. Raises StillRunning when some need longer than `studio.hold`."""
    until = time.monotonic() + studio.hold
    with ThreadPoolExecutor(max_workers=min(MAX_AT_ONCE, len(orders)), thread_name_prefix="variation") as pool:
        futures = [pool.submit(_run_variation, studio, choices, order, until) for order in orders]
        wait(futures)
    running = [error for future in futures if isinstance(error := future.exception(), StillRunning)]
    others = [error for future in futures if (error := future.exception()) and not isinstance(error, StillRunning)]
    if others:
        raise others[0]
    if running:
        raise StillRunning(min(error.wait for error in running))
    return [future.result() for future in futures]


def _run_variation(studio: OperationContext, choices: Sequence[Candidate], order: VariationTask, until: float) -> Entry:
    entry = studio.journal.entry(order.variation)
    if entry.stage in (Stage.DONE, Stage.FAILED):
        return entry
    maker = _VariationRunner(studio, order, entry, until)
    try:
        data = maker.take_up() if entry.stage is not Stage.FRESH else maker.pay(choices)
        polished = _encode(order, data, maker.entry)
    except StudioError as error:
        return _note_failure(studio, maker.entry, error)
    facts = {**polished.facts, "metadata": {**maker.entry.facts, **polished.facts.get("metadata", {})}}
    return studio.journal.keep(maker.entry.with_(facts=facts), polished.data, polished.mime)


def _note_failure(studio: OperationContext, entry: Entry, error: StudioError) -> Entry:
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


def _encode(order: VariationTask, data: bytes, entry: Entry) -> EncodedImage:
    """The provider's bytes went through no gate yet: what doesn't pass it can't be used."""
    try:
        return order.polish(data, entry)
    except StudioError as error:
        raise ResultUnusable(UNUSABLE) from error


class _VariationRunner:
    """One variation on its way; `entry` is what the journal knows of it."""

    def __init__(self, studio: OperationContext, order: VariationTask, entry: Entry, until: float) -> None:
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
        spec, model = find_model(self.entry.provider, self.entry.model)
        choice = Candidate(spec, model, "resumed")
        return self._call(choice, None, self._access(choice), self.entry.handle)

    def pay(self, choices: Sequence[Candidate]) -> bytes:
        """Try the choices in turn; the first that may have charged is the last. Raises its error."""
        failure: StudioError = ProviderUnavailable("No provider is configured for this.")
        passed: list[str] = []
        for choice in choices:
            task, notes = fit_task(self.order.task(choice), choice.model)
            size = nearest_size(choice.model, task.width, task.height)
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

    def _with_fresh_key(self, choice: Candidate, task: Task) -> bytes:
        """A refused key is read anew once: it may have been rotated."""
        access = self._access(choice)
        try:
            return self._call(choice, task, access)
        except ProviderKeyRefused:
            fresh = self.studio.keyring.access(choice.provider.name, anew=True)
            if fresh is None or fresh == access:
                raise
            return self._call(choice, task, fresh)

    def _access(self, choice: Candidate) -> ProviderCredentials:
        access = self.studio.keyring.access(choice.provider.name)
        if access is None:
            raise ProviderUnavailable(f"{choice.provider.title} is not configured: no key is set.")
        return access

    def _call(
        self, choice: Candidate, task: Task | None, access: ProviderCredentials, handle: str | None = None
    ) -> bytes:
        started = time.monotonic()
        left = choice.model.deadline - (self.studio.now() - self.entry.ordered_at)
        finished = self.studio.wire.make(
            PROVIDERS[choice.provider.name],
            choice.model,
            task or Task(operation="", width=0, height=0),
            access,
            watch=Deadlines(started + max(left, MIN_POLL_SECONDS), self.until),
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

    def _settle(self, choice: Candidate, finished: ProviderImage, seconds: float) -> None:
        self.studio.journal.receive(self.order.variation, finished.data)
        if finished.seed is not None:
            self.entry = self.entry.with_(seed=finished.seed)
        self._report(choice, None)
        log.info(
            "image received",
            extra={
                "provider": choice.provider.name,
                "model": choice.model.name,
                "variation": self.order.variation,
                "seconds": round(seconds, 3),
                "bytes": len(finished.data),
            },
        )

    def _report(self, choice: Candidate, error: ProviderFailed | None) -> None:
        if error is None or isinstance(error, PROVIDER_FAULTS):
            self.studio.health.report(choice.provider.name, ok=error is None)
        if error is not None:
            log.warning(
                "provider failed",
                extra={"provider": choice.provider.name, "model": choice.model.name, "code": error.code},
            )


def _reason(choice: Candidate, passed: list[str]) -> str:
    """Why this model, and which providers failed for this variation before it."""
    return f"{choice.reason}; {' and '.join(passed)} failed before" if passed else choice.reason


MIN_POLL_SECONDS = 5.0  # seconds that a resumed call gets for its last poll, however late it is
