"""The reaper: looks at jobs whose lease ran out, so that nothing hangs and nothing is lost.

A queued or dead job is sent to a worker again (its journal knows what was paid); a job whose upload never came is
failed; credits on hold for an unknown charge are given back when their time is over.
"""

import logging

from image_studio.runtime import wiring
from image_studio.runtime.dispatch import dispatcher
from image_studio.storage.credits import Spent
from image_studio.storage.job import Job

log = logging.getLogger(__name__)

MOST = 100  # jobs of one partition that one sweep looks at
AGAIN_SECONDS = 30  # until a job that was sent again is looked at again


def reap() -> int:
    """One sweep; the number of jobs that it did something for."""
    jobs = list(wiring.jobs().overdue(MOST))
    for job in jobs:
        _mend(job)
    if jobs:
        log.info("reaped", extra={"jobs": len(jobs)})
    return len(jobs)


def _mend(job: Job) -> None:
    store = wiring.jobs()
    if job.status.ended:
        store.release_hold(job)
    elif job.awaits:
        error = {"status": 400, "code": "upload_missing", "detail": "The upload that this job waited for never came."}
        store.finish(job, error=error, spent=Spent())
    else:
        if job.status == "queued":
            store.touch(job, AGAIN_SECONDS)
        dispatcher().send(job.tenant, job.id)
