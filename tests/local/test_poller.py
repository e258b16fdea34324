"""The poller: deletes what succeeded, leaves what failed, moves what failed too often, respects the concurrency."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from local import poller
from local.backend import Call, Throttled
from local.poller import Poller, Queue, failures
from local.stack import Stack
from local.template import QueueSource, Schedule, Template
from tests.waiting import until


class _Toy:
    def __init__(self, stack: Stack) -> None:
        self.s3, self.sqs = stack.aws.client("s3"), stack.aws.client("sqs")
        self.bucket = stack.resources["Bucket"]["Ref"]
        self.queue, self.hasty, self.dead = (stack.resources[name]["Ref"] for name in ("Queue", "HastyQueue", "Dead"))

    def send(self, *, hastily: bool = False, **body: Any) -> str:
        queue = self.hasty if hastily else self.queue
        message: str = self.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))["MessageId"]
        return message

    def runs(self, message: str) -> list[dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"out/runs/{message}").get("Contents", [])
        return [json.loads(self.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()) for each in found]

    def left(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(map(int, counts.values()))

    def died(self) -> set[str]:
        found = self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=each["ReceiptHandle"])
        return {each["MessageId"] for each in found}


@pytest.fixture
def worker(toy: Stack) -> _Toy:
    return _Toy(toy)


def test_a_message_that_succeeds_is_deleted(worker: _Toy) -> None:
    """It runs once, with a record as Lambda makes it, and is gone."""
    message = worker.send(hello=1)
    assert until(lambda: bool(worker.runs(message)))
    assert until(lambda: worker.left(worker.queue) == 0)
    [run] = worker.runs(message)
    assert run["only"] == "1"
    record = run["record"]
    assert json.loads(record["body"]) == {"hello": 1}
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":image-studio-queue")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_message_that_keeps_failing_ends_in_the_dead_letter_queue(worker: _Toy) -> None:
    """After two tries, whether the function raised or named it in batchItemFailures."""
    messages = {worker.send(hastily=True, **{how: True}) for how in ("fail", "return")}
    died: set[str] = set()

    def dead() -> bool:
        died.update(worker.died())
        return messages <= died

    assert until(dead)
    assert [len(worker.runs(message)) for message in messages] == [2, 2]
    assert worker.left(worker.hasty) == 0


class _Late:
    """A queue whose message comes when its poller has just been stopped."""

    def __init__(self) -> None:
        self.left: list[dict[str, Any]] = []
        source = QueueSource(function="F", queue="Q", batch=1, concurrency=1, partial_failures=True)
        self.poller = Poller(source, Queue("url", "arn"), self, None)  # type: ignore[arg-type]  # nothing is invoked

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self.poller.stop()
        return {"Messages": [{"MessageId": "m", "ReceiptHandle": "r"}]}

    def change_message_visibility(self, **asked: Any) -> None:
        self.left.append(asked)


def test_what_came_too_late_is_left_to_the_next_poller() -> None:
    """At once, and not when it is visible again by itself."""
    late = _Late()
    late.poller.wait()  # not started yet: nothing to wait for
    late.poller.start()
    late.poller.wait()
    assert late.left == [{"QueueUrl": "url", "ReceiptHandle": "r", "VisibilityTimeout": 0}]


def test_no_more_at_once_than_the_template_allows(worker: _Toy, tmp_path: Path) -> None:
    """Four messages of a fifth of a second, two at a time."""
    messages = [worker.send(seconds=0.2, pair=str(tmp_path)) for _ in range(4)]
    assert until(lambda: all(worker.runs(message) for message in messages))
    spans = [(run["began"], run["ended"]) for message in messages for run in worker.runs(message)]
    together = [sum(1 for began, ended in spans if began <= start < ended) for start, _ in spans]
    assert len(spans) == 4
    assert max(together) == 2


def test_an_object_under_the_prefix_arrives_as_an_event(worker: _Toy) -> None:
    """S3 to EventBridge to the queue to the function; an object elsewhere does not."""
    worker.s3.put_object(Bucket=worker.bucket, Key="elsewhere/a", Body=b"1")
    worker.s3.put_object(Bucket=worker.bucket, Key="in/a b+c", Body=b"12")

    def events() -> list[dict[str, Any]]:
        bodies = [json.loads(run["record"]["body"]) for run in worker.runs("")]
        return [body for body in bodies if body.get("source") == "aws.s3"]

    assert until(lambda: bool(events()))
    [event] = events()
    assert event["detail-type"] == "Object Created"
    assert event["detail"]["object"]["key"] == "in/a b+c"
    assert event["detail"]["object"]["size"] == 2


def test_schedules_fire_at_the_start_and_on_a_tick(toy: Stack, worker: _Toy) -> None:
    """The function is invoked with the schedule's event itself; `tick` does it once more."""

    def ticks() -> int:
        found = worker.s3.list_objects_v2(Bucket=worker.bucket, Prefix="out/ticks/").get("Contents", [])
        bodies = [worker.s3.get_object(Bucket=worker.bucket, Key=each["Key"])["Body"].read() for each in found]
        assert {json.loads(body)["detail-type"] for body in bodies} <= {"Scheduled Event"}
        return len(bodies)

    assert until(lambda: ticks() >= 1)
    before = ticks()
    toy.tick()
    assert until(lambda: ticks() > before)
    assert Template().schedules() == [Schedule("WorkerFunction", "Sweep", 60)]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"a", "b"}),
        ({"batchItemFailures": [{}]}, {"a", "b"}),
        ({"other": 1}, {"a", "b"}),
        ("word", {"a", "b"}),
    ],
)
def test_a_batch_answer_names_what_failed(answer: Any, failed: set[str]) -> None:
    """Nothing failed where it says nothing; everything where it makes no sense."""
    assert failures(answer, {"a", "b"}) == failed


def test_a_throttled_batch_is_tried_again_after_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lambda's poller does; in the end the messages stay on the queue."""
    pauses: list[float] = []
    tries: list[Call] = []

    class Busy:
        def invoke(self, call: Call, timeout: float) -> bytes:
            tries.append(call)
            if len(tries) < 4 or call.function == "Never":
                raise Throttled
            return b"null"

    monkeypatch.setattr(threading.Event, "wait", lambda _, seconds: pauses.append(seconds))
    assert poller.invoke_patiently(Busy(), Call("Late", b"{}")) == b"null"
    assert len(pauses) == 3
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, poller.BACK_OFF_SECONDS, strict=False))
    with pytest.raises(Throttled):
        poller.invoke_patiently(Busy(), Call("Never", b"{}"))
