"""Nobody spends more than they have: an adversary with many threads, keys, retries and failing providers."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from image_studio.operations.journal import Entry, Stage
from image_studio.providers.spec import CREDIT_USD
from image_studio.runtime import metrics, reaper
from image_studio.runtime.settings import TIERS
from image_studio.storage.credits import Charge, month_end, month_of
from tests.security.inside import Inside, without_workers
from tests.tables import forget

FAULTS = ["", "", "", "500", "reset", "moderated", "notimage", "429now"]
SMALL = {"width": 64, "height": 64, "provider": "stability", "enhance_prompt": False}
SETTLE_SECONDS = 60.0
THREADS = 24


@pytest.fixture
def fifty(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> int:
    """Free callers have fifty credits; an unknown charge is held for a second."""
    monkeypatch.setenv("CREDITS_FREE", "50")
    monkeypatch.setenv("HOLD_SECONDS", "1")
    forget()
    return 50


def _record(inside: Inside) -> dict[str, int]:
    found = inside.records("CREDITS#")
    return {name: int(value["N"]) for name, value in found[0].items() if "N" in value} if found else {}


class Watcher(threading.Thread):
    """Looks at the caller's record all the time, and keeps the worst that it saw."""

    def __init__(self, inside: Inside) -> None:
        super().__init__(daemon=True)
        self.inside = inside
        self.worst: Counter[str] = Counter()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for name, value in _record(self.inside).items():
                self.worst[name] = max(self.worst[name], value)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + SETTLE_SECONDS
    while not done() and time.monotonic() < end:
        time.sleep(0.1)
    assert done()


def _ended(inside: Inside) -> bool:
    reaper.reap()
    return all(item["status"]["S"] in ("succeeded", "failed") for item in inside.records("JOB#"))


def _plans(seed: int, many: int) -> list[dict[str, Any]]:
    """So many requests, each sent twice: own keys, shared keys or none, one to six images, every kind of fault."""
    dice = random.Random(seed)
    plans = []
    for number in range(many):
        fault = dice.choice(FAULTS)
        prompt = f"boat {number} [[fault={fault}]]" if fault else f"boat {number}"
        key = {"idempotency-key": f"key {number}"} if dice.random() < 0.6 else {}
        body = {**SMALL, "prompt": prompt, "num_variations": dice.randint(1, 6)}
        plans.append({"body": body, "headers": {"prefer": "respond-async", **key}, "tier": "free"})
    return plans * 2


def _settled(inside: Inside) -> bool:
    reaper.reap()
    return _record(inside)["committed"] == _record(inside)["used"]


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize(
    ("seed", "many"), [(1, 16), *(pytest.param(seed, 60, marks=pytest.mark.long) for seed in (2, 3, 4, 5))]
)
def test_an_adversary_never_spends_above_its_credits(  # noqa: PLR0917  fixtures and the two numbers of a run
    inside: Inside, fifty: int, seed: int, many: int, count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no moment is more reserved or in flight than there may be; in the end the delivered is what was charged.

    Neither requests nor waits limit the caller: credits alone have to, and twenty variations in flight.
    """
    monkeypatch.setattr("image_studio.runtime.rate_limits._count_work", lambda *_: None)
    monkeypatch.setitem(TIERS, "free", replace(TIERS["free"], waits=100, in_flight=20))
    watcher = Watcher(inside)
    watcher.start()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda plan: inside.ask("POST", "/create", **plan), _plans(seed, many)))
    _until(lambda: _ended(inside) and not _record(inside)["in_flight"])
    _until(lambda: _settled(inside))
    watcher.over.set()
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {200, 202, 400, 402, 429, 500}, statuses
    assert statuses[402] > 0
    assert watcher.worst["committed"] <= fifty
    assert watcher.worst["in_flight"] <= 20
    record = _record(inside)
    assert record["committed"] == record["used"] <= fifty
    assert sum(int(job["charged"]["N"]) for job in inside.records("JOB#")) == record["used"]
    assert sum(value for name, value in record.items() if name.startswith("provider_")) == record["used"]
    worst, used = watcher.worst["committed"], record["used"]
    asked = {"requests": len(answers), "threads": THREADS, "statuses": statuses}
    count("credits", worst=worst, used=used, limit=fifty, **asked)


def test_too_little_left_is_a_402_with_a_sentence(
    inside: Inside, emulated: dict[str, Any], fifty: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what is needed and what is left; nothing is recorded, nothing is paid."""
    body = {**SMALL, "prompt": "a boat", "num_variations": 10}
    assert inside.ask("POST", "/create", tier="free", body=body).status == 200
    refused = inside.ask("POST", "/create", tier="free", body=body)
    assert (refused.status, refused.json["code"]) == (402, "not_enough_credits")
    assert refused.json["detail"].startswith("This needs 30 credits and 20 are left")
    assert refused.headers["x-credits-remaining"] == "20"
    assert emulated["stability"].paid_calls == 10
    assert len(inside.records("JOB#")) == 1
    monkeypatch.setenv("CREDITS_FREE", "2")  # more than a whole month: no condition can say it, so it is asked first
    forget()
    refused = inside.ask("POST", "/create", tier="free", sub="bob", body={**SMALL, "prompt": "a boat"})
    assert (refused.status, "2 are left" in refused.json["detail"]) == (402, True)


def test_variations_in_flight_are_capped(inside: Inside, fifty: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside six that wait for a worker five more don't fit into ten: 429 with Retry-After, and nothing is reserved."""
    without_workers(monkeypatch)
    body = {**SMALL, "prompt": "a boat"}
    later = {"headers": {"prefer": "respond-async"}, "tier": "free"}
    assert inside.ask("POST", "/create", body={**body, "num_variations": 6}, **later).status == 202
    refused = inside.ask("POST", "/create", body={**body, "num_variations": 5}, **later)
    assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
    assert refused.headers["retry-after"] == "5"
    assert inside.ask("POST", "/create", body={**body, "num_variations": 4}, **later).status == 202
    assert _record(inside)["committed"] == 30


def test_a_failure_that_surely_was_not_charged_gives_everything_back(
    inside: Inside, emulated: dict[str, Any], fifty: int
) -> None:
    """Moderation costs nothing."""
    answer = inside.ask("POST", "/create", tier="free", body={**SMALL, "prompt": "a boat [[fault=moderated]]"})
    assert (answer.status, answer.json["code"]) == (400, "content_refused")
    assert (answer.headers["x-credits-remaining"], _record(inside)["committed"]) == ("50", 0)


def test_usage_is_split_by_group_and_provider(inside: Inside, emulated: dict[str, Any], fifty: int) -> None:
    """What was used, for what and from whom, what is left and when it starts again."""
    inside.ask("POST", "/create", tier="free", body={**SMALL, "prompt": "a boat", "num_variations": 2})
    body = {**SMALL, "provider": "gemini", "prompt": "a boat"}
    priced = inside.ask("POST", "/create", tier="free", body=body)
    usage = inside.ask("GET", "/usage", tier="free").json
    assert priced.status == 200
    assert usage["by_provider"]["stability"] == 6
    assert sum(usage["by_provider"].values()) == sum(usage["by_studio"].values()) == usage["used"]
    assert usage["by_studio"].keys() == {"create"}
    assert usage["remaining"] == usage["limit"] - usage["used"] == int(priced.headers["x-credits-remaining"])
    assert usage["reset"] == month_end(month_of(time.time()))


@pytest.mark.parametrize(("month", "end"), [("2026-01", 1_769_904_000), ("2026-12", 1_798_761_600)])
def test_months_end_where_the_next_begins(month: str, end: int) -> None:
    """In January and at the turn of the year, UTC."""
    assert month_end(month) == end


def test_metrics_tell_credits_and_dollars(capsys: pytest.CaptureFixture[str]) -> None:
    """One line per dimension in CloudWatch's embedded format; unknown charges count as paid, fresh ones don't."""
    ends = [
        (Stage.DONE, "stability", "core", 3),
        (Stage.FAILED, "stability", "core", 3),
        (Stage.FAILED, "stability", "core", 0),
        (Stage.DONE, "wavespeed", "ideogram-v3-turbo", 5),
        (Stage.DONE, "wavespeed", "gone since", 4),
    ]
    entries = [
        Entry(variation=number, stage=stage, provider=provider, model=model, credits=credits)
        for number, (stage, provider, model, credits) in enumerate(ends, start=1)
    ]
    metrics.job_ended(Charge(charged=8, held=3, group="create"), entries)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line.get("CreditsCharged"), line.get("UpstreamUSD")) for line in lines] == [
        ([8], None),
        (None, [0.06]),
        (None, [pytest.approx(0.03 + 4 * CREDIT_USD)]),
    ]
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert all(metric["Name"] in line for metric in directive["Metrics"])
        assert all(name in line for names in directive["Dimensions"] for name in names)
        assert ["service"] in directive["Dimensions"]
