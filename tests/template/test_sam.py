"""SAM and CloudFormation accept the template."""

import json
import subprocess
from pathlib import Path

import pytest

from local.template import ROOT
from scripts.build import tool_environment

BIN = ROOT / ".venv-sam/bin"
pytestmark = pytest.mark.xdist_group("sam")


@pytest.fixture(scope="module")
def environment(surroundings: dict[str, str]) -> dict[str, str]:
    """A real python3.13 first on PATH, no telemetry, no look for credentials."""
    return tool_environment(surroundings)


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
