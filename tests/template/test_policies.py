"""Who may do what, and how the pieces fit: read from template.yaml."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from image_studio.providers import SPECS
from image_studio.runtime.settings import TIERS
from local.template import ROOT, Resource, Template

TEMPLATE = Template()
FUNCTIONS = {each.name: each for each in TEMPLATE.resources("AWS::Serverless::Function")}
POLICIES = {each.name: each for each in TEMPLATE.resources("AWS::IAM::ManagedPolicy")}


def _one(kind: str, name: str | None = None) -> Resource:
    return next(each for each in TEMPLATE.resources(kind) if name in (None, each.name))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(policy: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = POLICIES[policy].properties["PolicyDocument"]["Statement"]
    return statements


def _allowed(function: str) -> Iterator[tuple[str, Any]]:
    for reference in FUNCTIONS[function].properties["Policies"]:
        for statement in _statements(reference["Ref"]):
            for action in _listed(statement["Action"]):
                yield action, statement["Resource"]


@pytest.mark.parametrize("policy", POLICIES)
def test_actions_and_resources_are_spelled_out(policy: str) -> None:
    """No action has a wildcard, no resource is `*`, and objects are named by prefix."""
    for statement in _statements(policy):
        assert not [action for action in _listed(statement["Action"]) if "*" in action]
        for resource in _listed(statement["Resource"]):
            assert resource != "*"
            if "Object" in str(statement["Action"]):
                assert re.fullmatch(r"\$\{Bucket\.Arn\}/[a-z]+/\*", resource["Fn::Sub"])


def test_only_the_worker_reads_the_secret() -> None:
    """Neither the permission nor the name is given to another function; no policy is left over."""
    readers = {name for name in FUNCTIONS for action, _ in _allowed(name) if action.startswith("secretsmanager:")}
    variables = {name: each.properties.get("Environment", {}).get("Variables", {}) for name, each in FUNCTIONS.items()}
    assert readers == {name for name, each in variables.items() if "PROVIDER_SECRET_ID" in each} == {"WorkerFunction"}
    used = {each["Ref"] for function in FUNCTIONS.values() for each in function.properties["Policies"]}
    assert used == set(POLICIES)


def test_no_provider_key_is_a_variable() -> None:
    """Keys live in the secret; a variable would show them to everyone who may look at the function."""
    declared = str(TEMPLATE.document["Globals"]) + str([each.properties for each in FUNCTIONS.values()])
    for spec in SPECS:
        assert spec.key_variable not in declared
        assert spec.base_url_variable in FUNCTIONS["WorkerFunction"].properties["Environment"]["Variables"]
        assert spec.key_variable in _one("AWS::SecretsManager::Secret").properties["SecretString"]


def test_every_function_has_a_folder_of_one_file_and_a_log_group_of_its_own() -> None:
    folders = {each.properties["CodeUri"] for each in FUNCTIONS.values()}
    assert folders == {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/app.py")}
    groups = [each.properties["LoggingConfig"]["LogGroup"]["Ref"] for each in FUNCTIONS.values()]
    assert sorted(groups) == sorted(set(groups))
    assert set(groups) < {each.name for each in TEMPLATE.resources("AWS::Logs::LogGroup")}
    for group in TEMPLATE.resources("AWS::Logs::LogGroup"):
        assert "RetentionInDays" in group.properties


def test_times_and_credits_fit_together() -> None:
    """A message is hidden for six times the worker's timeout, as Lambda's guide advises.

    API functions wait less than 30 seconds, and are stopped when the gateway times out. Credits are the tiers' own.
    """
    worker = FUNCTIONS["WorkerFunction"].properties
    assert _one("AWS::SQS::Queue", "JobQueue").properties["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert TEMPLATE.document["Globals"]["Function"]["Timeout"] == 30
    parameters = TEMPLATE.document["Parameters"]
    assert parameters["WaitSeconds"]["MaxValue"] <= 27
    for name, tier in TIERS.items():
        assert parameters[f"Credits{name.capitalize()}"]["Default"] == tier.credits


def test_rules_write_to_the_job_queue_and_nowhere_else() -> None:
    """With a dead-letter queue and a bound on retries; the queue lets in only these rules.

    The schedule isn't among them: EventBridge invokes the worker itself, so that no sweep waits behind jobs.
    """
    rules = TEMPLATE.resources("AWS::Events::Rule")
    for rule in rules:
        [target] = rule.properties["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["JobQueue", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
        assert "MaximumRetryAttempts" in target["RetryPolicy"]
    [statement, _] = _one("AWS::SQS::QueuePolicy").properties["PolicyDocument"]["Statement"]
    named = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert named == [{"Fn::GetAtt": [rule.name, "Arn"]} for rule in rules] != []
    assert not [rule for rule in rules if "ScheduleExpression" in rule.properties]
    assert FUNCTIONS["WorkerFunction"].properties["Events"]["Sweep"]["Type"] == "Schedule"
    assert "ReservedConcurrentExecutions" not in FUNCTIONS["WorkerFunction"].properties


def test_the_bucket_is_private_encrypted_and_forgets() -> None:
    """All public access is blocked, plain HTTP is denied, callers' images expire; deleting the stack keeps the data."""
    bucket = _one("AWS::S3::Bucket").properties
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket
    denied = {each["Sid"] for each in _one("AWS::S3::BucketPolicy").properties["PolicyDocument"]["Statement"]}
    assert "OnlyOverTls" in denied
    prefixes = {rule.get("Prefix") for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule}
    assert prefixes == {"inputs/", "uploads/", "results/"}
    for name in ("Table", "Bucket", "ProviderKeys"):
        resource = TEMPLATE.document["Resources"][name]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_only_these_routes_are_open() -> None:
    """Everything else needs a token."""
    opened = {route.key.replace("/api/image-studio", "") for route in TEMPLATE.routes() if not route.authorized}
    assert opened == {"GET /health", "GET /openapi.json", "GET /docs", "OPTIONS /{proxy+}"}
