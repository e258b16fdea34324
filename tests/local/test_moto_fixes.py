"""moto's transactions, mended: nothing is copied but what they name, and a cancelled one changes nothing."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from local import moto_fixes


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table of moto's, with three items."""
    for kind, name in ((DynamoHandler, "call_action"), (DynamoDBBackend, "transact_write_items")):
        monkeypatch.setattr(kind, name, getattr(kind, name))  # puts them back
    monkeypatch.setattr(Table, "__deepcopy__", None, raising=False)
    moto_fixes.apply(DynamoHandler, DynamoDBBackend, Table)
    with mock_aws():
        table = boto3.resource("dynamodb", "us-east-1").create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        for name in ("changed", "deleted", "replaced"):
            table.put_item(Item={"pk": "p", "sk": name, "n": 1, "words": {"a", "b"}})
        yield table


def everything(table: Any) -> dict[str, Any]:
    """All items by their sort key."""
    return {item["sk"]: item for item in table.scan()["Items"]}


def transact(table: Any, expected: int, changed: str = "changed") -> None:
    """Change, delete, replace and add, if the changed one's number is as expected."""
    key = {"pk": "p"}
    update = {
        "UpdateExpression": "SET n = :n",
        "ConditionExpression": "n = :n",
        "ExpressionAttributeValues": {":n": expected},
    }
    table.meta.client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "t", "Item": {**key, "sk": "added"}}},
            {"Delete": {"TableName": "t", "Key": {**key, "sk": "deleted"}}},
            {"Put": {"TableName": "t", "Item": {**key, "sk": "replaced", "n": 7}}},
            {"Update": {"TableName": "t", "Key": {**key, "sk": changed}, **update}},
        ]
    )


def test_a_transaction_changes_what_it_names(table: Any) -> None:
    """Items are added, deleted and replaced."""
    transact(table, 1)
    found = everything(table)
    assert set(found) == {"changed", "replaced", "added"}
    assert found["replaced"] == {"pk": "p", "sk": "replaced", "n": 7}


def test_a_cancelled_one_changes_nothing(table: Any) -> None:
    """Changes before the failed condition are undone; two changes of one item are refused."""
    before = everything(table)
    with pytest.raises(ClientError) as cancelled:
        transact(table, 2)
    codes = [each["Code"] for each in cancelled.value.response["CancellationReasons"]]
    assert codes == ["None", "None", "None", "ConditionalCheckFailed"]
    with pytest.raises(ClientError, match="multiple operations on one item"):
        transact(table, 7, changed="replaced")
    assert everything(table) == before


class Slow:
    """A handler that notices when it is asked while it works."""

    at_work = 0
    most = 0

    def call_action(self) -> None:
        """Work for a moment."""
        Slow.at_work += 1
        Slow.most = max(Slow.most, Slow.at_work)
        time.sleep(0.002)
        Slow.at_work -= 1


def test_one_request_at_a_time() -> None:
    """Requests of several threads run one after the other."""
    moto_fixes.apply(Slow, type("Backend", (), {"transact_write_items": None}), type("Table", (), {}))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Slow().call_action(), range(24)))
    assert Slow.most == 1
