"""The POST of an operation: paid work is validated, recorded as a job and waited for; free work is done at once."""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from image_studio.errors import InvalidRequest, NotFound, StudioError
from image_studio.operations.context import OperationContext, Sign
from image_studio.operations.estimate import estimate_cost
from image_studio.operations.journal import NullJournal
from image_studio.operations.table import Operation, find_operation, with_operation_prefix
from image_studio.providers.download import INPUT_SECONDS, download_input
from image_studio.providers.webhook_call import CallFailed, check_webhook_url
from image_studio.runtime import configured_providers, wiring
from image_studio.runtime.api import JSON, NO_STORE, Call, Response, respond
from image_studio.runtime.auth import Caller
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.jobs_api import (
    accepted,
    body_with_images,
    ended,
    key_of_removed_job,
    preference,
    unfinished,
    wait_for,
)
from image_studio.runtime.rate_limits import allowance, open_wait
from image_studio.runtime.references import CallerReferences, take_inputs
from image_studio.runtime.request_parsing import read_request
from image_studio.runtime.settings import TIERS, settings
from image_studio.schemas.catalog import EstimateRequest
from image_studio.schemas.common import Delivery, Request
from image_studio.storage import keys
from image_studio.storage.credits import Allowance, month_of
from image_studio.storage.job import DAY, Job, Status, created_now, new_id
from image_studio.storage.jobs import KeyTaken

log = logging.getLogger(__name__)

FETCH_SECONDS = 20  # for the images at URLs; the gateway ends a request after 30
QUEUE_SECONDS = 30  # until the reaper sends a job again that no worker took


def submit(call: Call, name: str) -> Response:
    """Serve the POST of a paid operation: 200 with its documented body, 303 to go on waiting, or 202."""
    operation = find_operation(name)
    request = read_request(operation.request, call, operation.unread)
    wanted = preference(call)
    seconds = wanted.seconds if dispatcher().outlives_us else call.time_left()
    with open_wait(call, seconds):  # before anything is recorded: a caller without a free wait spends nothing
        job_id = _admit(call, operation, request)
        try:
            job = wait_for(call, call.known.tenant, job_id, seconds)
        except NotFound:
            raise key_of_removed_job() from None
        except STORAGE_FAILURES:
            log.warning("recorded job not read", extra={"job_id": job_id}, exc_info=True)
            job = None
    call.headers.update(wanted.applied)
    delivery = getattr(request, "delivery", Delivery.AUTO)
    if job is None:  # a client that repeats its request instead of asking for the job would pay twice
        return accepted(job_id, Status.QUEUED, delivery)
    if job.status.ended:
        return ended(job, delivery)
    if wanted.asynchronous:
        return accepted(job.id, job.status, delivery)
    return unfinished(call, job, 1, delivery, wanted.seconds)


def _admit(call: Call, operation: Operation, request: Request) -> str:
    """Return the id of the job for this request, at no charge an earlier one's where the Idempotency-Key names it."""
    caller, key = call.known, call.idempotency_key()
    draft = Draft.of(operation, request)
    joined = wiring.jobs().job_of_key(caller.tenant, key, draft.digest)
    if joined:
        return joined
    try:
        cost, draft = price(caller, draft)
    except StudioError as error:
        raise with_operation_prefix(error, operation) from error
    return record(caller, draft, Terms(cost=cost, idempotency_key=key, origin=call.origin))


# -- recording a job


@dataclass(frozen=True, slots=True)
class Draft:
    """A request as it is stored: `body` is its JSON, `inputs` has the bytes of the images that it carried."""

    operation: Operation
    request: Request
    inputs: dict[str, bytes]
    body: bytes
    digest: str  # tells one request from another

    @classmethod
    def of(cls, operation: Operation, request: Request, **undistinguished: Any) -> "Draft":
        """Take the images out of a request, and dump it once.

        Sorted keys and left-out defaults: a deployment that moves or adds fields must not change the digest of a
        request that a client repeats. Fields that are `undistinguished` have that value in the digest.
        Raises InvalidRequest for a webhook_url that can't be called.
        """
        check_webhook(getattr(request, "webhook_url", None))
        request, inputs = take_inputs(request, {})
        fields = _stored_fields(request)
        body = _sorted_json(fields)
        compared = _sorted_json(fields | undistinguished) if undistinguished else body
        digest = hashlib.sha256(operation.name.encode() + b"\n" + compared).hexdigest()
        return cls(operation, request, inputs, body, digest)


def check_webhook(url: str | None) -> None:
    """Raise InvalidRequest for a webhook_url that no call reaches. Names are not looked up: that may fail."""
    try:
        if url is not None:
            check_webhook_url(url, settings().webhook_origin or None, look_up=False)
    except CallFailed as failure:
        raise InvalidRequest(f"webhook_url: {failure}") from None


def price(
    caller: Caller, draft: Draft, *, read: dict[str, bytes] | None = None, **references: Any
) -> tuple[int, Draft]:
    """Return a draft's credits, and the draft with the bytes that were priced in place of its references.

    The worker thus works on these bytes, whatever the upload has become. It decodes them again: pixels are too large to
    pass on. The digest stays that of the request as it was sent. `read` keeps what was read for the drafts that follow.
    """
    read = {} if read is None else read
    context = wiring.api_context(
        caller, **{"inputs": draft.inputs.get, "fetch": url_reader(), "read": read, **references}
    )
    cost = draft.operation.estimate(draft.request, context)
    if not read:  # it carried all of its images
        return cost, draft
    request, inputs = take_inputs(draft.request, read)
    body = _sorted_json(_stored_fields(request))
    return cost, replace(draft, request=request, inputs=draft.inputs | inputs, body=body)


def url_reader(seconds: float = FETCH_SECONDS) -> Callable[[str], bytes]:
    """Return what gives the images at the URLs of one request, within `seconds` for all of them."""
    until = time.monotonic() + seconds
    return lambda url: download_input(url, min(INPUT_SECONDS, until - time.monotonic()))


def store(tenant: str, job_id: str, draft: Draft) -> str:
    """Store a draft's inputs and body; return the body's key. Keys hold hashes, so a repetition writes the same."""
    for name, data in draft.inputs.items():
        wiring.objects().put_once(keys.input_key(tenant, job_id, name), data, "application/octet-stream")
    key = keys.request_key(tenant, job_id, hashlib.sha256(draft.body).hexdigest())
    wiring.objects().put_once(key, draft.body, JSON)
    return key


def _stored_fields(request: Request) -> dict[str, Any]:
    return request.model_dump(mode="json", exclude_defaults=True)


def _sorted_json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an entry point adds to the request."""

    cost: int  # credits to reserve
    idempotency_key: str | None = None
    job_id: str | None = None  # where the entry point makes ids of its own
    awaits: str | None = None  # the upload that starts the job
    origin: str = ""  # of the API as the caller reached it
    inbox: str | None = None  # the hot folder's path that the job came from
    etag: str | None = None
    allowance: Allowance | None = None  # where it isn't that of the caller's tier


def record(caller: Caller, draft: Draft, terms: Terms) -> str:
    """Store inputs and request, record the job and dispatch it. Return an earlier job's id where the key names one.

    Objects are written before the record, so a job never exists without its inputs.
    """
    now = time.time()
    job_id = terms.job_id or new_id()
    job = Job(
        tenant=caller.tenant,
        id=job_id,
        operation=draft.operation.full_name(draft.request),
        status=Status.QUEUED,
        request_hash=draft.digest,
        input=store(caller.tenant, job_id, draft),
        total=draft.operation.variations(draft.request),
        created=created_now(now, job_id),
        created_at=int(now * 1000),
        expires=int(now) + settings().result_days * DAY,
        reserved=terms.cost,
        month=month_of(now),
        tier=caller.tier,
        lease_until=int(now) + (settings().upload_seconds if terms.awaits else QUEUE_SECONDS),
        awaits=terms.awaits,
        origin=terms.origin,
        webhook_url=getattr(draft.request, "webhook_url", None),
        delivery=getattr(draft.request, "delivery", None),
        inbox=terms.inbox,
        etag=terms.etag,
    )
    try:
        most = terms.allowance or allowance(caller.tier)
        wiring.jobs().put(job, idempotency_key=terms.idempotency_key, allowance=most)
    except KeyTaken as taken:
        return taken.job_id
    if not job.awaits:
        send(job)
    return job.id


def send(job: Job) -> None:
    """Send a recorded job to a worker. If that fails, the reaper does it later: the caller has the job already."""
    try:
        dispatcher().send(job.tenant, job.id)
    except STORAGE_FAILURES:
        log.warning("recorded job not sent", extra={"job_id": job.id}, exc_info=True)


# -- free work


def serve_now(call: Call, operation: Operation, sign: Sign | None = None) -> Response:
    """Serve the POST of free work: 200 with its body. Images that don't fit are stored as results of jobs are.

    `sign` signs files of images that are marked.
    """
    request = read_request(operation.request, call, operation.unread)
    tenant, request_id = call.known.tenant, new_id()
    journal = NullJournal(keys.result_prefix(tenant, request_id))
    references = CallerReferences(tenant, wiring.jobs(), wiring.objects(), fetch=url_reader())
    most = TIERS[call.known.tier].max_pixels
    context = OperationContext(
        configured=frozenset(),
        journal=journal,
        references=references,
        sign=sign,
        max_pixels=most,
        wait_seconds=call.time_left(),
    )
    operation.estimate(request, context)
    try:
        result: Any = operation.run(request, context)
    except StudioError as error:
        raise with_operation_prefix(error, operation) from error
    body = body_with_images(result, getattr(request, "delivery", Delivery.AUTO), request_id, journal.images.get)
    for part in result.deliverables():
        if part.image_url and part.stored:
            wiring.objects().put_once(part.stored.key, journal.images[part.stored.key], part.stored.mime)
    return respond(200, body, NO_STORE)


# -- estimates


def estimate(call: Call) -> Response:
    """Answer POST /estimate-cost: the credits of an operation, within the caller's tier."""
    request = read_request(EstimateRequest, call)
    max_pixels = TIERS[call.known.tier].max_pixels
    return respond(200, estimate_cost(request, max_pixels, configured_providers.configured))
