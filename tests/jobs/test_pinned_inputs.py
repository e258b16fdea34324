"""What is priced is what is worked on: an image that is swapped at any point changes nothing, or is refused free."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from image_studio.runtime import aws_clients
from image_studio.storage import keys
from tests.jobs.harness import CREATE, Harness, png
from tests.jobs.test_uploads import UPSCALE, arrive
from tests.tables import BUCKET

SMALL, LARGE = png(400, 400), png(1200, 1200)  # 2 credits to upscale, and 40
PRICES = {"upscale.fast": 2, "upscale.conservative": 40}
REQUEST = {**UPSCALE, "mode": "auto", "target_width": 1_300, "target_height": 1_300, "provider": "stability"}
#: Calls of AWS before which the image is swapped, by the kind of reference: of what two kinds share, each has half.
POINTS = {"upload": range(1, 21, 2), "job": range(2, 21, 2), "awaited": range(1, 21, 2)}


@contextmanager
def swap_before(call: int, key: str) -> Iterator[None]:
    """Put the large image under the key right before the AWS call of that number."""
    numbers, inside = itertools.count(1), [False]

    def swap(**_: Any) -> None:
        if not inside[0] and next(numbers) == call:
            inside[0] = True  # this write is no call that counts
            aws_clients.s3().put_object(Bucket=BUCKET, Key=key, Body=LARGE)
            inside[0] = False

    clients = (aws_clients.s3(), aws_clients.dynamodb(), aws_clients.sqs())
    for client in clients:
        client.meta.events.register("before-call", swap)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", swap)


@pytest.mark.parametrize("kind", POINTS)
def test_a_swap_wins_nothing(harness: Harness, kind: str) -> None:
    """Whenever the image changes between estimate and run, the caller pays for the image that is worked on."""
    outcomes: Counter[int] = Counter()
    for call in POINTS[kind]:
        sub = f"caller-{call}"
        tenant = keys.tenant_of(sub)
        waiting = {"operation": "upscale", "request": REQUEST} if kind == "awaited" else {}
        form = harness.ask("POST", "/uploads", body={"content_type": "image/png", **waiting}, sub=sub).json
        key, reference = f"uploads/{tenant}/{form['upload_id']}", form["reference"]
        harness.put(key, SMALL)
        if kind == "job":
            first = harness.submit({**UPSCALE, "image_base64": reference}, "/upscale", sub=sub)
            harness.work()
            key, reference = keys.result_key(tenant, first, 1), f"job:{first}"
            harness.put(key, SMALL)
        harness.provider_client.paid.clear()
        with swap_before(call, key):
            if kind == "awaited":
                job_id = form["job_id"]
                arrive(harness, key)
            else:
                job_id = harness.submit({**REQUEST, "image_base64": reference}, "/upscale", sub=sub)
            harness.work()
        job = harness.job(job_id, sub)
        paid = [PRICES[task.operation] for task in harness.provider_client.paid]
        assert paid == [job.reserved] == [job.charged], (call, paid, job.reserved, job.charged)
        outcomes[job.charged] += 1
    assert set(outcomes) == {2, 40}, "the image was swapped before the estimate, and after it"


@pytest.mark.parametrize(("reserved", "paid"), [(2, []), (3, ["create"])])
def test_no_dearer_model_than_reserved_is_called(harness: Harness, reserved: int, paid: list[str]) -> None:
    """Whatever made the models dearer since the estimate: nothing is called, nothing is charged."""
    job_id = harness.submit({**CREATE, "provider": "stability"})  # core: 3 credits
    harness.change(job_id, reserved=reserved)
    harness.work()
    assert [task.operation for task in harness.provider_client.paid] == paid
    job = harness.job(job_id)
    if not paid:
        assert (job.error["code"], job.charged, job.held) == ("provider_unavailable", 0, 0)
        assert "Nothing was charged" in job.error["detail"]
