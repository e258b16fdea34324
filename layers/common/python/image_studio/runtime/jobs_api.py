"""The caller's jobs over HTTP: wait for one, answer with its result or error, show, list and remove them."""

import json
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pybase64

from image_studio.errors import InvalidRequest, JobConflict, JobFailed, JobStopped, NotFound, UnknownChoice
from image_studio.operations.journal import Stage
from image_studio.operations.table import error_payload, find_operation
from image_studio.runtime import wiring
from image_studio.runtime.api import NO_STORE, POLL, Call, Response, respond
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.job_end import Dispatcher, end_job
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.job_record import job_links, job_record
from image_studio.runtime.rate_limits import open_wait
from image_studio.runtime.settings import PREFIX, settings
from image_studio.schemas import jobs as bodies
from image_studio.schemas.common import PUBLIC, Deliverable, Delivery, StoredImage, extension_of
from image_studio.schemas.limits import MAX_BODY
from image_studio.storage import keys
from image_studio.storage.credits import Charge
from image_studio.storage.job import Job, Status

PAUSE_SHARE = 0.05  # of the time since the job was made: what waiting adds stays below a tenth of that time
MIN_PAUSE, MAX_PAUSE = 0.05, 1.0  # seconds between looks at the record
QUEUED_SECONDS = 3  # that a request of a small account waits for a worker to take its job
MAX_HOPS = 18  # browsers give up at 20 redirects
PAGE = 20
MAX_PAGE = 100
MAX_MARK = 100  # characters
FIELD_BYTES = 64  # what an image's field takes beside its base64: name, quotes, `data:image/png;base64,`

# -- waiting


def wait_for(call: Call, tenant: str, job_id: str, seconds: float) -> Job:
    """Return the job when it has ended, or as it is after `seconds`. Raises NotFound, TooManyRequests."""
    job = _read(tenant, job_id)
    seconds = min(seconds, call.time_left())
    if job.status.ended or seconds <= 0:
        return job
    with open_wait(call, seconds):
        return _watch(call, job, seconds) if call.may_wait else job


def _watch(call: Call, job: Job, seconds: float) -> Job:
    until = time.monotonic() + seconds
    while not job.status.ended and (left := until - time.monotonic()) > 0:
        if call.shares_waits and _is_queued(job):
            call.may_wait = False
            break
        pause = PAUSE_SHARE * (time.time() - job.created_at / 1000)
        time.sleep(min(MAX_PAUSE, max(MIN_PAUSE, pause), left))
        try:
            job = _found(wiring.quick_jobs().get(job.tenant, job.id), job.id)
            call.outage = False
        except STORAGE_FAILURES:  # the next look may work
            call.outage = True
    return job


def _is_queued(job: Job) -> bool:
    """Whether no worker took the job for so long that waiting would only take a worker's place."""
    return job.started_at is None and not job.awaits and time.time() - job.created_at / 1000 > QUEUED_SECONDS


def _read(tenant: str, job_id: str) -> Job:
    return _found(wiring.jobs().get(tenant, job_id), job_id)


def _found(job: Job | None, job_id: str) -> Job:
    if job is None:
        raise not_found(job_id)
    return job


def not_found(job_id: str) -> NotFound:
    """Return the same error for an unknown id, an expired one and another caller's."""
    return NotFound(f"Job '{job_id[:80]}' not found.")


def key_of_removed_job() -> JobConflict:
    return JobConflict("The job of this Idempotency-Key was removed. Use a new key.")


@dataclass(frozen=True, slots=True)
class Preference:
    """How a caller wants to wait: seconds, whether to answer 202 instead of a redirect, and Preference-Applied."""

    seconds: float
    asynchronous: bool = False
    applied: Mapping[str, str] = field(default_factory=dict)


def preference(call: Call) -> Preference:
    """Read `Prefer: respond-async` and `wait=N` (RFC 7240). `wait` bounds the wait; respond-async alone means 0."""
    words = [word.strip() for word in call.header("prefer").lower().split(",")]
    most = settings().wait_seconds
    found = next((match for word in words if (match := re.fullmatch(r'wait\s*=\s*"?(\d{1,6})"?', word))), None)
    asynchronous = "respond-async" in words
    seconds = min(float(found[1]), most) if found else 0.0 if asynchronous else most
    applied = (["respond-async"] if asynchronous else []) + ([f"wait={math.floor(seconds)}"] if found else [])
    return Preference(seconds, asynchronous, {"preference-applied": ", ".join(applied)} if applied else {})


# -- responses


def ended(job: Job, delivery: Delivery) -> Response:
    """Answer with the documented body of a job that succeeded. Raises the error of one that failed."""
    if job.error is not None:
        raise JobFailed(**job.error)
    result: Any = find_operation(job.operation).response.model_validate_json(job.response or "{}")
    body = body_with_images(result, delivery, job.id, wiring.objects().get)
    return respond(200, body, {"x-job-id": job.id, **NO_STORE})


def accepted(job_id: str, status: Status, delivery: Delivery) -> Response:
    """Answer 202: the job isn't done, and here is how to find it."""
    links = job_links(job_id, status, delivery)
    return respond(202, links, {"location": links.status_url, **POLL})


def unfinished(call: Call, job: Job, hop: int, delivery: Delivery, seconds: float) -> Response:
    """Answer 303 to the result route, which waits as long again; 202 after the last hop or without room to wait."""
    if hop > MAX_HOPS or not call.may_wait:
        return accepted(job.id, job.status, delivery)
    links = job_links(job.id, job.status, delivery)
    query = f"wait={max(1, math.ceil(seconds))}&hop={hop}" + ("&delivery=url" if delivery is Delivery.URL else "")
    return respond(303, links, {"location": f"{links.result_url.partition('?')[0]}?{query}", **POLL})


# -- routes


def get_job(call: Call, job_id: str) -> Response:
    """GET /jobs/{id}: the status record, at once; `wait=N` waits up to N seconds for the job's end."""
    delivery = _delivery(call)
    job = wait_for(call, call.known.tenant, job_id, call.number("wait", 0, 0, settings().wait_seconds))
    return respond(200, job_record(job, delivery, _url), NO_STORE if job.status.ended else POLL)


def _delivery(call: Call) -> Delivery | None:
    """Return how the query wants the images, None where it doesn't say. Raises UnknownChoice."""
    value = call.query("delivery")
    try:
        return Delivery(value) if value else None
    except ValueError:
        raise UnknownChoice.of("delivery", str(value), [*Delivery]) from None


def get_result(call: Call, job_id: str) -> Response:
    """GET (or POST) /jobs/{id}/result: the operation's own body or error; redirects to itself while the job runs."""
    hop = int(call.number("hop", 0, 0, 100))
    asked = _delivery(call)
    wanted = preference(call)
    seconds = call.number("wait", wanted.seconds, 0, wanted.seconds)
    job = wait_for(call, call.known.tenant, job_id, seconds)
    delivery = asked or Delivery(job.delivery or Delivery.AUTO)
    call.headers.update(wanted.applied)
    if job.status.ended:
        return ended(job, delivery)
    if wanted.asynchronous:
        return accepted(job.id, job.status, delivery)
    return unfinished(call, job, hop + 1, delivery, seconds)


def list_jobs(call: Call) -> Response:
    """GET /jobs: newest first; `next` is the address of the next page, null on the last page."""
    count, before = page(call)
    jobs, mark = wiring.jobs().newest(call.known.tenant, count, before)
    following = f"{PREFIX}/jobs?limit={count}&before={mark}" if mark else None
    return respond(200, bodies.JobList(jobs=[job_record(job) for job in jobs], next=following), NO_STORE)


def page(call: Call) -> tuple[int, str | None]:
    """Return how many records a page has, and the mark where it begins. Raises InvalidRequest."""
    before = call.query("before")
    if before is not None and not 0 < len(before) <= MAX_MARK:
        raise InvalidRequest("before must be the mark that an earlier page gave in next.")
    return math.floor(call.number("limit", PAGE, 1, MAX_PAGE)), before


def delete_job(call: Call, job_id: str, dispatcher: Dispatcher) -> Response:
    """DELETE /jobs/{id}: removes an ended job with its images, or stops one for which nothing was paid yet."""
    tenant = call.known.tenant
    job = _read(tenant, job_id)
    if not job.status.ended:
        if not stop(job, dispatcher):
            raise JobConflict("The job has started and may be paid for already; wait for its result.")
        return respond(200, bodies.JobEnded(job_id=job.id, stopped=True), NO_STORE)
    # Objects first: after an interruption the record is still there, and the caller can repeat the request.
    for prefix in (keys.result_prefix(tenant, job_id), keys.input_prefix(tenant, job_id)):
        wiring.objects().delete_all(prefix)
    if job.batch:
        wiring.objects().delete([keys.zip_key(tenant, job.batch)])  # which may have the images, too
    if not wiring.jobs().delete(job):
        raise JobConflict("The job is changing just now; please try again.")
    return respond(200, bodies.JobEnded(job_id=job.id, deleted=True), NO_STORE)


def stop(job: Job, dispatcher: Dispatcher) -> bool:
    """End a job for which nothing was paid; False where that isn't sure."""
    untouched = job.status is Status.QUEUED and all(entry.stage is Stage.FRESH for entry in entries_of(job).values())
    error = error_payload(JobStopped(), find_operation(job.operation))
    return untouched and end_job(job, dispatcher, error=error, charge=Charge())


# -- images in a response


Fetch = Callable[[str], bytes | None]  # the bytes behind a key


def body_with_images(result: Any, delivery: Delivery, name: str, fetch: Fetch) -> str:
    """Return a result's JSON: its images are inline, as smaller copies where they don't fit, or URLs."""
    parts = [(part, part.stored) for part in result.deliverables() if part.stored]
    for number, (part, stored) in enumerate(parts, start=1):
        part.image_url = _url(stored, f"{name}-{number}")
    if delivery is Delivery.URL:
        return _public_json(result)
    images: dict[str, str] = {}
    if sum(_inline_size(stored) for _, stored in parts) > _room(result):
        _add_copies(parts, fetch, images)
    room = _room(result) - sum(len(text) for text in images.values())
    for part, stored in parts:
        size = _inline_size(stored)
        if part.image_base64 is None and size <= room and _inline(part, stored, fetch, images):
            part.image_url = None
            room -= size
    return insert_images(_public_json(result), images)


def _url(image: StoredImage, name: str) -> str:
    """Return the URL of a stored image, which is saved under the name with its type's extension."""
    return wiring.objects().link(image.key, f"{name}.{extension_of(image.mime)}")


def _add_copies(parts: Sequence[tuple[Deliverable, StoredImage]], fetch: Fetch, images: dict[str, str]) -> None:
    """Put the copies of images into a response, beside the URLs of the images. They are made to fit together."""
    for part, stored in parts:
        if part.inline and _inline(part, part.inline.stored, fetch, images):
            part.metadata["inline"] = part.inline.describe(stored)


def _room(result: Any) -> int:
    """The bytes that images may have in a response. With a URL for each: one that becomes base64 makes room by it."""
    # The body is a JSON string once more in Lambda's response, so its escaped bytes count.
    return MAX_BODY - len(json.dumps(_public_json(result), ensure_ascii=False).encode())


def _inline_size(image: StoredImage) -> int:
    return (image.size + 2) // 3 * 4 + FIELD_BYTES


def _public_json(result: Any) -> str:
    return str(result.model_dump_json(context=PUBLIC))


def _inline(part: Deliverable, image: StoredImage, fetch: Fetch, images: dict[str, str]) -> bool:
    """Set the part's base64 to a mark, and keep what it stands for in `images`; False where the object is gone."""
    data = fetch(image.key)
    if data is None:
        return False
    mark = secrets.token_hex(16)  # random, so it can't be part of a caller's text
    images[mark] = pybase64.b64encode_as_string(data)
    prefix = f"data:{image.mime};base64," if part.as_data_url else ""
    part.image_base64 = prefix + mark
    return True


def insert_images(body: str, images: Mapping[str, str]) -> str:
    """Return a JSON body with base64 in place of marks: base64 needs no escaping, which would cost milliseconds."""
    if not images:
        return body
    return "".join(images.get(piece, piece) for piece in re.split(f"({'|'.join(images)})", body))
