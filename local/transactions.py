"""moto's DynamoDB as DynamoDB is: one change at a time, and transactions that cost what they touch."""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

Operation = Mapping[str, Any]


def mend(handler: Any, backend: Any, table: Any) -> None:
    """Mend moto's classes in this process: its DynamoHandler, its DynamoDBBackend and its Table."""
    handler.call_action = one_at_a_time(handler.call_action)
    backend.transact_write_items = _undone_by_item(backend.transact_write_items)
    # moto copies all of a table before each transaction, to be able to go back: a thousand jobs made it crawl.
    table.__deepcopy__ = lambda self, memo: self


def one_at_a_time(action: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """DynamoDB checks a condition and writes in one step; moto, asked by several at once, needs a lock for that."""
    lock = threading.RLock()

    def locked(handler: Any) -> Any:
        with lock:
            return action(handler)

    return locked


def _undone_by_item(transact: Callable[[Any, list[Operation]], None]) -> Callable[[Any, list[Operation]], None]:
    def transact_write_items(backend: Any, transact_items: list[Operation]) -> None:
        before = [_item(backend, operation) for each in transact_items for operation in each.values()]
        try:
            transact(backend, transact_items)
        except Exception:
            for table_name, key, item in before:
                _put_back(backend, table_name, key, item)
            raise

    return transact_write_items


def _item(backend: Any, operation: Operation) -> tuple[str, Operation, Any]:
    """The item that an operation names, as it is now, with its table and key."""
    name = operation["TableName"]
    table = backend.get_table(name)
    attributes = operation.get("Key") or operation["Item"]
    key = {each: attributes[each] for each in (table.hash_key_attr, table.range_key_attr) if each}
    return name, key, copy.deepcopy(backend.get_item(name, key))


def _put_back(backend: Any, table_name: str, key: Operation, item: Any) -> None:
    backend.delete_item(table_name, key)
    if item is not None:
        backend.put_item(table_name, item.to_json()["Attributes"])
