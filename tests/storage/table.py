"""A job store on moto's table with a clock that tests turn, and jobs to put into it."""

from dataclasses import replace
from typing import Any

from image_studio.runtime import aws_clients
from image_studio.storage import keys
from image_studio.storage.credits import Allowance
from image_studio.storage.job import Job, Status, created_now, new_id
from image_studio.storage.jobs import JobStore
from tests.tables import TABLE

TENANT = keys.tenant_of("alice")
ROOMY = Allowance(credits=1_000, in_flight=1_000)
START = 1_800_000_000.0
WEEK = 7 * 24 * 3600


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def store(clock: Clock) -> JobStore:
    return JobStore(aws_clients.dynamodb(), TABLE, clock=clock)


def job(clock: Clock, **given: Any) -> Job:
    job_id = given.get("id", new_id())
    made = Job(
        tenant=TENANT,
        id=job_id,
        operation="create",
        status=Status.QUEUED,
        request_hash="hash",
        input=keys.request_key(TENANT, job_id, "hash"),
        total=1,
        created=created_now(clock.now, job_id),
        created_at=int(clock.now * 1000),
        expires=int(clock.now) + WEEK,
        reserved=5,
        month="2027-01",
        lease_until=int(clock.now) + 30,
    )
    return replace(made, **given)
