"""Jobs on the local stack while workers are killed and every message comes two or three times.

The stack is `make run`'s; only its poller and its clock are replaced: a relay multiplies what is in the job queue, and
pollers of ours hand each copy to a worker process that `kill -9` may end at any moment.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests
from botocore.exceptions import ClientError

from local.backend import Call, FunctionFailed
from local.environments import PRELOAD, Environment, load_of
from local.poller import failures, record, scheduled_event
from local.stack import Options, Stack
from local.template import Schedule
from tests.chaos.receiver import Receiver

WORKER = "WorkerFunction"
LEASE_SECONDS = 4
SWEEP_SECONDS = 2.0  # between the reaper's sweeps
JOIN_SECONDS = 60  # for a thread's last look at its queue, on a machine that is busy
TELL_SECONDS = 30.0  # between lines of progress
VISIBILITY_SECONDS = 15  # until a message of a killed worker comes again by itself
#: With handles, with the result's address, without. Those that paint whole megapixels, which takes long, come once.
PROVIDERS = ("wavespeed", "huggingface", "wavespeed", "stability", "gemini", "bedrock")
CALLERS = 10  # tiers bound what one may have in flight


@dataclass(frozen=True, slots=True)
class Plan:
    """How many jobs, kills and workers, and for how long (seconds)."""

    jobs: int
    kills: int
    workers: int
    timeout: float
    seed: int = 1


@dataclass(slots=True)
class Tally:
    jobs: int = 0
    variations: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    delivered: int = 0  # messages to workers
    sent: int = 0  # messages before they were multiplied
    paid: int = 0
    paid_again: int = 0  # second paid calls for a variation
    unknown: int = 0  # variations whose charge is unknown: a worker died inside the call
    lost: int = 0  # jobs that can't be found, or images that can't be fetched
    stuck: int = 0  # jobs that didn't end
    unsettled: int = 0  # credits reserved for nothing
    called: int = 0  # webhooks
    unannounced: int = 0  # jobs that never arrived at their caller's endpoint
    forged: int = 0  # calls with a wrong signature, id or caller
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        yield f"{self.jobs} jobs, {self.variations} variations, {self.seconds:.0f} s: {dict(self.statuses)}"
        yield f"{self.sent} messages delivered {self.delivered} times; {self.kills} kill -9 of workers at work"
        yield f"{self.paid} paid calls; {self.unknown} variations of unknown charge"
        yield f"second paid calls {self.paid_again}, lost {self.lost}, stuck {self.stuck}, unsettled {self.unsettled}"
        yield f"{self.called} webhook calls; jobs unannounced {self.unannounced}, wrongly signed or named {self.forged}"

    @property
    def harm(self) -> int:
        """What must be 0."""
        return self.paid_again + self.lost + self.stuck + self.unsettled + self.unannounced + self.forged


class Worker:
    """A poller's thread with its worker process; a killed one is replaced, its message comes again by itself."""

    def __init__(self, chaos: "ChaosStack") -> None:
        self._chaos = chaos
        self._environment: Environment | None = None
        self.busy = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def kill(self) -> bool:
        """Kill -9, wherever it is; whether it was there to be killed."""
        environment = self._environment
        if environment is None or not environment.alive:
            return False
        os.kill(environment.pid, signal.SIGKILL)
        return True

    def _run(self) -> None:
        while not self._chaos.over.is_set():
            environment = self._living()
            for message in self._chaos.receive(self._chaos.work_url):
                self._chaos.tally.delivered += 1
                self._hand(environment, message)
        if self._environment:
            self._environment.kill()

    def _living(self) -> Environment:
        if self._environment is None or not self._environment.alive:
            self._environment = Environment(self._chaos.load)
        return self._environment

    def _invoke(self, environment: Environment, event: bytes) -> bytes | None:
        self.busy = True
        try:
            environment.send(Call(WORKER, event), time.time() + 300)
            environment.wait(300)
            return environment.receive()
        except FunctionFailed:
            return None
        finally:
            self.busy = False

    def _hand(self, environment: Environment, message: dict[str, Any]) -> None:
        event = json.dumps({"Records": [record(message, "arn:aws:sqs:us-east-1:000000000000:work")]}).encode()
        answer = self._invoke(environment, event)
        if answer is not None and not failures(json.loads(answer), {message["MessageId"]}):
            with suppress(ClientError):  # a message that came again meanwhile has another handle
                self._chaos.sqs.delete_message(QueueUrl=self._chaos.work_url, ReceiptHandle=message["ReceiptHandle"])


class Reaper(Worker):
    """A worker process that the schedule invokes; it is killed like the others."""

    def _run(self) -> None:
        event = json.dumps(scheduled_event(Schedule(WORKER, "Sweep", 60))).encode()
        while not self._chaos.over.wait(SWEEP_SECONDS):
            self._invoke(self._living(), event)
        if self._environment:
            self._environment.kill()


class ChaosStack:
    def __init__(self, state: Path, workers: int, variables: dict[str, str] | None = None, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.over = threading.Event()
        self.tally = Tally()
        self._closing = ExitStack()
        quick = {"LEASE_SECONDS": str(LEASE_SECONDS), "POLL_HOLD_SECONDS": "0.2", "LOG_LEVEL": "WARNING"}
        self.receiver = Receiver(random.Random(seed + 1))
        self._closing.callback(self.receiver.server.server_close)
        self._closing.callback(self.receiver.server.shutdown)
        webhooks = {"WEBHOOK_ORIGIN": self.receiver.origin, "WEBHOOK_PACE": "0.001"}
        settings = {**quick, **webhooks, **(variables or {})}
        # Concurrency 0: the stack's own poller takes nothing.
        options = Options(state=state, variables=settings, parameters={"WorkerConcurrency": "0"}, schedule_seconds=1e6)
        self.stack = self._closing.enter_context(Stack(options))
        self.sqs = self.stack.aws.client("sqs")
        self._urls = [self.stack.resources[name]["Ref"] for name in ("JobQueue", "WebhookQueue")]
        attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        self.work_url = self.sqs.create_queue(QueueName="work", Attributes=attributes)["QueueUrl"]
        self.load = self._load()
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(PRELOAD))
        self._relaying = [threading.Thread(target=self._relay, args=(url,), daemon=True) for url in self._urls]
        for thread in self._relaying:
            thread.start()
        self._closing.callback(self.over.set)
        self.workers = [Reaper(self), *(Worker(self) for _ in range(workers))]

    def _load(self) -> Any:
        settings = self.stack.settings()
        template = settings.resolved()
        return load_of(settings.functions(template)[WORKER], template.layers(), self.stack.log)

    def receive(self, url: str) -> list[dict[str, Any]]:
        try:
            answer = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"]
            )
        except ClientError:
            return []
        return list(answer.get("Messages", []))

    def _relay(self, url: str) -> None:
        while not self.over.is_set():
            for message in self.receive(url):
                self.tally.sent += 1
                # A call's later tries aren't multiplied, or each try would have twice as many as the one before.
                again = json.loads(message["Body"]).get("attempt", 1) > 1
                for delay in (0, *self.random.choices((0, 1, 2), k=0 if again else self.random.choice((1, 2)))):
                    self.sqs.send_message(QueueUrl=self.work_url, MessageBody=message["Body"], DelaySeconds=delay)
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in (*self._relaying, *(worker.thread for worker in self.workers)):
            thread.join(JOIN_SECONDS)
        self._closing.close()


class ChaosRun:
    def __init__(self, plan: Plan, chaos: ChaosStack) -> None:
        self.plan = plan
        self.chaos = chaos
        self.tally = chaos.tally
        self.paid: Counter[tuple[str, str]] = Counter()
        self._counted: set[tuple[str, int]] = set()
        self.jobs: dict[str, str] = {}  # id -> caller
        self._tokens: dict[str, dict[str, str]] = {}

    def run(self) -> Tally:
        started = time.monotonic()
        ends = started + self.plan.timeout
        with self._watching():
            for number in range(CALLERS):
                self._register(f"caller-{number}")
            self._submit_all()
            while time.monotonic() < ends and any(map(self._is_busy, range(CALLERS))):
                time.sleep(1)
            while time.monotonic() < ends and self._unannounced():
                time.sleep(1)
        self._count_paid()
        self._judge()
        self.tally.seconds = time.monotonic() - started
        return self.tally

    @contextmanager
    def _watching(self) -> Iterator[None]:
        done = threading.Event()

        def every(seconds: float, action: Any) -> None:
            while not done.wait(seconds):
                action()

        pace = max(0.3, 0.25 * self.plan.jobs / self.plan.kills / self.plan.workers)
        actions = ((1.0, self._count_paid), (pace, self._kill_one), (TELL_SECONDS, self._tell))
        threads = [threading.Thread(target=every, args=each) for each in actions]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def _tell(self) -> None:
        announced, paid, kills = len(self.chaos.receiver.taken), self.paid.total(), self.tally.kills
        sys.stderr.write(f"{announced} of {self.plan.jobs} jobs announced; {paid} paid calls, {kills} kills\n")

    def _kill_one(self) -> None:
        """As many as fall due with paid calls and announced jobs: early and late steps are met alike."""
        steps = self.paid.total() + len(self.chaos.receiver.taken) + 1
        due = self.plan.kills * min(1.0, steps / (2 * self.plan.jobs))
        if self.tally.kills >= due:
            return
        self.chaos.over.wait(self.chaos.random.uniform(0, 0.3))
        at_work = [worker for worker in self.chaos.workers if worker.busy]
        if at_work and self.chaos.random.choice(at_work).kill():
            self.tally.kills += 1

    # -- callers

    def _submit_all(self) -> None:
        with ThreadPoolExecutor(4) as pool:
            self.jobs.update(pool.map(self._submit, range(self.plan.jobs)))
        self.tally.jobs = len(self.jobs)

    def _headers(self, sub: str) -> dict[str, str]:
        if sub not in self._tokens:
            self._tokens[sub] = self.chaos.stack.headers(sub, "enterprise", exp=int(time.time()) + 7200)
        return self._tokens[sub]

    def _submit(self, number: int) -> tuple[str, str]:
        sub = f"caller-{number % CALLERS}"
        provider = PROVIDERS[number % len(PROVIDERS)]
        variations = 3 if number % 7 == 0 else 1
        self.tally.variations += variations
        prompt = f"job {number} {'[[delay=0.3]]' if number % 3 else ''}"
        small = {"width": 64, "height": 64, "quality": "draft", "enhance_prompt": False}
        body = {**small, "prompt": prompt, "provider": provider, "num_variations": variations, "seed": number * 100}
        headers = {**self._headers(sub), "Prefer": "respond-async", "Idempotency-Key": f"job-{number}"}
        for _ in range(5):
            answer = requests.post(f"{self.chaos.stack.url}/create", json=body, headers=headers, timeout=60)
            if answer.status_code in (200, 202, 303):
                return (answer.headers.get("x-job-id") or answer.json()["job_id"]), sub
            time.sleep(1)
        raise AssertionError(f"not submitted: {answer.status_code} {answer.text[:300]}")

    def _register(self, sub: str) -> None:
        body = {"url": f"{self.chaos.receiver.origin}/{sub}"}
        answer = requests.post(f"{self.chaos.stack.url}/webhooks", json=body, headers=self._headers(sub), timeout=60)
        self.chaos.receiver.secrets[sub] = answer.json()["secret"]

    def _unannounced(self) -> list[str]:
        """The jobs that didn't arrive at their caller's endpoint."""
        taken = self.chaos.receiver.taken
        return [job_id for job_id, sub in self.jobs.items() if not taken[sub, f"msg_{job_id}"]]

    def _ask(self, sub: str, url: str) -> requests.Response:
        return requests.get(url, headers=self._headers(sub), timeout=60)

    def _get(self, job_id: str, path: str = "") -> requests.Response:
        return self._ask(self.jobs[job_id], f"{self.chaos.stack.url}/jobs/{job_id}{path}")

    def _is_busy(self, caller: int) -> bool:
        path: str | None = "/api/image-studio/jobs?limit=100"
        while path:
            answer = self._ask(f"caller-{caller}", self.chaos.stack.origin + path)
            if answer.status_code != 200:  # too busy to tell
                return True
            if any(each["status"] not in ("succeeded", "failed") for each in answer.json()["jobs"]):
                return True
            path = answer.json()["next"]
        return False

    # -- what came of it

    def _count_paid(self) -> None:
        """Emulators keep their last 1000 calls: look often enough, and count each once."""
        for name in set(PROVIDERS):
            for call in self.chaos.stack.emulators[name].recorder.calls:
                if call.accepted and (name, call.number) not in self._counted:
                    self._counted.add((name, call.number))
                    self.paid[_order_of(call.fields)] += 1

    def _judge(self) -> None:
        tally = self.tally
        tally.paid = self.paid.total()
        tally.paid_again = sum(count - 1 for count in self.paid.values())
        for job_id in self.jobs:
            self._judge_job(job_id)
        tally.called, tally.forged = self.chaos.receiver.called, self.chaos.receiver.forged
        tally.unannounced = len(self._unannounced())
        for number in range(CALLERS):
            usage = self._ask(f"caller-{number}", f"{self.chaos.stack.url}/usage").json()
            tally.unsettled += usage["reserved"] + usage["in_flight"]

    def _judge_job(self, job_id: str) -> None:
        shown = self._get(job_id)
        if shown.status_code != 200:
            self.tally.lost += 1
            return
        status = shown.json()
        self.tally.statuses[status["status"]] += 1
        self.tally.unsettled -= status["credits"]["held"]
        self.tally.unknown += sum(each.get("code") == "unknown_charge" for each in status["variations"])
        if status["status"] == "succeeded":
            body = self._get(job_id, "/result").json()
            if len(body.get("results", [])) != status["progress"]["done"]:
                self.tally.lost += 1
        elif status["status"] != "failed":
            self.tally.stuck += 1


def _order_of(fields: dict[str, Any]) -> tuple[str, str]:
    """Return the prompt and the seed of a paid call: they tell which variation of which job it is for."""
    if "contents" in fields:  # Gemini's
        return fields["contents"][0]["parts"][-1]["text"], str(fields["generationConfig"]["seed"])
    return str(fields.get("prompt")), str(fields.get("seed"))
