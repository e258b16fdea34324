"""The caller's jobs: status, result, list, removal. Ids of other callers are unknown ids."""

import json
import math
from typing import Any

from image_studio.errors import InvalidRequest, JobConflict, RecordedError
from image_studio.operations.journal import Stage
from image_studio.runtime import wiring
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.job_journal import entry_from
from image_studio.runtime.settings import settings
from image_studio.runtime.waiting import accepted, go_on, not_found, outcome, status_links, wait_for
from image_studio.schemas.delivery import Delivery
from image_studio.storage import keys
from image_studio.storage.credits import Spent
from image_studio.storage.job import Job

PAGE = 20
MAX_PAGE = 100
NO_STORE = {"cache-control": "no-store"}


def get_job(call: Call, job_id: str) -> Response:
    """GET /jobs/{id}: the status record, at once; `wait=N` waits for a change of its own accord."""
    job = wait_for(call, call.known.tenant, job_id, call.number("wait", 0, 0, settings().wait_seconds))
    return respond(200, status_record(job), NO_STORE)


def get_result(call: Call, job_id: str) -> Response:
    """GET (or POST) /jobs/{id}/result: the operation's own body or error; redirects to itself while it runs."""
    hop = int(call.number("hop", 0, 0, 100))
    delivery = Delivery.URL if call.query("delivery") == Delivery.URL else Delivery.AUTO
    seconds = call.number("wait", settings().wait_seconds, 0, settings().wait_seconds)
    job = wait_for(call, call.known.tenant, job_id, seconds)
    if job.status.ended:
        return outcome(job, delivery)
    return accepted(job) if "respond-async" in call.header("prefer") else go_on(job, hop + 1, delivery)


def list_jobs(call: Call) -> Response:
    """GET /jobs: newest first; `next` is the query of the next page."""
    count = math.floor(call.number("limit", PAGE, 1, MAX_PAGE))
    before = call.query("before")
    if before is not None and not 0 < len(before) <= 100:
        raise InvalidRequest("before must be the mark that an earlier page gave as next.")
    jobs, mark = wiring.jobs().newest(call.known.tenant, count, before)
    return respond(200, {"jobs": [status_record(job) for job in jobs], "next": mark}, NO_STORE)


def delete_job(call: Call, job_id: str) -> Response:
    """DELETE /jobs/{id}: removes an ended job and its pictures, or stops one that nothing was paid for yet."""
    tenant = call.known.tenant
    job = wiring.jobs().get(tenant, job_id)
    if job is None:
        raise not_found(job_id)
    if not job.status.ended:
        return _stop(job)
    wiring.pictures().delete_all(keys.result_prefix(tenant, job_id))
    wiring.jobs().delete(job)
    return respond(200, {"job_id": job.id, "deleted": True})


def _stop(job: Job) -> Response:
    untouched = not job.variations and job.status == "queued"
    error = RecordedError(409, "job_stopped", "The job was stopped before anything was paid.")
    told = {"status": error.status, "code": error.code, "detail": error.detail}
    if not untouched or not wiring.jobs().finish(job, error=told, spent=Spent()):
        raise JobConflict("The job has started and may be paid for already; wait for its result.")
    return respond(200, {"job_id": job.id, "stopped": True})


def status_record(job: Job) -> dict[str, Any]:
    """The job as GET /jobs/{id} shows it."""
    entries = {number: entry_from(text) for number, text in sorted(job.variations.items(), key=lambda v: int(v[0]))}
    done = sum(entry.stage is Stage.DONE for entry in entries.values())
    failed = sum(entry.stage is Stage.FAILED for entry in entries.values())
    first = next(iter(entries.values()), None)
    return {
        **json.loads(status_links(job)),
        "operation": job.operation,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "expires_at": job.expires * 1000,
        "provider": first.provider if first else None,
        "model": first.model if first else None,
        "progress": {"total": job.total, "done": done, "failed": failed},
        "variations": [
            {
                "variation": entry.variation,
                "status": _word(entry.stage),
                "provider": entry.provider,
                "model": entry.model,
                **({"detail": entry.detail, "code": entry.code} if entry.stage is Stage.FAILED else {}),
            }
            for entry in entries.values()
        ],
        "credits": {"reserved": job.reserved, "charged": job.charged, "held": job.held},
        "awaits_upload": job.awaits,
        "error": dict(job.error) if job.error else None,
    }


def _word(stage: Stage) -> str:
    return {Stage.DONE: "succeeded", Stage.FAILED: "failed", Stage.FRESH: "queued"}.get(stage, "running")
