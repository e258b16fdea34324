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
    return boto3.client(
        service,
        endpoint_url=stack.aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=function,
        aws_secret_access_key="x",
        config=Config(signature_version=version),
    )


def _refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403"):
            return True
        raise
    return False


def test_a_prefix_limits_a_permission(toy: Stack) -> None:
    """The toy worker may write under out/ only, and read nothing."""
    bucket = toy.resources["Bucket"]["Ref"]
    s3 = _as(toy, "Worker", "s3")
    assert not _refused(lambda: s3.put_object(Bucket=bucket, Key="out/x", Body=b"1"))
    assert _refused(lambda: s3.put_object(Bucket=bucket, Key="elsewhere/x", Body=b"1"))
    assert _refused(lambda: s3.get_object(Bucket=bucket, Key="out/x"))
    assert _refused(lambda: s3.head_object(Bucket=bucket, Key="out/x"))
    assert _refused(lambda: s3.delete_object(Bucket=bucket, Key="out/x"))
    assert _refused(lambda: s3.list_objects_v2(Bucket=bucket))
    assert _refused(lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "out/x"}]}))


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
    """The worker can read the secret but not write it; other functions can do neither."""
    secret = stack.resources["ProviderKeys"]["Ref"]
    assert not _refused(lambda: _as(stack, "WorkerFunction", "secretsmanager").get_secret_value(SecretId=secret))
    for function in ("CreateFunction", "EditFunction", "SocialFunction", "JobsFunction"):
        client = _as(stack, function, "secretsmanager")
        assert _refused(lambda client=client: client.get_secret_value(SecretId=secret))
    worker = _as(stack, "WorkerFunction", "secretsmanager")
    assert _refused(lambda: worker.put_secret_value(SecretId=secret, SecretString="{}"))


def test_nobody_scans_or_drops_the_table(stack: Stack) -> None:
    """No function may; and each index needs a permission of its own."""
    name = stack.resources["Table"]["Ref"]
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    for function in ("CreateFunction", "JobsFunction", "WorkerFunction"):
        table = _as(stack, function, "dynamodb")
        assert not _refused(lambda table=table: table.get_item(TableName=name, Key=key))
        assert _refused(lambda table=table: table.scan(TableName=name))
        assert _refused(lambda table=table: table.delete_table(TableName=name))
    asked = {"KeyConditionExpression": "lease = :l", "ExpressionAttributeValues": {":l": {"S": "x"}}}
    for function, refused in (("WorkerFunction", False), ("JobsFunction", True)):
        table = _as(stack, function, "dynamodb")
        assert refused is _refused(lambda table=table: table.query(TableName=name, IndexName="by_lease", **asked))


def test_a_transaction_needs_the_right_to_each_of_its_parts(stack: Stack) -> None:
    """The upscale function may put an item, but not delete one."""
    name = stack.resources["Table"]["Ref"]
    table = _as(stack, "UpscaleFunction", "dynamodb")
    put = {"Put": {"TableName": name, "Item": {"pk": {"S": "t"}, "sk": {"S": "1"}}}}
    drop = {"Delete": {"TableName": name, "Key": {"pk": {"S": "t"}, "sk": {"S": "2"}}}}
    assert not _refused(lambda: table.transact_write_items(TransactItems=[put]))
    assert _refused(lambda: table.transact_write_items(TransactItems=[put, drop]))


def test_functions_cannot_receive_messages(stack: Stack) -> None:
    """A function may send a job but not receive one; the social function may not send one."""
    queue = stack.resources["DeadLetters"]["Ref"]
    jobs = stack.resources["JobQueue"]["Ref"]
    assert _refused(lambda: _as(stack, "WorkerFunction", "sqs").receive_message(QueueUrl=jobs))
    assert _refused(lambda: _as(stack, "CreateFunction", "sqs").send_message(QueueUrl=queue, MessageBody="{}"))
    assert _refused(lambda: _as(stack, "SocialFunction", "sqs").send_message(QueueUrl=jobs, MessageBody="{}"))


def test_other_services_are_refused(stack: Stack) -> None:
    """Requests to other services are refused."""
    assert _refused(_as(stack, "WorkerFunction", "events").list_rules)


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
