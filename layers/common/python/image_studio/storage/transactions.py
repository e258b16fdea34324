"""DynamoDB's attribute format, and conditional writes that are retried when they meet a transaction."""

import time
from collections.abc import Mapping, Sequence
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any

from image_studio.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

_random = SystemRandom()  # restored snapshots share the state of the `random` module
MAX_TRIES = 25  # of a write that met a transaction on the same record
FIRST_PAUSE = 0.02  # seconds, doubled at each try up to the longest, then jittered
LONGEST_PAUSE = 0.4
MAX_READ = 100  # records of one BatchGetItem, DynamoDB's limit
MAX_READS = 5  # of records that a busy table leaves out

#: Reasons to retry (AWS, "TransactWriteItems"); any other is a mistake of ours.
_RETRYABLE = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_REFUSED = "ConditionalCheckFailed"


def pack(values: Mapping[str, Any]) -> Item:
    """Return plain values as DynamoDB attributes; None is left out."""
    return {name: _pack(value) for name, value in values.items() if value is not None}


def _pack(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, Mapping):
        return {"M": pack(value)}
    if isinstance(value, list):
        return {"L": [_pack(member) for member in value]}
    raise TypeError(f"records hold text, whole numbers, flags, maps and lists, not {type(value).__name__}")


def unpack(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return DynamoDB attributes as plain values."""
    return {name: _unpack(value) for name, value in item.items()}


def _unpack(value: Mapping[str, Any]) -> Any:
    (kind, content), *_ = value.items()
    if kind == "N":
        return int(content)
    if kind == "M":
        return unpack(content)
    if kind == "L":
        return [_unpack(member) for member in content]
    return content


def read(client: "DynamoDBClient", table: str, key: Item, *, consistent: bool = True) -> dict[str, Any] | None:
    """Return a record's plain values, or None where there is no record."""
    found = client.get_item(TableName=table, Key=key, ConsistentRead=consistent).get("Item")
    return unpack(found) if found else None


def read_prefix(
    client: "DynamoDBClient", table: str, pk: str, prefix: str, *, consistent: bool = False, **more: Any
) -> list[dict[str, Any]]:
    """Return the plain values of a partition's records whose sort key starts so; `more` goes into the Query."""
    found = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues=pack({":pk": pk, ":prefix": prefix}),
        ConsistentRead=consistent,
        **more,
    )
    return [unpack(item) for item in found["Items"]]


def read_many(
    client: "DynamoDBClient", table: str, wanted: Sequence[Item], *, consistent: bool = True
) -> list[dict[str, Any]]:
    """Return the plain values of the records that are there, in any order, by calls for at most 100 each.

    Raises TemporarilyUnavailable where a busy table goes on leaving records out.
    """
    found: list[dict[str, Any]] = []
    for start in range(0, len(wanted), MAX_READ):
        left: Any = {table: {"Keys": wanted[start : start + MAX_READ], "ConsistentRead": consistent}}
        for attempt in range(MAX_READS):
            answer = client.batch_get_item(RequestItems=left)
            found += [unpack(item) for item in answer["Responses"].get(table, [])]
            left = answer.get("UnprocessedKeys")
            if not left:
                break
            _pause(attempt)
        else:
            raise TemporarilyUnavailable
    return found


def change_of(
    table: str,
    key: Item,
    change: str,
    values: Mapping[str, Any],
    condition: str = "",
    *,
    names: Mapping[str, str] | None = None,
) -> Item:
    """Return an update, for `update` or as a step of `transact`; `values` are plain."""
    made = {"TableName": table, "Key": key, "UpdateExpression": change, "ExpressionAttributeValues": pack(values)}
    made |= {"ConditionExpression": condition} if condition else {}
    return made | ({"ExpressionAttributeNames": dict(names)} if names else {})


def count_step(table: str, key: Item, step: int, most: int | None = None) -> Item:
    """Return a step of `transact` that changes the count `n` of records beside it, up to `most`."""
    values = {":step": step} | ({":most": most} if most is not None else {})
    condition = "attribute_not_exists(n) OR n < :most" if most is not None else ""
    return {"Update": change_of(table, key, "ADD n :step", values, condition)}


def put_new(table: str, item: Item) -> Item:
    """Return a step of `transact` that writes a record which isn't there yet."""
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def transact(client: "DynamoDBClient", steps: Mapping[str, Item]) -> dict[str, Item]:
    """Write all steps or none, and return the steps whose condition refused; empty where all were written.

    Each refused step comes with its record, where it has `ReturnValuesOnConditionCheckFailure`.
    Raises TemporarilyUnavailable where other transactions on the same records keep coming first.
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
            if not _RETRYABLE.intersection(reason.get("Code", "") for reason in reasons):
                raise
            _pause(attempt)
        else:
            return {}
    raise TemporarilyUnavailable


def update(client: "DynamoDBClient", change: Item) -> Item | None:
    """Make one conditional update; return the record after it, or None where its condition refused."""
    for attempt in range(MAX_TRIES):
        try:
            return client.update_item(**change, ReturnValues="ALL_NEW")["Attributes"]
        except client.exceptions.ConditionalCheckFailedException:
            return None
        except client.exceptions.TransactionConflictException:
            _pause(attempt)
    raise TemporarilyUnavailable


def _pause(attempt: int) -> None:
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    time.sleep(longest * _random.uniform(0.25, 1))
