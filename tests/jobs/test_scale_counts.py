"""The model of docs/scale.md counts what a job really asks of AWS."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from scripts.scale import inputs
from tests.jobs.desk import CREATE, Desk

READS = {"GetItem", "Query"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """AWS calls by name, from when the test clears them."""
    made: Counter[str] = Counter()
    plain = BaseClient._make_api_call

    def counted(self: Any, name: str, arguments: Any) -> Any:
        made[name] += 1
        return plain(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return made


def test_a_picture_takes_the_calls_that_the_model_says(desk: Desk, calls: "Counter[str]") -> None:
    """From POST to the delivered result, in a warm system."""
    desk.submit()
    desk.work()  # what is read once per process is read
    calls.clear()
    job_id = desk.submit(body={**CREATE, "delivery": "auto"})
    desk.work()
    assert desk.ask("GET", f"/jobs/{job_id}/result").status == 200
    model = inputs()["calls"]
    counted = {
        "dynamodb_reads": sum(calls[name] for name in READS),
        "dynamodb_writes": sum(calls[name] for name in WRITES),
        "dynamodb_transactions": calls["TransactWriteItems"],
        "s3_puts": calls["PutObject"],
        "s3_gets": calls["GetObject"] + calls["HeadObject"],
        "sqs_messages": calls["SendMessage"],
    }
    assert counted == {name: model[name] for name in counted}
