"""A harness for jobs: the API in this process, a queue in moto, the worker's handler, a scripted provider client."""

import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from PIL import Image

from image_studio.errors import ProviderUnavailable
from image_studio.providers import SPECS
from image_studio.providers.adapter import ProviderImage, Task
from image_studio.providers.client import PaidCall
from image_studio.runtime import aws_clients, dispatch, wiring, worker
from image_studio.storage import keys
from image_studio.storage.job import Job
from tests.security.inside import Inside, handler
from tests.tables import BUCKET, TABLE

KEYS = {spec.key_variable or spec.region_variable: "key" for spec in SPECS}
CREATE = {"prompt": "a lamp", "width": 64, "height": 64, "enhance_prompt": False}


def png(width: int = 64, height: int = 64, color: tuple[int, int, int] = (40, 90, 160)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "PNG")
    return out.getvalue()


class ScriptedProviderClient:
    """Answers paid calls from a script: an image by default, else the script's next error or function.

    `paid` has the task of each paid call, `resumed` the handle of each call that goes on with an earlier one.
    """

    def __init__(self) -> None:
        self.script: list[Exception | Callable[..., ProviderImage]] = []
        self.image = png()
        self.paid: list[Task] = []
        self.resumed: list[str] = []
        self._lock = threading.Lock()

    def submit(self, call: PaidCall, task: Task, on_submit: Callable[[], None]) -> ProviderImage:
        on_submit()
        with self._lock:
            self.paid.append(task)
        return self._respond(call, task)

    def resume(self, call: PaidCall, handle: str, wait: float = 0.0) -> ProviderImage:
        with self._lock:
            self.resumed.append(handle)
        return self._respond(call, Task(operation="", width=0, height=0))

    def exchange(self, *_: Any) -> None:
        raise ProviderUnavailable("No call but paid ones is scripted.")

    def _respond(self, call: PaidCall, task: Task) -> ProviderImage:
        with self._lock:
            step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        return step(task, on_handle=call.on_handle) if step else ProviderImage(self.image, task.seed)


class Harness(Inside):
    """`ask` for HTTP, `work` for the worker; `provider_client` counts what would have been paid."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.provider_client = ScriptedProviderClient()
        made = boto3.client("sqs").create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "1800"})
        self.queue = made["QueueUrl"]
        self.delays: list[float] = []
        monkeypatch.setenv("QUEUE_URL", self.queue)
        monkeypatch.setenv("WAIT_SECONDS", "0.05")
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(worker, "provider_client", lambda: self.provider_client)
        monkeypatch.setenv("WEBHOOK_QUEUE_URL", self.queue)
        monkeypatch.setattr(dispatch.Queue, "send", self._send)
        monkeypatch.setattr(dispatch.Queue, "send_webhook", self._send_webhook)

    def _send_webhook(self, message: Any, delay: float = 0) -> None:
        """As the real one, but on the only queue and without the delay, which is noted."""
        self.delays.append(delay)
        aws_clients.sqs().send_message(QueueUrl=self.queue, MessageBody=json.dumps(message))

    def _send(self, tenant: str, job_id: str, delay: float = 0) -> None:
        """As the real one, but without the delay, which is noted."""
        self.delays.append(delay)
        aws_clients.sqs().send_message(QueueUrl=self.queue, MessageBody=json.dumps({"tenant": tenant, "job": job_id}))

    def messages(self) -> list[dict[str, Any]]:
        found = aws_clients.sqs().receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            aws_clients.sqs().delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return found

    def work(self, most: int = 20) -> int:
        """Let the worker take messages until none is left; how many there were."""
        count = 0
        while count < most and (found := self.messages()):
            for message in found:
                count += 1
                assert self.deliver(json.loads(message["Body"])) == {"batchItemFailures": []}
        return count

    def deliver(self, body: Any) -> Any:
        record = {"messageId": "m", "body": json.dumps(body)}
        return handler("WorkerFunction")({"Records": [record]}, None)

    def tick(self) -> None:
        handler("WorkerFunction")({"detail-type": "Scheduled Event"}, None)

    def submit(self, body: Any = None, path: str = "/create", **given: Any) -> str:
        headers = {"prefer": "respond-async", **given.pop("headers", {})}
        answer = self.ask("POST", path, body=CREATE if body is None else body, headers=headers, **given)
        assert answer.status == 202, answer.body
        return str(answer.json["job_id"])

    def job(self, job_id: str, sub: str = "alice") -> Job:
        found = wiring.jobs().get(keys.tenant_of(sub), job_id)
        assert found is not None
        return found

    def status(self, job_id: str) -> Any:
        return self.ask("GET", f"/jobs/{job_id}").json

    def change(self, job_id: str, tenant: str = keys.tenant_of("alice"), **values: int) -> None:
        self.db.update_item(
            TableName=TABLE,
            Key=keys.job_key(tenant, job_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in values.items()},
        )

    def expire(self, job_id: str, tenant: str = keys.tenant_of("alice")) -> None:
        self.change(job_id, tenant, lease_until=int(time.time()) - 1)

    def put(self, key: str, data: bytes) -> None:
        aws_clients.s3().put_object(Bucket=BUCKET, Key=key, Body=data)

    def remove(self, key: str) -> None:
        aws_clients.s3().delete_object(Bucket=BUCKET, Key=key)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        s3 = aws_clients.s3()
        listed = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
        return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in listed}


class Crash(BaseException):
    """The process ends here, as far as the code can tell."""
