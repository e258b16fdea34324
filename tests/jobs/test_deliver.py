"""Answers near 6 MB: as much as fits is inline, the rest are URLs that download; Lambda's limit is never met."""

import base64
import json
import random
from typing import Any

import pytest
import requests

from image_studio.runtime import aws_clients, wiring
from image_studio.runtime.api import MAX_BODY, MAX_RESPONSE
from image_studio.storage import keys
from tests.jobs.desk import CREATE, Desk
from tests.tables import BUCKET, TABLE

ALICE = keys.tenant_of("alice")
NASTY = '"\\é猫\n' * 1_600  # of a prompt's 10,000 characters; JSON inside JSON makes much more of it


def job_with(desk: Desk, sizes: list[int], **more: Any) -> str:
    """A job that ended with images of these sizes (bytes)."""
    job_id = desk.submit({**CREATE, "provider": "stability", "num_variations": len(sizes), **more})
    desk.work()
    answer = json.loads(desk.job(job_id).answer or "")
    for each, size in zip(answer["results"], sizes, strict=True):
        each["stored"]["size"] = size
        body = random.Random(size).randbytes(size)
        aws_clients.s3().put_object(Bucket=BUCKET, Key=each["stored"]["key"], Body=body)
    desk.db.update_item(
        TableName=TABLE,
        Key=keys.job_key(ALICE, job_id),
        UpdateExpression="SET answer = :answer",
        ExpressionAttributeValues={":answer": {"S": json.dumps(answer)}},
    )
    return job_id


def fetch(desk: Desk, job_id: str, **more: str) -> list[dict[str, Any]]:
    """The results of a job's documented body, which fits into Lambda's response."""
    query = "?" + "&".join(f"{name}={value}" for name, value in more.items())
    answer = desk.ask("GET", f"/jobs/{job_id}/result{query}")
    assert answer.status == 200
    event = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= MAX_RESPONSE
    results: list[dict[str, Any]] = answer.json["results"]
    assert all(("image_base64" in each) != ("image_url" in each) for each in results)
    return results


def bytes_of(result: dict[str, Any]) -> bytes:
    """An image, from wherever it is."""
    if "image_base64" in result:
        return base64.b64decode(result["image_base64"])
    got = requests.get(result["image_url"], timeout=10)
    assert got.status_code == 200
    return got.content


@pytest.mark.parametrize("prompt", ["a lamp", NASTY])
def test_answers_straddle_the_limit(desk: Desk, prompt: str) -> None:
    """The largest image that fits is inline, and within 200 bytes of the limit; three bytes more are a URL."""
    job_id = job_with(desk, [1], prompt=prompt)
    room = MAX_BODY - len(json.dumps(desk.ask("GET", f"/jobs/{job_id}/result").body, ensure_ascii=False).encode())
    low, high = room // 4 - 400, room // 4 + 400  # in steps of three bytes, which base64 makes four
    assert inline(desk, job_id, 3 * low)
    assert not inline(desk, job_id, 3 * high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if inline(desk, job_id, 3 * middle) else (low, middle)
    largest = 3 * low
    assert inline(desk, job_id, largest)
    body = desk.ask("GET", f"/jobs/{job_id}/result").body
    assert MAX_BODY - 1_000 < len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_BODY
    assert not inline(desk, job_id, largest + 3)
    (result,) = fetch(desk, job_id)
    assert len(bytes_of(result)) == largest + 3


def inline(desk: Desk, job_id: str, size: int) -> bool:
    """Whether an image of this size comes inside the answer."""
    job = desk.job(job_id)
    answer = json.loads(job.answer or "")
    stored = answer["results"][0]["stored"]
    stored["size"] = size
    aws_clients.s3().put_object(Bucket=BUCKET, Key=stored["key"], Body=bytes(size))
    desk.db.update_item(
        TableName=TABLE,
        Key=job.key,
        UpdateExpression="SET answer = :answer",
        ExpressionAttributeValues={":answer": {"S": json.dumps(answer)}},
    )
    return "image_base64" in fetch(desk, job_id)[0]


def test_ten_images_of_three_megabytes(desk: Desk) -> None:
    """One is inline, nine are URLs, and each is the whole image."""
    sizes = [3_000_000 + number for number in range(10)]
    results = fetch(desk, job_with(desk, sizes))
    assert ["image_base64" in each for each in results] == [True] + [False] * 9
    for result, size in zip(results, sizes, strict=True):
        assert bytes_of(result) == random.Random(size).randbytes(size)


def test_small_ones_fill_what_large_ones_leave(desk: Desk) -> None:
    """An image too large doesn't keep those after it from being inline."""
    results = fetch(desk, job_with(desk, [9_000_000, 1_000, 2_000]))
    assert ["image_base64" in each for each in results] == [False, True, True]


def test_urls_only_where_asked(desk: Desk) -> None:
    """`delivery=url` inlines nothing."""
    results = fetch(desk, job_with(desk, [100, 100]), delivery="url")
    assert ["image_url" in each for each in results] == [True, True]


def test_a_image_that_is_gone_is_no_failure(desk: Desk) -> None:
    """The rest of the answer is given; the URL of what the lifecycle took says 404 by itself."""
    job_id = job_with(desk, [100, 100])
    wiring.images().delete_all(keys.result_key(ALICE, job_id, 1))
    results = fetch(desk, job_id)
    assert ["image_base64" in each for each in results] == [False, True]
