"""The local AWS refuses what template.yaml's policies don't allow, as IAM would."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from local.permissions import Demand, allows
from local.stack import Stack


def _as(stack: Stack, function: str, service: str, version: str | None = None) -> Any:
    keys = {"aws_access_key_id": function, "aws_secret_access_key": "x"}
    config = Config(signature_version=version)
    return boto3.client(service, endpoint_url=stack.aws.endpoint, region_name="us-east-1", config=config, **keys)


def _refused(operation: Callable[..., Any], **parameters: Any) -> bool:
    try:
        operation(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403"):
            return True
        raise
    return False


def test_a_prefix_limits_a_permission(toy: Stack) -> None:
    """The toy worker may write under out/ only, and read nothing."""
    bucket = toy.resources["Bucket"]["Ref"]
    s3 = _as(toy, "Worker", "s3")
    assert not _refused(s3.put_object, Bucket=bucket, Key="out/x", Body=b"1")
    assert _refused(s3.put_object, Bucket=bucket, Key="elsewhere/x", Body=b"1")
    for operation in (s3.get_object, s3.head_object, s3.delete_object):
        assert _refused(operation, Bucket=bucket, Key="out/x")
    assert _refused(s3.list_objects_v2, Bucket=bucket)
    assert _refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "out/x"}]})


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_can_do_no_more_than_its_signer(toy: Stack, version: str) -> None:
    """A URL or a form that is signed by a function without the permission is refused."""
    bucket = toy.resources["Bucket"]["Ref"]
    worker = _as(toy, "Worker", "s3", version)
    url = worker.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "out/x"})
    assert requests.get(url, timeout=60).status_code == 403
    for key, status in (("in/x", 403), ("out/form", 204)):
        form = worker.generate_presigned_post(bucket, key)
        answer = requests.post(form["url"], data=form["fields"], files={"file": b"\x89PNG\r\n\x1a\n"}, timeout=60)
        assert answer.status_code == status
    found = toy.aws.client("s3").get_object(Bucket=bucket, Key="out/form")["Body"].read()
    assert found == b"\x89PNG\r\n\x1a\n"


def test_only_the_worker_reads_the_secret(stack: Stack) -> None:
    """The worker can read the secret but not write it; other functions can do neither. Nobody receives messages."""
    secret = stack.resources["ProviderKeys"]["Ref"]
    worker = _as(stack, "WorkerFunction", "secretsmanager")
    assert not _refused(worker.get_secret_value, SecretId=secret)
    assert _refused(worker.put_secret_value, SecretId=secret, SecretString="{}")
    for function in ("CreateFunction", "EditFunction", "SocialFunction", "JobsFunction"):
        assert _refused(_as(stack, function, "secretsmanager").get_secret_value, SecretId=secret)
    assert _refused(_as(stack, "WorkerFunction", "events").list_rules)
    dead, jobs = stack.resources["DeadLetters"]["Ref"], stack.resources["JobQueue"]["Ref"]
    assert _refused(_as(stack, "WorkerFunction", "sqs").receive_message, QueueUrl=jobs)
    assert _refused(_as(stack, "CreateFunction", "sqs").send_message, QueueUrl=dead, MessageBody="{}")
    assert _refused(_as(stack, "SocialFunction", "sqs").send_message, QueueUrl=jobs, MessageBody="{}")


def test_nobody_scans_or_drops_the_table(stack: Stack) -> None:
    """No function may; each index and each part of a transaction needs a permission of its own."""
    name = stack.resources["Table"]["Ref"]
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    for function in ("CreateFunction", "JobsFunction", "WorkerFunction"):
        table = _as(stack, function, "dynamodb")
        assert not _refused(table.get_item, TableName=name, Key=key)
        assert _refused(table.scan, TableName=name)
        assert _refused(table.delete_table, TableName=name)
    leases = {"KeyConditionExpression": "lease = :l", "ExpressionAttributeValues": {":l": {"S": "x"}}}
    for function, refused in (("WorkerFunction", False), ("JobsFunction", True)):
        query = _as(stack, function, "dynamodb").query
        assert refused is _refused(query, TableName=name, IndexName="by_lease", **leases)
    transact = _as(stack, "UpscaleFunction", "dynamodb").transact_write_items  # it may put, but not delete
    put = {"Put": {"TableName": name, "Item": {"pk": {"S": "t"}, "sk": {"S": "1"}}}}
    delete = {"Delete": {"TableName": name, "Key": {"pk": {"S": "t"}, "sk": {"S": "2"}}}}
    assert not _refused(transact, TransactItems=[put])
    assert _refused(transact, TransactItems=[put, delete])


@pytest.mark.parametrize(
    ("demand", "allowed"),
    [
        (Demand("s3:GetObject", "arn:aws:s3:::b/results/a/b"), True),
        (Demand("s3:GetObject", "arn:aws:s3:::b/result/a"), False),
        (Demand("s3:GetObject", "arn:aws:s3:::c/results/a"), False),
        (Demand("s3:PutObject", "arn:aws:s3:::b/results/a"), False),
        (Demand("dynamodb:Query", "arn:t/index/x"), True),
        (Demand("dynamodb:Query", "arn:t"), False),
    ],
)
def test_a_statement_covers_actions_and_resources(demand: Demand, allowed: bool) -> None:
    """One statement must allow both the action and the resource."""
    statements = [
        {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/results/*"},
        {"Action": ["dynamodb:Query", "dynamodb:GetItem"], "Resource": ["arn:t/index/x"]},
    ]
    assert allows(statements, demand) is allowed
