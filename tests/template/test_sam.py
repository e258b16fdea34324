"""SAM and CloudFormation accept the template."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT
from scripts.build import HERE, tool_environment

BIN = ROOT / ".venv-sam/bin"


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
def translated(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What SAM makes of the template: as it is, and with canary deployments, the only parameter that changes it."""
    folder = tmp_path_factory.mktemp("translated")
    files = {name: folder / f"{name}.json" for name in ("default", "canary")}
    for file, values in zip(files.values(), ([], ["CanaryDeployments=true"]), strict=True):
        file.write_text(_run(environment, BIN / "python", "-m", "scripts.transform", *values))
    return files


def _resources(file: Path) -> dict[str, Any]:
    resources: dict[str, Any] = json.loads(file.read_text())["Resources"]
    return resources


def test_the_translation_lints(environment: dict[str, str], translated: dict[str, Path]) -> None:
    """cfn-lint on what SAM makes of it: no errors, no warnings; it sees circular dependencies, the source doesn't."""
    assert _run(environment, BIN / "cfn-lint", *translated.values()) == ""
    paths = _resources(translated["default"])["Api"]["Properties"]["Body"]["paths"]
    assert paths["/$default"]["x-amazon-apigateway-any-method"]["security"] == [{"Jwt": []}]
    assert paths["/{proxy+}"]["options"]["security"] == [{"NONE": []}]


def test_canary_deployments_have_a_way_back(translated: dict[str, Path]) -> None:
    """Without them nothing of CodeDeploy is there; with them an alarm stops and rolls back."""
    kinds = {name: {each["Type"] for each in _resources(file).values()} for name, file in translated.items()}
    application, group = "AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"
    assert {kind for kind in kinds["default"] if "CodeDeploy" in kind} == set()
    assert {kind for kind in kinds["canary"] if "CodeDeploy" in kind} == {application, group}
    for each in _resources(translated["canary"]).values():
        if each["Type"] == group:
            assert each["Properties"]["AlarmConfiguration"]["Alarms"] == [{"Name": {"Ref": "ErrorsAlarm"}}]
            assert "DEPLOYMENT_STOP_ON_ALARM" in each["Properties"]["AutoRollbackConfiguration"]["Events"]


def test_nothing_fails_in_a_new_account(translated: dict[str, Path]) -> None:
    """No reserved concurrency, no more memory than it may ask for, an alias each, no action with a wildcard."""
    resources = _resources(translated["default"]).values()
    functions = [each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::Function"]
    assert not [each for each in functions if "ReservedConcurrentExecutions" in each]
    assert max(each["MemorySize"] for each in functions) <= 3008
    assert len([each for each in resources if each["Type"] == "AWS::Lambda::Alias"]) == len(functions)
    policies = json.dumps([each["Properties"] for each in resources if each["Type"].startswith("AWS::IAM::")])
    actions = [found for found in re.findall(r'"([a-z0-9-]+:[A-Za-z*]+)"', policies) if not found.startswith("aws:")]
    assert actions
    assert not [action for action in actions if "*" in action]
