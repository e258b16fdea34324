"""The model of docs/scale.md counts what a job really asks of AWS."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from image_studio.runtime import configured_providers
from scripts.scale import inputs
from tests.jobs.harness import CREATE, Harness

READS = {"GetItem", "Query"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
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


def test_an_image_takes_the_calls_that_the_model_says(harness: Harness, calls: "Counter[str]") -> None:
    """From POST to the delivered result, whatever the process reads again meanwhile."""
    harness.submit()
    harness.work()
    configured_providers._known = None
    calls.clear()
    job_id = harness.submit(body={**CREATE, "delivery": "auto"})
    harness.work()
    assert harness.ask("GET", f"/jobs/{job_id}/result").status == 200
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
