"""The JWT authorizer, attacked over real sockets: what gets through, and what is told to those that don't."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from local.authorizer import KeySet, as_text
from local.issuer import AUDIENCE, IssuerServer
from local.stack import Stack

NOW = int(time.time())


def _claims(toy: Stack, **changed: Any) -> dict[str, Any]:
    usual = {"iss": toy.issuer.url, "sub": "me", "aud": AUDIENCE, "iat": NOW, "nbf": NOW, "exp": NOW + 3600}
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def _get(toy: Stack, token: str, path: str = "/things/1") -> requests.Response:
    return requests.get(f"{toy.origin}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _swapped(token: str, part: int, text: str) -> str:
    parts = token.split(".")
    parts[part] = text
    return ".".join(parts)


def _public_pem(toy: Stack) -> bytes:
    key = jwt.PyJWK(toy.issuer.jwk).key
    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem


def _other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _with_own_jwk(toy: Stack) -> str:
    key = _other_key()
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(_claims(toy), key, algorithm="RS256", headers={"kid": toy.issuer.kid, "jwk": jwk})


def _hmac_with_public_key(toy: Stack) -> str:
    import base64  # beside its one use
    import hashlib
    import hmac
    import json

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT", "kid": toy.issuer.kid}) + b"." + part(_claims(toy))
    mac = hmac.new(_public_pem(toy), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


ATTACKS: dict[str, tuple[Callable[[Stack], str], str]] = {
    "no algorithm": (
        lambda toy: jwt.encode(_claims(toy), "", algorithm="none", headers={"kid": toy.issuer.kid}),
        "signing method is invalid",
    ),
    "HMAC with the public key": (_hmac_with_public_key, "signing method is invalid"),
    "another algorithm with the right key": (
        lambda toy: toy.issuer.sign(_claims(toy), "RS512"),
        "signing method is invalid",
    ),
    "an elliptic curve": (
        lambda toy: jwt.encode(
            _claims(toy), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": toy.issuer.kid}
        ),
        "signing method is invalid",
    ),
    "another's key under our kid": (
        lambda toy: jwt.encode(_claims(toy), _other_key(), algorithm="RS256", headers={"kid": toy.issuer.kid}),
        "signature is invalid",
    ),
    "another's key in the header": (_with_own_jwk, "signature is invalid"),
    "a key address in the header": (
        lambda toy: jwt.encode(
            _claims(toy), _other_key(), algorithm="RS256", headers={"kid": "x", "jku": "http://127.0.0.1:9/jwks"}
        ),
        "no matching key was found for kid",
    ),
    "an unknown kid": (lambda toy: toy.issuer.sign(_claims(toy), kid="other"), "no matching key was found for kid"),
    "a path as kid": (
        lambda toy: toy.issuer.sign(_claims(toy), kid="../../dev/null"),
        "no matching key was found for kid",
    ),
    "no kid": (
        lambda toy: jwt.encode(_claims(toy), _other_key(), algorithm="RS256"),
        "no matching key was found for kid",
    ),
    "changed claims": (
        lambda toy: _swapped(toy.token(), 1, toy.token(sub="other").split(".")[1]),
        "signature is invalid",
    ),
    "a cut signature": (lambda toy: toy.token()[:-10], "signature is invalid"),
    "no signature": (lambda toy: _swapped(toy.token(), 2, ""), "signature is invalid"),
    "no token at all": (lambda toy: "not.a.token", "the token is malformed"),
    "one word": (lambda toy: "token", "the token is malformed"),
    "another audience": (
        lambda toy: toy.issuer.sign(_claims(toy, aud="other")),
        "the token does not have a valid audience",
    ),
    "no audience": (
        lambda toy: toy.issuer.sign(_claims(toy, aud=None)),
        "the token does not have a valid audience",
    ),
    "another audience, the right client_id": (
        lambda toy: toy.issuer.sign(_claims(toy, aud="other", client_id=AUDIENCE)),
        "the token does not have a valid audience",
    ),
    "another issuer": (lambda toy: toy.issuer.sign(_claims(toy, iss="https://evil.example")), "invalid issuer"),
    "our issuer with a slash": (
        lambda toy: toy.issuer.sign(_claims(toy, iss=f"{toy.issuer.url}/")),
        "invalid issuer",
    ),
    "no issuer": (lambda toy: toy.issuer.sign(_claims(toy, iss=None)), "the token is malformed"),
    "expired": (lambda toy: toy.issuer.sign(_claims(toy, exp=NOW - 5)), "the token has expired"),
    "no expiry": (lambda toy: toy.issuer.sign(_claims(toy, exp=None)), "the token is malformed"),
    "an expiry that is a word": (
        lambda toy: toy.issuer.sign(_claims(toy, exp="tomorrow")),
        "the token is malformed",
    ),
    "not valid yet": (lambda toy: toy.issuer.sign(_claims(toy, nbf=NOW + 600)), "the token is not valid yet"),
    "issued in the future": (
        lambda toy: toy.issuer.sign(_claims(toy, iat=NOW + 600)),
        "the token is not valid yet",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused(toy: Stack, attack: str) -> None:
    """Each gets the gateway's own 401, with the reason in www-authenticate."""
    token, why = ATTACKS[attack]
    answer = _get(toy, token(toy))
    assert answer.status_code == 401
    assert answer.text == '{"message":"Unauthorized"}'
    assert answer.headers["www-authenticate"] == (f'Bearer scope="" error="invalid_token" error_description="{why}"')


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "bearer"])
def test_without_a_token_no_reason_is_given(toy: Stack, header: str | None) -> None:
    """401 with the bare challenge."""
    headers = {} if header is None else {"Authorization": header}
    answer = requests.get(f"{toy.origin}/things/1", headers=headers, timeout=60)
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_elsewhere_is_no_token(toy: Stack) -> None:
    """Neither a query parameter nor a cookie nor forged gateway headers count."""
    token = toy.token()
    answer = requests.get(
        f"{toy.origin}/things/1?access_token={token}&Authorization={token}",
        headers={"Cookie": f"Authorization={token}", "x-amzn-request-context": '{"authorizer":{}}'},
        timeout=60,
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "changed",
    [{}, {"aud": ["other", AUDIENCE]}, {"aud": None, "client_id": AUDIENCE}, {"nbf": None, "iat": None}],
)
def test_good_tokens_get_through(toy: Stack, changed: dict[str, Any]) -> None:
    """The audience may be a list, or a client_id where there is no aud."""
    assert _get(toy, toy.issuer.sign(_claims(toy, **changed))).status_code == 200


def test_a_token_without_the_word_bearer_gets_through(toy: Stack) -> None:
    """API Gateway takes the bare token too."""
    answer = requests.get(f"{toy.origin}/things/1", headers={"Authorization": toy.token()}, timeout=60)
    assert answer.status_code == 200


def test_claims_arrive_as_strings(toy: Stack) -> None:
    """Numbers, booleans, lists and objects are written as API Gateway writes them."""
    token = toy.token(sub="me", tier="free", flag=True, groups=["a", "b"], nested={"k": 1})
    claims = _get(toy, token).json()["event"]["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["sub"] == "me"
    assert claims["tier"] == "free"
    assert claims["flag"] == "true"
    assert claims["groups"] == "[a b]"
    assert claims["nested"] == "map[k:1]"
    assert claims["exp"].isdigit()


def test_open_routes_need_no_token_and_pass_no_claims(toy: Stack) -> None:
    """Not even a valid token makes a caller of an open route."""
    answer = _get(toy, toy.token(), "/open")
    assert "authorizer" not in answer.json()["event"]["requestContext"]


@pytest.mark.parametrize(("scope", "status"), [("images", 200), ("other images", 200), ("other", 403), ("", 403)])
def test_a_missing_scope_is_forbidden(toy: Stack, scope: str, status: int) -> None:
    """403 with the gateway's body; with one of the scopes the token's scopes are handed on."""
    answer = _get(toy, toy.token(scope=scope), "/scoped")
    assert answer.status_code == status
    if status == 403:
        assert answer.text == '{"message":"Forbidden"}'
        assert answer.headers["www-authenticate"] == 'Bearer scope="images" error="insufficient_scope"'
    else:
        assert answer.json()["event"]["requestContext"]["authorizer"]["jwt"]["scopes"] == scope.split()


def test_an_unreachable_issuer_is_a_401(toy: Stack, tmp_path: Any) -> None:
    """Nothing gets in while keys can't be fetched."""
    server = IssuerServer(tmp_path)
    keys = KeySet(server.issuer.url)
    server.stop()
    with pytest.raises(OSError, match="refused"):
        keys.key("any")


def test_keys_are_fetched_once_and_again_for_a_new_kid_only_after_a_pause(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown kids can't make the gateway ask the issuer over and over."""
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


def test_nothing_in_a_claim_breaks_its_text() -> None:
    """None and nested lists have a text too."""
    assert as_text([1, [2, None], {"a": [True]}]) == "[1 [2 None] map[a:[true]]]"
