"""The reaper: looks at jobs whose lease ran out, so that nothing hangs and nothing is lost.

A job that nobody took, or whose worker died, is sent to a worker again (its journal knows what was paid); one whose
upload never came is failed; one that expired gives its credits back; credits on hold for an unknown charge are given
back when their time is over.
"""

import logging
import time

from image_studio.errors import JobFailed, StudioError
from image_studio.operations import find_operation
from image_studio.runtime import metrics, uploads, wiring
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.verdict import spent_on, told
from image_studio.storage import keys
from image_studio.storage.job import Job, Status

log = logging.getLogger(__name__)

MOST = 200  # jobs of one partition that one sweep looks at
AGAIN_SECONDS = 30  # until a job that was sent again is looked at again; then longer, by its age
LONGEST_SECONDS = 900
STUCK_SECONDS = 900  # age at which a job that nobody works on is worth an alarm
DUE_SECONDS = 90  # without a sweep: the clock's message is stuck behind the jobs, so a worker does it

NEVER_CAME = JobFailed(400, "upload_missing", "The upload that this job waited for never came.")
EXPIRED = JobFailed(500, "expired", "The job expired before it was done.")


def reap_if_due() -> None:
    """Sweep if nobody did for long; asked by each worker once in that time."""
    global _asked  # noqa: PLW0603  a note of this process
    if time.monotonic() - _asked < DUE_SECONDS:
        return
    _asked = time.monotonic()
    if wiring.jobs().take_turn(DUE_SECONDS):
        _sweep()


_asked = float("-inf")


def reap() -> int:
    """One sweep, whoever made the last; the number of jobs that it looked at."""
    wiring.jobs().take_turn(0)
    return _sweep()


def _sweep() -> int:
    jobs = list(wiring.jobs().overdue(MOST))
    metrics.swept(len(jobs), sum(map(_is_stuck, jobs)))
    for job in jobs:
        try:
            _mend(job)
        except Exception:  # one that can't be mended must not keep the others from it
            log.exception("job not mended", extra={"job_id": job.id})
    if jobs:
        log.info("reaped", extra={"jobs": len(jobs)})
    return len(jobs)


def _is_stuck(job: Job) -> bool:
    """Whether it should have ended long ago; one that waits for its upload may wait."""
    return not job.status.ended and not job.awaits and time.time() - job.created_at / 1000 > STUCK_SECONDS


def _mend(job: Job) -> None:
    store = wiring.jobs()
    if job.status.ended:
        store.release_hold(job)
    elif job.expires <= time.time():
        spent = spent_on(job, entries_of(job).values())
        store.finish(job, error=told(EXPIRED, find_operation(job.operation)), spent=spent)
    elif job.awaits:
        _end_waiting(job)
    elif job.status is Status.RUNNING:
        _send_again(job, lost=store.requeue(job, AGAIN_SECONDS))
    else:
        _send_again(job, lost=store.touch(job, _patience(job)))


def _send_again(job: Job, *, lost: bool) -> None:
    if lost:
        dispatcher().send(job.tenant, job.id)


def _patience(job: Job) -> int:
    """A long queue isn't a lost message: whoever waits long is asked after more seldom."""
    age = time.time() - job.created_at / 1000
    return round(min(LONGEST_SECONDS, max(AGAIN_SECONDS, age)))


def _end_waiting(job: Job) -> None:
    """The upload's time is over; the event that tells of it may have been lost, though."""
    row = find_operation(job.operation)
    if not wiring.images().exists(keys.upload_key(job.tenant, job.awaits or "")):
        uploads.fail(job, row, NEVER_CAME)
        return
    try:
        uploads.start(job)
    except Exception:
        log.exception("job can't be started", extra={"job_id": job.id})
        uploads.fail(job, row, StudioError())
