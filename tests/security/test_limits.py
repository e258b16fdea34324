"""Limits of the tiers through the whole API: exact, on every answer, and shut where the table fails."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from image_studio.runtime import aws_clients, jobs_api, rate_limits
from image_studio.runtime.api import Call
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.settings import READS_PER_WORK, TIERS, full_path
from image_studio.storage.job import Job
from image_studio.storage.keys import limits_key, rate_sk
from image_studio.storage.rate_limits import DAY, RequestCounters
from image_studio.storage.transactions import pack
from scripts.openapi.routes import declared_routes
from tests.operations.fakes import photo, to_text
from tests.security.inside import GUARDED, TABLE, HttpResponse, Inside, documented_request, without_workers
from tests.tables import forget

THREADS = 100
#: In a plain run the tiers with the smallest limits; `make security` floods all.
FLOODED = ["free", "basic", *(pytest.param(tier, marks=pytest.mark.long) for tier in ("pro", "enterprise"))]
LIMIT_HEADERS = {f"x-ratelimit-{name}" for name in ("limit", "remaining", "reset", "window")}
LIMIT_HEADERS |= {"ratelimit", "ratelimit-policy"}
BOAT = {"prompt": "a boat", "width": 64, "height": 64}


@pytest.fixture
def held(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> float:
    """Three warm containers' counters, and what headers are made from, on one clock that stands: 12:00:13 today."""
    now = float(int(time.time()) // DAY * DAY + DAY // 2 + 13)
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: now))
    counters = cycle([RequestCounters(aws_clients.dynamodb(), TABLE, clock=lambda: now) for _ in range(3)])
    monkeypatch.setattr(rate_limits, "request_counters", lambda: next(counters))
    return now


def _flood(inside: Inside, tier: str, number: int) -> list[int]:
    """Statuses of so many requests, sent by a hundred threads at once; all are counted, none is valid."""
    start = threading.Barrier(THREADS)

    def send(thread: int) -> list[int]:
        start.wait(30)
        own = range(number // THREADS + (thread < number % THREADS))
        return [inside.ask("POST", "/create", body={}, tier=tier, sub=tier).status for _ in own]

    with ThreadPoolExecutor(THREADS) as pool:
        return [status for some in pool.map(send, range(THREADS)) for status in some]


@pytest.mark.parametrize("tier", FLOODED)
def test_a_hundred_threads_get_exactly_the_minute(inside: Inside, held: float, tier: str, count: Any) -> None:
    """With the clock held, the limit's number of requests gets past the counter, before validation; no more."""
    limit = TIERS[tier].per_minute
    statuses = _flood(inside, tier, limit + 100)
    assert Counter(statuses) == {400: limit, 429: 100}
    count("limits", window="a minute", tier=tier, allowed=statuses.count(400), limit=limit)


def _use_day(inside: Inside, held: float, tier: str, *, left: int) -> None:
    """Let the tier's caller have so many requests of the day left."""
    key = limits_key(inside.tenant(tier), rate_sk(datetime.fromtimestamp(held, UTC)))
    used = {"requests": TIERS[tier].per_day - left, "expires": 2_000_000_000}
    inside.db.put_item(TableName=TABLE, Item=key | pack(used))


@pytest.mark.parametrize("tier", FLOODED)
def test_a_hundred_threads_get_exactly_the_day(inside: Inside, held: float, tier: str, count: Any) -> None:
    """Where seven requests of the day are left, a hundred threads get seven."""
    _use_day(inside, held, tier, left=7)
    statuses = _flood(inside, tier, 200)
    assert Counter(statuses) == {400: 7, 429: 193}
    count("limits", window="the day's last seven", tier=tier, allowed=statuses.count(400), limit=7)


@pytest.mark.parametrize("part", range(8))
def test_every_answer_carries_the_limits(inside: Inside, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good request, a bad one, a wrong type, a missing scope: each says how the caller stands."""
    without_workers(monkeypatch)
    asked = [documented_request(route) for route in GUARDED[part::8]]
    asynchronous = {"prefer": "respond-async"}
    for method, path, body in asked:
        for given in ({"body": body or b""}, {"body": b"{"}, {"body": b"x", "headers": {"content-type": "text/csv"}}):
            _states_the_limits(inside.ask(method, path, **{"headers": asynchronous, **given}))
    monkeypatch.setenv("REQUIRED_SCOPE", "studio")
    forget()
    for method, path, body in asked:
        answer = inside.ask(method, path, body=body or b"")
        assert answer.status == 403
        _states_the_limits(answer)


def _states_the_limits(answer: HttpResponse) -> None:
    assert answer.headers.keys() >= LIMIT_HEADERS, (answer.status, answer.body[:200])
    left, limit = int(answer.headers["x-ratelimit-remaining"]), int(answer.headers["x-ratelimit-limit"])
    assert 0 <= left <= limit
    assert ("retry-after" in answer.headers) >= (answer.status == 429)


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/create", 405), ("/jobs/x/y/z", 404)])
def test_unknown_routes_carry_them_too(inside: Inside, path: str, status: int) -> None:
    """404 and 405 through $default."""
    answer = inside.ask("PATCH", path)
    assert answer.status == status
    assert answer.headers.keys() >= LIMIT_HEADERS


def test_a_401_of_ours_has_no_limits_and_the_documented_body(inside: Inside) -> None:
    """A response to nobody has no limits."""
    answer = inside.ask("GET", "/templates", claims={})
    assert answer.status == 401
    sentence = "Authenticated user required for image operations."
    assert answer.json == {"detail": sentence, "code": "not_authenticated"}
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not answer.headers.keys() & LIMIT_HEADERS


def test_work_is_what_the_contract_says() -> None:
    """What works on images or calls others counts as work; looking at jobs isn't counted."""
    meters = {key: route.counts_as for key, route in declared_routes()}
    work = {"POST /create", "POST /edit/process", "POST /upscale", "POST /control/process", "POST /social/optimize"}
    work |= {"POST /batches", "POST /uploads", "POST /provenance/inspect"}
    work |= {f"POST /{name}{end}" for name in ("compress", "convert-format") for end in ("", "/batch")}
    work |= {f"POST /webhooks{end}" for end in ("", "/{id}/rotate", "/{id}/test")}
    assert {key for key, meter in meters.items() if meter is RateClass.WORK} == work
    jobs = {"GET /jobs", "GET /jobs/{id}", "GET /jobs/{id}/result", "POST /jobs/{id}/result"}
    assert {key for key, meter in meters.items() if meter is RateClass.JOBS} == jobs
    assert {key for key, meter in meters.items() if meter is None} == {"GET /health", "GET /openapi.json", "GET /docs"}


def test_static_reads_touch_no_table(inside: Inside) -> None:
    """Not for the answer and not for the limit."""
    calls: list[str] = []
    inside.db.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    for path in (
        "/templates",
        "/templates/search?query=post",
        "/edit/operations",
        "/edit/models",
        "/control/operations",
    ):
        assert (inside.ask("GET", path).status, calls) == (200, [])


def test_reads_are_ten_times_wider(inside: Inside, held: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Per container, roughly; the one too many is a 429 with Retry-After."""
    counter = rate_limits.ReadCounter(clock=lambda: held)
    monkeypatch.setattr(rate_limits, "read_counter", lambda: counter)
    wide = TIERS["free"].per_minute * READS_PER_WORK
    answers = [inside.ask("GET", "/templates", tier="free") for _ in range(wide + 1)]
    assert [answer.status for answer in answers] == [200] * wide + [429]
    assert [int(answer.headers["x-ratelimit-remaining"]) for answer in answers[:3]] == [99, 98, 97]
    assert {int(answer.headers["x-ratelimit-reset"]) for answer in answers} == {held + 47}
    assert _headers(answers[-1], "retry-after", "ratelimit") == ("47", '"reads";r=0;t=47')


def _headers(answer: HttpResponse, *names: str) -> tuple[str, ...]:
    return tuple(answer.headers[name] for name in names)


def test_a_refusal_says_when_the_window_ends(inside: Inside, held: float) -> None:
    """Retry-After and the resets lead to the end of the minute, and of the day where that is used up."""
    for _ in range(TIERS["free"].per_minute):
        inside.ask("POST", "/create", body={}, tier="free")
    refused = inside.ask("POST", "/create", body={}, tier="free")
    assert refused.json["code"] == "too_many_requests"
    assert refused.json["detail"] == "The free tier allows 10 requests per minute. Try again in 47 s."
    assert _headers(refused, "retry-after", "x-ratelimit-reset") == ("47", str(int(held) + 47))
    day = inside.ask("POST", "/create", body={}, tier="basic", sub="bob").headers
    assert day["ratelimit"] == '"minute";r=59;t=47, "day";r=999;t=43187'
    assert day["ratelimit-policy"] == '"minute";q=60;w=60, "day";q=1000;w=86400'
    _use_day(inside, held, "basic", left=0)
    refused = inside.ask("POST", "/create", body={}, tier="basic", sub="basic")
    assert _headers(refused, "x-ratelimit-reset", "x-ratelimit-window") == (str(int(held) + 43187), "86400")
    assert refused.headers["retry-after"] == "43187"
    assert refused.json["detail"] == "The basic tier allows 1,000 requests per day. Try again in 43,187 s."


def test_looking_at_jobs_is_not_counted(inside: Inside, held: float) -> None:
    """Twice the limit of a minute; the headers describe the open waits, all of which are free now."""
    answers = [inside.ask("GET", path, tier="free") for path in ("/jobs", "/jobs/0123") for _ in range(10)]
    assert [answer.status for answer in answers] == [200] * 10 + [404] * 10
    assert _headers(answers[0], "ratelimit", "ratelimit-policy") == ('"waits";r=5;t=0', '"waits";q=5;w=30')
    assert _headers(answers[0], "x-ratelimit-reset", "x-ratelimit-window") == (str(int(held)), "30")


@pytest.fixture
def broken_table(inside: Inside) -> Iterator[None]:
    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example")

    clients = (aws_clients.dynamodb(), aws_clients.quick_dynamodb())
    for client in clients:
        client.meta.events.register_first("before-send.dynamodb", fail)
    yield
    for client in clients:
        client.meta.events.unregister("before-send.dynamodb", fail)


def test_without_the_table_free_reads_go_on(inside: Inside, broken_table: None) -> None:
    """The catalog, providers, estimates and health answer, with limits; a job isn't unknown, it can't be looked up."""
    body = {"provider": "stability"}
    assert inside.ask("POST", "/estimate-cost", body=body).status == 200
    for path in ("/templates", "/providers", "/edit/operations", "/edit/models", "/platform-specs/instagram"):
        answer = inside.ask("GET", path)
        assert answer.status == 200, answer.body
        assert answer.headers.keys() >= LIMIT_HEADERS
    assert inside.ask("GET", "/health").json["status"] == "degraded"
    answer = inside.ask("GET", "/jobs/0123456789abcdef0123456789abcdef")
    assert (answer.status, answer.json["code"]) == (503, "temporarily_unavailable")


@pytest.mark.parametrize("path", ["/create", "/edit/process", "/upscale", "/control/process", "/uploads"])
def test_without_the_table_paid_calls_stop(
    inside: Inside, held: float, broken_table: None, emulated: dict[str, Any], path: str
) -> None:
    """503 with Retry-After and the documented body, before anything is decoded or paid."""
    route = next(each for each in GUARDED if each.path == full_path(path))
    answer = inside.ask("POST", path, body=documented_request(route)[2])
    assert answer.status == 503
    assert answer.json["code"] == "temporarily_unavailable"
    assert _headers(answer, "retry-after", "x-ratelimit-reset") == ("5", str(int(held) + 5))
    assert (answer.headers["ratelimit"], answer.headers.keys() >= LIMIT_HEADERS) == ('"minute";r=0;t=5', True)
    assert sum(emulator.paid_calls for emulator in emulated.values()) == 0


# -- open waits


def test_open_waits_are_capped(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sixth of five waits is refused before a job is made; once they end, others may wait."""
    without_workers(monkeypatch)
    most = TIERS["free"].waits
    start = threading.Barrier(most + 3)
    refused, over, watch = [], threading.Event(), jobs_api._watch

    def watch_until_all_are_there(call: Call, job: Job, seconds: float) -> Job:
        over.wait(20)
        return watch(call, job, 0)

    monkeypatch.setattr(jobs_api, "_watch", watch_until_all_are_there)

    def send(_: int) -> int:
        start.wait(60)
        status: int = inside.ask("POST", "/create", body=BOAT, tier="free", headers={"prefer": "wait=25"}).status
        if status == 429:
            refused.append(status)
        if len(refused) == 3:
            over.set()
        return status

    with ThreadPoolExecutor(most + 3) as pool:
        statuses = list(pool.map(send, range(most + 3)))
    assert sorted(statuses) == [303] * most + [429] * 3
    assert len(inside.records("JOB#")) == most
    assert [record for record in inside.records("WAITS") if any(name.startswith("wait") for name in record)] == []


def test_a_wait_for_an_ended_job_needs_no_place(
    inside: Inside, held: float, emulated: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever fetches a result that is there, or doesn't wait, takes nobody's place."""
    job = inside.ask("POST", "/create", body=BOAT, tier="free").headers["x-job-id"]
    slots = rate_limits.wait_slots()
    full = [slots.take(inside.tenant("alice"), TIERS["free"].waits, 20) for _ in range(TIERS["free"].waits)]
    assert all(full)
    assert inside.ask("GET", f"/jobs/{job}/result", tier="free").status == 200
    refused = inside.ask("POST", "/create", body=BOAT, tier="free")
    assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
    assert "respond-async" in refused.json["detail"]
    without_workers(monkeypatch)
    queued = inside.ask("POST", "/create", body=BOAT, tier="free", headers={"prefer": "respond-async"})
    assert queued.status == 202
    refused = inside.ask("GET", f"/jobs/{queued.json['job_id']}?wait=7", tier="free")
    assert _headers(refused, "retry-after", "x-ratelimit-reset") == ("5", str(int(held) + 7))
    assert refused.headers["ratelimit"] == '"waits";r=0;t=7'


def test_a_function_that_dies_leaks_its_place_for_its_lease(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is no longer than the wait that a function can have, and a little."""
    without_workers(monkeypatch)
    monkeypatch.setattr(rate_limits.WaitSlots, "release", lambda *_: None)
    inside.ask("POST", "/create", body=BOAT, headers={"prefer": "wait=1"})
    (record,) = inside.records("WAITS")
    until = next(int(value["N"]) for name, value in record.items() if name.startswith("wait"))
    assert until / 1000 - time.time() <= 28 + rate_limits.LEASE_MARGIN


# -- pixels


def test_pixels_are_capped_by_tier(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a free caller may not ask for, a basic one may: sizes, upscales' targets, expansions."""
    without_workers(monkeypatch)
    asynchronous = {"prefer": "respond-async"}
    image = to_text(photo(256, 256))
    wide = {"width": 5000, "height": 4000}
    target = {"target_width": 5000, "target_height": 4000}
    for path, body in (
        ("/create", {"prompt": "a boat", **wide}),
        ("/upscale", {"image_base64": image, "mode": "conservative", **target}),
    ):
        refused = inside.ask("POST", path, body=body, tier="free", headers=asynchronous)
        assert (refused.status, refused.json["code"]) == (400, "invalid_request"), refused.body
        assert inside.ask("POST", path, body=body, tier="basic", headers=asynchronous).status == 202


@pytest.mark.parametrize("path", ["/upscale", "/social/optimize", "/edit/process"])
def test_an_image_sent_is_capped_by_tier(inside: Inside, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Its header is enough to refuse it, before anything is decoded; the sentence says the tier's number."""
    monkeypatch.setitem(TIERS, "free", replace(TIERS["free"], max_pixels=128 * 128))
    body = {"image_base64": to_text(photo(129, 128)), "platforms": ["instagram"], "operation": "remove_background"}
    refused = inside.ask("POST", path, body=body, tier="free")
    assert (refused.status, refused.json["code"]) == (400, "invalid_image")
    assert "129x128" in refused.json["detail"]
