"""How a caller wants to wait, and where the answer sends one who has to go on waiting."""

import json
from typing import Any

import pytest

from image_studio.runtime.api import Call
from image_studio.runtime.settings import PREFIX, settings
from image_studio.runtime.waiting import MAX_HOPS, Preference, accepted, go_on, preference
from image_studio.schemas.common import Delivery
from image_studio.storage.job import Job, Status

JOB = Job(
    tenant="t",
    id="ab12",
    operation="create",
    status=Status.RUNNING,
    request_hash="",
    input="",
    total=1,
    created="",
    created_at=0,
    expires=0,
)
LINKS = {
    "job_id": "ab12",
    "status": "running",
    "status_url": f"{PREFIX}/jobs/ab12",
    "result_url": f"{PREFIX}/jobs/ab12/result",
}


def preferring(text: str | None) -> Preference:
    """What a Prefer header asks for."""
    return preference(Call.of({"headers": {"prefer": text} if text is not None else {}}, None))


@pytest.mark.parametrize("text", [None, "", "return=minimal", "wait", "wait=", "wait=-1", "wait=x", "handling=lenient"])
def test_without_a_preference_we_wait_as_long_as_we_do(text: str | None) -> None:
    """Unknown and odd ones are ignored (RFC 7240)."""
    assert preferring(text) == Preference(settings().wait_seconds)


@pytest.mark.parametrize(
    ("text", "seconds", "asynchronous", "applied"),
    [
        ("respond-async", 0, True, "respond-async"),
        ("Respond-Async", 0, True, "respond-async"),
        ("wait=3", 3, False, "wait=3"),
        ('wait="3"', 3, False, "wait=3"),
        ("wait = 3", 3, False, "wait=3"),
        ("wait=0", 0, False, "wait=0"),
        ("respond-async, wait=2", 2, True, "respond-async, wait=2"),
        ("wait=2,respond-async, return=minimal", 2, True, "respond-async, wait=2"),
    ],
)
def test_preferences_are_applied_and_said_so(text: str, seconds: float, asynchronous: bool, applied: str) -> None:
    """`respond-async` alone doesn't wait; with `wait` it waits that long first."""
    assert preferring(text) == Preference(seconds, asynchronous, {"preference-applied": applied})


def test_nobody_waits_longer_than_we_do() -> None:
    """`wait` is a bound, not an order."""
    assert preferring("wait=999999").seconds == settings().wait_seconds


def shown(response: Any) -> tuple[int, dict[str, Any], str]:
    """Status, body and Location."""
    return response.status_code, json.loads(response.body), response.headers["location"]


def test_accepted_tells_where_to_look() -> None:
    """202 with the job's links, and when to come again."""
    answer = accepted(JOB)
    assert shown(answer) == (202, LINKS, LINKS["status_url"])
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("delivery", "seconds", "query"),
    [
        (Delivery.AUTO, 25.0, "wait=25&hop=3"),
        (Delivery.AUTO, 0.05, "wait=1&hop=3"),
        (Delivery.URL, 2.5, "wait=3&hop=3&delivery=url"),
    ],
)
def test_a_redirect_waits_on_for_as_long(delivery: Delivery, seconds: float, query: str) -> None:
    """In whole seconds, one at least; the wish for URLs goes along."""
    assert shown(go_on(JOB, 3, delivery, seconds)) == (303, LINKS, f"{LINKS['result_url']}?{query}")


def test_redirects_end_before_browsers_give_up() -> None:
    """The last hop is followed by a 202."""
    assert go_on(JOB, MAX_HOPS, Delivery.AUTO, 1).status_code == 303
    assert go_on(JOB, MAX_HOPS + 1, Delivery.AUTO, 1).status_code == 202
