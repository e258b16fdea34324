"""The template's table, bucket and secret in moto, in this process, for tests of what stands on them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

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
from local import moto_fixes
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


moto_fixes.apply()

_make_client = aws_clients._client
_shared: dict[Any, Any] = {}


def _client(name: str, limits: tuple[float, float, int] = aws_clients.OTHERS) -> Any:
    """A client that all tests share, since to make one takes longer than a call of moto.

    What a test registers with its events ends with the test: the next one gets a new client.
    """
    key = name, limits, *sorted(each for each in os.environ.items() if each[0].startswith("AWS_"))
    if key not in _shared:
        client = _shared[key] = _make_client(name, limits)
        events = client.meta.events
        for method in ("register", "register_first"):
            setattr(events, method, _unshare_and(getattr(events, method), key))
    return _shared[key]


def _unshare_and(register: Callable[..., None], key: Any) -> Callable[..., None]:
    def registered(*arguments: Any, **named: Any) -> None:
        _shared.pop(key, None)
        register(*arguments, **named)

    return registered


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
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
        monkeypatch.setattr(aws_clients, "account_concurrency", lambda: 1000)  # moto's Lambda has no account settings
        monkeypatch.setattr(aws_clients, "_client", _client)
        _client("dynamodb").create_table(TableName=TABLE, **_declared_table())
        _client("s3").create_bucket(Bucket=BUCKET)
        _client("secretsmanager").create_secret(Name=SECRET, SecretString="{}")
        for name, value in (("TABLE_NAME", TABLE), ("BUCKET_NAME", BUCKET), ("PROVIDER_SECRET_ID", SECRET)):
            monkeypatch.setenv(name, value)
        forget()
        yield
    forget()
