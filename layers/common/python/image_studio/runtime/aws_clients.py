"""AWS clients, made on first use and then shared, and the failures that they raise."""

import logging
import os
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: What clients raise where the table, the bucket or the queue failed or couldn't be reached: worth another try later.
STORAGE_FAILURES = (BotoCoreError, ClientError)
log = logging.getLogger(__name__)
#: Seconds to connect, seconds to read, attempts in all. DynamoDB responds in milliseconds. If it hangs, two calls in a
#: row must fail within API Gateway's 30 seconds. `QUICK` is for calls after a wait, and for what a response can omit.
OTHERS, DYNAMODB, QUICK = (3.0, 10.0, 5), (1.0, 2.0, 3), (0.5, 1.5, 1)
_lock = Lock()  # botocore sessions may not be used by two threads while a client is made


@lru_cache(maxsize=1)
def _session() -> Any:
    from botocore.session import get_session  # noqa: PLC0415  see below

    return get_session()


def _client(name: str, limits: tuple[float, float, int] = OTHERS) -> Any:
    connect, read, attempts = limits
    with _lock:
        # 130 ms that a catalog read of the create function doesn't need. boto3's client is the same one, but importing
        # boto3 takes 20 ms more, for a transfer manager that nothing here uses.
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            signature_version="s3v4" if name == "s3" else None,
            s3={
                "addressing_style": "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual",
                "us_east_1_regional_endpoint": "regional",  # the host that the playground's CSP allows
            },
        )
        return _session().create_client(name, config=config)


@lru_cache(maxsize=1)
def dynamodb() -> "DynamoDBClient":
    return _client("dynamodb", DYNAMODB)  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def quick_dynamodb() -> "DynamoDBClient":
    return _client("dynamodb", QUICK)  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def s3() -> "S3Client":
    return _client("s3")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def sqs() -> "SQSClient":
    return _client("sqs")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def events() -> Any:  # no stubs for one call
    return _client("events")


@lru_cache(maxsize=1)
def secretsmanager() -> "SecretsManagerClient":
    return _client("secretsmanager")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def kms() -> "KMSClient":
    return _client("kms")  # type: ignore[no-any-return]


def account_concurrency() -> int | None:
    """Return how many executions the account's functions share, or None where Lambda doesn't say."""
    try:
        return int(_lambda().get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
    except STORAGE_FAILURES:
        log.warning("the account's concurrency was not read", exc_info=True)
        return None


@lru_cache(maxsize=1)
def _lambda() -> Any:
    return _client("lambda", DYNAMODB)


@lru_cache(maxsize=8)
def provider_client(service: str, region: str, endpoint: str | None, send: Callable[..., Any]) -> Any:
    """Return the client of a provider that is an AWS service. Its calls are paid: `send` sends each one, once."""
    from botocore.config import Config  # noqa: PLC0415  as above

    config = Config(
        signature_version="v4",  # a bearer token in the environment would replace the role's signature
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    with _lock:
        client = _session().create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    client.meta.events.register("before-send", send)
    return client


def prepare(*, secrets: bool = False) -> None:
    """Make the clients at init, on Lambda: init has a full processor, and a snapshot keeps what it made.

    `secrets`: the one for secrets as well, which every worker needs.
    This connects to none of the services. Under SnapStart the SDK takes its credentials from the container's endpoint;
    they carry their expiry, so a restored copy refreshes them when they are old.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        key = {"pk": {"S": "-"}, "sk": {"S": "-"}}
        put = {"Put": {"TableName": "table", "Item": key}}
        _rehearse(
            dynamodb(),
            lambda client: client.update_item(TableName="table", Key=key, UpdateExpression="ADD n :n"),
            lambda client: client.transact_write_items(TransactItems=[put]),
        )
        _rehearse(quick_dynamodb(), lambda client: client.get_item(TableName="table", Key=key))
        _rehearse(s3(), lambda client: client.put_object(Bucket="bucket", Key="key", Body=b""))
        _rehearse(sqs(), lambda client: client.send_message(QueueUrl="https://queue", MessageBody="-"))
        if secrets:
            _rehearse(secretsmanager(), lambda client: client.get_secret_value(SecretId="-"))


def _rehearse(client: Any, *calls: Callable[[Any], Any]) -> None:
    """Make a client's first calls without sending them: botocore builds what later calls share, 10 ms in all."""
    events, answer = client.meta.events, _Unsent()
    events.register("before-send", answer)
    try:
        for call in calls:
            call(client)
    except STORAGE_FAILURES:
        log.info("a client was not prepared", exc_info=True)  # no credentials yet: its first call will do the work
    finally:
        events.unregister("before-send", answer)


class _Unsent:
    """Answers a request in the service's place, with an empty body."""

    status_code, content = 200, b""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def __call__(self, **_: Any) -> "_Unsent":
        return self
