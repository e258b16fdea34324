"""The local AWS has what the template declares, under the names in the functions' variables."""

import json

from local.aws import create_resources
from local.stack import Stack
from local.template import Template
from tests.local.conftest import TOY


def test_resources_are_as_declared(stack: Stack) -> None:
    """The table's keys, indexes and time to live, the queue's dead letters, and a field per provider in the secret."""
    client = stack.aws.client("dynamodb")
    name = stack.resources["Table"]["Ref"]
    table = client.describe_table(TableName=name)["Table"]
    declared = next(each for each in Template().resources("AWS::DynamoDB::Table")).properties
    assert table["KeySchema"] == declared["KeySchema"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"by_created", "by_lease"}
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires"
    queue = stack.resources["JobQueue"]["Ref"]
    attributes = stack.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "1800"
    assert stack.resources["DeadLetters"]["Arn"] in attributes["RedrivePolicy"]
    secret = stack.aws.client("secretsmanager").get_secret_value(SecretId=stack.resources["ProviderKeys"]["Ref"])
    assert json.loads(secret["SecretString"])["STABILITY_API_KEY"] == "local-stability-key"


def test_existing_resources_are_not_created_again(toy: Stack) -> None:
    """A reload with an unchanged template creates nothing."""
    template = Template(TOY, {"JwtIssuer": "x", "JwtAudience": "y"}, toy.resources)
    before = dict(toy.resources)
    create_resources(template, toy.aws, toy.resources)
    assert toy.resources == before
