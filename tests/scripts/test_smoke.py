"""The smoke test of a deployment, against the local stack and a Cognito pool of moto's."""

from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from moto import mock_aws

from local.stack import Stack
from scripts import smoke
from tests.contract.caller import Caller


def test_it_makes_an_image_and_leaves_nothing(stack: Stack, monkeypatch: Any, capsys: Any) -> None:
    """Four sentences, and no job is left; a wrong token is a sentence and a 1."""
    caller = Caller(stack, sub="smoke")
    address = stack.url.removesuffix(smoke.PREFIX)
    token = caller.headers["Authorization"].removeprefix("Bearer ")
    monkeypatch.setattr("sys.argv", ["smoke", "--url", address, "--token", token])
    assert smoke.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "tier enterprise" in lines[1]
    assert "made an image" in lines[2]
    assert caller.get("/jobs").json()["jobs"] == []
    monkeypatch.setattr("sys.argv", ["smoke", "--url", address, "--token", "none"])
    assert smoke.main() == 1
    assert "/usage answers 401" in capsys.readouterr().err


def test_the_first_failure_is_the_one_that_is_told(monkeypatch: Any) -> None:
    """The job is deleted after a failure, too. That this fails as well doesn't hide why the image isn't there."""
    deleted = []

    def call(_: Any, method: str, url: str, **__: Any) -> dict[str, Any]:
        if method == "DELETE":
            deleted.append(url)
            raise smoke.Failed("DELETE answers 409")
        return {"status": "healthy", "tier": "free", "remaining": 50, "job_id": "1"}

    monkeypatch.setattr(smoke, "_call", call)
    monkeypatch.setattr(smoke, "_image", Mock(side_effect=smoke.Failed("The job is running after 180 s.")))
    with pytest.raises(smoke.Failed, match="running after 180 s"):
        list(smoke.check("http://api", "token"))
    monkeypatch.setattr(smoke, "_image", Mock(return_value="An image."))
    with pytest.raises(smoke.Failed, match="DELETE answers 409"):
        list(smoke.check("http://api", "token"))
    assert deleted == ["http://api/jobs/1"] * 2


@mock_aws
def test_the_pools_user_lives_as_long_as_the_block(monkeypatch: Any) -> None:
    """Its access token signs in; the user is gone afterward, also where the client allows no password.

    What failed first is raised, even if the user can't be deleted.
    """
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows)
    with smoke.pool_token(pool, made["UserPoolClient"]["ClientId"], cognito) as token:
        assert token.count(".") == 2
        assert len(cognito.list_users(UserPoolId=pool)["Users"]) == 1
    assert cognito.list_users(UserPoolId=pool)["Users"] == []
    refused = cognito.exceptions.InvalidParameterException({}, "AdminInitiateAuth")
    monkeypatch.setattr(cognito, "admin_initiate_auth", Mock(side_effect=refused))
    with pytest.raises(smoke.Failed), smoke.pool_token(pool, made["UserPoolClient"]["ClientId"], cognito):
        pass
    assert cognito.list_users(UserPoolId=pool)["Users"] == []
    gone = cognito.exceptions.UserNotFoundException({}, "AdminDeleteUser")
    monkeypatch.setattr(cognito, "admin_delete_user", Mock(side_effect=gone))
    with pytest.raises(smoke.Failed), smoke.pool_token(pool, made["UserPoolClient"]["ClientId"], cognito):
        pass
