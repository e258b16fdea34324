"""Announce ended jobs and batches: calls of webhooks as Standard Webhooks has them, and events on the operator's bus.

A call is signed and has one id on every try; the pauses between tries grow, for about a day.
"""

import base64
import hashlib
import hmac
import json
import logging
import math
import secrets
import time
from typing import Any, NamedTuple

from image_studio.errors import JobStopped
from image_studio.providers.webhook_call import CallFailed, call_webhook
from image_studio.runtime import aws_clients, hot_folder_results, wiring
from image_studio.runtime.api import iso_time
from image_studio.runtime.batch_record import batch_record, make_zip
from image_studio.runtime.job_end import Dispatcher, Message, enabled_endpoints, kind_of
from image_studio.runtime.job_record import job_record, prompt_of
from image_studio.runtime.settings import settings
from image_studio.schemas.batches import BatchRecord
from image_studio.schemas.jobs import JobRecord
from image_studio.schemas.webhooks import EventType, WebhookEvent
from image_studio.storage.batch import Batch
from image_studio.storage.job import DAY, Job, Status
from image_studio.storage.webhooks import Delivery, Endpoint, EndpointState

log = logging.getLogger(__name__)

#: Seconds from a failed attempt to the next one; about 24 hours in all.
PAUSES = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 8 * 3600, 8 * 3600)
PAUSE_DAYS = 3  # an endpoint that failed so long is paused
GONE = 410
SOURCE = "image-studio"  # of the events
_PREFIX = "whsec_"
_SECRET_BYTES = 24


class Outcome(NamedTuple):
    """What came of a call: the response's status, or without one, why."""

    status: int | None
    problem: str | None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, webhook_id: str, timestamp: int, body: str) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def call(url: str, keys: list[str], webhook_id: str, body: str) -> Outcome:
    """Send one signed call."""
    now = int(time.time())
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(signature(key, webhook_id, now, body) for key in keys),
    }
    try:
        return Outcome(call_webhook(url, body.encode(), headers, settings().webhook_origin or None), None)
    except CallFailed as failure:
        return Outcome(None, str(failure))


# -- the end of a job or a batch


def take_message(message: Message, dispatcher: Dispatcher) -> None:
    """Announce what a message names, send its event, make the call or the zip that it asks for."""
    if message["webhook"] == "announce":
        announce(message, dispatcher)
    elif message["webhook"] == "event":
        _put_event(message)
    elif message["webhook"] == "zip":
        make_zip(message["tenant"], message["batch"])
    else:
        deliver(message, dispatcher)


def announce(message: Message, dispatcher: Dispatcher) -> None:
    """Send a message for each webhook of an ended job or batch, and one for its event on the operator's bus."""
    ended = _find(message)
    if ended is None or not ended.unannounced:
        return
    # The jobs of a batch have one call for all of them, at the batch's end.
    endpoints = [] if isinstance(ended, Job) and ended.batch else enabled_endpoints(ended.tenant)
    messages: list[dict[str, Any]] = [
        {"webhook": "call", "endpoint": endpoint, "attempt": 1, "due": 0}
        for endpoint in [*endpoints, *([None] if ended.webhook_url else [])]
    ]
    # A message of its own, so that a bus that takes no events is asked again without the calls.
    messages += [{"webhook": "event"}] if settings().event_bus else []
    for each in messages:
        dispatcher.send_webhook({"tenant": ended.tenant, kind_of(ended): ended.id, **each})
    if isinstance(ended, Job):
        wiring.jobs().announced(ended, settings().hold_seconds)
        return
    if ended.inbox:
        hot_folder_results.write_batch(ended.inbox, batch_record(ended).model_dump(mode="json"), etag=ended.etag)
    wiring.batches().announced(ended)


def _find(message: Message) -> Job | Batch | None:
    """Return what ended, expired or not: its end is announced as long as its record is there."""
    if "batch" in message:
        return wiring.batches().get(message["tenant"], message["batch"])
    return wiring.jobs().get(message["tenant"], message["job"], expired=True)


def type_of(job: Job | Batch) -> EventType:
    if isinstance(job, Batch):
        return "batch.completed"
    if job.status is Status.SUCCEEDED:
        return "job.succeeded"
    return "job.cancelled" if job.error and job.error["code"] == JobStopped.code else "job.failed"


def event_of(job: Job | Batch, *, with_prompt: bool = False) -> WebhookEvent:
    """Return what is said of what ended: its record, with whole addresses; never an image, a prompt only on request."""
    record: JobRecord | BatchRecord
    if isinstance(job, Job):
        record = job_record(job)
        record.prompt = prompt_of(job) if with_prompt else None
    else:
        record = batch_record(job)
    for name in type(record).model_fields:
        if name.endswith("_url"):
            setattr(record, name, job.origin + getattr(record, name))
    return WebhookEvent(type=type_of(job), timestamp=iso_time((job.finished_at or 0) / 1000), data=record)


def _put_event(message: Message) -> None:
    job = _find(message)
    if job is None:
        return  # deleted meanwhile
    event = event_of(job)
    entry = {
        "EventBusName": settings().event_bus,
        "Source": SOURCE,
        "DetailType": event.type.replace(".", " ").title(),  # as Job Succeeded
        "Detail": json.dumps({"tenant": job.tenant, **event.model_dump(mode="json")["data"]}),
    }
    if aws_clients.events().put_events(Entries=[entry])["FailedEntryCount"]:
        raise RuntimeError("the event bus did not take the event")  # the message comes again


# -- a call


def deliver(message: Message, dispatcher: Dispatcher) -> None:
    """Make the call that a message asks for, when it is due; after a failure send a message for the next attempt."""
    wait = message["due"] - time.time()
    if wait > 1:  # the queue delays by 15 minutes at most
        dispatcher.send_webhook(message, wait)
        return
    job = _find(message)
    endpoint = wiring.webhooks().get(message["tenant"], message["endpoint"]) if message["endpoint"] else None
    if job is None or (message["endpoint"] and (endpoint is None or endpoint.state is not EndpointState.ENABLED)):
        return  # deleted, expired, paused or disabled meanwhile
    event = event_of(job, with_prompt=endpoint is not None and endpoint.include_prompt)
    outcome = call(*_target(job, endpoint), f"msg_{job.id}", event.model_dump_json())
    pause = None if outcome.ok or outcome.status == GONE else _pause(message["attempt"])
    if endpoint:
        _note(job, endpoint, outcome)
        _log(job, endpoint, Try(event.type, message["attempt"], outcome, pause))
    if pause is not None:
        again = {**message, "attempt": message["attempt"] + 1, "due": math.ceil(time.time() + pause)}
        dispatcher.send_webhook(again, pause)
    elif not outcome.ok:
        log.warning(
            "webhook given up",
            extra={"job_id": message.get("job"), "batch_id": message.get("batch"), "status": outcome.status},
        )


def _target(job: Job | Batch, endpoint: Endpoint | None) -> tuple[str, list[str]]:
    if endpoint:
        return endpoint.url, endpoint.secrets(time.time())
    return job.webhook_url or "", [wiring.webhooks().secret(job.tenant, new_secret())]


def _pause(attempt: int) -> float | None:
    """Seconds until the attempt after this one; None after the last."""
    return PAUSES[attempt - 1] * settings().webhook_pace if attempt <= len(PAUSES) else None


class Try(NamedTuple):
    """A call that was made, and the pause (seconds) until the next one."""

    type: EventType
    attempt: int
    outcome: Outcome
    pause: float | None


def _log(job: Job | Batch, endpoint: Endpoint, made: Try) -> None:
    now = int(time.time() * 1000)
    delivery = Delivery(
        at=now,
        webhook_id=f"msg_{job.id}",
        type=made.type,
        attempt=made.attempt,
        status=made.outcome.status,
        problem=made.outcome.problem,
        next_attempt_at=None if made.pause is None else now + round(made.pause * 1000),
    )
    wiring.webhooks().log(job.tenant, endpoint.id, delivery)


def _note(job: Job | Batch, endpoint: Endpoint, outcome: Outcome) -> None:
    if not outcome.ok:
        wiring.webhooks().failed(job.tenant, endpoint.id, pause_after=PAUSE_DAYS * DAY, gone=outcome.status == GONE)
    elif endpoint.failing_since:
        wiring.webhooks().succeeded(job.tenant, endpoint.id)
