"""The worker: take a job, run its operation with the journal bound to it, record how it ended."""

import logging
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import Event, Thread
from typing import Any

from image_studio.errors import InputLost, StudioError, TemporarilyUnavailable, UnknownCharge
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry, JobLost, Journal, Stage
from image_studio.operations.table import Operation, error_payload, find_operation
from image_studio.providers.client import ProviderClient, StillRunning
from image_studio.providers.text_model import enrich_prompt
from image_studio.runtime import configured_providers, hot_folder_results, metrics, provenance, wiring
from image_studio.runtime.aws_transport import make_provider_client
from image_studio.runtime.circuit_breaker import circuits
from image_studio.runtime.credentials import credential_store
from image_studio.runtime.job_end import Dispatcher, end_job
from image_studio.runtime.job_journal import JobJournal
from image_studio.runtime.references import CallerReferences, HotFolderObject, stored_inputs
from image_studio.runtime.settings import TIERS, settings
from image_studio.runtime.signing import signing
from image_studio.storage.credits import Charge
from image_studio.storage.job import DAY, Job
from image_studio.storage.jobs import JobStore

log = logging.getLogger(__name__)

MAX_RUNS = 5  # of one job that keep dying; each makes at most its own paid calls, those not made yet
LAST_RUNS = 2  # more, to deliver what is done
GIVE_BACK_MARGIN = 30  # seconds that a delayed message may be late before the reaper looks
WORKER_SECONDS = 5  # how old a worker's view of a provider's health may be


def run_job(tenant: str, job_id: str, dispatcher: Dispatcher) -> None:
    """Run the job if it can be claimed; every outcome ends up in its record. Further runs go through `dispatcher`."""
    jobs = wiring.jobs()
    job = jobs.claim(tenant, job_id, settings().lease_seconds)
    if job is None:
        log.info("job not taken", extra={"job_id": job_id})
        return
    run = _Run(jobs, job, dispatcher)
    with heartbeat(jobs, job, settings().lease_seconds):
        try:
            run.conclude()
        except JobLost:
            log.warning("job lost to another worker", extra={"job_id": job.id})
        except Exception:
            # A bug or an outage of ours. What was paid for is in the journal, so a later run can go on.
            log.exception("job failed unexpectedly", extra={"job_id": job.id, "operation": job.operation})
            run.fail_unexpectedly()


class _Run:
    """One run of a claimed job."""

    def __init__(self, jobs: JobStore, job: Job, dispatcher: Dispatcher) -> None:
        self.jobs = jobs
        self.dispatcher = dispatcher
        self.job = job
        self.operation: Operation = find_operation(job.operation)
        self.journal = JobJournal(job, jobs, wiring.objects())

    def conclude(self) -> None:
        """Run the job to its end, or to where it has to wait for its provider."""
        if self.job.runs > MAX_RUNS + LAST_RUNS:
            self._fail(StudioError())
            return
        if self.job.runs > MAX_RUNS:
            self._give_up(f"The job was interrupted {MAX_RUNS} times and is given up.")
        try:
            response = self._work()
        except StillRunning as running:
            self.give_back(running.wait)
        except TemporarilyUnavailable:  # our own table; the job must not end with that
            raise
        except StudioError as error:
            self._fail(error)
        else:
            self.end(response=response)

    def _fail(self, error: StudioError) -> None:
        error = after_charge(error, charge_for(self.job, self.journal.entries()))
        self.end(error=error_payload(error, self.operation))

    def _work(self) -> str:
        """Run the operation, and a provider that is not done while the inputs are kept is given up."""
        ends = self.job.created_at / 1000 + min(settings().input_days, settings().result_days) * DAY
        try:
            return self._operate()
        except StillRunning as running:
            if time.time() + running.wait < ends:
                raise
        self._give_up("The provider did not finish while the job's images were kept.")
        return self._operate()

    def _operate(self) -> str:
        body = wiring.objects().get(self.job.input)
        if body is None:
            raise InputLost
        request = self.operation.request.model_validate_json(body)
        result: Any = self.operation.run(request, worker_context(self.job, self.journal))
        return str(result.model_dump_json())

    def _give_up(self, detail: str) -> None:
        """Fail the variations that aren't done, so that one more run delivers those that are."""
        for entry in map(self.journal.entry, range(1, self.job.total + 1)):
            if entry.stage not in (Stage.DONE, Stage.FAILED):
                error = StudioError if entry.stage is Stage.FRESH else UnknownCharge
                failed = {"stage": Stage.FAILED, "detail": detail, "code": error.code, "status": error.status}
                self.journal.fail(entry.with_(**failed))

    def fail_unexpectedly(self) -> None:
        """Let a later run try, after a pause that grows, or end the job after too many runs."""
        if self.job.runs <= MAX_RUNS:
            self.give_back(2.0**self.job.runs, failed=True)
        else:
            self._fail(StudioError())

    def give_back(self, wait: float, *, failed: bool = False) -> None:
        """Queue the job again, to run in `wait` seconds."""
        if self.jobs.give_back(self.job, math.ceil(wait) + GIVE_BACK_MARGIN, failed=failed):
            self.dispatcher.send(self.job.tenant, self.job.id, wait)

    def end(self, **outcome: Any) -> None:
        """Record the outcome and settle. The hot folder's result is written first, as images are."""
        if self.job.inbox and self.jobs.renew(self.job, settings().lease_seconds):
            outcome = hot_folder_results.write(self.job, self.operation, **outcome)
        entries = self.journal.entries()
        charge = charge_for(self.job, entries)
        if end_job(self.job, self.dispatcher, charge=charge, hold=settings().hold_seconds, **outcome):
            metrics.job_ended(charge, entries)
            log.info(
                "job ended",
                extra={
                    "job_id": self.job.id,
                    "operation": self.job.operation,
                    "ok": "response" in outcome,
                    "credits": charge.charged,
                    "held": charge.held,
                },
            )


@lru_cache(maxsize=1)
def provider_client() -> ProviderClient:
    """Connections to providers, kept alive between jobs."""
    return make_provider_client()


def worker_context(job: Job, journal: Journal) -> OperationContext:
    inputs = stored_inputs(wiring.objects(), job)
    references = CallerReferences(
        job.tenant, wiring.jobs(), wiring.objects(), inputs=inputs, hot_folder=HotFolderObject.of(job)
    )
    return OperationContext(
        configured=credential_store().configured(),
        not_ready=configured_providers.not_ready(),
        credentials=credential_store().access,
        provider_client=provider_client(),
        journal=journal,
        references=references,
        circuits=circuits(WORKER_SECONDS),
        enrich_prompt=partial(enrich_prompt, credentials=credential_store().access, provider_client=provider_client()),
        sign=signing(),
        record_result=partial(provenance.record, job),
        mark_prompts=settings().mark_prompts,
        wait_seconds=settings().poll_hold_seconds,
        max_pixels=TIERS[job.tier].max_pixels,
        max_credits=job.reserved // job.total,
    )


@contextmanager
def heartbeat(jobs: JobStore, job: Job, lease: int) -> Iterator[Thread]:
    """Renew a job's lease while the block runs, three times per lease."""
    over = Event()

    def beat() -> None:
        while not over.wait(lease / 3):
            try:
                if not jobs.renew(job, lease):
                    return
            except Exception:
                log.exception("lease not renewed", extra={"job_id": job.id})

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        over.set()
        thread.join(timeout=lease)


# -- the outcome of a job


def charge_for(job: Job, entries: Iterable[Entry]) -> Charge:
    """Return what the job costs: delivered variations, never above the reservation; unknown charges are held."""
    by_provider: Counter[str] = Counter()
    left = job.reserved
    unknown = 0
    for entry in entries:
        if entry.stage is Stage.DONE:
            paid = min(entry.credits, left)
            by_provider[entry.provider] += paid
            left -= paid
        elif entry.stage is not Stage.FRESH:
            unknown += entry.credits
    return Charge(
        charged=by_provider.total(),
        held=min(unknown, left),
        group=job.operation.partition(".")[0],
        by_provider=by_provider,
    )


def after_charge(error: StudioError, charge: Charge) -> StudioError:
    """Return a job's error, as an unknown charge where a call was made that may have been charged."""
    paid = charge.charged or charge.held
    return UnknownCharge(error.detail) if paid and error.code != UnknownCharge.code else error
