"""Conditional writes that meet transactions on the same records: tried again, a bounded number of times."""

import time
from collections.abc import Mapping
from secrets import SystemRandom
from typing import TYPE_CHECKING

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_TRIES = 25  # of a write that met a transaction on the same record
FIRST_PAUSE = 0.02  # seconds, doubled at each try up to the longest, then jittered
LONGEST_PAUSE = 0.4

#: Reasons to try again (AWS, "TransactWriteItems"); any other is a mistake of ours.
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_REFUSED = "ConditionalCheckFailed"


def transact(client: "DynamoDBClient", steps: Mapping[str, Item]) -> dict[str, Item]:
    """Write all steps, or none: those whose condition refused, empty where all was written.

    With the name of each comes its record, where the step asks for it (`ReturnValuesOnConditionCheckFailure`).
    Raises TemporarilyUnavailable where other transactions on the same records kept coming first.
    """
    for attempt in range(MAX_TRIES):
        try:
            client.transact_write_items(TransactItems=list(steps.values()))  # type: ignore[arg-type]  # built by hand
        except client.exceptions.TransactionCanceledException as error:
            reasons = error.response.get("CancellationReasons", [])
            refused: dict[str, Item] = {
                name: reason.get("Item", {})  # type: ignore[misc]  # the stubs' own mapping type
                for name, reason in zip(steps, reasons, strict=False)
                if reason.get("Code") == _REFUSED
            }
            if refused:
                return refused
            if not _PASSING.intersection(reason.get("Code", "") for reason in reasons):
                raise
            _rest(attempt)
        else:
            return {}
    raise TemporarilyUnavailable


def update(client: "DynamoDBClient", change: Item) -> Item | None:
    """One conditional update: the record as it is then, or None where its condition refused.

    Raises TemporarilyUnavailable where transactions on the same record kept coming first.
    """
    for attempt in range(MAX_TRIES):
        try:
            return client.update_item(**change, ReturnValues="ALL_NEW")["Attributes"]
        except client.exceptions.ConditionalCheckFailedException:
            return None
        except client.exceptions.TransactionConflictException:
            _rest(attempt)
    raise TemporarilyUnavailable


_random = SystemRandom()  # restored snapshots share the state of the `random` module


def _rest(attempt: int) -> None:
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    time.sleep(longest * _random.uniform(0.25, 1))
