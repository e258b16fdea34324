"""Wait for a job on behalf of an HTTP request, then answer: the result, its error, or where to go on waiting."""

import json
import math
import re
import time

from image_studio.errors import NotFound, RecordedError
from image_studio.runtime import wiring
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.limits import open_wait
from image_studio.runtime.settings import PREFIX, settings
from image_studio.schemas.delivery import Delivery
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
    """The same for an unknown id and for another caller's."""
    return NotFound(f"Job '{job_id[:80]}' not found.")


def outcome(job: Job, delivery: Delivery) -> Response:
    """The documented body of an ended job. Raises its error."""
    if job.error is not None:
        raise RecordedError(**job.error)
    from image_studio.runtime.deliver import documented_body  # noqa: PLC0415  pydantic only where there is an answer

    return respond(200, documented_body(job, delivery), {"x-job-id": job.id, "cache-control": "no-store"})


def preferred_wait(call: Call) -> tuple[float, bool, dict[str, str]]:
    """Seconds to wait, whether a 202 is wanted instead of a redirect, and Preference-Applied (RFC 7240)."""
    prefer = call.header("prefer").lower()
    most = settings().wait_seconds
    if "respond-async" in prefer:
        return 0.0, True, {"preference-applied": "respond-async"}
    found = re.search(r"\bwait\s*=\s*\"?(\d{1,6})", prefer)
    if found:
        seconds = min(float(found[1]), most)
        return seconds, False, {"preference-applied": f"wait={math.floor(seconds)}"}
    return most, False, {}


def accepted(job: Job, headers: dict[str, str] | None = None) -> Response:
    """202: not done, here is how to find it."""
    return respond(202, status_links(job), {"location": _status_url(job), **_PATIENCE, **(headers or {})})


def go_on(job: Job, hop: int, delivery: Delivery, headers: dict[str, str] | None = None) -> Response:
    """303 to the result route, which waits on; after the last hop 202."""
    if hop > MAX_HOPS:
        return accepted(job, headers)
    wait = math.ceil(settings().wait_seconds)
    target = f"{_result_url(job)}?wait={wait}&hop={hop}" + ("&delivery=url" if delivery is Delivery.URL else "")
    return respond(303, status_links(job), {"location": target, **_PATIENCE, **(headers or {})})


_PATIENCE = {"retry-after": str(RETRY_AFTER), "cache-control": "no-store"}


def status_links(job: Job) -> str:
    """The body of a 202 and a 303."""
    return json.dumps(
        {
            "job_id": job.id,
            "status": job.status,
            "status_url": _status_url(job),
            "result_url": _result_url(job),
        }
    )


def _status_url(job: Job) -> str:
    return f"{PREFIX}/jobs/{job.id}"


def _result_url(job: Job) -> str:
    return f"{PREFIX}/jobs/{job.id}/result"
