"""The worker function's handler: SQS batches (jobs, S3 events, webhooks), and the schedule's event for the sweep."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from image_studio.runtime import (
    aws_clients,
    configured_providers,
    end_cold_start,
    hot_folder,
    uploads,
    webhook_delivery,
)
from image_studio.runtime.credentials import credential_store
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.observability import logger, set_up_logging
from image_studio.runtime.readiness import find_not_ready
from image_studio.runtime.reaper import reap
from image_studio.runtime.worker import run_job
from image_studio.storage import keys

SCHEDULED, CREATED = "Scheduled Event", "Object Created"  # detail-type

set_up_logging()
aws_clients.prepare(secrets=True)
end_cold_start()
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Process a batch from the queue (the response names the messages that failed), or the schedule's event."""
    logger.thread_safe_clear_keys()
    if "Records" in event:
        return process_partial_response(event, take_message, _processor, context)
    take_event(EventBridgeEvent(event))
    return None


def take_message(record: SQSRecord) -> None:
    """Run the job that a message names, call a webhook, or handle the event that EventBridge put into the queue."""
    logger.thread_safe_append_keys(message_id=record.message_id)
    try:
        message = json.loads(record.body)
        if "detail-type" in message:
            take_event(EventBridgeEvent(message))
        elif "webhook" in message:
            webhook_delivery.take_message(message, dispatcher())
        else:
            run_job(message["tenant"], message["job"], dispatcher())
    except Exception:
        logger.exception("message failed")
        raise


def take_event(event: EventBridgeEvent) -> None:
    """Handle an event of EventBridge. The same event again changes nothing."""
    if event.detail_type == SCHEDULED:
        reap()  # first: it needs no key, and the secret may not be readable
        configured = credential_store().configured()
        configured_providers.record(configured, aws_clients.account_concurrency(), find_not_ready())
    elif event.detail_type == CREATED:
        _take_object(event)
    else:
        logger.warning("event not understood", extra={"kind": event.detail_type[:80]})


def _take_object(event: EventBridgeEvent) -> None:
    """Handle a new object in the bucket: an upload, or one in the hot folder."""
    key = str(event.detail["object"]["key"])
    if key.startswith(keys.UPLOADS):
        uploads.arrive(key, int(event.detail["object"].get("size", 0)))
    elif key.startswith(keys.INBOX):
        hot_folder.drop(event.detail)
    else:
        logger.warning("object of no concern", extra={"prefix": key.partition("/")[0][:80]})
