"""`make deploy`: which sam command, and a new version for new values of parameters."""

from typing import Any

import pytest

from local.intrinsics import read_yaml
from local.template import TEMPLATE
from scripts.deploy import command, parameters, stamp

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
    with pytest.raises(KeyError):
        command("moon", _config())


def test_other_values_make_other_functions() -> None:
    """A variable of every function changes with the parameters' values, and with nothing else."""

    def stamped(*values: str) -> str:
        variables = stamp(read_yaml(TEMPLATE), list(values))["Globals"]["Function"]["Environment"]["Variables"]
        assert variables.keys() == DECLARED.keys()  # stamping fills in a variable that is there
        return str(variables["PARAMETERS_HASH"])

    assert stamped("LogDays=7", "ResultDays=1") == stamped("ResultDays=1", "LogDays=7")
    assert len({stamped(), stamped("LogDays=7"), stamped("LogDays=8")}) == 3
