"""Dispatch recorded jobs: to the queue, or to threads of this process where there is none."""

import json
import logging
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Timer
from typing import Any

from image_studio.runtime import aws_clients
from image_studio.runtime.job_end import Dispatcher, Message
from image_studio.runtime.settings import settings

log = logging.getLogger(__name__)

MAX_DELAY = 900  # seconds, SQS's limit
IN_PROCESS_JOBS = 4  # at a time

Run = Callable[[str, str, Dispatcher], None]  # worker.run_job
Announce = Callable[[Message, Dispatcher], None]  # webhook_delivery.take_message


class Queue:
    """SQS. Messages carry ids, never images. They may come twice or never: the job's record decides."""

    outlives_us = True  # the job goes on when this process has answered, and is frozen or gone

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        self._send(settings().queue_url, {"tenant": tenant, "job": job_id}, delay)

    def send_webhook(self, message: Message, delay: float = 0) -> None:
        """Send what concerns webhooks, on a queue of its own: a receiver that is slow or dead delays no job."""
        self._send(settings().webhook_queue_url, message, delay)

    def _send(self, url: str, message: Mapping[str, Any], delay: float) -> None:
        aws_clients.sqs().send_message(
            QueueUrl=url, MessageBody=json.dumps(message), DelaySeconds=min(MAX_DELAY, max(0, math.ceil(delay)))
        )


class InProcess:
    """Threads of this process, for `sam local invoke` and tests: nothing to set up, nothing survives."""

    outlives_us = False

    def __init__(self, run: Run, announce: Announce) -> None:
        self._run = run
        self._announce = announce
        self._pool = ThreadPoolExecutor(IN_PROCESS_JOBS, thread_name_prefix="job")

    def send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        self._later(delay, self._run, tenant, job_id, self)

    def send_webhook(self, message: Message, delay: float = 0) -> None:
        self._later(delay, self._announce, message, self)

    def _later(self, delay: float, work: Callable[..., None], *arguments: Any) -> None:
        if delay > 0:
            timer = Timer(delay, self._pool.submit, (self._work, work, *arguments))
            timer.daemon = True
            timer.start()
        else:
            self._pool.submit(self._work, work, *arguments)

    def _work(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:
            log.exception("work failed outside its record")


@lru_cache(maxsize=1)
def dispatcher() -> Queue | InProcess:
    """The queue where one is configured, else this process."""
    if settings().queue_url:
        return Queue()
    # Where there is a queue, no API function needs these.
    from image_studio.runtime.webhook_delivery import take_message  # noqa: PLC0415
    from image_studio.runtime.worker import run_job  # noqa: PLC0415

    return InProcess(run_job, take_message)
