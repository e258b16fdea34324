"""AWS clients, made on first use and then shared, and the failures that they raise."""

import os
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: What clients raise where the table, the bucket or the queue failed or couldn't be reached: worth another try later.
STORAGE_FAILURES = (BotoCoreError, ClientError)
_lock = Lock()  # boto3 sessions may not be used by two threads while a client is made


def _client(name: str) -> Any:
    with _lock:
        import boto3  # noqa: PLC0415  150 ms that a catalog read of the create function doesn't need
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=32,
            signature_version="s3v4" if name == "s3" else None,
            s3={
                "addressing_style": "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual",
                "us_east_1_regional_endpoint": "regional",  # the host that the playground's CSP allows
            },
        )
        return boto3.client(name, config=config)  # type: ignore[call-overload]


@lru_cache(maxsize=1)
def dynamodb() -> "DynamoDBClient":
    return _client("dynamodb")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def s3() -> "S3Client":
    return _client("s3")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def sqs() -> "SQSClient":
    return _client("sqs")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def secretsmanager() -> "SecretsManagerClient":
    return _client("secretsmanager")  # type: ignore[no-any-return]


def prepare() -> None:
    """Make the clients at init, on Lambda: init has a full processor, and a snapshot keeps what it made.

    This connects to none of the services. Under SnapStart the SDK takes its credentials from the container's endpoint;
    they carry their expiry, so a restored copy refreshes them when they are old.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for client in (dynamodb, s3, sqs):
            client()
