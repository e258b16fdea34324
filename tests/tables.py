"""The template's table, bucket and secret in moto, in this process, for tests of what stands on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler

from image_studio.runtime import (
    aws_clients,
    circuit_breaker,
    configured_providers,
    credentials,
    rate_limits,
    reads,
    settings,
    signing,
    wiring,
    worker,
)
from local.moto_fixes import one_at_a_time
from local.template import Template

TABLE, BUCKET, SECRET = "table", "bucket", "provider-keys"
_CACHES = (
    settings.settings,
    signing.signing,
    circuit_breaker.circuits,
    credentials.credential_store,
    worker.provider_client,
    *(
        getattr(aws_clients, name)
        for name in ("dynamodb", "quick_dynamodb", "s3", "sqs", "secretsmanager", "kms", "_lambda")
    ),
    *(each for module in (wiring, rate_limits) for each in vars(module).values() if hasattr(each, "cache_clear")),
)


@cache
def _session() -> boto3.Session:
    """One session for all tests: it reads botocore's service models once."""
    return boto3.Session(region_name="us-east-1")


@cache
def _declared_table() -> dict[str, object]:
    table = next(iter(Template().resources("AWS::DynamoDB::Table")))
    taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: table.properties[name] for name in taken}


def forget() -> None:
    """Drop everything that a process keeps of its settings, clients and reads."""
    for each in _CACHES:
        each.cache_clear()
    configured_providers._known = None
    reads._last = None


@contextmanager
def fake_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Moto with the template's table, a bucket and a secret, safe for many threads; the settings point there."""
    monkeypatch.setattr(DynamoHandler, "call_action", one_at_a_time(DynamoHandler.call_action))
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
        monkeypatch.setattr(aws_clients, "account_concurrency", lambda: 1000)  # moto's Lambda has no account settings
        boto3.client("dynamodb").create_table(TableName=TABLE, **_declared_table())
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString="{}")
        for name, value in (("TABLE_NAME", TABLE), ("BUCKET_NAME", BUCKET), ("PROVIDER_SECRET_ID", SECRET)):
            monkeypatch.setenv(name, value)
        forget()
        yield
    forget()
