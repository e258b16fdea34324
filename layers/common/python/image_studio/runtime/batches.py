"""Batches: many requests of one operation, checked and reserved as one, each a job of its own (docs/decisions/0013)."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from image_studio.errors import InvalidImage, StudioError, TemporarilyUnavailable, TooLarge
from image_studio.imaging.decode import decode_base64
from image_studio.operations.table import Operation, find_operation, with_operation_prefix, with_part
from image_studio.runtime import wiring
from image_studio.runtime.auth import Caller
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.rate_limits import allowance
from image_studio.runtime.references import IMAGE_FIELD, INPUT
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.settings import settings
from image_studio.runtime.submit import QUEUE_SECONDS, Draft, check_webhook, price, store, url_reader
from image_studio.schemas.batches import BatchRequest
from image_studio.storage.batch import Batch, BatchItem
from image_studio.storage.credits import Allowance, month_of
from image_studio.storage.job import DAY, created_now, new_id
from image_studio.storage.jobs import KeyTaken

log = logging.getLogger(__name__)

CHECK_SECONDS = 18.0  # for all items of a request; the gateway ends it after 30
CACHE_BYTES = 32_000_000  # of images that several items refer to, kept while the items are checked


def by_index(index: int) -> str:
    return f"items.{index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What an entry point adds to the request."""

    idempotency_key: str | None = None
    batch_id: str | None = None  # where the entry point makes ids of its own
    origin: str = ""
    inbox: str | None = None
    etag: str | None = None
    allowance: Allowance | None = None  # where it isn't that of the caller's tier
    seconds: float = CHECK_SECONDS
    name: Callable[[int], str] = by_index  # what an error calls an item


def submit_batch(caller: Caller, request: BatchRequest, source: Source) -> tuple[Batch, list[str]]:
    """Record a batch and its jobs, and dispatch them; or none, if one item isn't valid or the credits don't suffice.

    Returns the batch, an earlier one's where the key names it, and the names of ignored fields.
    """
    operation = find_operation(request.operation)
    check_webhook(request.webhook_url)
    drafts, ignored = _drafts(operation, request, source)
    digest = _digest(request, drafts)
    known = wiring.jobs().job_of_key(caller.tenant, source.idempotency_key, digest)
    batch_id = known or source.batch_id or new_id()
    batch = wiring.batches().get(caller.tenant, batch_id) if known or source.batch_id else None
    if batch is None:
        items = _price(caller, drafts, batch_id, source)
        batch = _batch(caller, request, source, items, id=batch_id, request_hash=digest)
        most = source.allowance or allowance(caller.tier)
        try:
            wiring.batches().put(batch, items, idempotency_key=source.idempotency_key, allowance=most)
            log.info("batch recorded", extra={"batch_id": batch.id, "jobs": batch.size, "credits": batch.reserved})
        except KeyTaken as taken:
            batch = wiring.batches().get(caller.tenant, taken.job_id) or batch
    try:
        start(batch)
    except (*STORAGE_FAILURES, TemporarilyUnavailable):  # the caller has the batch already; the reaper starts it later
        log.warning("recorded batch not started", extra={"batch_id": batch.id}, exc_info=True)
    return batch, ignored


def start(batch: Batch) -> None:
    """Make the jobs of a batch that aren't made yet, and dispatch them."""
    for job in wiring.batches().make_jobs(batch, QUEUE_SECONDS):
        dispatcher().send(job.tenant, job.id)


def _drafts(operation: Operation, request: BatchRequest, source: Source) -> tuple[list[Draft], list[str]]:
    """Return a draft of each item, and the names of ignored fields. All drafts share one copy of each image."""
    inputs: dict[str, bytes] = {}
    shared = {name: _take_image(name, value, inputs) for name, value in request.shared.items()}
    drafts, ignored = [], []
    for index, item in enumerate(request.items):
        with _naming(source, index):
            fields = with_part(request.operation, {**shared, **item})
            parsed, unknown = parse_request(operation.request, json.dumps(fields))
            draft = Draft.of(operation, parsed)
            ignored += [f"{source.name(index)}.{name}" for name in [*unknown, *operation.unread(parsed)]]
        inputs |= draft.inputs
        drafts.append(replace(draft, inputs=inputs))
    return drafts, ignored


def _take_image(name: str, value: Any, inputs: dict[str, bytes]) -> Any:
    """Return what stands for a shared image in every item, so that it is decoded once; other values as they are."""
    if not name.endswith(IMAGE_FIELD) or not isinstance(value, str):
        return value
    try:
        data = decode_base64(value)
    except InvalidImage:  # a reference, or it is refused with the first item
        return value
    digest = hashlib.sha256(data).hexdigest()
    inputs[digest] = data
    return INPUT + digest


def _price(caller: Caller, drafts: list[Draft], batch_id: str, source: Source) -> list[BatchItem]:
    """Check and price the items, and store their requests and images under the batch's id."""
    until = time.monotonic() + source.seconds
    fetch, read, written = url_reader(source.seconds), dict[str, bytes](), set[str]()
    items = []
    for index, draft in enumerate(drafts):
        if time.monotonic() > until:
            raise TooLarge(
                f"{index} of {len(drafts)} items were checked in {source.seconds:g} seconds. Make smaller batches."
            )
        with _naming(source, index):
            try:
                cost, priced = price(caller, draft, read=read, fetch=fetch)
            except StudioError as error:
                raise with_operation_prefix(error, draft.operation) from error
        new = {name: data for name, data in priced.inputs.items() if name not in written}
        key = store(caller.tenant, batch_id, replace(priced, inputs=new))
        written |= new.keys()
        items.append(
            BatchItem(
                operation=draft.operation.full_name(draft.request),
                request_hash=draft.digest,
                input=key,
                total=draft.operation.variations(draft.request),
                reserved=cost,
                webhook_url=getattr(draft.request, "webhook_url", None),
                delivery=getattr(draft.request, "delivery", None),
            )
        )
        if sum(map(len, read.values())) > CACHE_BYTES:
            read.clear()
    return items


def _batch(caller: Caller, request: BatchRequest, source: Source, items: list[BatchItem], **fields: Any) -> Batch:
    now = time.time()
    operations = {item.operation for item in items}
    return Batch(
        tenant=caller.tenant,
        operation=operations.pop() if len(operations) == 1 else find_operation(request.operation).name,
        size=len(items),
        total=sum(item.total for item in items),
        reserved=sum(item.reserved for item in items),
        created=created_now(now, fields["id"]),
        created_at=int(now * 1000),
        expires=int(now) + (settings().result_days + 1) * DAY,  # a day longer than its jobs, whose ends it counts
        month=month_of(now),
        tier=caller.tier,
        origin=source.origin,
        webhook_url=request.webhook_url,
        inbox=source.inbox,
        etag=source.etag,
        lease_until=int(now) + QUEUE_SECONDS,
        **fields,
    )


def _digest(request: BatchRequest, drafts: list[Draft]) -> str:
    compared = ["batch", request.webhook_url or "", *(draft.digest for draft in drafts)]
    return hashlib.sha256("\n".join(compared).encode()).hexdigest()


@contextmanager
def _naming(source: Source, index: int) -> Iterator[None]:
    """Let an error say which item it is about."""
    try:
        yield
    except StudioError as error:
        error.detail = f"{source.name(index)}: {error.detail}"
        raise
