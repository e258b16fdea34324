"""Fixes of moto: DynamoDB serves one request at a time and reads, copies and writes no more than it has to.

And SQS counts no messages. Without them a thousand jobs take moto an hour.
"""

import copy
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Operation = Mapping[str, Any]
PLAIN = {"S", "N", "SS", "NS", "BOOL", "NULL"}  # types of DynamoDB whose values are JSON already
INDEX_NAME = 6  # among what DynamoDBBackend gives Table.query after the hash key


@cache
def apply() -> None:
    """Patch moto in this process, once."""
    from moto.core.serialize import BaseJSONSerializer  # noqa: PLC0415  only who runs moto waits for its import
    from moto.dynamodb.models import DynamoDBBackend  # noqa: PLC0415  the same
    from moto.dynamodb.models.table import Table  # noqa: PLC0415  the same
    from moto.dynamodb.responses import DynamoHandler  # noqa: PLC0415  the same
    from moto.sqs.models import SQSBackend  # noqa: PLC0415  the same

    fixes: list[tuple[Any, str, Callable[[Any], Any]]] = [
        (DynamoHandler, "call_action", one_at_a_time),
        (DynamoDBBackend, "transact_write_items", _rolled_back_by_item),
        (Table, "query", _of_one_partition),
        (BaseJSONSerializer, "_serialize_type_structure", _plain_values_as_they_are),
        # For each message it hands out, it counted all messages of the queue nine times.
        (SQSBackend, "is_message_valid_based_on_retention_period", lambda _: _is_retained),
        # It copies the whole table before each transaction, for a rollback: with a thousand jobs that takes seconds.
        (Table, "__deepcopy__", lambda _: lambda table, memo: table),
    ]
    for kind, name, fix in fixes:
        setattr(kind, name, fix(getattr(kind, name, None)))


def _plain_values_as_they_are(serialize: Callable[..., None]) -> Callable[..., None]:
    """Write the values of an item without asking each of them for each of its ten possible types."""

    def serialize_structure(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict) and value.keys() <= PLAIN:
            serialized[key] = value
        else:
            serialize(serializer, serialized, value, shape, key)

    return serialize_structure


def _is_retained(backend: Any, queue_name: str, message: Any) -> bool:
    kept = backend.get_queue(queue_name).message_retention_period
    return bool(kept + message.sent_timestamp / 1000 > time.time())


def one_at_a_time(action: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add a lock: DynamoDB checks a condition and writes in one step, moto in two."""
    lock = threading.RLock()

    def locked(handler: Any) -> Any:
        with lock:
            return action(handler)

    return locked


def _rolled_back_by_item(transact: Callable[[Any, list[Operation]], None]) -> Callable[[Any, list[Operation]], None]:
    def transact_write_items(backend: Any, transact_items: list[Operation]) -> None:
        before = [_item(backend, operation) for each in transact_items for operation in each.values()]
        try:
            transact(backend, transact_items)
        except Exception:
            for table_name, key, item in before:
                _restore(backend, table_name, key, item)
            raise

    return transact_write_items


def _of_one_partition(query: Callable[..., Any]) -> Callable[..., Any]:
    """Let a query see the items of its partition only; moto sorts all items of the table for each."""

    def query_partition(table: Any, hash_key: Any, *given: Any, hash_key_conditions: Any, **named: Any) -> Any:
        partition = copy.copy(table)
        if given[INDEX_NAME] is None:
            partition.items = {hash_key: table.items[hash_key]} if hash_key in table.items else {}
        else:
            partition.items = {pk: _matching(rows, hash_key_conditions) for pk, rows in table.items.items()}
        return query(partition, hash_key, *given, hash_key_conditions=hash_key_conditions, **named)

    return query_partition


def _matching(rows: Operation, conditions: list[tuple[str, Any]]) -> Operation:
    def matches(attributes: Operation) -> bool:
        return all(name in attributes and attributes[name] == key for name, key in conditions)

    return {sk: item for sk, item in rows.items() if matches(item.attrs)}


def _item(backend: Any, operation: Operation) -> tuple[str, Operation, Any]:
    """Return the table, the key and a copy of the item that an operation changes."""
    name = operation["TableName"]
    table = backend.get_table(name)
    attributes = operation.get("Key") or operation["Item"]
    key = {each: attributes[each] for each in (table.hash_key_attr, table.range_key_attr) if each}
    return name, key, copy.deepcopy(backend.get_item(name, key))


def _restore(backend: Any, table_name: str, key: Operation, item: Any) -> None:
    backend.delete_item(table_name, key)
    if item is not None:
        backend.put_item(table_name, item.to_json()["Attributes"])
