"""The local gateway's JWT authorizer, over real sockets."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from local.authorizer import KeySet, as_text
from local.issuer import AUDIENCE, IssuerServer
from local.stack import Stack

NOW = int(time.time())


def _claims(toy: Stack, **changed: Any) -> dict[str, Any]:
    usual = {"iss": toy.issuer.url, "sub": "me", "aud": AUDIENCE, "iat": NOW, "nbf": NOW, "exp": NOW + 3600}
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def _get(toy: Stack, token: str, path: str = "/things/1") -> requests.Response:
    return requests.get(f"{toy.origin}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _by_another_key(toy: Stack) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(_claims(toy), key, algorithm="RS256", headers={"kid": toy.issuer.kid})


#: A token by each reason for which the gateway refuses one. tests/security/forging.py has the attacks in full.
REFUSED: dict[Callable[[Stack], str] | tuple[str, Any], str] = {
    lambda toy: toy.issuer.sign(_claims(toy), "RS512"): "signing method is invalid",
    _by_another_key: "signature is invalid",
    lambda toy: toy.issuer.sign(_claims(toy), kid="other"): "no matching key was found for kid",
    lambda _: "not.a.token": "the token is malformed",
    ("exp", None): "the token is malformed",
    ("aud", "other"): "the token does not have a valid audience",
    ("iss", "http://127.0.0.1/"): "invalid issuer",
    ("exp", NOW - 5): "the token has expired",
    ("nbf", NOW + 86_400): "the token is not valid yet",
    ("iat", NOW + 86_400): "the token is not valid yet",
}


@pytest.mark.parametrize(("made", "why"), REFUSED.items())
def test_a_refused_token_gets_a_reason(toy: Stack, made: Any, why: str) -> None:
    """The response is the gateway's own 401, with the reason in www-authenticate. A client_id is no audience then."""
    changed = {"client_id": AUDIENCE, made[0]: made[1]} if isinstance(made, tuple) else {}
    answer = _get(toy, toy.issuer.sign(_claims(toy, **changed)) if changed else made(toy))
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')
    assert answer.headers["www-authenticate"] == f'Bearer scope="" error="invalid_token" error_description="{why}"'


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "bearer"])
def test_without_a_token_no_reason_is_given(toy: Stack, header: str | None) -> None:
    """The response is a 401 with the bare challenge."""
    headers = {} if header is None else {"Authorization": header}
    answer = requests.get(f"{toy.origin}/things/1", headers=headers, timeout=60)
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_good_tokens_get_through(toy: Stack) -> None:
    """The audience may be a list, or a client_id where there is no aud; the word Bearer isn't needed."""
    for changed in ({}, {"aud": ["other", AUDIENCE]}, {"aud": None, "client_id": AUDIENCE}, {"nbf": None, "iat": None}):
        assert _get(toy, toy.issuer.sign(_claims(toy, **changed))).status_code == 200
    answer = requests.get(f"{toy.origin}/things/1", headers={"Authorization": toy.token()}, timeout=60)
    assert answer.status_code == 200


def test_claims_arrive_as_strings(toy: Stack) -> None:
    """Numbers, booleans, lists and objects are written as API Gateway writes them; an open route gets no claims."""
    token = toy.token(sub="me", tier="free", flag=True, groups=["a", "b"], nested={"k": 1})
    claims = _get(toy, token).json()["event"]["requestContext"]["authorizer"]["jwt"]["claims"]
    expected = {"sub": "me", "tier": "free", "flag": "true", "groups": "[a b]", "nested": "map[k:1]"}
    assert {name: claims[name] for name in expected} == expected
    assert claims["exp"].isdigit()
    assert as_text([1, [2, None], {"a": [True]}]) == "[1 [2 None] map[a:[true]]]"
    assert "authorizer" not in _get(toy, token, "/open").json()["event"]["requestContext"]


@pytest.mark.parametrize(("scope", "status"), [("images", 200), ("other images", 200), ("other", 403), ("", 403)])
def test_a_missing_scope_is_forbidden(toy: Stack, scope: str, status: int) -> None:
    """Without a scope it is the gateway's 403; with one the event has the token's scopes."""
    answer = _get(toy, toy.token(scope=scope), "/scoped")
    assert answer.status_code == status
    if status == 403:
        assert answer.text == '{"message":"Forbidden"}'
        assert answer.headers["www-authenticate"] == 'Bearer scope="images" error="insufficient_scope"'
    else:
        assert answer.json()["event"]["requestContext"]["authorizer"]["jwt"]["scopes"] == scope.split()


def test_keys_are_fetched_once_and_again_for_a_new_kid_only_after_a_pause(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown kids do not make the gateway fetch the keys each time; an issuer that is down raises OSError."""
    server = IssuerServer(tmp_path)
    fetched: list[int] = []
    keys = KeySet(server.issuer.url)
    real = keys._fetch
    monkeypatch.setattr(keys, "_fetch", lambda: (fetched.append(1), real())[1])
    keys.key(server.issuer.kid)
    for _ in range(5):
        with pytest.raises(KeyError):
            keys.key("unknown")
    keys.key(server.issuer.kid)
    server.stop()
    assert len(fetched) == 1
    with pytest.raises(OSError, match="refused"):
        KeySet(server.issuer.url).key("any")
