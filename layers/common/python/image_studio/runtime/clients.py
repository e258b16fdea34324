"""AWS clients, made when first used and then shared: each costs tens of milliseconds of a cold start."""

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

_making = Lock()  # boto3 sessions may not be used by two threads while a client is made


def _client(name: str) -> Any:
    with _making:
        import boto3  # noqa: PLC0415  170 ms that a catalog read doesn't pay
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=32,
            signature_version="s3v4" if name == "s3" else None,
            s3={"addressing_style": "virtual" if not _local() else "path"},
        )
        return boto3.client(name, config=config)  # type: ignore[call-overload]


def _local() -> bool:
    import os  # noqa: PLC0415  beside its one use

    return bool(os.environ.get("AWS_ENDPOINT_URL"))


@lru_cache(maxsize=1)
def dynamodb() -> "DynamoDBClient":
    """DynamoDB."""
    return _client("dynamodb")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def s3() -> "S3Client":
    """S3."""
    return _client("s3")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def sqs() -> "SQSClient":
    """SQS."""
    return _client("sqs")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def secretsmanager() -> "SecretsManagerClient":
    """Secrets Manager."""
    return _client("secretsmanager")  # type: ignore[no-any-return]
