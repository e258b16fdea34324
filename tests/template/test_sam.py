"""SAM and CloudFormation accept the template, and what SAM builds is what is meant to be deployed."""

import json
import subprocess
from pathlib import Path

import pytest

from local.template import ROOT, Template

BIN = ROOT / ".venv-sam/bin"
pytestmark = pytest.mark.xdist_group("sam")


@pytest.fixture(scope="module")
def environment(surroundings: dict[str, str]) -> dict[str, str]:
    """A real python3.13 first on PATH, no telemetry, no look for credentials."""
    python = subprocess.run(
        [ROOT / "scripts/find-python", "3.13"], env=surroundings, capture_output=True, text=True, check=True
    ).stdout.strip()
    return {
        **surroundings,
        "PATH": f"{Path(python).parent}:{surroundings['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


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


def test_sam_builds(environment: dict[str, str], tmp_path: Path) -> None:
    """Functions of one file; a layer with the package and its requirements, without the SDK that the runtime has."""
    _run(environment, BIN / "sam", "build", "--build-dir", tmp_path, "--parameter-overrides", "Arch=x86_64")
    for function in Template().resources("AWS::Serverless::Function"):
        built = [path.name for path in (tmp_path / function.name).iterdir() if path.name != "__pycache__"]
        assert built == ["app.py"]
    layer = tmp_path / "StudioLayer/python"
    names = {path.name for path in layer.iterdir()}
    assert {"image_studio", "pydantic", "PIL", "requests", "aws_lambda_powertools", "pybase64"} <= names
    assert not {"boto3", "botocore", "moto", "python"} & names
