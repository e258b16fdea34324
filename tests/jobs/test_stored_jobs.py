"""Job records as they are stored: every stage and status stays readable, whatever a deployment renames.

stored_jobs.json has literal DynamoDB items with the objects beside them; a number stands for an image's bytes.
Never adapt it to the code: records and code of different deployments meet in production.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from image_studio.operations.journal import Stage
from image_studio.runtime import aws_clients
from image_studio.storage import keys
from image_studio.storage.job import Status
from tests.jobs.harness import Harness, png
from tests.tables import BUCKET, TABLE

CASES: dict[str, Any] = {
    case["name"]: case for case in json.loads((Path(__file__).parent / "stored_jobs.json").read_text())
}
#: What a worker makes of each: status, code of the error, paid calls, handles that were followed.
OUTCOMES = {
    "queued": ("succeeded", None, 1, []),
    "queued, fresh again": ("succeeded", None, 1, []),
    "queued, ordered": ("succeeded", None, 0, ["prediction-1"]),
    "queued, with an image": ("succeeded", None, 1, []),
    "running, intended": ("failed", "unknown_charge", 0, []),
    "running, received": ("succeeded", None, 0, []),
    "running, done": ("succeeded", None, 0, []),
    "waiting for its upload": ("queued", None, 0, []),
    "succeeded in part": ("succeeded", None, 0, []),
    "succeeded, with an image": ("succeeded", None, 0, []),
    "failed": ("failed", "provider_failed", 0, []),
}


def store(harness: Harness, case: Any) -> str:
    """Put the case's record and objects where they belong; its id."""
    aws_clients.dynamodb().put_item(TableName=TABLE, Item=case["item"])
    for key, content in case["objects"].items():
        body = content.encode() if isinstance(content, str) else png()
        aws_clients.s3().put_object(Bucket=BUCKET, Key=key, Body=body)
    return str(case["item"]["id"]["S"])


@pytest.mark.parametrize("name", CASES)
def test_the_status_is_served(harness: Harness, name: str) -> None:
    """GET /jobs/{id} is the same, field by field, with URLs of what is done, and the job is in the list."""
    case = CASES[name]
    job_id = store(harness, case)
    shown = harness.status(job_id)
    for each in shown["variations"]:
        assert ("image_url" in each) == (each["status"] == "succeeded")
        each.pop("image_url", None)
    assert shown == case["status"]
    assert harness.ask("GET", "/jobs").json["jobs"] == [case["status"]]


@pytest.mark.parametrize("name", CASES)
def test_a_worker_goes_on_from_the_record(harness: Harness, name: str) -> None:
    """It pays for what wasn't paid, follows handles, uses what was received, and repeats no unknown call."""
    status, code, paid, resumed = OUTCOMES[name]
    job_id = store(harness, CASES[name])
    harness.deliver({"tenant": keys.tenant_of("alice"), "job": job_id})
    found = harness.status(job_id)
    assert (found["status"], (found["error"] or {}).get("code")) == (status, code)
    assert found["credits"]["held"] == (3 if code == "unknown_charge" else CASES[name]["status"]["credits"]["held"])
    assert (len(harness.provider_client.paid), harness.provider_client.resumed) == (paid, resumed)
    result = harness.ask("GET", f"/jobs/{job_id}/result?wait=0")
    assert result.status == {"succeeded": 200, "failed": 500, "queued": 303}[status]
    if status == "succeeded":
        images = result.json.get("results", [result.json])
        assert all(each["image_base64"] for each in images)


def test_the_stored_result_is_served(harness: Harness) -> None:
    """Results and errors of variations as they were, and the credits of the unknown one on hold."""
    case = CASES["succeeded in part"]
    body = harness.ask("GET", f"/jobs/{store(harness, case)}/result").json
    assert (body["total_generated"], body["total_failed"]) == (1, 1)
    assert [each["variation"] for each in body["results"]] == [1]
    assert [(each["variation"], each["code"]) for each in body["errors"]] == [(2, "unknown_charge")]


def test_every_stage_and_status_is_among_them() -> None:
    """A new one needs a case."""
    entries = [json.loads(each["S"]) for case in CASES.values() for each in case["item"]["variations"]["M"].values()]
    assert {entry["stage"] for entry in entries} == set(Stage)
    assert {case["item"]["status"]["S"] for case in CASES.values()} == set(Status)
