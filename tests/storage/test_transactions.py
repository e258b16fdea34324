"""Conditional writes that meet transactions: tried again, a bounded number of times."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage.transactions import MAX_TRIES, transact, update
from tests.waiting import replace_sleep

STEP = {"Put": {"TableName": "table", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}}
STEPS = {"a": STEP, "b": STEP}


class Stubborn:
    """A client that refuses a number of times, each time for the same reason."""

    def __init__(self, code: str, times: int) -> None:
        self.exceptions = boto3.client("dynamodb", region_name="us-east-1").exceptions
        self.left, self.calls, self.code = times, 0, code

    def _refuse(self, kind: str) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            reasons = [{"Code": "None"}, {"Code": self.code, "Item": {"pk": {"S": "was"}}}]
            response: Any = {"Error": {"Code": kind}, "CancellationReasons": reasons}
            raise getattr(self.exceptions, kind)(response, "operation")

    def transact_write_items(self, **_: Any) -> None:
        self._refuse("TransactionCanceledException")

    def update_item(self, **_: Any) -> dict[str, Any]:
        self._refuse("TransactionConflictException")
        return {"Attributes": {"pk": {"S": "a"}}}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    replace_sleep(monkeypatch, made.append)
    return made


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_what_passes_is_tried_again(code: str, pauses: list[float]) -> None:
    """Up to the last try, with pauses that grow to their bound. After it nothing was written."""
    client: Any = Stubborn(code, MAX_TRIES - 1)
    assert transact(client, STEPS) == {}
    assert client.calls == MAX_TRIES
    assert 0.005 <= pauses[0] <= 0.02
    assert 0.1 <= pauses[-1] <= max(pauses) <= 0.4
    assert sum(pauses) < 10
    client = Stubborn(code, MAX_TRIES)
    with pytest.raises(TemporarilyUnavailable):
        transact(client, STEPS)
    assert client.calls == MAX_TRIES


def test_what_does_not_pass_is_not_tried_again() -> None:
    """A refused condition brings the record where the step wants it; a mistake of ours is an error."""
    client: Any = Stubborn("ConditionalCheckFailed", 1)
    assert transact(client, STEPS) == {"b": {"pk": {"S": "was"}}}
    assert client.calls == 1
    client = Stubborn("ValidationError", 1)
    with pytest.raises(ClientError):
        transact(client, STEPS)
    assert client.calls == 1


def test_an_update_waits_for_a_transaction(pauses: list[float]) -> None:
    """A step that meets the end of its own job, or a claim that meets a submit, is tried again."""
    client: Any = Stubborn("", MAX_TRIES - 1)
    assert update(client, {}) == {"pk": {"S": "a"}}
    assert len(pauses) == MAX_TRIES - 1
    with pytest.raises(TemporarilyUnavailable):
        update(Stubborn("", MAX_TRIES), {})  # type: ignore[arg-type]
