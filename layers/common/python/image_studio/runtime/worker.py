"""The worker's door: take a job, run its operation with the journal bound to it, record how it ended.

A message may come twice, late or never; `claim` lets one run at a time through, and a run that dies leaves a lease
that runs out. While it works, a heartbeat holds the lease, so that a short lease finds a dead worker soon.
"""

import logging
import math
from collections import Counter
from contextlib import AbstractContextManager
from threading import Event, Thread
from types import TracebackType
from typing import Any

from image_studio.errors import ProviderFailed, RecordedError, StudioError, UnknownCharge
from image_studio.operations import find_operation
from image_studio.operations.journal import Entry, JobLost, Stage
from image_studio.operations.operation import Operation
from image_studio.providers.wire import StillRunning
from image_studio.runtime import metrics, wiring
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.job_journal import JobJournal
from image_studio.runtime.settings import settings
from image_studio.storage.credits import Spent
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore

log = logging.getLogger(__name__)

MAX_RUNS = 5  # of one job that keep dying; each makes at most its own, not yet made, paid calls
GIVE_BACK_MARGIN = 30  # seconds that a delayed message may be late before the reaper looks


def run_job(tenant: str, job_id: str) -> None:
    """Run the job if it is there to be taken; every outcome ends up in its record."""
    jobs = wiring.jobs()
    job = jobs.claim(tenant, job_id, settings().lease_seconds)
    if job is None:
        log.info("job not taken", extra={"job_id": job_id})
        return
    journal = JobJournal(job, jobs, wiring.pictures())
    row = find_operation(job.operation)
    with Heartbeat(jobs, job, settings().lease_seconds):
        try:
            _conclude(jobs, job, journal, row)
        except JobLost:
            log.warning("job lost to another worker", extra={"job_id": job.id})
        except Exception:
            # Ours to fix, and maybe over in a moment: what was paid for is in the journal, so a later run goes on.
            log.exception("job failed unexpectedly", extra={"job_id": job.id, "operation": job.operation})
            if job.runs <= MAX_RUNS:
                _give_back(jobs, job, 2.0**job.runs, failed=True)
            else:
                _end(jobs, job, journal, error=_told(StudioError(), row))


def _conclude(jobs: JobStore, job: Job, journal: JobJournal, row: Operation) -> None:
    """Run the job to its end, or to where it has to wait for its provider."""
    if job.runs > MAX_RUNS:
        _give_up(job, journal)
    try:
        answer = _run(job, journal, row)
    except StillRunning as running:
        _give_back(jobs, job, running.wait)
    except StudioError as error:
        _end(jobs, job, journal, error=_told(error, row))
    else:
        _end(jobs, job, journal, answer=answer)


def _run(job: Job, journal: JobJournal, row: Operation) -> str:
    body = wiring.pictures().get(job.input)
    if body is None:
        raise RecordedError(500, "input_lost", "The job's input is gone. Nothing was charged; please send it again.")
    request = row.request.model_validate_json(body)
    answer: Any = row.run(request, wiring.worker_studio(job, journal))
    return str(answer.model_dump_json())


def _give_up(job: Job, journal: JobJournal) -> None:
    """Fail what isn't done, so that one more run delivers what is."""
    error = UnknownCharge(f"The job was interrupted {MAX_RUNS} times and is given up.")
    for entry in map(journal.entry, range(1, job.total + 1)):
        if entry.stage not in (Stage.DONE, Stage.FAILED):
            journal.fail(entry.with_(stage=Stage.FAILED, detail=error.detail, code=error.code, status=error.status))


def _give_back(jobs: JobStore, job: Job, wait: float, *, failed: bool = False) -> None:
    if jobs.give_back(job, math.ceil(wait) + GIVE_BACK_MARGIN, failed=failed):
        dispatcher().send(job.tenant, job.id, wait)


def _end(jobs: JobStore, job: Job, journal: JobJournal, **outcome: Any) -> None:
    entries = journal.entries()
    spent = spent_on(job, entries)
    if jobs.finish(job, spent=spent, hold=settings().hold_seconds, **outcome):
        metrics.job_ended(spent, entries)
        log.info(
            "job ended",
            extra={
                "job_id": job.id,
                "operation": job.operation,
                "ok": "answer" in outcome,
                "credits": spent.charged,
                "held": spent.held,
            },
        )


def spent_on(job: Job, entries: list[Entry]) -> Spent:
    """What the job cost: delivered variations, never above what was reserved; unknown ones are held."""
    by_provider: Counter[str] = Counter()
    left = job.reserved
    for entry in entries:
        if entry.stage is Stage.DONE:
            paid = min(entry.credits, left)
            by_provider[entry.provider] += paid
            left -= paid
    unknown = sum(entry.credits for entry in entries if entry.stage not in (Stage.DONE, Stage.FRESH))
    return Spent(
        charged=by_provider.total(),
        held=min(unknown, left),
        studio=job.operation.partition(".")[0],
        by_provider=by_provider,
    )


def _told(error: StudioError, row: Operation) -> dict[str, Any]:
    """The error as callers read it; a 500 opens with the operation's own words."""
    prefix = "" if error.status < 500 or error.detail.startswith(row.failure) else f"{row.failure}: "
    code = error.code if isinstance(error, ProviderFailed | RecordedError) or error.status < 500 else "internal_error"
    return {"status": error.status, "code": code, "detail": prefix + error.detail}


class Heartbeat(AbstractContextManager["Heartbeat"]):
    """Holds a job's lease while the block runs, renewing it three times per lease."""

    def __init__(self, jobs: JobStore, job: Job, lease: int) -> None:
        self._jobs = jobs
        self._job = job
        self._lease = lease
        self._over = Event()
        self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._over.set()
        self._thread.join(timeout=self._lease)

    def _beat(self) -> None:
        while not self._over.wait(self._lease / 3):
            try:
                if not self._jobs.renew(self._job, self._lease):
                    return
            except Exception:
                log.exception("lease not renewed", extra={"job_id": self._job.id})
