"""The model of docs/scale.md counts what a job really asks of AWS."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from image_studio.runtime import configured_providers, reaper
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
        if not _shared(arguments):
            made[name] += 1
        return plain(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return made


def _shared(arguments: Any) -> bool:
    """Whether it's about what a process reads every so often for all jobs together: providers, circuits, leases."""
    key = arguments.get("Key", arguments.get("Item"))
    return "IndexName" in arguments or (isinstance(key, dict) and key["pk"]["S"] == "STUDIO")


def test_a_image_takes_the_calls_that_the_model_says(
    desk: Desk, calls: "Counter[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """From POST to the delivered result, whatever the process reads anew meanwhile."""
    desk.submit()
    desk.work()
    configured_providers.forget()
    monkeypatch.setattr(reaper, "_asked", float("-inf"))
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
