"""The caller's jobs: status, result, list, removal. Ids of other callers are unknown ids."""

import json
import math
from collections.abc import Iterable
from typing import Any

from image_studio.errors import InvalidRequest, JobConflict, JobFailed
from image_studio.operations.journal import Entry, Stage
from image_studio.runtime import wiring
from image_studio.runtime.api import Call, Response, respond
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.settings import PREFIX, settings
from image_studio.runtime.waiting import accepted, go_on, not_found, outcome, preference, status_links, wait_for
from image_studio.schemas.common import Delivery
from image_studio.storage import keys
from image_studio.storage.credits import Spent
from image_studio.storage.job import Job, Status

PAGE = 20
MAX_PAGE = 100
MAX_MARK = 100  # characters
NO_STORE = {"cache-control": "no-store"}


def get_job(call: Call, job_id: str) -> Response:
    """GET /jobs/{id}: the status record, at once; `wait=N` waits up to N seconds for the job's end."""
    job = wait_for(call, call.known.tenant, job_id, call.number("wait", 0, 0, settings().wait_seconds))
    return respond(200, status_record(job), NO_STORE)


def get_result(call: Call, job_id: str) -> Response:
    """GET (or POST) /jobs/{id}/result: the operation's own body or error; redirects to itself while it runs."""
    hop = int(call.number("hop", 0, 0, 100))
    delivery = Delivery.URL if call.query("delivery") == Delivery.URL else Delivery.AUTO
    wish = preference(call)
    seconds = call.number("wait", wish.seconds, 0, wish.seconds)
    job = wait_for(call, call.known.tenant, job_id, seconds)
    call.headers.update(wish.applied)
    if job.status.ended:
        return outcome(job, delivery)
    return accepted(job) if wish.asynchronous else go_on(job, hop + 1, delivery, seconds)


def list_jobs(call: Call) -> Response:
    """GET /jobs: newest first; `next` is the address of the next page, null on the last."""
    count = math.floor(call.number("limit", PAGE, 1, MAX_PAGE))
    before = call.query("before")
    if before is not None and not 0 < len(before) <= MAX_MARK:
        raise InvalidRequest("before must be the mark that an earlier page gave in next.")
    jobs, mark = wiring.jobs().newest(call.known.tenant, count, before)
    following = f"{PREFIX}/jobs?limit={count}&before={mark}" if mark else None
    return respond(200, {"jobs": [status_record(job) for job in jobs], "next": following}, NO_STORE)


def delete_job(call: Call, job_id: str) -> Response:
    """DELETE /jobs/{id}: removes an ended job and its images, or stops one that nothing was paid for yet."""
    tenant = call.known.tenant
    job = wiring.jobs().get(tenant, job_id)
    if job is None:
        raise not_found(job_id)
    if not job.status.ended:
        return _stop(job)
    # Objects first: whoever is cut off in between asks again, and finds the record to ask for.
    for prefix in (keys.result_prefix(tenant, job_id), keys.input_prefix(tenant, job_id)):
        wiring.images().delete_all(prefix)
    if not wiring.jobs().delete(job):
        raise JobConflict("The job is changing just now; please try again.")
    return respond(200, {"job_id": job.id, "deleted": True}, NO_STORE)


def _stop(job: Job) -> Response:
    untouched = job.status is Status.QUEUED and all(entry.stage is Stage.FRESH for entry in entries_of(job).values())
    error = JobFailed(409, "job_stopped", "The job was stopped before anything was paid.")
    told = {"status": error.status, "code": error.code, "detail": error.detail}
    if not untouched or not wiring.jobs().finish(job, error=told, spent=Spent()):
        raise JobConflict("The job has started and may be paid for already; wait for its result.")
    return respond(200, {"job_id": job.id, "stopped": True}, NO_STORE)


def status_record(job: Job) -> dict[str, Any]:
    """The job as GET /jobs/{id} shows it; times are epoch milliseconds."""
    entries = list(entries_of(job).values())
    first = next(iter(entries), None)
    return {
        **json.loads(status_links(job)),
        "operation": job.operation,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "expires_at": job.expires * 1000,
        "provider": first.provider if first else None,
        "model": first.model if first else None,
        "progress": _progress(job, entries),
        "variations": [_variation(entry) for entry in entries],
        "credits": {"reserved": job.reserved, "charged": job.charged, "held": job.held},
        "awaits_upload": None if job.status.ended else job.awaits,
        "error": dict(job.error) if job.error else None,
    }


def _progress(job: Job, entries: Iterable[Entry]) -> dict[str, int]:
    stages = [entry.stage for entry in entries]
    return {"total": job.total, "done": stages.count(Stage.DONE), "failed": stages.count(Stage.FAILED)}


def _variation(entry: Entry) -> dict[str, Any]:
    word = {Stage.DONE: "succeeded", Stage.FAILED: "failed", Stage.FRESH: "queued"}.get(entry.stage, "running")
    told = {"detail": entry.detail, "code": entry.code} if entry.stage is Stage.FAILED else {}
    return {
        "variation": entry.variation,
        "status": word,
        "provider": entry.provider,
        "model": entry.model,
        **told,
    }
