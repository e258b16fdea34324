"""The reaper: handles jobs whose lease ran out, so that no job hangs and no result is lost.

A schedule invokes the worker function for it every minute; it never waits behind the jobs that it should rescue.

- A job that no worker took, or whose worker died, is sent to a worker again. Its journal says what was paid.
- A job whose upload never came fails.
- The end of a job that may not have been announced is announced.
- An expired job gives its credits back.
- A batch whose jobs weren't all made, or whose end wasn't announced, is gone on with.
- Credits on hold for an unknown charge are given back when the hold ends.
"""

import logging
import time

from image_studio.errors import JobExpired, StudioError, TemporarilyUnavailable, UploadMissing
from image_studio.operations.table import error_payload, find_operation
from image_studio.runtime import batches, metrics, uploads, wiring
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.job_end import ask_to_announce, end_job
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.settings import settings
from image_studio.runtime.worker import after_charge, charge_for
from image_studio.storage import keys
from image_studio.storage.batch import Batch
from image_studio.storage.job import Job, Status

log = logging.getLogger(__name__)

MAX_JOBS = 200  # of one lease partition in one sweep
REDISPATCH_SECONDS = 30  # from sending a job again to the next look at it; longer for an older job
MAX_REDISPATCH_SECONDS = 900
STUCK_SECONDS = 900  # age at which a job that no worker has is worth an alarm


def reap() -> int:
    """Make one sweep, and return the number of jobs that it handled. Sweeps may overlap."""
    jobs = list(wiring.jobs().overdue(MAX_JOBS))
    stuck = (time.time() - STUCK_SECONDS) * 1000
    metrics.swept(len(jobs), sum(not (job.status.ended or job.awaits) and job.created_at < stuck for job in jobs))
    late = wiring.batches().overdue(MAX_JOBS)
    for job in jobs:
        try:
            _recover(job)
        except Exception:  # one job's failure must not keep the others from being recovered
            log.exception("job not recovered", extra={"job_id": job.id})
    for batch in late:
        try:
            _go_on(batch)
        except Exception:
            log.exception("batch not recovered", extra={"batch_id": batch.id})
    if jobs or late:
        log.info("reaped", extra={"jobs": len(jobs), "batches": len(late)})
    return len(jobs) + len(late)


def _go_on(batch: Batch) -> None:
    """Make the jobs of a batch that aren't yet, or announce its end."""
    wiring.batches().touch(batch, _wait(batch))
    if batch.made < batch.size:
        batches.start(batch)
    elif batch.ended:
        ask_to_announce(batch, dispatcher())


def _wait(job: Job | Batch) -> int:
    """Return the seconds to the next look: the older the job, the more.

    In a long queue most jobs only wait their turn, and need no copies of their messages.
    """
    age = time.time() - job.created_at / 1000
    return round(min(MAX_REDISPATCH_SECONDS, max(REDISPATCH_SECONDS, age)))


def _recover(job: Job) -> None:
    store = wiring.jobs()
    if job.status.ended and job.unannounced:
        ask_to_announce(job, dispatcher())
    elif job.status.ended:
        store.release_hold(job)
    elif job.expires <= time.time():
        charge = charge_for(job, entries_of(job).values())
        error = error_payload(after_charge(JobExpired(), charge), find_operation(job.operation))
        end_job(job, dispatcher(), error=error, charge=charge, hold=settings().hold_seconds)
    elif job.awaits:
        _end_waiting(job)
    else:
        running = job.status is Status.RUNNING
        if store.requeue(job, REDISPATCH_SECONDS) if running else store.touch(job, _wait(job)):
            dispatcher().send(job.tenant, job.id)


def _end_waiting(job: Job) -> None:
    """Fail a job whose upload is late, or start it where the upload's event was lost."""
    operation = find_operation(job.operation)
    if not wiring.objects().exists(keys.upload_key(job.tenant, job.awaits or "")):
        uploads.fail(job, operation, UploadMissing())
        return
    try:
        uploads.start(job)
    except (TemporarilyUnavailable, *STORAGE_FAILURES):
        raise  # the next sweep tries again
    except Exception:
        log.exception("job can't be started", extra={"job_id": job.id})
        uploads.fail(job, operation, StudioError())
