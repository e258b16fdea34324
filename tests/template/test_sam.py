"""SAM and CloudFormation accept the template."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from local.template import ROOT
from scripts.build import HERE, tool_environment

BIN = ROOT / ".venv-sam/bin"


@pytest.fixture(scope="module")
def environment(surroundings: dict[str, str]) -> dict[str, str]:
    """No telemetry, no look for credentials."""
    return tool_environment(surroundings, HERE)


def _run(environment: dict[str, str], *command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sam_validates_and_lints(environment: dict[str, str]) -> None:
    """`sam validate --lint` finds nothing."""
    assert "is a valid SAM Template" in _run(environment, BIN / "sam", "validate", "--lint")


def test_the_translation_lints(environment: dict[str, str], tmp_path: Path) -> None:
    """cfn-lint on what SAM makes of it: no errors, no warnings; it sees circular dependencies, the source doesn't."""
    translated = tmp_path / "translated.json"
    translated.write_text(_run(environment, BIN / "python", "-m", "scripts.transform"))
    assert _run(environment, BIN / "cfn-lint", translated) == ""
    api = json.loads(translated.read_text())["Resources"]["Api"]["Properties"]["Body"]
    assert api["paths"]["/$default"]["x-amazon-apigateway-any-method"]["security"] == [{"Jwt": []}]
    assert api["paths"]["/{proxy+}"]["options"]["security"] == [{"NONE": []}]


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        (["CanaryDeployments=true"], {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"}),
        (["SnapStart=PublishedVersions"], set()),
        (["ProvisionedConcurrency=2"], set()),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_off_by_default_translates_too(
    environment: dict[str, str], tmp_path: Path, values: list[str], kinds: set[str]
) -> None:
    """Canary deployments with a way back, snapshots, warm environments; and lints."""
    translated = tmp_path / "translated.json"
    translated.write_text(_run(environment, BIN / "python", "-m", "scripts.transform", *values))
    assert _run(environment, BIN / "cfn-lint", translated) == ""
    resources = json.loads(translated.read_text())["Resources"]
    found = {each["Type"] for each in resources.values()}
    assert {kind for kind in found if "CodeDeploy" in kind} == kinds
    for group in (each for each in resources.values() if each["Type"] == "AWS::CodeDeploy::DeploymentGroup"):
        assert group["Properties"]["AlarmConfiguration"]["Alarms"] == [{"Name": {"Ref": "ErrorsAlarm"}}]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]


def test_nothing_fails_in_a_new_account(environment: dict[str, str]) -> None:
    """No reserved concurrency, no more memory than it may ask for, an alias each, no action with a wildcard."""
    resources = json.loads(_run(environment, BIN / "python", "-m", "scripts.transform"))["Resources"]
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::Function"]
    assert not [each for each in functions if "ReservedConcurrentExecutions" in each]
    assert max(each["MemorySize"] for each in functions) <= 3008
    assert len([each for each in resources.values() if each["Type"] == "AWS::Lambda::Alias"]) == len(functions)
    policies = json.dumps([each["Properties"] for each in resources.values() if each["Type"].startswith("AWS::IAM::")])
    actions = [found for found in re.findall(r'"([a-z0-9-]+:[A-Za-z*]+)"', policies) if not found.startswith("aws:")]
    assert actions
    assert not [action for action in actions if "*" in action]
