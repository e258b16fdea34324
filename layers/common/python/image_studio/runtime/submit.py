"""The HTTP door of a paid operation: validate for free, record the job, send it off, wait for it."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from image_studio.operations import find_operation
from image_studio.operations.operation import Operation
from image_studio.runtime import wiring
from image_studio.runtime.answers import JSON, Response
from image_studio.runtime.call import Call
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.identity import Caller
from image_studio.runtime.limits import open_wait
from image_studio.runtime.parse import ignored_header, parse_request
from image_studio.runtime.settings import settings
from image_studio.runtime.usage import allowance
from image_studio.runtime.waiting import accepted, go_on, outcome, preferred_wait, wait_for
from image_studio.schemas.delivery import Delivery
from image_studio.storage import keys
from image_studio.storage.credits import month_of
from image_studio.storage.job import Job, Status, created_now, new_id
from image_studio.storage.jobs import KeyTaken

QUEUE_PATIENCE = 30  # seconds until the reaper sends a job again that nobody took
DAY = 24 * 3600


def submit(call: Call, name: str) -> Response:
    """POST of a paid operation: 200 with its documented body, 303 to go on waiting, or 202."""
    row = find_operation(name)
    request, ignored = parse_request(row.request, call.text())
    call.headers.update(ignored_header(ignored))
    cost = row.estimate(request, wiring.api_studio(call.known))
    delivery = getattr(request, "delivery", Delivery.AUTO)
    extras = Extras(cost=cost, idempotency_key=call.idempotency_key())
    seconds, asynchronous, applied = preferred_wait(call)
    with open_wait(call, seconds):  # before anything is made: a caller without a place to wait spends nothing
        job_id = record(call.known, row, request, extras)
        job = wait_for(call, call.known.tenant, job_id, seconds)
    call.headers.update(applied)
    if job.status.ended:
        return outcome(job, delivery)
    return accepted(job) if asynchronous else go_on(job, 1, delivery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a door knows beside the request."""

    cost: int
    idempotency_key: str | None = None
    awaits: str | None = None  # the upload that starts the job
    outbox: str | None = None  # where the hot folder's result goes
    job_id: str | None = None  # where the door makes ids of its own


def record(caller: Caller, row: Operation, request: Any, extras: Extras) -> str:
    """Put request and job on record and send it off; the id is an earlier job's where the key names one.

    The request's object is written first: its key holds the request's hash, so whoever comes second writes the same,
    and a job never exists without its input.
    """
    body = request.model_dump_json().encode()
    request_hash = hashlib.sha256(row.name.encode() + b"\n" + body).hexdigest()
    job = _new_job(caller, row, request, extras, request_hash)
    wiring.pictures().put_once(job.input, body, JSON)
    try:
        wiring.jobs().put(job, idempotency_key=extras.idempotency_key, allowance=allowance(caller.tier))
    except KeyTaken as taken:
        return taken.job_id
    if not job.awaits:
        dispatcher().send(job.tenant, job.id)
    return job.id


def _new_job(caller: Caller, row: Operation, request: Any, extras: Extras, request_hash: str) -> Job:
    now = time.time()
    job_id = extras.job_id or new_id()
    patience = settings().upload_seconds if extras.awaits else QUEUE_PATIENCE
    return Job(
        tenant=caller.tenant,
        id=job_id,
        operation=row.name,
        status=Status.QUEUED,
        request_hash=request_hash,
        input=keys.input_key(caller.tenant, job_id, request_hash),
        total=row.variations(request),
        created=created_now(now, job_id),
        created_at=int(now * 1000),
        expires=int(now) + settings().result_days * DAY,
        reserved=extras.cost,
        month=month_of(now),
        tier=caller.tier,
        lease_until=int(now) + patience,
        awaits=extras.awaits,
        outbox=extras.outbox,
    )
