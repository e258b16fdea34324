"""Webhooks: each end of a job is announced at least once, signed, and never costs a job anything."""

import json
import re
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args

import pytest
from standardwebhooks import Webhook

from image_studio.errors import ContentRefused
from image_studio.providers import webhook_call
from image_studio.runtime import job_end, webhook_delivery, webhooks_api, wiring
from image_studio.runtime.api import Call
from image_studio.runtime.settings import settings
from image_studio.schemas.webhooks import EventType
from image_studio.storage import keys
from image_studio.storage.webhooks import MAX_OLD_SECRETS
from local.template import ROOT, Template
from tests.jobs.harness import CREATE, Harness, png
from tests.providers.hosts import CDN, HOSTILE_URLS, Guard
from tests.tables import TABLE

ALICE = keys.tenant_of("alice")


class Receiver:
    """A receiver on loopback: answers with the script's statuses, then 204; keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.script: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(({**headers, "path": self.path}, body))
                self.send_response(receiver.script.pop(0) if receiver.script else 204)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def events(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, harness: Harness) -> Iterator[Receiver]:
    made = Receiver()
    monkeypatch.setenv("WEBHOOK_ORIGIN", made.origin)
    monkeypatch.setattr(webhook_delivery, "PAUSES", (0,) * len(webhook_delivery.PAUSES))
    settings.cache_clear()
    yield made
    made.server.shutdown()
    made.server.server_close()


def register(harness: Harness, receiver: Receiver, path: str = "/hook", sub: str = "alice") -> Any:
    answer = harness.ask("POST", "/webhooks", body={"url": receiver.origin + path}, sub=sub)
    assert answer.status == 201, answer.body
    return answer.json


def details(harness: Harness, webhook: Any) -> Any:
    return harness.ask("GET", f"/webhooks/{webhook['id']}").json


# -- what arrives


def test_the_end_of_a_job_is_announced_signed(harness: Harness, receiver: Receiver) -> None:
    """The body is the job's record with whole links, no image and no prompt; the signature holds."""
    webhook = register(harness, receiver)
    job_id = harness.submit()
    harness.work()
    ((headers, body),) = receiver.got
    event = Webhook(webhook["secret"]).verify(body, headers)
    assert event["type"] == "job.succeeded"
    record = harness.status(job_id)
    del record["variations"][0]["image_url"]  # presigned, so it isn't sent to others
    links = {"status_url", "result_url"}
    assert {**event["data"], **dict.fromkeys(links)} == {**record, **dict.fromkeys(links)}
    assert headers["webhook-id"] == f"msg_{job_id}"
    assert CREATE["prompt"] not in body
    (delivery,) = details(harness, webhook)["deliveries"]
    assert (delivery["status"], delivery["attempt"], delivery["type"]) == (204, 1, "job.succeeded")
    assert (delivery["webhook_id"], delivery["next_attempt_at"]) == (f"msg_{job_id}", None)


def test_a_prompt_comes_where_it_was_asked_for(harness: Harness, receiver: Receiver) -> None:
    """To that endpoint only, for any operation; a job record shows none."""
    plain = register(harness, receiver)
    body = {"url": receiver.origin + "/asking", "include_prompt": True}
    asking = harness.ask("POST", "/webhooks", body=body, sub="alice").json
    assert (plain["include_prompt"], asking["include_prompt"]) == (False, True)
    harness.submit()
    edit = {"operation": "remove_background", "image_base64": b64encode(png(96, 96)).decode(), "prompt": "sharper fur"}
    harness.submit(edit, path="/edit/process")
    harness.work()
    prompts = {(headers["path"], json.loads(sent)["data"].get("prompt")) for headers, sent in receiver.got}
    assert prompts == {("/hook", None), ("/asking", CREATE["prompt"]), ("/asking", "sharper fur")}


def test_a_dead_receiver_delays_no_job(harness: Harness, receiver: Receiver) -> None:
    """A job has ended before anybody is called, and calls wait in a queue of their own."""
    register(harness, receiver)
    receiver.server.shutdown()
    receiver.server.server_close()
    jobs = [harness.submit(), harness.submit()]
    assert harness.work(1) == len(jobs)
    assert [harness.status(job_id)["status"] for job_id in jobs] == ["succeeded", "succeeded"]
    assert {source.queue for source in Template().queue_sources()} == {"JobQueue", "WebhookQueue"}


def test_links_lead_to_the_public_address(
    harness: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(harness, receiver)
    monkeypatch.setattr(Call, "origin", "https://api.example.com")
    job_id = harness.submit()
    harness.work()
    data = receiver.events[0]["data"]
    assert data["result_url"] == f"https://api.example.com/api/image-studio/jobs/{job_id}/result"
    assert data["status_url"] == f"https://api.example.com/api/image-studio/jobs/{job_id}"


def test_every_end_has_its_type(harness: Harness, receiver: Receiver) -> None:
    """Failed and stopped jobs are announced, too."""
    register(harness, receiver)
    harness.provider_client.script = [ContentRefused()]
    failed = harness.submit({**CREATE, "provider": "stability"})
    harness.work()
    stopped = harness.submit()
    harness.messages()
    assert harness.ask("DELETE", f"/jobs/{stopped}").status == 200
    harness.work()
    types = {event["data"]["job_id"]: event["type"] for event in receiver.events}
    assert types == {failed: "job.failed", stopped: "job.cancelled"}


def test_a_request_has_a_url_of_its_own(harness: Harness, receiver: Receiver) -> None:
    """Signed by the caller's own secret, beside the endpoints."""
    register(harness, receiver)
    harness.submit({**CREATE, "webhook_url": f"{receiver.origin}/once"})
    harness.work()
    assert len(receiver.got) == 2
    secret = harness.ask("GET", "/webhook-secret").json["secret"]
    assert secret == harness.ask("GET", "/webhook-secret").json["secret"]
    assert secret != harness.ask("GET", "/webhook-secret", sub="bob").json["secret"]
    (own,) = [each for each in receiver.got if "/once" in each[0]["path"]]
    Webhook(secret).verify(own[1], own[0])


def test_nobody_hears_of_others_jobs(harness: Harness, receiver: Receiver) -> None:
    register(harness, receiver, sub="bob")
    harness.submit()
    harness.work()
    assert receiver.got == []


def test_a_caller_without_webhooks_costs_no_message(harness: Harness) -> None:
    """And the record of the job leaves the reaper's index."""
    job_id = harness.submit()
    assert harness.work() == 1
    assert harness.job(job_id).unannounced is None


# -- tries


def test_a_failed_call_is_tried_again_with_the_same_id(harness: Harness, receiver: Receiver) -> None:
    """Also after a redirect, which isn't followed."""
    webhook = register(harness, receiver)
    receiver.script = [500, 302, 429]
    harness.submit()
    harness.work()
    assert len(receiver.got) == 4
    assert len(set(receiver.ids)) == 1
    deliveries = details(harness, webhook)["deliveries"]
    assert sorted((each["attempt"], each["status"]) for each in deliveries) == [(1, 500), (2, 302), (3, 429), (4, 204)]
    assert details(harness, webhook)["failing_since"] is None


def test_the_pauses_grow_for_about_a_day(monkeypatch: pytest.MonkeyPatch, harness: Harness, receiver: Receiver) -> None:
    """Then the call is given up."""
    monkeypatch.undo()
    assert list(webhook_delivery.PAUSES) == sorted(webhook_delivery.PAUSES)
    assert 22 * 3600 < sum(webhook_delivery.PAUSES) < 26 * 3600


def test_after_the_last_try_a_call_is_given_up(harness: Harness, receiver: Receiver) -> None:
    webhook = register(harness, receiver)
    receiver.script = [503] * 100
    harness.submit()
    harness.work(most=50)
    assert len(receiver.got) == len(webhook_delivery.PAUSES) + 1
    assert details(harness, webhook)["status"] == "enabled"
    assert details(harness, webhook)["failing_since"]


def test_a_call_that_is_not_due_waits(harness: Harness, receiver: Receiver) -> None:
    """The queue delays by 15 minutes at most, so the message goes round."""
    register(harness, receiver)
    job_id = harness.submit()
    harness.work()
    receiver.got.clear()
    (endpoint,) = wiring.webhooks().all(ALICE)
    message = {"tenant": ALICE, "job": job_id, "webhook": "call", "endpoint": endpoint.id, "attempt": 2}
    harness.deliver({**message, "due": time.time() + 7200})
    assert receiver.got == []
    (again,) = harness.messages()
    assert json.loads(again["Body"])["attempt"] == 2
    assert harness.delays[-1] > 7000


def test_410_disables_an_endpoint(harness: Harness, receiver: Receiver) -> None:
    """It is called no more until a test arrives."""
    webhook = register(harness, receiver)
    receiver.script = [410]
    for _ in range(2):
        harness.submit()
        harness.work()
    assert len(receiver.got) == 1
    assert details(harness, webhook)["status"] == "disabled"
    tested = harness.ask("POST", f"/webhooks/{webhook['id']}/test").json
    assert tested == {"delivered": True, "status": 204, "problem": None}
    assert receiver.events[-1]["type"] == "webhook.test"
    assert details(harness, webhook)["status"] == "enabled"


def test_an_endpoint_that_fails_for_days_is_paused(
    harness: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller sees since when."""
    webhook = register(harness, receiver)
    monkeypatch.setattr(webhook_delivery, "PAUSE_DAYS", 0)
    receiver.script = [500]
    harness.submit()
    harness.work()
    found = details(harness, webhook)
    assert (found["status"], len(receiver.got)) == ("paused", 1)
    assert found["failing_since"]


def test_what_was_not_announced_is_announced_by_the_reaper(
    harness: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies right after the end loses no call; one that was announced isn't announced again."""
    register(harness, receiver)
    with monkeypatch.context() as patch:
        patch.setattr(job_end, "ask_to_announce", lambda *_: 1 / 0)
        job_id = harness.submit()
        harness.work()
    assert receiver.got == []
    harness.expire(job_id)
    harness.tick()
    harness.work()
    assert receiver.ids == [f"msg_{job_id}"]
    harness.tick()
    assert harness.work() == 0


def test_a_job_that_expires_is_announced_once(harness: Harness, receiver: Receiver) -> None:
    """Its record is there until the table deletes it, though its caller finds it no more."""
    register(harness, receiver)
    job_id = harness.submit()
    harness.messages()
    harness.change(job_id, lease_until=int(time.time()) - 1, expires=int(time.time()) - 1)
    harness.tick()
    harness.work()
    assert receiver.ids == [f"msg_{job_id}"]
    harness.expire(job_id)
    harness.tick()
    assert harness.work() == 0


# -- endpoints


def test_a_secret_is_shown_once_and_rotated_with_an_overlap(harness: Harness, receiver: Receiver) -> None:
    """Old and new sign for a day; neither a list nor the endpoint shows them."""
    webhook = register(harness, receiver)
    assert webhook["secret"].startswith("whsec_")
    new = harness.ask("POST", f"/webhooks/{webhook['id']}/rotate").json["secret"]
    shown = harness.ask("GET", "/webhooks").body + json.dumps(details(harness, webhook))
    assert webhook["secret"] not in shown
    assert new not in shown
    harness.submit()
    harness.work()
    ((headers, body),) = receiver.got
    for secret in (webhook["secret"], new):
        Webhook(secret).verify(body, headers)
    endpoint = wiring.webhooks().get(ALICE, webhook["id"])
    assert endpoint is not None
    assert endpoint.secrets(time.time() + webhooks_api.OVERLAP_SECONDS + 1) == [new]


def test_a_rotation_whose_response_was_lost_can_be_repeated(harness: Harness, receiver: Receiver) -> None:
    """The receiver's secret goes on signing for its day, as do the last few that nobody may have seen."""
    webhook = register(harness, receiver)
    newest = [harness.ask("POST", f"/webhooks/{webhook['id']}/rotate").json["secret"] for _ in range(2)]
    harness.submit()
    harness.work()
    ((headers, body),) = receiver.got
    for secret in (webhook["secret"], *newest):
        Webhook(secret).verify(body, headers)
    newest += [harness.ask("POST", f"/webhooks/{webhook['id']}/rotate").json["secret"] for _ in range(MAX_OLD_SECRETS)]
    endpoint = wiring.webhooks().get(ALICE, webhook["id"])
    assert endpoint is not None
    assert set(endpoint.secrets(time.time())) == set(newest[-MAX_OLD_SECRETS - 1 :])


def test_ten_endpoints_are_as_many_as_there_may_be(harness: Harness, receiver: Receiver) -> None:
    """One that is deleted makes room."""
    made = [register(harness, receiver, f"/{number}") for number in range(webhooks_api.MAX_ENDPOINTS)]
    refused = harness.ask("POST", "/webhooks", body={"url": receiver.origin})
    assert (refused.status, refused.json["code"]) == (400, "invalid_request")
    assert "10 webhooks" in refused.json["detail"]
    assert harness.ask("DELETE", f"/webhooks/{made[0]['id']}").json == {"id": made[0]["id"], "deleted": True}
    register(harness, receiver)
    assert len(harness.ask("GET", "/webhooks").json["webhooks"]) == webhooks_api.MAX_ENDPOINTS


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test")])
def test_a_foreign_endpoint_is_an_unknown_one(harness: Harness, receiver: Receiver, method: str, path: str) -> None:
    webhook = register(harness, receiver)
    foreign = harness.ask(method, f"/webhooks/{webhook['id']}{path}", sub="bob")
    unknown = harness.ask(method, f"/webhooks/{'0' * 32}{path}", sub="bob")
    assert foreign.status == unknown.status == 404
    assert foreign.body.replace(webhook["id"], "") == unknown.body.replace("0" * 32, "")


def test_hostile_urls_are_never_called(harness: Harness, guard: Guard) -> None:
    """More than 60: neither as an endpoint, which is a 400, nor as a request's own."""
    guard.answers = {CDN: [["10.0.0.1"]], f"{CDN}.": [["169.254.169.254"]]}
    urls = [url.encode(errors="replace").decode() for url in HOSTILE_URLS if url.strip()]
    assert len(urls) > 60
    for url in urls:
        answer = harness.ask("POST", "/webhooks", body={"url": url})
        assert (answer.status, answer.json["code"]) == (400, "invalid_request"), (url, answer.body)
        with pytest.raises(webhook_call.CallFailed):
            webhook_call.call_webhook(url, b"{}", {})
    assert guard.connected == []
    for url in (f"https://{CDN}/", f"https://{CDN}./"):  # names of private addresses
        harness.submit({**CREATE, "webhook_url": url})
    harness.work(most=6)
    assert guard.connected == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "not a url",
            "javascript:alert(1)",
            "http://example.com/",
            "https://example.com:8443/x",
            "https://localhost/",
        ),
        *("https://10.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://example.com/é"),
    ],
)
def test_a_webhook_url_that_no_call_reaches_is_refused(harness: Harness, url: str) -> None:
    """Before anything is recorded, wherever a request has one: nobody would learn of the calls that failed."""
    create, edit = {**CREATE, "webhook_url": url}, {"operation": "remove_background", "webhook_url": url}
    for path, body, name in (
        ("/create", create, "webhook_url: Use "),
        ("/batches", {"operation": "create", "items": [CREATE], "webhook_url": url}, "webhook_url: Use "),
        ("/batches", {"operation": "create", "items": [CREATE, create]}, "items.1: webhook_url: Use "),
        ("/uploads", {"content_type": "png", "operation": "edit", "request": edit}, "webhook_url: Use "),
    ):
        answer = harness.ask("POST", path, body=body)
        assert (answer.status, answer.json["detail"].startswith(name)) == (400, True), answer.body
    assert harness.records("JOB#") == []


def test_an_address_that_turned_private_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up for each call, and the connection goes to the address that was checked."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.1.2.3", 443))])
    with pytest.raises(webhook_call.CallFailed, match="public host"):
        webhook_call.call_webhook("https://hooks.example.com/", b"{}", {})


# -- the operator's bus


def test_the_operators_bus_gets_an_event(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's record without a prompt, as Job Succeeded, Job Failed or Job Cancelled."""
    monkeypatch.setenv("EVENT_BUS", "default")
    settings.cache_clear()
    put: list[Any] = []

    class Bus:
        def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803  boto3's name
            put.extend(Entries)
            return {"FailedEntryCount": 0}

    monkeypatch.setattr("image_studio.runtime.aws_clients.events", Bus)
    job_id = harness.submit()
    harness.work()
    (entry,) = put
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("image-studio", "Job Succeeded", "default")
    detail = json.loads(entry["Detail"])
    assert (detail["job_id"], detail["tenant"]) == (job_id, ALICE)
    assert CREATE["prompt"] not in entry["Detail"]
    assert TABLE not in entry["Detail"]


def test_the_sample_rule_is_for_what_is_sent() -> None:
    """The operator's page filters by source and type, and lists every type."""
    page = (ROOT / "docs/operating.md").read_text()
    pattern = json.loads(re.findall(r"--event-pattern \\\n\s*'(.*)'", page)[0])
    kinds = {kind.replace(".", " ").title() for kind in get_args(EventType)} - {"Webhook Test"}
    assert pattern["source"] == [webhook_delivery.SOURCE]
    assert set(pattern["detail-type"]) <= kinds
    assert all(f"`{kind}`" in page for kind in kinds)


def test_a_bus_that_takes_no_events_repeats_no_call(
    harness: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its event is a message of its own, which the queue brings again; the end counts as announced."""
    monkeypatch.setenv("EVENT_BUS", "default")
    settings.cache_clear()
    failed = [1, 1, 0]

    class Bus:
        def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803  boto3's name
            return {"FailedEntryCount": failed.pop(0)}

    monkeypatch.setattr("image_studio.runtime.aws_clients.events", Bus)
    register(harness, receiver)
    job_id = harness.submit()
    left = []
    while found := [json.loads(message["Body"]) for message in harness.messages()]:
        left += [body for body in found if harness.deliver(body)["batchItemFailures"]]
    assert [body["webhook"] for body in left] == ["event"]
    assert harness.deliver(left[0])["batchItemFailures"]
    assert not harness.deliver(left[0])["batchItemFailures"]
    harness.expire(job_id)
    harness.tick()
    assert harness.work() == 0
    assert receiver.ids == [f"msg_{job_id}"]
