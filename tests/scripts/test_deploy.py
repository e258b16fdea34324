"""`make deploy`: which sam command, and a new version for new values of parameters."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.intrinsics import read_yaml
from local.template import TEMPLATE
from scripts import deploy, stage
from scripts.deploy import command, parameters, stamp
from scripts.stage import UnknownStage

DECLARED = read_yaml(TEMPLATE)["Globals"]["Function"]["Environment"]["Variables"]


def _config(*values: str) -> dict[str, Any]:
    return {"dev": {"deploy": {"parameters": {"stack_name": "studio", "parameter_overrides": list(values)}}}}


def test_the_first_time_is_guided() -> None:
    """As long as samconfig.toml knows no parameters of the stage; sam writes them as one string."""
    config = _config()
    del config["dev"]["deploy"]["parameters"]["parameter_overrides"]
    assert "--guided" in command("dev", config)
    assert "--guided" not in command("dev", _config("JwtIssuer=https://issuer.example"))
    config["dev"]["deploy"]["parameters"]["parameter_overrides"] = 'JwtIssuer="" LogDays="7"'
    assert parameters("dev", config) == ['JwtIssuer="" LogDays="7"']
    assert "--guided" not in command("dev", config)


def test_an_unknown_stage_is_an_error() -> None:
    """Nothing is deployed to a stage that samconfig.toml doesn't have."""
    with pytest.raises(UnknownStage, match=r"^No stage 'moon' in samconfig\.toml\. Stages: dev\.$"):
        command("moon", _config())


def test_other_values_make_other_functions() -> None:
    """A variable of every function changes with the parameters' values, and with nothing else."""

    def stamped(*values: str) -> str:
        variables = stamp(read_yaml(TEMPLATE), list(values))["Globals"]["Function"]["Environment"]["Variables"]
        assert variables.keys() == DECLARED.keys()  # stamping fills in a variable that is there
        return str(variables["PARAMETERS_HASH"])

    assert stamped("LogDays=7", "ResultDays=1") == stamped("ResultDays=1", "LogDays=7")
    assert len({stamped(), stamped("LogDays=7"), stamped("LogDays=8")}) == 3


def test_the_second_deployment_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one asks before it stamps, so both have the same template."""
    built, config = tmp_path / "template.yaml", tmp_path / "samconfig.toml"
    config.write_text("[dev.deploy.parameters]\nstack_name = 'studio'\n")
    ran: list[tuple[set[str], str]] = []

    def sam(given: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(({each for each in given if each.startswith("--no") or each == "--guided"}, built.read_text()))
        if "--guided" in given:
            config.write_text(config.read_text() + "parameter_overrides = 'JwtIssuer=\"https://a\"'\n")
        return subprocess.CompletedProcess(given, 0)

    monkeypatch.setattr(deploy.subprocess, "run", sam)
    monkeypatch.setattr(stage, "CONFIG", config)
    monkeypatch.setattr(deploy, "BUILT", built)
    for _ in range(2):
        built.write_text(yaml.safe_dump(read_yaml(TEMPLATE)))
        monkeypatch.setattr("sys.argv", ["deploy", "dev"])
        assert deploy.main() == 0
    (asked, _), (first, stamped), (second, again) = ran
    assert (asked, first, second) == ({"--guided", "--no-execute-changeset"}, set(), set())
    assert stamped == again
