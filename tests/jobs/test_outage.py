"""A table that never answers: every route says so within the gateway's time, and nothing is lost."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ReadTimeoutError

from image_studio.providers.adapter import ProviderImage, Task
from image_studio.runtime import aws_clients, configured_providers, reads
from image_studio.runtime.aws_clients import DYNAMODB, QUICK
from image_studio.runtime.circuit_breaker import circuits
from image_studio.runtime.settings import PREFIX
from tests.jobs.harness import CREATE, Harness
from tests.security.inside import documented_request, routes
from tests.tables import forget
from tests.waiting import replace_sleep

GATEWAY_SECONDS = 28.5
FOREVER = float("inf")
ASKED = [documented_request(route) for route in routes() if route.path.startswith(PREFIX) and route.method != "OPTIONS"]
PAID = ("/create", "/edit/process", "/upscale", "/control/process")
UNKNOWN_JOB = next(path for _, path, _ in ASKED if path.startswith("/jobs/")).split("/")[2]


def slowest(limits: tuple[float, float, int]) -> float:
    """How long one call takes that never gets a response: botocore pauses up to 1, 2, 4 s between attempts."""
    connect, read, attempts = limits
    return attempts * (connect + read) + sum(2.0**number for number in range(attempts - 1))


def quickest(limits: tuple[float, float, int]) -> float:
    """The same for a table that accepts connections, if botocore doesn't pause."""
    _, read, attempts = limits
    return attempts * read


class Frozen:
    """A clock that runs ahead, and a table that answers `calls` calls and then none for `seconds`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        self.thaw()
        for name in ("time", "monotonic"):
            real: Callable[[], float] = getattr(time, name)
            monkeypatch.setattr(time, name, lambda real=real: real() + self.ahead)
        replace_sleep(monkeypatch, self._pass)
        call = BaseClient._make_api_call

        def answered(client: Any, name: str, given: Any) -> Any:
            if client.meta.service_model.service_name == "dynamodb":
                self.made += 1
                if self.made > self.calls and self.ahead < self.seconds:
                    self._pass(self.takes(QUICK if client is aws_clients.quick_dynamodb() else DYNAMODB))
                    raise ReadTimeoutError(endpoint_url="table")
            return call(client, name, given)

        monkeypatch.setattr(BaseClient, "_make_api_call", answered)

    def _pass(self, seconds: float) -> None:
        self.ahead += seconds

    def freeze(self, calls: int, seconds: float = FOREVER, takes: Callable[..., float] = slowest) -> None:
        """Answer so many calls from now on, and know nothing of earlier ones. A call that fails `takes` its time."""
        reads._last = configured_providers._known = None
        circuits.cache_clear()
        self.ahead, self.made, self.calls, self.seconds, self.takes = 0.0, 0, calls, seconds, takes

    def thaw(self) -> None:
        """Answer every call."""
        self.freeze(0, 0)


@pytest.fixture
def frozen(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Frozen:
    monkeypatch.setenv("WAIT_SECONDS", "27")
    forget()
    return Frozen(monkeypatch)


@pytest.mark.parametrize("part", range(8))
def test_wherever_the_table_stops_the_answer_comes_in_time(harness: Harness, frozen: Frozen, part: int) -> None:
    """After some calls, during a wait as well; what is sent again with its key is the same job."""
    for method, path, body in ASKED[part::8]:
        stop_the_table(harness, frozen, method, path, body)


def stop_the_table(harness: Harness, frozen: Frozen, method: str, path: str, body: Any) -> None:
    """Send a request while the table stops after some calls."""
    frozen.thaw()
    if method != "DELETE":  # a result is waited for
        path = path.replace(f"{UNKNOWN_JOB}/result?wait=0", f"{harness.submit()}/result")
    body = CREATE if path == "/create" else body
    frozen.thaw()
    harness.ask(method, path, body=body)
    most = frozen.made
    some = {0, 1, most // 2, most - 1}
    if path == "/create":
        some = {*range(9), *range(9, most, 15), *range(most - 4, most)}
    for calls in sorted(each for each in some if 0 <= each < max(most, 1)):
        headers = {"idempotency-key": f"{path} {calls}"}
        frozen.freeze(calls)
        answer = harness.ask(method, path, body=body, headers=headers)
        assert frozen.ahead <= GATEWAY_SECONDS, (path, calls)
        assert answer.status in (200, 201, 202, 204, 303, 404, 503), (path, calls, answer.body)
        if answer.status == 503:
            assert answer.json["code"] == "temporarily_unavailable"
        if path in PAID:
            frozen.thaw()
            again = harness.ask(method, path, body=body, headers=headers | {"prefer": "respond-async"})
            assert again.status == 202
            assert answer.status == 503 or answer.json["job_id"] == again.json["job_id"]


def test_a_worker_loses_nothing_in_a_minute_without_the_table(harness: Harness, frozen: Frozen) -> None:
    """Wherever in a job the minute starts, the image is ordered once and delivered."""

    def order(task: Task, on_handle: Callable[[str], None]) -> ProviderImage:
        on_handle("handle")
        return ProviderImage(harness.provider_client.image, task.seed)

    harness.provider_client.script = [order]
    harness.submit()
    frozen.thaw()
    harness.work()
    assert frozen.made > 4
    for calls in range(frozen.made):
        frozen.thaw()
        job_id = harness.submit()
        [message] = harness.messages()
        paid = len(harness.provider_client.paid)
        harness.provider_client.script = [order]
        frozen.freeze(calls, 60, quickest)
        harness.deliver(json.loads(message["Body"]))
        frozen.thaw()
        if not harness.job(job_id).status.ended:
            harness.expire(job_id)
            harness.tick()
            harness.work()
        assert (harness.status(job_id)["status"], len(harness.provider_client.paid) - paid) == ("succeeded", 1), calls


def test_a_table_that_accepts_and_is_silent(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence, for real, with time limits that are shorter."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(aws_clients, "DYNAMODB", (0.5, 0.2, 1))
        monkeypatch.setattr(aws_clients, "QUICK", (0.5, 0.1, 1))
        forget()
        reads._last = None
        for method, path, body in ASKED[::3]:
            began = time.monotonic()
            answer = harness.ask(method, path, body=body)
            assert time.monotonic() - began < 10
            assert answer.status == 200 or answer.json["code"] == "temporarily_unavailable", (path, answer.body)
        assert harness.ask("GET", "/health").json["status"] == "degraded"
    reads._last = None
