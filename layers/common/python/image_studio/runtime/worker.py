"""The worker's door: take a job, run its operation with the journal bound to it, record how it ended.

A message may come twice, late or never; `claim` lets one run at a time through, and a run that dies leaves a lease
that runs out. While it works, a heartbeat holds the lease, so that a short lease finds a dead worker soon.
"""

import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event, Thread
from types import TracebackType
from typing import Any

from image_studio.errors import JobFailed, StudioError, TemporarilyUnavailable, UnknownCharge
from image_studio.operations import find_operation
from image_studio.operations.journal import JobLost, Stage
from image_studio.operations.operation import Operation
from image_studio.providers.client import StillRunning
from image_studio.runtime import metrics, outbox, wiring
from image_studio.runtime.job_journal import JobJournal
from image_studio.runtime.settings import settings
from image_studio.runtime.verdict import spent_on, told
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore

log = logging.getLogger(__name__)

MAX_RUNS = 5  # of one job that keep dying; each makes at most its own, not yet made, paid calls
LAST_RUNS = 2  # more, to put together what is done
GIVE_BACK_MARGIN = 30  # seconds that a delayed message may be late before the reaper looks

Send = Callable[[str, str, float], None]  # a job's tenant and id, and in how many seconds it is to run


def run_job(tenant: str, job_id: str, send: Send) -> None:
    """Run the job if it is there to be taken; every outcome ends up in its record. `send` asks for another run."""
    jobs = wiring.jobs()
    job = jobs.claim(tenant, job_id, settings().lease_seconds)
    if job is None:
        log.info("job not taken", extra={"job_id": job_id})
        return
    run = _Run(jobs, job, send)
    with Heartbeat(jobs, job, settings().lease_seconds):
        try:
            run.conclude()
        except JobLost:
            log.warning("job lost to another worker", extra={"job_id": job.id})
        except Exception:
            # Ours to fix, and maybe over in a moment: what was paid for is in the journal, so a later run goes on.
            log.exception("job failed unexpectedly", extra={"job_id": job.id, "operation": job.operation})
            run.fail_unexpectedly()


class _Run:
    """One run of a job that was claimed."""

    def __init__(self, jobs: JobStore, job: Job, send: Send) -> None:
        self.jobs = jobs
        self.send = send
        self.job = job
        self.row: Operation = find_operation(job.operation)
        self.journal = JobJournal(job, jobs, wiring.images())

    def conclude(self) -> None:
        """Run the job to its end, or to where it has to wait for its provider."""
        if self.job.runs > MAX_RUNS + LAST_RUNS:
            self.end(error=told(StudioError(), self.row))
            return
        if self.job.runs > MAX_RUNS:
            self._give_up()
        try:
            answer = self._work()
        except StillRunning as running:
            self.give_back(running.wait)
        except TemporarilyUnavailable:  # our own table, and nothing that the job should end with
            raise
        except StudioError as error:
            self.end(error=told(error, self.row))
        else:
            self.end(answer=answer)

    def _work(self) -> str:
        body = wiring.images().get(self.job.input)
        if body is None:
            raise JobFailed(500, "input_lost", "The job's request is gone; please send it again.")
        request = self.row.request.model_validate_json(body)
        answer: Any = self.row.run(request, wiring.worker_studio(self.job, self.journal))
        return str(answer.model_dump_json())

    def _give_up(self) -> None:
        """Fail what isn't done, so that one more run delivers what is."""
        error = UnknownCharge(f"The job was interrupted {MAX_RUNS} times and is given up.")
        for entry in map(self.journal.entry, range(1, self.job.total + 1)):
            if entry.stage not in (Stage.DONE, Stage.FAILED):
                failed = {"stage": Stage.FAILED, "detail": error.detail, "code": error.code, "status": error.status}
                self.journal.fail(entry.with_(**failed))

    def fail_unexpectedly(self) -> None:
        """Let a later run try, after a pause that grows; end it where that was tried often enough."""
        if self.job.runs <= MAX_RUNS:
            self.give_back(2.0**self.job.runs, failed=True)
        else:
            self.end(error=told(StudioError(), self.row))

    def give_back(self, wait: float, *, failed: bool = False) -> None:
        """Queue the job again, for in `wait` seconds."""
        if self.jobs.give_back(self.job, math.ceil(wait) + GIVE_BACK_MARGIN, failed=failed):
            self.send(self.job.tenant, self.job.id, wait)

    def end(self, **outcome: Any) -> None:
        """Record the outcome, and settle; the hot folder's answer is written first, as images are."""
        if self.job.inbox and self.jobs.renew(self.job, settings().lease_seconds):
            outcome = outbox.write(self.job, self.row, **outcome)
        entries = self.journal.entries()
        spent = spent_on(self.job, entries)
        if self.jobs.finish(self.job, spent=spent, hold=settings().hold_seconds, **outcome):
            metrics.job_ended(spent, entries)
            log.info(
                "job ended",
                extra={
                    "job_id": self.job.id,
                    "operation": self.job.operation,
                    "ok": "answer" in outcome,
                    "credits": spent.charged,
                    "held": spent.held,
                },
            )


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
