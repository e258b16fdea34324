"""Idempotency-Key: the same request again joins the same job and its one charge."""

import pytest

from image_studio.runtime.settings import settings
from tests.jobs.desk import CREATE, Desk

KEY = {"idempotency-key": "order-17"}


def test_a_repeated_request_is_the_same_job(desk: Desk) -> None:
    """While it waits, and with the same body when it is done; paid once."""
    job_id = desk.submit(headers=KEY)
    assert desk.submit(headers=KEY) == job_id
    desk.work()
    bodies = {desk.ask("POST", "/create", body=CREATE, headers=KEY).body for _ in range(3)}
    assert len(bodies) == 1
    assert len(desk.wire.paid) == 1
    assert len(desk.ask("GET", "/jobs").json["jobs"]) == 1


def test_the_validated_request_is_compared(desk: Desk) -> None:
    """Order, defaults that are spelled out and ignored fields make no difference; a value does."""
    job_id = desk.submit(headers=KEY)
    same = {"unknown": 1, "num_variations": 1, "quality": None, **dict(reversed(CREATE.items()))}
    assert desk.submit(same, headers=KEY) == job_id
    other = desk.ask("POST", "/create", body={**CREATE, "prompt": "a chair"}, headers=KEY)
    assert (other.status, other.json["code"]) == (400, "idempotency_mismatch")


def test_a_key_belongs_to_its_caller(desk: Desk) -> None:
    """Another caller's is another job."""
    assert desk.submit(headers=KEY) != desk.submit(headers=KEY, sub="bob")


@pytest.mark.parametrize("wrong", [{"prompt": ""}, {"template_id": "nope"}, {"provider": "nobody"}])
def test_a_refused_request_is_not_remembered(desk: Desk, wrong: dict[str, str]) -> None:
    """Whoever corrects it may use the key again."""
    refused = desk.ask("POST", "/create", body={**CREATE, **wrong}, headers=KEY)
    assert refused.status in (400, 404)
    assert desk.submit(headers=KEY)
    assert len(desk.objects("inputs/")) == 1


def test_a_request_that_was_too_dear_is_not_remembered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With credits again, the same key makes the job."""
    poor = {"tier": "free", "sub": "carol"}
    many = {**CREATE, "num_variations": 10, "provider": "stability", "model": "ultra"}
    refused = desk.ask("POST", "/create", body=many, headers=KEY, **poor)
    assert refused.status == 402
    assert desk.submit(many, headers=KEY, sub="carol", tier="enterprise")


def test_joining_needs_nothing_that_making_needs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller at the end of its credits still gets what it paid for."""
    job_id = desk.submit(headers=KEY)
    desk.work()
    monkeypatch.setenv("CREDITS_ENTERPRISE", str(desk.job(job_id).charged))
    settings.cache_clear()
    assert desk.ask("POST", "/create", body=CREATE).status == 402
    got = desk.ask("POST", "/create", body=CREATE, headers=KEY)
    assert (got.status, got.headers["x-job-id"]) == (200, job_id)


def test_the_key_of_a_removed_job_pays_nothing(desk: Desk) -> None:
    """A late repetition of it doesn't start anew: 409, and the way out."""
    job_id = desk.submit(headers=KEY)
    desk.work()
    assert desk.ask("DELETE", f"/jobs/{job_id}").status == 200
    late = desk.ask("POST", "/create", body=CREATE, headers=KEY)
    assert (late.status, late.json["code"]) == (409, "job_conflict")
    assert "new key" in late.json["detail"]
    assert len(desk.wire.paid) == 1


def test_a_key_has_a_bound(desk: Desk) -> None:
    """255 characters are taken, one more is refused."""
    assert desk.submit(headers={"idempotency-key": "k" * 255})
    assert desk.ask("POST", "/create", body=CREATE, headers={"idempotency-key": "k" * 256}).status == 400
