"""Make the variations of a job in parallel, each with at most one paid call, whatever happened before.

Every paid operation goes through here. A variation that the journal knows is resumed (done, failed, ordered,
received); only a fresh one is paid for. After a candidate that surely didn't charge, the next one is called.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from image_studio.catalog.load import load_catalog
from image_studio.errors import (
    MaybeCharged,
    NotCharged,
    ProviderError,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.imaging.content_credentials import History
from image_studio.imaging.encode import EncodedCopy, encode, encode_copy
from image_studio.imaging.fingerprint import fingerprints, look_alike
from image_studio.imaging.types import DecodedImage
from image_studio.operations import provenance
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry, Journal, Stage
from image_studio.operations.model_selection import Candidate
from image_studio.operations.prompts import append_style
from image_studio.providers import PROVIDERS, find_model
from image_studio.providers.adapter import ProviderCredentials, ProviderImage, Task
from image_studio.providers.client import PaidCall, StillRunning
from image_studio.providers.spec import ModelSpec, nearest_size
from image_studio.schemas.common import Delivery, FileType, InlineCopy
from image_studio.schemas.limits import INLINE_BYTES

log = logging.getLogger(__name__)

#: Fields of a task that a model may or may not honor.
OPTIONAL = ("negative_prompt", "seed", "style_preset", "guidance_scale", "steps")
#: Failures of the provider rather than of the request.
PROVIDER_FAULTS = (ProviderOutage, ProviderUnavailable, UnknownCharge)
UNUSABLE = "The provider's image can't be used: it is damaged, or larger or of another kind than we take."
NOT_WRITTEN = "The provider's image arrived, but could not be written as requested."
MAX_THREADS = 10  # of one job; the provider client limits the calls in flight per provider
#: Results are decoded and encoded one at a time, always in the same thread: ten of 25 megapixels need 0.6 GB then, and
#: 4 GB in threads of their own, each of which keeps its memory. The worker has one processor anyway.
_ENCODER = ThreadPoolExecutor(1, thread_name_prefix="encoder")


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image ready to store: bytes, media type, and facts for the response (width, height, metadata)."""

    data: bytes
    mime: str
    facts: dict[str, Any]
    history: History | None = None  # what it is marked by; None for a photograph that was only resized
    fingerprints: Sequence[int] = ()  # by which it is known again
    like_source: bool = False  # it looks like the image that it was made from, so a look-alike may be that one
    copy: EncodedCopy | None = None  # for a response that the image doesn't fit into
    inline_bytes: int = INLINE_BYTES  # which the copy may have


def encode_image(
    image: DecodedImage,
    file_type: FileType,
    facts: dict[str, Any],
    inline_bytes: int | None,
    history: History | None = None,
    *,
    source: DecodedImage | None = None,
) -> EncodedImage:
    """Encode the image with its mark, which `metadata` names as well.

    An image of more than `inline_bytes` gets a copy that is smaller; None is no limit. `source` is what was changed.
    """
    xmp = history.mark.to_xmp() if history else b""
    facts["metadata"] |= provenance.metadata_of(history)
    encoded = EncodedImage(encode(image, file_type, xmp=xmp), file_type.mime, facts, history)
    if history and history.made:
        found = fingerprints(image)
        like_source = source is not None and look_alike(found, fingerprints(source, crops=1))
        encoded = replace(encoded, fingerprints=found, like_source=like_source)
    if inline_bytes is None or len(encoded.data) <= inline_bytes:
        return encoded
    copy = encode_copy(image, file_type, inline_bytes - (provenance.ROOM if history else 0), xmp)
    return replace(encoded, copy=copy, inline_bytes=inline_bytes)


def inline_share(delivery: Delivery, images: int) -> int | None:
    """Return how many bytes each of `images` images may have in a response; None where they are all URLs."""
    return None if delivery is Delivery.URL else INLINE_BYTES // images


def keep_image(context: OperationContext, entry: Entry, encoded: EncodedImage, received: bytes = b"") -> Entry:
    """Sign and keep the image of an entry, its copy and its fingerprints before it."""
    data, copy, history = encoded.data, encoded.copy, encoded.history
    if history:
        history = replace(history, received=received)
        data = provenance.sign(context, data, encoded.mime, history)
    if copy:
        if history:
            signed = provenance.sign(context, copy.data, copy.file_type.mime, history, encoded.inline_bytes)
            copy = replace(copy, data=signed)
        entry = entry.with_(facts={**entry.facts, "inline": keep_copy(context.journal, entry.variation, copy)})
    if history and history.made:
        context.record_result(entry.variation, data, encoded.fingerprints, encoded.like_source)
    return context.journal.keep(entry, data, encoded.mime)


def keep_copy(journal: Journal, variation: int, copy: EncodedCopy) -> InlineCopy:
    stored = journal.keep_copy(variation, copy.data, copy.file_type.mime)
    return InlineCopy(stored, copy.quality, copy.width, copy.height)


@dataclass(frozen=True, slots=True)
class VariationTask:
    """One variation to make: the task for a candidate, and how the provider's bytes become the response's."""

    variation: int  # 1-based
    task: Callable[[Candidate], Task]
    encode: Callable[[bytes, Entry], EncodedImage]  # how to read the bytes may depend on the entry's model


def fit_task(task: Task, model: ModelSpec) -> tuple[Task, dict[str, Any]]:
    """Limit the task to what the model takes; return it with the metadata `clamped` (values) and `ignored` (fields)."""
    sent = [name for name in OPTIONAL if getattr(task, name) not in (None, "")]
    prompt = ["prompt"] if task.prompt else []
    ignored = [name for name in (*prompt, *sent, *task.settings) if name not in model.accepts]
    clamped: dict[str, Any] = {}

    def within(name: str, value: Any) -> Any:
        if name not in model.ranges or value is None:
            return value
        fitted = model.ranges[name].clamp(value)
        if fitted != value:
            clamped[name] = fitted
        return int(fitted) if isinstance(value, int) and fitted == int(fitted) else fitted

    settings = {name: within(name, value) for name, value in task.settings.items() if name in model.accepts}
    fields: dict[str, Any] = dict.fromkeys(OPTIONAL)
    fields |= {name: within(name, getattr(task, name)) for name in OPTIONAL if name in model.accepts}
    notes: dict[str, Any] = {"ignored": ignored, "clamped": clamped}
    return replace(task, settings=settings, **fields), {name: note for name, note in notes.items() if note}


def style_in_words(task: Task, model: ModelSpec) -> Task:
    """Put the style into the prompt, if there is one with room for it, for a model that has no field for styles."""
    takes_words = task.prompt and "prompt" in model.accepts
    if not takes_words or not task.style_preset or "style_preset" in model.accepts:
        return task
    prompt = append_style(task.prompt, task.style_preset)
    written = load_catalog().style_words(task.style_preset).lower() in prompt.lower()
    return replace(task, prompt=prompt, style_preset=None) if written else task


def generate(context: OperationContext, candidates: Sequence[Candidate], tasks: Sequence[VariationTask]) -> list[Entry]:
    """Return each variation's entry, DONE or FAILED, in order. Raises StillRunning after `context.wait_seconds`."""
    wait_until = time.monotonic() + context.wait_seconds
    with ThreadPoolExecutor(max_workers=min(MAX_THREADS, len(tasks)), thread_name_prefix="variation") as pool:
        futures = [pool.submit(_run_variation, context, candidates, task, wait_until) for task in tasks]
        wait(futures)
    running = [error.wait for future in futures if isinstance(error := future.exception(), StillRunning)]
    # A wait is raised only where nothing else failed: `result` raises what did.
    done = [future.result() for future in futures if not isinstance(future.exception(), StillRunning)]
    if running:
        raise StillRunning(min(running))
    return done


def _run_variation(
    context: OperationContext, candidates: Sequence[Candidate], task: VariationTask, wait_until: float
) -> Entry:
    entry = context.journal.entry(task.variation)
    if entry.stage in (Stage.DONE, Stage.FAILED):
        return entry
    runner = _VariationRunner(context, task, entry, wait_until)
    try:
        data = runner.resume() if entry.stage is not Stage.FRESH else runner.submit(candidates)
    except StillRunning as running:
        context.journal.order(runner.entry.with_(due_at=context.now() + running.wait))
        raise
    except StudioError as error:
        return _record_failure(context, runner.entry, error)
    try:  # the provider's bytes are checked here for the first time
        encoded = _ENCODER.submit(task.encode, data, runner.entry).result()
    except StudioError:
        return _record_failure(context, runner.entry, ResultUnusable(UNUSABLE))
    except Exception:  # it is paid for, and another run would fail again
        log.exception("encoding failed", extra={"variation": task.variation})
        return _record_failure(context, runner.entry, ResultUnusable(NOT_WRITTEN))
    facts = {**encoded.facts, "metadata": {**runner.entry.facts, **encoded.facts.get("metadata", {})}}
    return keep_image(context, runner.entry.with_(facts=facts), encoded, data)


def _record_failure(context: OperationContext, entry: Entry, error: StudioError) -> Entry:
    """Record the failure; its credits stay only where the provider may have charged."""
    failed = entry.with_(
        stage=Stage.FAILED,
        detail=error.detail,
        code=error.code,
        status=error.status,
        credits=entry.credits if isinstance(error, MaybeCharged) else 0,
    )
    context.journal.fail(failed)
    return failed


class _VariationRunner:
    """Gets one variation's image from a provider; `entry` is what the journal knows of it."""

    def __init__(self, context: OperationContext, task: VariationTask, entry: Entry, wait_until: float) -> None:
        assert context.provider_client is not None, "an API function generates nothing"  # noqa: S101  a mistake of ours
        self.client = context.provider_client
        self.context = context
        self.task = task
        self.entry = entry
        self.wait_until = wait_until

    def resume(self) -> bytes:
        """Continue where an earlier run stopped, without a paid call. Raises UnknownCharge where that is impossible."""
        data = self.context.journal.received(self.task.variation)
        if data is not None:
            return data
        if not self.entry.handle:
            raise UnknownCharge
        candidate = Candidate(*find_model(self.entry.provider, self.entry.model), "resumed")
        started = time.monotonic()
        wait = self.entry.due_at - self.context.now()
        image = self.client.resume(self._call(candidate), self.entry.handle, wait)
        return self._receive(candidate, image, time.monotonic() - started)

    def submit(self, candidates: Sequence[Candidate]) -> bytes:
        """Call the candidates in turn until one may have charged. Raises the last one's error.

        A candidate dearer than what is reserved is passed over: the caller agreed to no more.
        """
        failure: StudioError = ProviderUnavailable(
            "The models that are available now cost more than what was reserved for this request. Nothing was charged;"
            " send the request again."
        )
        failed: list[str] = []
        for candidate in candidates:
            task, notes = fit_task(style_in_words(self.task.task(candidate), candidate.model), candidate.model)
            credits = candidate.model.price(nearest_size(candidate.model, task.width, task.height))
            if credits > self.context.max_credits:
                continue
            before = f"; {' and '.join(failed)} failed before" if failed else ""
            self.entry = self.entry.with_(
                provider=candidate.provider.name,
                model=candidate.model.name,
                seed=task.seed,
                credits=credits,
                ordered_at=self.context.now(),
                facts={**notes, "reason": candidate.reason + before},
            )
            try:
                started = time.monotonic()
                image = self.client.submit(self._call(candidate), task, self._record_intent)
                return self._receive(candidate, image, time.monotonic() - started)
            except MaybeCharged as error:
                self._report(candidate, error)
                raise
            except NotCharged as error:
                self._report(candidate, error)
                failure = error
                failed.append(candidate.provider.name)
                self.entry = self.entry.with_(stage=Stage.FRESH)
                self.context.journal.release(self.entry)
        raise failure

    def _call(self, candidate: Candidate) -> PaidCall:
        name = candidate.provider.name
        ordered = time.monotonic() - (self.context.now() - self.entry.ordered_at)
        return PaidCall(
            adapter=PROVIDERS[name],
            model=candidate.model,
            credentials=self._credentials(candidate),
            deadline=ordered + candidate.model.deadline,
            ordered=ordered,
            wait_until=self.wait_until,
            on_handle=self._record_handle,
            renew_credentials=lambda: self.context.credentials(name, renew=True),
        )

    def _credentials(self, candidate: Candidate) -> ProviderCredentials:
        credentials = self.context.credentials(candidate.provider.name)
        if credentials is None:
            raise ProviderUnavailable(f"{candidate.provider.title} is not configured.")
        return credentials

    def _record_intent(self) -> None:
        self.entry = self.entry.with_(stage=Stage.INTENDED)
        self.context.journal.intend(self.entry)
        self.context.circuits.begin(self.entry.provider)

    def _record_handle(self, handle: str) -> None:
        self.entry = self.entry.with_(stage=Stage.ORDERED, handle=handle)
        self.context.journal.order(self.entry)

    def _receive(self, candidate: Candidate, image: ProviderImage, seconds: float) -> bytes:
        self.context.journal.receive(self.task.variation, image.data)
        if image.seed is not None:
            self.entry = self.entry.with_(seed=image.seed)
        self.context.circuits.report(candidate.provider.name, ok=True)
        log.info(
            "image received",
            extra={
                "provider": candidate.provider.name,
                "model": candidate.model.name,
                "variation": self.task.variation,
                "seconds": round(seconds, 3),
                "bytes": len(image.data),
            },
        )
        return image.data

    def _report(self, candidate: Candidate, error: ProviderError) -> None:
        if isinstance(error, PROVIDER_FAULTS):
            self.context.circuits.report(candidate.provider.name, ok=False)
        log.warning(
            "provider failed",
            extra={"provider": candidate.provider.name, "model": candidate.model.name, "code": error.code},
        )
