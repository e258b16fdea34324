"""The HTTP door of a paid operation: validate for free, record the job, send it off, wait for it."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from image_studio.errors import JobConflict, NotFound, StudioError
from image_studio.operations import find_operation
from image_studio.operations.operation import Operation
from image_studio.runtime import wiring
from image_studio.runtime.account import allowance
from image_studio.runtime.api import JSON, Call, Response, ignored_header
from image_studio.runtime.auth import Caller
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.limits import open_wait
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.settings import settings
from image_studio.runtime.verdict import prefixed
from image_studio.runtime.waiting import accepted, go_on, outcome, preference, wait_for
from image_studio.schemas.common import Delivery, Request
from image_studio.storage import keys
from image_studio.storage.credits import Allowance, month_of
from image_studio.storage.job import Job, Status, created_now, new_id
from image_studio.storage.jobs import KeyTaken

QUEUE_PATIENCE = 30  # seconds until the reaper sends a job again that nobody took
DAY = 24 * 3600


def submit(call: Call, name: str) -> Response:
    """POST of a paid operation: 200 with its documented body, 303 to go on waiting, or 202."""
    row = find_operation(name)
    request, ignored = parse_request(row.request, call.text())
    call.headers.update(ignored_header(ignored))
    wish = preference(call)
    seconds = wish.seconds if dispatcher().outlives_us else call.time_left()
    with open_wait(call, seconds):  # before anything is made: a caller without a place to wait spends nothing
        job = _wait(call, _admit(call, row, request), seconds)
    call.headers.update(wish.applied)
    delivery = getattr(request, "delivery", Delivery.AUTO)
    if job.status.ended:
        return outcome(job, delivery)
    return accepted(job) if wish.asynchronous else go_on(job, 1, delivery, wish.seconds)


def _wait(call: Call, job_id: str, seconds: float) -> Job:
    try:
        return wait_for(call, call.known.tenant, job_id, seconds)
    except NotFound:
        raise JobConflict("The job of this Idempotency-Key was removed. Use a new key.") from None


def _admit(call: Call, row: Operation, request: Request) -> str:
    """The id of the job for this request: an earlier one where the Idempotency-Key names one, free of charge.

    Whatever makes the request invalid is raised before anything is recorded.
    """
    caller, key = call.known, call.idempotency_key()
    digest = digest_of(row, request)
    joined = wiring.jobs().taken(caller.tenant, key, digest)
    if joined:
        return joined
    try:
        cost = row.estimate(request, wiring.api_studio(caller))
    except StudioError as error:
        raise prefixed(error, row) from error
    return record(caller, row, request, Extras(cost=cost, digest=digest, idempotency_key=key))


def digest_of(row: Operation, request: Request) -> str:
    """What tells one request from another: a hash of the operation and the validated request."""
    return hashlib.sha256(row.name.encode() + b"\n" + request.model_dump_json().encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a door knows beside the request."""

    cost: int  # credits to reserve
    digest: str
    idempotency_key: str | None = None
    job_id: str | None = None  # where the door makes ids of its own
    awaits: str | None = None  # the upload that starts the job
    inbox: str | None = None  # the hot folder's path that the job came from
    etag: str | None = None
    allowance: Allowance | None = None  # where it isn't that of the caller's tier


def record(caller: Caller, row: Operation, request: Request, extras: Extras) -> str:
    """Put request and job on record and send it off; the id is an earlier job's where the key names one.

    The request's object is written first: its key holds the request's hash, so whoever comes second writes the same,
    and a job never exists without its input.
    """
    job = _new_job(caller, row, request, extras)
    wiring.images().put_once(job.input, request.model_dump_json().encode(), JSON)
    try:
        wiring.jobs().put(
            job, idempotency_key=extras.idempotency_key, allowance=extras.allowance or allowance(caller.tier)
        )
    except KeyTaken as taken:
        return taken.job_id
    if not job.awaits:
        dispatcher().send(job.tenant, job.id)
    return job.id


def _new_job(caller: Caller, row: Operation, request: Any, extras: Extras) -> Job:
    now = time.time()
    job_id = extras.job_id or new_id()
    patience = settings().upload_seconds if extras.awaits else QUEUE_PATIENCE
    return Job(
        tenant=caller.tenant,
        id=job_id,
        operation=row.name,
        status=Status.QUEUED,
        request_hash=extras.digest,
        input=keys.input_key(caller.tenant, job_id, extras.digest),
        total=row.variations(request),
        created=created_now(now, job_id),
        created_at=int(now * 1000),
        expires=int(now) + settings().result_days * DAY,
        reserved=extras.cost,
        month=month_of(now),
        tier=caller.tier,
        lease_until=int(now) + patience,
        awaits=extras.awaits,
        inbox=extras.inbox,
        etag=extras.etag,
    )
