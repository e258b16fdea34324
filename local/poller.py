"""What Lambda's SQS poller does for a function, and what EventBridge does for a schedule."""

import json
import random
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.backend import Backend, Call, FunctionFailed, StillRunning, Throttled
from local.intrinsics import ACCOUNT, REGION
from local.template import QueueSource, Schedule

WAIT_SECONDS = 1  # of one long poll; short, so that stopping is quick
SLACK_SECONDS = 2.0  # for a poll's answer to arrive
TIMEOUT = 905.0  # seconds, beyond the longest timeout a function can have
PAUSE_SECONDS = 0.5  # after the queue could not be reached
BACK_OFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # between tries of a batch or an event that is throttled


@dataclass(frozen=True)
class Queue:
    """A queue's URL and ARN."""

    url: str
    arn: str


class Poller:
    """Takes messages off a queue for a function, at most `concurrency` batches at once."""

    def __init__(self, source: QueueSource, queue: Queue, sqs: Any, backend: Backend) -> None:
        self._source = source
        self._queue = queue
        self._sqs = sqs
        self._backend = backend
        self._room = threading.Semaphore(source.concurrency)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"poller {source.function}", daemon=True)

    def start(self) -> None:
        """Poll in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more messages; what runs goes on."""
        self._stop.set()

    def wait(self) -> None:
        """Return when it has stopped: a poll that nobody listens to any more would take a message to its grave."""
        if self._thread.is_alive():
            self._thread.join(WAIT_SECONDS + SLACK_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._room.acquire(timeout=PAUSE_SECONDS):
                continue
            messages = self._receive()
            if self._stop.is_set():
                self._leave(messages)
            elif messages:
                threading.Thread(target=self._handle, args=(messages,), daemon=True).start()
            else:
                self._room.release()

    def _receive(self) -> list[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue.url,
                MaxNumberOfMessages=min(10, self._source.batch),
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError):
            self._stop.wait(PAUSE_SECONDS)
            return []
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _leave(self, messages: list[dict[str, Any]]) -> None:
        """Let another poller have them."""
        for message in messages:
            with suppress(BotoCoreError, ClientError):
                self._sqs.change_message_visibility(
                    QueueUrl=self._queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        try:
            failed = self._invoke(messages)
            for message in messages:
                if message["MessageId"] not in failed:
                    self._sqs.delete_message(QueueUrl=self._queue.url, ReceiptHandle=message["ReceiptHandle"])
        except (BotoCoreError, ClientError) as problem:
            print(f"{self._source.function}: a message was not deleted: {problem}", file=sys.stderr, flush=True)
        finally:
            self._room.release()

    def _invoke(self, messages: list[dict[str, Any]]) -> set[str]:
        """The ids of the messages that stay on the queue."""
        event = {"Records": [record(message, self._queue.arn) for message in messages]}
        everything = {message["MessageId"] for message in messages}
        try:
            answer = invoke_patiently(
                self._backend, Call(self._source.function, json.dumps(event).encode()), self._stop
            )
        except (FunctionFailed, StillRunning, Throttled) as failure:
            print(f"{self._source.function}: {failure}", file=sys.stderr, flush=True)
            return everything
        return failures(json.loads(answer), everything) if self._source.partial_failures else set()


def invoke_patiently(backend: Backend, call: Call, stop: threading.Event | None = None) -> bytes:
    """Invoke a function. Where it is throttled, try again after growing pauses. Raises Throttled in the end."""
    for pause in BACK_OFF_SECONDS:
        try:
            return backend.invoke(call, TIMEOUT)
        except Throttled:
            if (stop or threading.Event()).wait(pause * random.uniform(0.5, 1.0)):
                break
    return backend.invoke(call, TIMEOUT)


def record(message: dict[str, Any], arn: str) -> dict[str, Any]:
    """A received message as the record that Lambda makes of it."""
    named = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in named.items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }


def failures(answer: Any, everything: set[str]) -> set[str]:
    """The message ids that a batch answer names; all of them when it makes no sense, as Lambda has it."""
    if not answer:
        return set()
    try:
        named = {item["itemIdentifier"] for item in answer["batchItemFailures"] or []}
    except (KeyError, TypeError):
        return everything
    return named if named <= everything else everything


class Clock:
    """Invokes functions on their schedules: once at the start, then at their rate (or every `seconds`)."""

    def __init__(self, schedules: Sequence[Schedule], backend: Backend, seconds: float | None = None) -> None:
        self._schedules = schedules
        self._backend = backend
        self._seconds = seconds

    def start(self) -> None:
        """Run each schedule in a thread."""
        for schedule in self._schedules:
            threading.Thread(target=self._run, args=(schedule,), name="clock", daemon=True).start()

    def fire(self) -> None:
        """Invoke all scheduled functions now, without waiting for them."""
        for schedule in self._schedules:
            threading.Thread(target=self._invoke, args=(schedule,), name="clock", daemon=True).start()

    def _run(self, schedule: Schedule) -> None:
        while True:
            self._invoke(schedule)
            time.sleep(self._seconds or schedule.seconds)

    def _invoke(self, schedule: Schedule) -> None:
        try:
            invoke_patiently(self._backend, Call(schedule.function, json.dumps(scheduled_event(schedule)).encode()))
        except (FunctionFailed, StillRunning, Throttled) as failure:
            print(f"{schedule.function}: {failure}", file=sys.stderr, flush=True)


def scheduled_event(schedule: Schedule, now: float | None = None) -> dict[str, Any]:
    """The event with which EventBridge invokes a function on its schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now or time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{schedule.function}{schedule.name}"],
        "detail": {},
    }
