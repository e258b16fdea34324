"""What callers see of a job: its links, its record and its prompt."""

import json
from collections.abc import Callable
from typing import Any

from image_studio.operations.journal import Entry, Stage
from image_studio.runtime import wiring
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.settings import PREFIX
from image_studio.schemas import jobs as bodies
from image_studio.schemas.common import Delivery, StoredImage
from image_studio.storage.job import Job, Status


def job_links(job_id: str, status: Status, delivery: str | None = None) -> bodies.JobLinks:
    """Return the body of a 202 and a 303. Its URLs keep the request's `delivery`."""
    url, query = f"{PREFIX}/jobs/{job_id}", "?delivery=url" if delivery == Delivery.URL else ""
    addresses = {"status_url": url + query, "result_url": f"{url}/result{query}"}
    return bodies.JobLinks(job_id=job_id, status=status.value, **addresses)


def job_record(
    job: Job, delivery: str | None = None, url: Callable[[StoredImage, str], str] | None = None
) -> bodies.JobRecord:
    """Return a job's record; its links have `delivery`, else the request's own.

    `url` gives the URL of a finished image, saved under a name; without it there is none.
    """
    entries = list(entries_of(job).values())
    first = next(iter(entries), None)
    stages = [entry.stage for entry in entries]
    return bodies.JobRecord(
        **job_links(job.id, job.status, delivery or job.delivery).model_dump(),
        operation=job.operation,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires * 1000,
        provider=first.provider if first else None,
        model=first.model if first else None,
        progress=bodies.JobProgress(total=job.total, done=stages.count(Stage.DONE), failed=stages.count(Stage.FAILED)),
        variations=[
            _variation(entry, url(entry.stored, f"{job.id}-{entry.variation}") if url and entry.stored else None)
            for entry in entries
        ],
        credits=bodies.JobCredits(reserved=job.reserved, charged=job.charged, held=job.held),
        batch_id=job.batch,
        awaits_upload=None if job.status.ended else job.awaits,
        error=bodies.JobError(**job.error) if job.error else None,
    )


def prompt_of(job: Job) -> str | None:
    """Return a job's prompt: create's response has it, for other operations their request, while it is kept."""
    response: dict[str, Any] = json.loads(job.response or "{}")
    echoed = response.get("request")
    stored = wiring.objects().get(job.input) if echoed is None else None
    fields: dict[str, Any] = echoed or json.loads(stored or b"{}")
    return fields.get("prompt") or None


def _variation(entry: Entry, image_url: str | None) -> bodies.JobVariation:
    words: dict[Stage, bodies.JobStatus] = {Stage.DONE: "succeeded", Stage.FAILED: "failed", Stage.FRESH: "queued"}
    failed = entry.stage is Stage.FAILED
    return bodies.JobVariation(
        variation=entry.variation,
        status=words.get(entry.stage, "running"),
        provider=entry.provider,
        model=entry.model,
        detail=entry.detail if failed else None,
        code=entry.code if failed else None,
        image_url=image_url if entry.stage is Stage.DONE else None,
    )
