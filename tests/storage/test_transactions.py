"""Conditional writes that meet transactions: tried again, a bounded number of times."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from image_studio.errors import TemporarilyUnavailable
from image_studio.runtime import aws_clients
from image_studio.storage import transactions as module
from image_studio.storage.jobs import JobStore
from image_studio.storage.transactions import MAX_TRIES, transact, update

STEP = {"Put": {"TableName": "table", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}}


class Stubborn:
    """A client that refuses a number of times, each time for the same reason."""

    def __init__(self, code: str, times: int) -> None:
        self.exceptions = aws_clients.dynamodb().exceptions
        self.left, self.calls, self.code = times, 0, code

    def _refuse(self, kind: str) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            reasons = [{"Code": "None"}, {"Code": self.code, "Item": {"pk": {"S": "was"}}}]
            response: Any = {"Error": {"Code": kind}, "CancellationReasons": reasons}
            raise getattr(self.exceptions, kind)(response, "operation")

    def transact_write_items(self, **_: Any) -> None:
        """A transaction."""
        self._refuse("TransactionCanceledException")

    def update_item(self, **_: Any) -> dict[str, Any]:
        """An update."""
        self._refuse("TransactionConflictException")
        return {"Attributes": {"pk": {"S": "a"}}}


@pytest.fixture(autouse=True)
def pauses(jobs: JobStore, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without their time."""
    made: list[float] = []
    monkeypatch.setattr(module.time, "sleep", made.append)
    return made


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_what_passes_is_tried_again(code: str, pauses: list[float]) -> None:
    """Up to the last try, with pauses that grow to their bound."""
    client: Any = Stubborn(code, MAX_TRIES - 1)
    assert transact(client, {"a": STEP, "b": STEP}) == {}
    assert client.calls == MAX_TRIES
    assert max(pauses) <= module.LONGEST_PAUSE
    assert sum(pauses) < 10


def test_a_conflict_without_end_is_ours(pauses: list[float]) -> None:
    """After the last try the caller is told to come back; nothing was written."""
    client: Any = Stubborn("TransactionConflict", MAX_TRIES)
    with pytest.raises(TemporarilyUnavailable):
        transact(client, {"a": STEP, "b": STEP})
    assert client.calls == MAX_TRIES


def test_a_refused_condition_is_an_answer() -> None:
    """It isn't tried again, and brings the record where the step asked for it."""
    client: Any = Stubborn("ConditionalCheckFailed", 1)
    assert transact(client, {"a": STEP, "b": STEP}) == {"b": {"pk": {"S": "was"}}}
    assert client.calls == 1


def test_a_mistake_of_ours_is_raised() -> None:
    """What no repetition mends is an error at once."""
    client: Any = Stubborn("ValidationError", 1)
    with pytest.raises(ClientError):
        transact(client, {"a": STEP, "b": STEP})
    assert client.calls == 1


def test_an_update_waits_for_a_transaction(pauses: list[float]) -> None:
    """A step that meets the end of its own job, or a claim that meets a submit, is tried again."""
    client: Any = Stubborn("", MAX_TRIES - 1)
    assert update(client, {}) == {"pk": {"S": "a"}}
    assert len(pauses) == MAX_TRIES - 1
    with pytest.raises(TemporarilyUnavailable):
        update(Stubborn("", MAX_TRIES), {})  # type: ignore[arg-type]
