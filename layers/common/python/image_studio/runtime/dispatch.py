"""Dispatch recorded jobs: to the queue, or to threads of this process where there is none."""

import json
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Timer

from image_studio.runtime import aws_clients
from image_studio.runtime.settings import settings

log = logging.getLogger(__name__)

MAX_DELAY = 900  # seconds, SQS's limit
IN_PROCESS_JOBS = 4  # at a time

Run = Callable[[str, str, Callable[[str, str, float], None]], None]  # worker.run_job


class Queue:
    """SQS. Messages carry ids, never images. They may come twice or never: the job's record decides."""

    outlives_us = True  # the job goes on when this process has answered, and is frozen or gone

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        aws_clients.sqs().send_message(
            QueueUrl=settings().queue_url,
            MessageBody=json.dumps({"tenant": tenant, "job": job_id}),
            DelaySeconds=min(MAX_DELAY, max(0, math.ceil(delay))),
        )


class InProcess:
    """Threads of this process, for `sam local invoke` and tests: nothing to set up, nothing survives."""

    outlives_us = False

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(IN_PROCESS_JOBS, thread_name_prefix="job")

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
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
def dispatcher() -> Queue | InProcess:
    """The queue where one is configured, else this process."""
    if settings().queue_url:
        return Queue()
    from image_studio.runtime.worker import run_job  # noqa: PLC0415  where there is a queue, no API function needs it

    return InProcess(run_job)
