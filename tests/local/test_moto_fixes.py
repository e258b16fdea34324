"""moto, mended: transactions, queries, values and messages are as on AWS, in a fraction of moto's time."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models.table import Table
from moto.sqs.models import Queue

from local import moto_fixes

moto_fixes.apply()


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        table = boto3.resource("dynamodb", "us-east-1").create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "color")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_color",
                    "KeySchema": [
                        {"AttributeName": "color", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        for name in ("changed", "deleted", "replaced"):
            table.put_item(Item={"pk": "p", "sk": name, "n": 1, "words": {"a", "b"}})
        yield table


def transact(table: Any, expected: int, changed: str = "changed") -> None:
    """Change, delete, replace and add, if the changed one's number is as expected."""
    update = {"UpdateExpression": "SET n = :n", "ConditionExpression": "n = :n"}
    update |= {"ExpressionAttributeValues": {":n": expected}}
    table.meta.client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "t", "Item": {"pk": "p", "sk": "added"}}},
            {"Delete": {"TableName": "t", "Key": {"pk": "p", "sk": "deleted"}}},
            {"Put": {"TableName": "t", "Item": {"pk": "p", "sk": "replaced", "n": 7}}},
            {"Update": {"TableName": "t", "Key": {"pk": "p", "sk": changed}, **update}},
        ]
    )


def test_a_transaction_changes_all_that_it_names_or_nothing(table: Any) -> None:
    """Changes before a failed condition are undone; two changes of one item are refused."""
    before = table.scan()["Items"]
    with pytest.raises(ClientError) as cancelled:
        transact(table, 2)
    codes = [each["Code"] for each in cancelled.value.response["CancellationReasons"]]
    assert codes == ["None", "None", "None", "ConditionalCheckFailed"]
    with pytest.raises(ClientError, match="multiple operations on one item"):
        transact(table, 7, changed="replaced")
    assert table.scan()["Items"] == before
    transact(table, 1)
    found = {item["sk"]: item for item in table.scan()["Items"]}
    assert set(found) == {"changed", "replaced", "added"}
    assert found["replaced"] == {"pk": "p", "sk": "replaced", "n": 7}


def test_a_query_reads_its_partition_only(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, by condition and page, of the table or an index, with other partitions beside it or none of its own."""
    read = []
    all_items = Table.all_items
    monkeypatch.setattr(Table, "all_items", lambda part: read.append(len(all_items(part))) or all_items(part))
    for name in ("b", "c", "a"):
        table.put_item(Item={"pk": "q", "sk": name, "color": "red"})
    found = table.query(KeyConditionExpression=Key("pk").eq("q") & Key("sk").gt("a"), Limit=1)
    assert [each["sk"] for each in found["Items"]] == ["b"]
    rest = table.query(KeyConditionExpression=Key("pk").eq("q"), ExclusiveStartKey=found["LastEvaluatedKey"])
    assert [each["sk"] for each in rest["Items"]] == ["c"]
    assert table.query(KeyConditionExpression=Key("pk").eq("none"))["Items"] == []
    table.put_item(Item={"pk": "r", "sk": "0", "color": "red"})
    red = table.query(IndexName="by_color", KeyConditionExpression=Key("color").eq("red"), ScanIndexForward=False)
    assert [each["sk"] for each in red["Items"]] == ["c", "b", "a", "0"]
    assert read == [3, 3, 0, 4]
    assert len(table.scan()["Items"]) == 7


def test_values_come_as_they_were_put(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are JSON already are not looked at; bytes, maps and lists are."""
    asked = []
    get_value = ResponseSerializer.get_value
    monkeypatch.setattr(
        ResponseSerializer,
        "get_value",
        lambda self, value, key, shape: asked.append(value) or get_value(self, value, key, shape),
    )
    item = {"pk": "v", "sk": "all", "n": 7, "words": {"a"}, "numbers": {1, 2}, "yes": True, "none": None}
    item |= {"bytes": Binary(b"\0\xff"), "map": {"a": [1, "b", {"c": Binary(b"d")}]}}
    table.put_item(Item=item)
    assert table.get_item(Key={"pk": "v", "sk": "all"})["Item"] == item
    assert {"N": "7"} not in asked
    assert any("M" in value for value in asked)


def test_a_message_comes_without_counting_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is retained, and no longer."""
    with mock_aws():
        sqs = boto3.client("sqs", "us-east-1")
        url = sqs.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="kept")
        monkeypatch.setattr(Queue, "approximate_number_of_messages", property(lambda _: 1 / 0))
        [message] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
        assert message["Body"] == "kept"
        now = time.time()
        monkeypatch.setattr(moto_fixes.time, "time", lambda: now + 61)
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
