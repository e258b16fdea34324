"""Fixes of moto: DynamoDB serves one request at a time and reads and copies what it needs; SQS counts no messages."""

import copy
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

Operation = Mapping[str, Any]
INDEX_NAME = 6  # among what DynamoDBBackend gives Table.query after the hash key


def apply(handler: Any, backend: Any, table: Any) -> None:
    """Patch moto's DynamoHandler, DynamoDBBackend and Table in this process."""
    handler.call_action = one_at_a_time(handler.call_action)
    backend.transact_write_items = _rolled_back_by_item(backend.transact_write_items)
    # moto copies the whole table before each transaction, for a rollback: with a thousand jobs that takes seconds.
    table.__deepcopy__ = lambda self, memo: self
    table.query = _of_one_partition(table.query)


def apply_to_sqs(backend: Any) -> None:
    """Patch moto's SQSBackend: for each message it hands out, it counted all messages of the queue nine times."""
    backend.is_message_valid_based_on_retention_period = _is_retained


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
