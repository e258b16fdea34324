"""The end of a job: recorded, then announced to whoever wants to know.

The record says that the end is unannounced until the worker has sent its events; the reaper asks it again where a crash
left it so. Each event is sent at least once.
"""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from image_studio.runtime import wiring
from image_studio.runtime.settings import settings
from image_studio.storage.batch import Batch
from image_studio.storage.credits import Charge
from image_studio.storage.job import Job
from image_studio.storage.webhooks import EndpointState

log = logging.getLogger(__name__)

Message = Mapping[str, Any]  # to webhook_delivery.take_message
ANNOUNCE_SECONDS = 60  # from a job's end until the reaper looks whether it was announced


class Dispatcher(Protocol):
    """Sends work to a worker; `delay` is in seconds."""

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None: ...
    def send_webhook(self, message: Message, delay: float = 0) -> None: ...


def enabled_endpoints(tenant: str) -> list[str]:
    """Return the ids of the endpoints that are called."""
    return [each.id for each in wiring.webhooks().all(tenant) if each.state is EndpointState.ENABLED]


def end_job(job: Job, dispatcher: Dispatcher, *, charge: Charge, hold: int = 0, **outcome: Any) -> bool:
    """Record how a job ended, and have it announced; False where it is no longer as `job` has it."""
    within = ANNOUNCE_SECONDS if _anybody_listens(job) else 0
    if not wiring.jobs().finish(job, charge=charge, hold=hold, announce_within=within, **outcome):
        return False
    try:
        if within:
            ask_to_announce(job, dispatcher)
        batch = wiring.batches().get(job.tenant, job.batch) if job.batch else None
        if batch and batch.ended:
            ask_to_announce(batch, dispatcher)
    except Exception:  # the job has ended; the reaper asks again
        log.exception("job not announced", extra={"job_id": job.id})
    return True


def _anybody_listens(job: Job) -> bool:
    own = job.webhook_url or settings().event_bus
    return bool(own or (not job.batch and enabled_endpoints(job.tenant)))  # endpoints hear of the batch alone


def ask_to_announce(ended: Job | Batch, dispatcher: Dispatcher) -> None:
    dispatcher.send_webhook({"tenant": ended.tenant, kind_of(ended): ended.id, "webhook": "announce"})


def kind_of(ended: Job | Batch) -> str:
    """Return the name of its id in a message."""
    return "batch" if isinstance(ended, Batch) else "job"
