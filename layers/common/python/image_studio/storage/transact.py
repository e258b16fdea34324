"""Several conditional writes as one: all of them or none."""

import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_TRIES = 10  # of a transaction that met another one on the same record
FIRST_PAUSE = 0.02  # seconds, doubled at each try and jittered


def transact(client: "DynamoDBClient", steps: Mapping[str, Item]) -> dict[str, Item]:
    """Write all steps, or none: those whose condition refused, empty where all was written.

    With the name of each comes its record, where the step asks for it (`ReturnValuesOnConditionCheckFailure`).

    Raises TemporarilyUnavailable where other transactions on the same records kept coming first.
    """
    for attempt in range(MAX_TRIES):
        try:
            client.transact_write_items(TransactItems=list(steps.values()))  # type: ignore[arg-type]  # built by hand
        except client.exceptions.TransactionCanceledException as error:
            reasons = zip(steps, error.response.get("CancellationReasons", []), strict=False)
            refused: dict[str, Item] = {
                name: reason.get("Item", {})  # type: ignore[misc]  # the stubs' own mapping type
                for name, reason in reasons
                if reason.get("Code") == "ConditionalCheckFailed"
            }
            if refused:
                return refused
            time.sleep(FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  jitter is no secret
        else:
            return {}
    raise TemporarilyUnavailable
