"""Fixes of moto's DynamoDB: one request at a time, and transactions that copy only the items they change."""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

Operation = Mapping[str, Any]


def apply(handler: Any, backend: Any, table: Any) -> None:
    """Patch moto's DynamoHandler, DynamoDBBackend and Table in this process."""
    handler.call_action = one_at_a_time(handler.call_action)
    backend.transact_write_items = _rolled_back_by_item(backend.transact_write_items)
    # moto copies the whole table before each transaction, for a rollback: with a thousand jobs that takes seconds.
    table.__deepcopy__ = lambda self, memo: self


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
