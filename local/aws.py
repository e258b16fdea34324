"""A local AWS: moto's server in a process of its own, with the resources that template.yaml declares.

Only what has an effect here is created: tables, buckets, queues, secrets and S3 event rules. Log groups get a name
that policies refer to. Encryption, lifecycles and alarms are template matters, `permissions.py` has the policies, and
`poller.py` runs the schedules.
"""

import json
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import requests
from botocore.config import Config

from local import moto_fixes
from local.intrinsics import ACCOUNT, REGION, Unresolved
from local.permissions import ACCOUNT_PATH, ADMINISTRATOR, POLICIES_PATH, Application, Environ, Guard, Statements
from local.template import Resource, Template

CREDENTIALS = {"AWS_ACCESS_KEY_ID": ADMINISTRATOR, "AWS_SECRET_ACCESS_KEY": "local"}
Attributes = dict[str, dict[str, str]]


def serve(listener: socket.socket, concurrency: int) -> None:
    """Run moto's server on an open socket, until the process ends. `concurrency` is the account's, of Lambda."""
    from moto import backends  # noqa: PLC0415  # only the server's process pays for it
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  # the same
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415  # the same

    moto_fixes.apply()
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services  # it walks through its own folders at every request
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Guard(_with_account(DomainDispatcherApplication(create_backend_app), concurrency))
    make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
    ).serve_forever()


def _with_account(application: Application, concurrency: int) -> Application:
    """Add Lambda's GetAccountSettings, which moto doesn't have."""

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != ACCOUNT_PATH:
            return application(environ, start_response)
        start_response("200 OK", [("content-type", "application/json")])
        return [json.dumps({"AccountLimit": {"UnreservedConcurrentExecutions": concurrency}}).encode()]

    return serve


@dataclass(frozen=True)
class Aws:
    """Where the local AWS listens; `client` gives boto3 clients for it."""

    endpoint: str

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # one name for many overloads
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"max_attempts": 3}, max_pool_connections=64),
        )

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point boto3 here."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    @property
    def tools(self) -> dict[str, str]:
        """The same for a person's own tools, which want a region as well."""
        return {**self.environment, "AWS_DEFAULT_REGION": REGION}

    def permit(self, policies: Mapping[str, Statements]) -> None:
        """Tell who may do what; see permissions.py."""
        asked = requests.put(f"{self.endpoint}{POLICIES_PATH}", json=policies, timeout=10)
        asked.raise_for_status()

    def refusals(self) -> list[str]:
        """What functions were not allowed to do, oldest first."""
        refused: list[str] = requests.get(f"{self.endpoint}{POLICIES_PATH}", timeout=10).json()
        return refused


def create_resources(template: Template, aws: Aws, made: Attributes) -> None:
    """Create what the template declares and `made` doesn't have yet; adds what Ref and GetAtt give to `made`."""
    maker = _Maker(template, aws)
    pending = [each for each in template.resources(*maker.kinds) if each.name not in made]
    for _ in range(len(pending)):  # each round makes at least one, unless a reference leads nowhere
        for resource in list(pending):
            try:
                attributes = maker.make(resource)
            except Unresolved:
                continue
            made[resource.name] = attributes
            pending.remove(resource)
    if pending:
        raise Unresolved(f"these refer to what is not there: {', '.join(each.name for each in pending)}")


class _Maker:
    def __init__(self, template: Template, aws: Aws) -> None:
        self._template = template
        self._aws = aws
        self.kinds: Mapping[str, Callable[[str, dict[str, Any]], dict[str, str]]] = {
            "AWS::DynamoDB::Table": self._table,
            "AWS::S3::Bucket": self._bucket,
            "AWS::SQS::Queue": self._queue,
            "AWS::SecretsManager::Secret": self._secret,
            "AWS::Events::Rule": self._rule,
            "AWS::Logs::LogGroup": self._log_group,
        }

    def make(self, resource: Resource) -> dict[str, str]:
        properties = self._template.resolve(dict(resource.properties))
        return self.kinds[resource.type](f"image-studio-{resource.name.lower()}", properties)

    def _table(self, name: str, properties: dict[str, Any]) -> dict[str, str]:
        client = self._aws.client("dynamodb")
        taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        made = client.create_table(TableName=name, **{key: properties[key] for key in taken if key in properties})
        if ttl := properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        return {"Ref": name, "Arn": made["TableDescription"]["TableArn"]}

    def _bucket(self, name: str, properties: dict[str, Any]) -> dict[str, str]:
        client = self._aws.client("s3")
        client.create_bucket(Bucket=name)
        if "EventBridgeConfiguration" in properties.get("NotificationConfiguration", {}):
            wanted: dict[str, Any] = {"EventBridgeConfiguration": {}}
            client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=wanted)
        return {"Ref": name, "Arn": f"arn:aws:s3:::{name}"}

    def _queue(self, name: str, properties: dict[str, Any]) -> dict[str, str]:
        attributes = {key: _text(value) for key, value in properties.items() if key in _QUEUE_ATTRIBUTES}
        made = self._aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return {"Ref": made["QueueUrl"], "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", "QueueName": name}

    def _secret(self, name: str, properties: dict[str, Any]) -> dict[str, str]:
        client = self._aws.client("secretsmanager")
        made = client.create_secret(Name=name, SecretString=properties.get("SecretString", "{}"))
        return {"Ref": made["ARN"]}

    def _log_group(self, name: str, properties: dict[str, Any]) -> dict[str, str]:
        return {"Ref": name, "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"}

    def _rule(self, name: str, properties: dict[str, Any]) -> dict[str, str]:
        attributes = {"Ref": name, "Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"}
        if "EventPattern" in properties:
            client = self._aws.client("events")
            client.put_rule(Name=name, EventPattern=json.dumps(properties["EventPattern"]))
            targets = [{"Id": each["Id"], "Arn": each["Arn"]} for each in properties["Targets"]]
            client.put_targets(Rule=name, Targets=targets)
        return attributes


_QUEUE_ATTRIBUTES = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "DelaySeconds",
    "RedrivePolicy",
)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)
