"""The local AWS refuses what template.yaml's policies don't allow, as IAM would."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from image_studio.storage.objects import ObjectStore
from local.permissions import Demand, allows, policies_of
from local.stack import Stack
from local.template import Template
from tests.local.conftest import TOY


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
    """The worker can read the secret but not write it; other functions can do neither, nor take jobs."""
    secret = stack.resources["ProviderKeys"]["Ref"]
    worker = _as(stack, "WorkerFunction", "secretsmanager")
    assert not _refused(worker.get_secret_value, SecretId=secret)
    assert _refused(worker.put_secret_value, SecretId=secret, SecretString="{}")
    for function in ("CreateFunction", "EditFunction", "SocialFunction", "JobsFunction"):
        assert _refused(_as(stack, function, "secretsmanager").get_secret_value, SecretId=secret)
    assert _refused(_as(stack, "WorkerFunction", "events").list_rules)
    dead, jobs = stack.resources["DeadLetters"]["Ref"], stack.resources["JobQueue"]["Ref"]
    for function, queue in (("WorkerFunction", dead), ("CreateFunction", jobs), ("JobsFunction", jobs)):
        assert _refused(_as(stack, function, "sqs").receive_message, QueueUrl=queue)
    assert _refused(_as(stack, "CreateFunction", "sqs").send_message, QueueUrl=dead, MessageBody="{}")
    assert _refused(_as(stack, "SocialFunction", "sqs").send_message, QueueUrl=jobs, MessageBody="{}")


RECORDS = [  # function, partition, what it may do there with one record
    ("SocialFunction", "CALLER#t", {"get"}),
    ("SocialFunction", "LIMITS#t", {"update"}),
    ("SocialFunction", "STUDIO", {"get"}),
    ("SocialFunction", "PRINT#0#0000", {"get"}),
    ("WorkerFunction", "PRINT#0#0000", set()),
    ("CreateFunction", "PRINT#0#0000", set()),
    ("UpscaleFunction", "CALLER#t", {"get", "put", "update"}),
    ("UpscaleFunction", "STUDIO", {"get"}),
    ("UpscaleFunction", "OTHER", set()),
    ("CreateFunction", "CALLER#t", {"get", "put", "update", "delete"}),
    ("JobsFunction", "CALLER#t", {"get", "put", "update", "delete"}),
    ("LibraryFunction", "CALLER#t", {"get"}),
    ("LibraryFunction", "LIBRARY#t", {"get", "put", "update", "delete"}),
    ("CreateFunction", "LIBRARY#t", set()),
    ("WorkerFunction", "LIBRARY#t", set()),
    ("WorkerFunction", "CALLER#t", {"get", "put", "update"}),
    ("WorkerFunction", "STUDIO", {"get", "put", "update"}),
    ("WorkerFunction", "LIMITS#t", set()),
]


@pytest.mark.parametrize(("function", "partition", "allowed"), RECORDS)
def test_a_partition_limits_a_permission(stack: Stack, function: str, partition: str, allowed: set[str]) -> None:
    """Leading keys tell counting from spending; a transaction needs the right to each of its parts."""
    db, name = _as(stack, function, "dynamodb"), {"TableName": stack.resources["Table"]["Ref"]}
    key = {"pk": {"S": partition}, "sk": {"S": f"{function} tries"}}
    parts = {"put": {"Put": {**name, "Item": key}}, "delete": {"Delete": {**name, "Key": key}}}
    calls: dict[str, Callable[[], Any]] = {
        "get": lambda: db.get_item(**name, Key=key),
        "put": lambda: db.put_item(**name, Item=key),
        "update": lambda: db.update_item(
            **name, Key=key, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}
        ),
        "delete": lambda: db.delete_item(**name, Key=key),
        "scan": lambda: db.scan(**name),
        "drop": lambda: db.delete_table(**name),
    }
    assert {each for each, call in calls.items() if not _refused(call)} == allowed
    for number, kinds in enumerate((["put"], ["put", "delete"])):
        items = [json.loads(json.dumps(parts[kind]).replace("tries", f"tries {kind}{number}")) for kind in kinds]
        assert _refused(lambda items=items: db.transact_write_items(TransactItems=items)) is bool(set(kinds) - allowed)


@pytest.mark.parametrize(
    ("function", "partition", "allowed"),
    [
        ("WorkerFunction", "PRINT#0#0000", True),
        ("WorkerFunction", "CALLER#t", False),
        ("SocialFunction", "PRINT#0#0000", False),
    ],
)
def test_a_batch_needs_the_right_to_each_of_its_items(
    stack: Stack, function: str, partition: str, allowed: bool
) -> None:
    puts = [{"PutRequest": {"Item": {"pk": {"S": pk}, "sk": {"S": "tries"}}}} for pk in ("PRINT#1#0000", partition)]
    db = _as(stack, function, "dynamodb")
    batch = {stack.resources["Table"]["Ref"]: puts}
    assert _refused(lambda: db.batch_write_item(RequestItems=batch)) is not allowed


@pytest.mark.parametrize(
    ("function", "index", "condition", "value", "allowed"),
    [
        ("JobsFunction", "by_created", "pk = :v", "CALLER#t", True),
        ("JobsFunction", "by_created", "created = :v", "CALLER#t", False),
        ("JobsFunction", "by_lease", "lease = :v", "open#1", False),
        ("JobsFunction", None, "pk = :v", "CALLER#t", False),
        ("WorkerFunction", "by_lease", "lease = :v", "open#1", True),
        ("WorkerFunction", "by_lease", "lease = :v", "CALLER#t", False),
        ("CreateFunction", None, "pk = :v", "CALLER#t", True),
        ("CreateFunction", None, "pk = :v", "STUDIO", False),
        ("SocialFunction", None, "pk = :v", "PRINT#0#0000", True),
        ("WorkerFunction", None, "pk = :v", "PRINT#0#0000", False),
        ("LibraryFunction", None, "pk = :v", "LIBRARY#t", True),
        ("LibraryFunction", None, "pk = :v", "CALLER#t", False),
    ],
)
def test_a_query_is_of_one_partition(  # noqa: PLR0917  one row of the table
    stack: Stack, function: str, index: str | None, condition: str, value: str, allowed: bool
) -> None:
    """Each index needs a permission of its own."""
    asked = {"KeyConditionExpression": condition, "ExpressionAttributeValues": {":v": {"S": value}}}
    asked |= {"TableName": stack.resources["Table"]["Ref"], **({"IndexName": index} if index else {})}
    assert _refused(lambda: _as(stack, function, "dynamodb").query(**asked)) is not allowed


def test_a_copy_needs_the_right_to_both_objects_and_a_batch_to_each_record(stack: Stack) -> None:
    """The library copies results to library/; other functions can't write there, and it reads no other partition."""
    bucket, table = stack.resources["Bucket"]["Ref"], stack.resources["Table"]["Ref"]
    stack.aws.client("s3").put_object(Bucket=bucket, Key="results/x", Body=b"1")
    stack.aws.client("s3").put_object(Bucket=bucket, Key="inbox/x", Body=b"1")
    for function, source, key, allowed in (
        ("LibraryFunction", "results/x", "library/x", True),
        ("LibraryFunction", "results/x", "results/y", False),
        ("LibraryFunction", "inbox/x", "library/x", False),
        ("SocialFunction", "results/x", "library/x", False),
    ):
        s3, copied = _as(stack, function, "s3"), {"Bucket": bucket, "Key": source}
        assert _refused(s3.copy_object, Bucket=bucket, Key=key, CopySource=copied) is not allowed, (function, source)
    for partitions, allowed in ((["LIBRARY#t"], True), (["LIBRARY#t", "CALLER#t"], False)):
        asked = {table: {"Keys": [{"pk": {"S": each}, "sk": {"S": "x"}} for each in partitions]}}
        db = _as(stack, "LibraryFunction", "dynamodb")
        assert _refused(db.batch_get_item, RequestItems=asked) is not allowed


def test_only_the_jobs_function_lists_and_only_what_it_deletes(stack: Stack) -> None:
    """To the others a missing object is a refusal, as S3 has it, and our code takes that as missing."""
    bucket = stack.resources["Bucket"]["Ref"]
    jobs, edit = _as(stack, "JobsFunction", "s3"), _as(stack, "EditFunction", "s3")
    assert not _refused(lambda: jobs.list_objects_v2(Bucket=bucket, Prefix="results/t/1/"))
    for prefix in ("uploads/", "res", ""):
        assert _refused(lambda prefix=prefix: jobs.list_objects_v2(Bucket=bucket, Prefix=prefix))
    assert _refused(lambda: edit.list_objects_v2(Bucket=bucket, Prefix="results/t/1/"))
    assert _refused(lambda: edit.get_object(Bucket=bucket, Key="uploads/t/none"))
    assert ObjectStore(lambda: edit, bucket).get("uploads/t/none") is None
    assert _refused(lambda: edit.put_object(Bucket=bucket, Key="results/t/x", Body=b"1"))


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Action": "s3:*"},
        {"NotResource": "x"},
        {"Condition": {"StringLike": {"aws:SourceVpc": "x"}}},
        {"Condition": {"StringNotLike": {"s3:prefix": "x"}}},
    ],
)
def test_a_statement_that_is_not_understood_is_an_error(change: dict[str, Any]) -> None:
    """It would be simulated wrongly."""
    template = Template(TOY, attributes={"Bucket": {"Arn": "arn"}})
    template.document["Resources"]["MayWrite"]["Properties"]["PolicyDocument"]["Statement"][0].update(change)
    with pytest.raises(ValueError, match="does not understand"):
        policies_of(template)


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


def test_half_a_request_of_a_killed_process_is_no_error_of_ours(toy: Stack) -> None:
    """It is answered, and the local AWS prints nothing of it."""
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=Worker/x", "x-amz-target": "DynamoDB_20120810.GetItem"}
    answer = requests.post(toy.aws.endpoint, data='{"TableName": "t', headers=headers, timeout=60)
    assert (answer.status_code, answer.content) == (400, b"")
