"""SAM and CloudFormation accept the template."""

import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT, Cors, Template
from scripts.build import HERE, tool_environment

BIN = ROOT / ".venv-sam/bin"
ORIGINS = ("https://a.example", "https://b.example")
ORIGINS_GIVEN = f"AllowedOrigins={','.join(ORIGINS)}"
SIGNING = ("Signing=kms", "SigningKmsKey=00000000-0000-0000-0000-000000000000")


@pytest.fixture(scope="module")
def environment(surroundings: dict[str, str]) -> dict[str, str]:
    return tool_environment(surroundings, HERE)


def _run(environment: dict[str, str], *command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sam_validates_and_lints(environment: dict[str, str]) -> None:
    """`sam validate --lint` finds nothing."""
    assert "is a valid SAM Template" in _run(environment, BIN / "sam", "validate", "--lint")


@pytest.fixture(scope="module")
def translate(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Return what SAM makes of the template with some parameters. cfn-lint has no word against it."""

    @cache
    def translated(*values: str) -> dict[str, Any]:
        file = tmp_path_factory.mktemp("translated") / "template.json"
        file.write_text(_run(environment, BIN / "python", "-m", "scripts.transform", ORIGINS_GIVEN, *values))
        assert _run(environment, BIN / "cfn-lint", file) == ""  # it sees circular dependencies, the source doesn't
        found: dict[str, Any] = json.loads(file.read_text())["Resources"]
        return found

    return translated


Translate = Callable[..., dict[str, Any]]


def _of(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def test_routes_ask_for_tokens(translate: Translate) -> None:
    """All but the open ones; warnings about those don't fail the API's import."""
    api = translate()["Api"]["Properties"]
    assert api["Body"]["paths"]["$default"]["x-amazon-apigateway-any-method"]["security"] == [{"Jwt": []}]
    assert api["Body"]["paths"]["/{proxy+}"]["options"]["security"] == [{"NONE": []}]
    assert "FailOnWarnings" not in api


def test_cors_is_whole(translate: Translate) -> None:
    """Every field arrives at the gateway as the local one has it; no origin, no CORS."""
    template = Template(parameters={"AllowedOrigins": ",".join(ORIGINS)})
    declared = translate()["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    local = template.cors()
    assert template.resolve(declared) == {
        "allowOrigins": list(ORIGINS),
        "allowMethods": list(local.methods),
        "allowHeaders": list(local.headers),
        "exposeHeaders": list(local.exposed),
        "maxAge": local.max_age,
    }
    assert min(len(local.methods), len(local.headers), len(local.exposed), local.max_age or 0) > 4
    closed = Template(parameters={"AllowedOrigins": ""})
    assert closed.resolve([declared]) == []
    assert closed.cors() == Cors()


def test_every_queue_has_a_policy_of_its_own(translate: Translate) -> None:
    """SQS takes none that names another queue."""
    resources = translate()
    covered = []
    for policy in _of(resources, "AWS::SQS::QueuePolicy").values():
        [queue] = policy["Queues"]
        covered.append(queue["Ref"])
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Resource"] == {"Fn::GetAtt": [queue["Ref"], "Arn"]}
    assert sorted(covered) == sorted(_of(resources, "AWS::SQS::Queue"))


def test_a_failed_creation_leaves_nothing_and_a_deletion_everything(translate: Translate) -> None:
    """Jobs, images, keys and users outlive the stack, once it is there."""
    built = ("AWS::Lambda::Version", "AWS::Lambda::LayerVersion")
    kept = {name for name, each in translate().items() if "DeletionPolicy" in each and each["Type"] not in built}
    assert kept == {"Table", "Bucket", "ProviderKeys", "SigningIdentity", "UserPool"}
    for name in kept:
        policies = translate()[name]["DeletionPolicy"], translate()[name]["UpdateReplacePolicy"]
        assert policies == ("RetainExceptOnCreate", "Retain")


def test_roles_are_ours(translate: Translate) -> None:
    """SAM adds no role, none has a policy of AWS's, and no action has a wildcard."""
    resources = translate()
    roles = _of(resources, "AWS::IAM::Role")
    assert "arn:" not in json.dumps([role.get("ManagedPolicyArns") for role in roles.values()])
    assert set(roles) <= set(Template().document["Resources"])
    policies = json.dumps([each["Properties"] for each in resources.values() if each["Type"].startswith("AWS::IAM::")])
    actions = [found for found in re.findall(r'"([a-z0-9-]+:[A-Za-z*]+)"', policies) if not found.startswith("aws:")]
    assert len(actions) > 30
    assert not [action for action in actions if "*" in action]


def test_nothing_fails_in_a_new_account(translate: Translate) -> None:
    """No reserved concurrency unless asked for, no more memory than it may ask for, an alias each."""
    functions = _of(translate(), "AWS::Lambda::Function")
    reserved = [value for each in functions.values() if (value := each.get("ReservedConcurrentExecutions"))]
    assert [Template().resolve([each]) for each in reserved] == [[]]
    assert max(each.get("MemorySize", 128) for each in functions.values()) <= 3008
    assert len(_of(translate(), "AWS::Lambda::Alias")) == len(functions) - 1  # but for the pool's trigger


def test_metrics_pass_lambdas_own_filter(translate: Translate) -> None:
    """Lambda takes lines without a level as INFO; LogLevel goes to our logger."""
    for level, expected in (("DEBUG", "DEBUG"), ("INFO", "INFO"), ("WARN", "INFO"), ("ERROR", "INFO")):
        template = Template(parameters={"LogLevel": level})
        functions = _of(translate(), "AWS::Lambda::Function")
        ours = [each for each in functions.values() if "ApplicationLogLevel" in each["LoggingConfig"]]
        assert len(ours) == len(functions) - 1
        for each in ours:
            assert template.resolve(each["LoggingConfig"]["ApplicationLogLevel"]) == expected
            assert template.resolve(each["Environment"]["Variables"]["LOG_LEVEL"]) == level


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        (["CanaryDeployments=true", "ProvisionedConcurrency=2", *SIGNING], {"Application", "DeploymentGroup"}),
        pytest.param(["SnapStart=PublishedVersions"], set(), marks=pytest.mark.slow),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_off_by_default_translates_too(translate: Translate, values: list[str], kinds: set[str]) -> None:
    """Canary deployments with a way back, snapshots, warm environments; and lints."""
    resources = translate(*values)
    assert {each["Type"] for each in resources.values() if "CodeDeploy" in each["Type"]} == {
        f"AWS::CodeDeploy::{kind}" for kind in kinds
    }
    for group in _of(resources, "AWS::CodeDeploy::DeploymentGroup").values():
        assert group["AlarmConfiguration"]["Alarms"] == [{"Name": {"Ref": "ErrorsAlarm"}}]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_the_pools_trigger_sets_the_tier(translate: Translate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest tier that a group is named for, in the access token."""
    code: dict[str, Any] = {}
    exec(translate()["TierFunction"]["Properties"]["Code"]["ZipFile"], code)  # noqa: S102  # our own
    monkeypatch.setenv("TIER_CLAIM", "custom")
    for groups, tier in (([], "free"), (None, "free"), (["staff", "pro"], "pro"), (["basic", "pro"], "pro")):
        event = {"request": {"groupConfiguration": {"groupsToOverride": groups}}, "response": {}}
        found = code["handler"](event, None)["response"]["claimsAndScopeOverrideDetails"]
        assert found == {"accessTokenGeneration": {"claimsToAddOrOverride": {"custom": tier}}}
