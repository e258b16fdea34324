"""Stages of samconfig.toml, as `make smoke` and `make playground` find them."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts import playground, smoke, stage

REGION = "eu-west-1"  # not the environment's
SAVED = f"""
version = 0.1
[dev.deploy.parameters]
stack_name = "studio"
region = "{REGION}"
[prod.deploy.parameters]
stack_name = "studio-prod"
"""
STACK = """
Resources: {Topic: {Type: "AWS::SNS::Topic"}}
Outputs: {ApiUrl: {Value: "https://api.example"}, UserPoolId: {Value: p}, UserPoolClientId: {Value: c}}
"""
PROGRAMS = {"smoke": smoke.main, "playground": playground.main}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(SAVED)
    monkeypatch.setattr(stage, "CONFIG", path)
    return path


@mock_aws
def test_every_client_is_in_the_region_that_was_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack is found where it was deployed, and its pool, bucket and distribution are called there."""
    boto3.client("cloudformation", REGION).create_stack(StackName="studio", TemplateBody=STACK)
    used: list[Any] = []
    monkeypatch.setattr(playground, "publish", lambda stack, *clients: used.extend(clients))
    monkeypatch.setattr(smoke, "pool_token", lambda *given: used.append(given[-1]) or pytest.fail("stop here"))
    monkeypatch.setattr("sys.argv", ["make", "dev"])
    assert playground.main() == 0
    with pytest.raises(pytest.fail.Exception, match="stop here"):
        smoke.main()
    assert [client.meta.service_model.service_name for client in used] == ["s3", "cloudfront", "cognito-idp"]
    assert {used[0].meta.region_name, used[2].meta.region_name} == {REGION}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("name", "saved", "unset", "sentence"),
    [
        ("foo", "region", "", "No stage 'foo' in samconfig.toml. Stages: dev, prod."),
        ("dev", "other", "AWS_DEFAULT_REGION", "You must specify a region."),
        ("dev", "region", "AWS_ACCESS_KEY_ID", "Unable to locate credentials"),
        ("dev", "profile", "", f"The config profile ({REGION}) could not be found"),
    ],
)
def test_what_is_missing_is_one_sentence(
    *, program: str, name: str, saved: str, unset: str, sentence: str, config: Path, monkeypatch: Any, capsys: Any
) -> None:
    """An unknown stage, no region, no credentials, no such profile: an exit code, and no traceback."""
    config.write_text(SAVED.replace("region", saved))
    monkeypatch.delenv(unset, raising=False)
    monkeypatch.setattr("sys.argv", ["make", name])
    assert PROGRAMS[program]() == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n"), sentence in printed.err) == ("", 1, True)


@mock_aws
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_stack_that_is_not_there_is_one_sentence(program: str, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", ["make", "dev"])
    assert PROGRAMS[program]() == 1
    assert capsys.readouterr().err.endswith("Stack with id studio does not exist\n")
