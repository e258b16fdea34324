"""The local AWS has what the template declares, under the names that the functions are told."""

import pytest

from local.aws import create_resources
from local.intrinsics import Unresolved
from local.stack import Stack
from local.template import TEMPLATE, Template
from tests.local.conftest import TOY


def test_the_table_is_as_declared(stack: Stack) -> None:
    """Keys, indexes and the time to live are those of the template."""
    client = stack.aws.client("dynamodb")
    name = stack.resources["Table"]["Ref"]
    table = client.describe_table(TableName=name)["Table"]
    declared = next(each for each in Template().resources("AWS::DynamoDB::Table")).properties
    assert table["KeySchema"] == declared["KeySchema"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"by_created", "by_lease"}
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "expires"


def test_the_queue_has_its_dead_letter_queue(stack: Stack) -> None:
    """The dead-letter queue and the visibility timeout are those of the template."""
    attributes = stack.aws.client("sqs").get_queue_attributes(
        QueueUrl=stack.resources["JobQueue"]["Ref"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["VisibilityTimeout"] == "1800"
    assert stack.resources["DeadLetters"]["Arn"] in attributes["RedrivePolicy"]


def test_the_secret_has_the_emulators_keys(stack: Stack) -> None:
    """It has one field per provider, named like the environment's variables."""
    secret = stack.aws.client("secretsmanager").get_secret_value(SecretId=stack.resources["ProviderKeys"]["Ref"])
    assert "local-stability-key" in secret["SecretString"]
    assert "STABILITY_API_KEY" in secret["SecretString"]


def test_existing_resources_are_not_created_again(toy: Stack) -> None:
    """A reload with an unchanged template creates nothing."""
    template = Template(TOY, {"JwtIssuer": "x", "JwtAudience": "y"}, toy.resources)
    before = dict(toy.resources)
    create_resources(template, toy.aws, toy.resources)
    assert toy.resources == before


def test_an_unresolved_reference_is_an_error(toy: Stack) -> None:
    """An unresolved reference is an error that names the resource."""
    made: dict[str, dict[str, str]] = {"Bucket": {"Ref": "b", "Arn": "a"}, "Table": {"Ref": "t", "Arn": "a"}}
    template = Template(TEMPLATE, {}, made)
    template.document["Resources"] = {
        "Lost": {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": {"Fn::GetAtt": ["Gone", "Arn"]}}}
    }
    with pytest.raises(Unresolved, match="Lost"):
        create_resources(template, toy.aws, made)
