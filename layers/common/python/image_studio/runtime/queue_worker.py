"""The worker function's door: queue messages are jobs, S3 events or the clock; each fails on its own."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from image_studio.runtime import roster, wiring
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.observability import set_up_logging
from image_studio.runtime.reaper import reap, reap_if_due
from image_studio.runtime.s3_events import CREATED, take
from image_studio.runtime.worker import run_job

log = logging.getLogger(__name__)

CLOCK = "Scheduled Event"  # detail-type


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any] | None:
    """Work through a batch; the answer names the messages that must come again (partial batch response).

    The clock comes by itself, so that it needn't queue up behind the jobs.
    """
    set_up_logging()
    if "Records" not in event:
        _work(event)
        return None
    failed = [record["messageId"] for record in event["Records"] if not _done(record)]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def _done(record: Mapping[str, Any]) -> bool:
    try:
        _work(json.loads(record["body"]))
    except Exception:
        log.exception("message failed", extra={"message_id": record.get("messageId")})
        return False
    return True


def _work(message: Mapping[str, Any]) -> None:
    match message.get("detail-type"):
        case None:
            run_job(message["tenant"], message["job"], dispatcher().send)
            _sweep_if_due()
        case kind if kind == CREATED:
            take(message)
        case kind if kind == CLOCK:
            roster.record(wiring.keyring().configured())
            reap()
        case other:
            log.warning("message not understood", extra={"kind": str(other)[:80]})


def _sweep_if_due() -> None:
    try:
        reap_if_due()
    except Exception:
        log.exception("sweep failed")  # the message is done all the same
