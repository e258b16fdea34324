"""`make playground`: what lies in the bucket afterwards."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.static import WEB
from scripts.playground import files, publish

OUTPUTS = {
    "PlaygroundBucketName": "page",
    "PlaygroundDistribution": "E123",
    "PlaygroundUrl": "https://page.example/",
    "Issuer": "https://issuer.example",
}
PARAMETERS = {"JwtAudience": "studio,other", "PlaygroundClientId": "client", "PlaygroundScope": "openid"}


def _stack(outputs: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    }


class Cdn:
    def __init__(self) -> None:
        self.invalidations: list[dict[str, Any]] = []

    def create_invalidation(self, **parameters: Any) -> None:
        self.invalidations.append(parameters)


def test_the_page_is_published_whole() -> None:
    """Every file of web/ is there with its media type, and config.json names the issuer in place of a ready token."""
    cdn = Cdn()
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="page")
        count = publish(_stack(OUTPUTS, PARAMETERS), s3, cdn)
        keys = {each["Key"] for each in s3.list_objects_v2(Bucket="page")["Contents"]}
        config = json.loads(s3.get_object(Bucket="page", Key="config.json")["Body"].read())
        module = s3.head_object(Bucket="page", Key="js/main.js")
    assert keys == {path.relative_to(WEB).as_posix() for path in files()} | {"config.json"}
    assert count == len(keys)
    assert config == {
        "api": "/api/image-studio",
        "issuer": "https://issuer.example",
        "client_id": "client",
        "scope": "openid",
        "audience": "studio",
    }
    assert module["ContentType"] == "text/javascript; charset=utf-8"
    assert cdn.invalidations[0]["DistributionId"] == "E123"


@pytest.mark.parametrize("address", ["", "https://page.example/"])
def test_the_stacks_own_pool_signs_in(capsys: pytest.CaptureFixture[str], address: str) -> None:
    """Its issuer and client are the stack's outputs; until the pool knows the page's address, a line says so."""
    pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"
    values = {"JwtAudience": "", "PlaygroundClientId": "", "PlaygroundScope": "openid", "PlaygroundAddress": address}
    outputs = {**OUTPUTS, "Issuer": pool, "UserPoolClientId": "own"}
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="page")
        publish(_stack(outputs, values), s3, Cdn())
        config = json.loads(s3.get_object(Bucket="page", Key="config.json")["Body"].read())
    assert (config["issuer"], config["client_id"], config["audience"]) == (pool, "own", "")
    assert ("PlaygroundAddress=https://page.example/" in capsys.readouterr().out) is (address == "")


def test_a_stack_without_a_playground_is_named() -> None:
    """Publishing to a stage that was deployed without it fails by the missing output's name."""
    with pytest.raises(KeyError, match="PlaygroundBucketName"):
        publish(_stack({}, {}), None, None)
