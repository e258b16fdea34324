"""How a job gets to a worker: a message in the queue, or a thread of this process where there is no queue."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Timer
from typing import TYPE_CHECKING, Protocol

from image_studio.runtime import aws_clients
from image_studio.runtime.settings import settings

if TYPE_CHECKING:
    from image_studio.runtime.worker import Send

log = logging.getLogger(__name__)

MAX_DELAY = 900  # seconds, SQS's limit
IN_PROCESS_JOBS = 4  # at a time


class Dispatcher(Protocol):
    """Sends a job to a worker. A message may come twice or never; the job's record decides.

    `outlives_us`: whether the job goes on when this process has answered, and is frozen or gone.
    """

    outlives_us: bool

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        """Ask for a run of the job in `delay` seconds."""
        ...


class Queue:
    """SQS: messages carry ids, never images."""

    outlives_us = True

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        """Put a message into the job queue."""
        aws_clients.sqs().send_message(
            QueueUrl=settings().queue_url,
            MessageBody=json.dumps({"tenant": tenant, "job": job_id}),
            DelaySeconds=min(MAX_DELAY, max(0, round(delay))),
        )


class InProcess:
    """Threads of this process, for `sam local invoke` and tests: nothing to set up, nothing survives."""

    outlives_us = False

    def __init__(self, run: "Callable[[str, str, Send], None]") -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(IN_PROCESS_JOBS, thread_name_prefix="job")

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        """Run the job in a thread."""
        if delay > 0:
            timer = Timer(delay, self._pool.submit, (self._work, tenant, job_id))
            timer.daemon = True
            timer.start()
        else:
            self._pool.submit(self._work, tenant, job_id)

    def _work(self, tenant: str, job_id: str) -> None:
        try:
            self._run(tenant, job_id, self.send)
        except Exception:
            log.exception("job failed outside its record", extra={"job_id": job_id})


@lru_cache(maxsize=1)
def dispatcher() -> Dispatcher:
    """The queue where one is configured, else this process."""
    if settings().queue_url:
        return Queue()
    from image_studio.runtime.worker import run_job  # noqa: PLC0415  only a process without a queue works itself

    return InProcess(run_job)
