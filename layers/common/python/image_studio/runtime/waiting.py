"""Wait for a job on behalf of an HTTP request, then answer: the result, its error, or where to go on waiting."""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from image_studio.errors import JobFailed, NotFound
from image_studio.runtime import wiring
from image_studio.runtime.api import Call, Response, respond
from image_studio.runtime.limits import open_wait
from image_studio.runtime.settings import PREFIX, settings
from image_studio.schemas.common import Delivery
from image_studio.storage.job import Job

FIRST_PAUSE = 0.05  # seconds between looks at the record, growing to the last
LAST_PAUSE = 1.0
MAX_HOPS = 18  # browsers give up at 20 redirects
RETRY_AFTER = 5  # seconds, for those who poll


def wait_for(call: Call, tenant: str, job_id: str, seconds: float) -> Job:
    """The job when it has ended, or as it is after `seconds`. Raises NotFound.

    Raises TooManyRequests where it would have to wait and too many of the caller's requests do already.
    """
    job = _look(tenant, job_id)
    seconds = min(seconds, call.time_left())
    if job.status.ended or seconds <= 0:
        return job
    with open_wait(call, seconds):
        return _watch(tenant, job_id, time.monotonic() + seconds)


def _watch(tenant: str, job_id: str, until: float) -> Job:
    pause = FIRST_PAUSE
    while True:
        left = until - time.monotonic()
        time.sleep(max(0.0, min(pause, left)))
        job = _look(tenant, job_id)
        if job.status.ended or left <= pause:
            return job
        pause = min(LAST_PAUSE, pause * 1.5)


def _look(tenant: str, job_id: str) -> Job:
    job = wiring.jobs().get(tenant, job_id)
    if job is None:
        raise not_found(job_id)
    return job


def not_found(job_id: str) -> NotFound:
    """The same for an unknown id, an expired one and another caller's."""
    return NotFound(f"Job '{job_id[:80]}' not found.")


def outcome(job: Job, delivery: Delivery) -> Response:
    """The documented body of an ended job. Raises its error."""
    if job.error is not None:
        raise JobFailed(**job.error)
    from image_studio.runtime.deliver import documented_body  # noqa: PLC0415  pydantic only where there is an answer

    return respond(200, documented_body(job, delivery), {"x-job-id": job.id, "cache-control": "no-store"})


@dataclass(frozen=True, slots=True)
class Preference:
    """How a caller wants to wait: seconds, whether a 202 shall follow instead of a redirect, Preference-Applied."""

    seconds: float
    asynchronous: bool = False
    applied: Mapping[str, str] = field(default_factory=dict)


def preference(call: Call) -> Preference:
    """`Prefer: respond-async` and `wait=N` (RFC 7240): N bounds the wait, and alone respond-async doesn't wait."""
    words = [word.strip() for word in call.header("prefer").lower().split(",")]
    most = settings().wait_seconds
    found = next((match for word in words if (match := re.fullmatch(r'wait\s*=\s*"?(\d{1,6})"?', word))), None)
    asynchronous = "respond-async" in words
    seconds = min(float(found[1]), most) if found else 0.0 if asynchronous else most
    applied = (["respond-async"] if asynchronous else []) + ([f"wait={math.floor(seconds)}"] if found else [])
    return Preference(seconds, asynchronous, {"preference-applied": ", ".join(applied)} if applied else {})


def accepted(job: Job) -> Response:
    """202: not done, here is how to find it."""
    return respond(202, status_links(job), {"location": status_url(job), **_PATIENCE})


def go_on(job: Job, hop: int, delivery: Delivery, seconds: float) -> Response:
    """303 to the result route, which waits on for as long again; after the last hop 202."""
    if hop > MAX_HOPS:
        return accepted(job)
    query = f"wait={max(1, math.ceil(seconds))}&hop={hop}" + ("&delivery=url" if delivery is Delivery.URL else "")
    return respond(303, status_links(job), {"location": f"{_result_url(job)}?{query}", **_PATIENCE})


_PATIENCE = {"retry-after": str(RETRY_AFTER), "cache-control": "no-store"}


def status_links(job: Job) -> str:
    """The body of a 202 and a 303."""
    return json.dumps(
        {
            "job_id": job.id,
            "status": job.status,
            "status_url": status_url(job),
            "result_url": _result_url(job),
        }
    )


def status_url(job: Job) -> str:
    """Where the job's record is read, relative to the host."""
    return f"{PREFIX}/jobs/{job.id}"


def _result_url(job: Job) -> str:
    return f"{PREFIX}/jobs/{job.id}/result"
