"""Tokens that must not work: each attack makes the headers of a request."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.issuer import AUDIENCE, Issuer

Headers = Mapping[str, str]
_STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def _claims(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"iss": issuer.url, "sub": "mallory", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600}
    return {**usual, "tier": "enterprise", **changes}


def _part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unsigned(issuer: Issuer, alg: str) -> str:
    return f"{_part({'alg': alg, 'typ': 'JWT', 'kid': issuer.kid})}.{_part(_claims(issuer))}."


def _hs256(issuer: Issuer, secret: bytes) -> str:
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': issuer.kid})}.{_part(_claims(issuer))}"
    return f"{signed}.{_part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _public_pem(issuer: Issuer) -> bytes:
    key: Any = jwt.PyJWK(issuer.jwk).key
    return bytes(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def _by_stranger(issuer: Issuer, **header: Any) -> str:
    return jwt.encode(_claims(issuer), _STRANGER, algorithm="RS256", headers={"kid": issuer.kid, **header})


def _stranger_jwk() -> dict[str, Any]:
    return dict(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_STRANGER.public_key())))


def _signed(**changes: Any) -> Callable[[Issuer], Headers]:
    return lambda issuer: _bearer(issuer.sign(_claims(issuer, **changes)))


def _without(name: str) -> Callable[[Issuer], Headers]:
    def make(issuer: Issuer) -> Headers:
        claims = _claims(issuer)
        del claims[name]
        return _bearer(issuer.sign(claims))

    return make


def _tampered(issuer: Issuer) -> Headers:
    head, _, signature = issuer.sign(_claims(issuer)).split(".")
    return _bearer(f"{head}.{_part(_claims(issuer, sub='somebody else'))}.{signature}")


def _forged_context(_: Issuer) -> Headers:
    context = json.dumps({"authorizer": {"jwt": {"claims": {"sub": "mallory", "tier": "enterprise"}}}})
    whole = ("requestContext", "x-amzn-request-context", "x-apigateway-event", "x-amzn-oidc-data", "x-claims")
    names = ("x-amzn-oidc-identity", "x-forwarded-user", "sub")
    return {**dict.fromkeys(whole, context), **dict.fromkeys(names, "mallory")}


#: Name -> what makes the headers. None of them is a caller.
ATTACKS: Mapping[str, Callable[[Issuer], Headers]] = {
    "nothing": lambda _: {},
    "empty bearer": lambda _: _bearer(""),
    "not a token": lambda _: _bearer("abc.def.ghi"),
    "basic credentials": lambda _: {"Authorization": "Basic bWFsbG9yeTptYWxsb3J5"},
    "alg none": lambda issuer: _bearer(_unsigned(issuer, "none")),
    "alg nOnE": lambda issuer: _bearer(_unsigned(issuer, "nOnE")),
    "HS256 with the public key": lambda issuer: _bearer(_hs256(issuer, _public_pem(issuer))),
    "HS256 with the published key set": lambda issuer: _bearer(_hs256(issuer, json.dumps(issuer.jwk).encode())),
    "HS256 with nothing": lambda issuer: _bearer(_hs256(issuer, b"")),
    "another key under the same kid": lambda issuer: _bearer(_by_stranger(issuer)),
    "another key, unknown kid": lambda issuer: _bearer(_by_stranger(issuer, kid="stranger")),
    "kid that is a path": lambda issuer: _bearer(_by_stranger(issuer, kid="../../../../dev/null")),
    "kid that is a query": lambda issuer: _bearer(_by_stranger(issuer, kid="' UNION SELECT 'key")),
    "no kid": lambda issuer: _bearer(_by_stranger(issuer, kid="")),
    "key in the header": lambda issuer: _bearer(_by_stranger(issuer, jwk=_stranger_jwk())),
    "key at the stranger's": lambda issuer: _bearer(_by_stranger(issuer, jku="https://127.0.0.1:9/jwks.json")),
    "wrong issuer": _signed(iss="https://issuer.example"),
    "issuer that begins like ours": lambda issuer: _signed(iss=f"{issuer.url}.example")(issuer),
    "wrong audience": _signed(aud="another-api"),
    "no audience": _without("aud"),
    "ID token": _signed(aud="web-client", nonce="n", at_hash="h", token_use="id"),
    "ID token with the API's audience": _signed(token_use="id"),  # Cognito's: its clients are the audience
    "expired": _signed(exp=int(time.time()) - 600),
    "no expiry": _without("exp"),
    "not valid yet": _signed(nbf=int(time.time()) + 86_400),
    "no sub": _without("sub"),
    "empty sub": _signed(sub=""),
    "blank sub": _signed(sub="   "),
    "endless sub": _signed(sub="m" * 2000),
    "other claims than sub": lambda issuer: _bearer(
        issuer.sign({k: v for k, v in _claims(issuer, user_id="m", id="m").items() if k != "sub"})
    ),
    "changed after signing": _tampered,
    "signature cut off": lambda issuer: _bearer(issuer.sign(_claims(issuer)).rpartition(".")[0] + "."),
    "forged request context": _forged_context,
    "token in a cookie": lambda issuer: {"Cookie": f"token={issuer.sign(_claims(issuer))}"},
    "token in another header": lambda issuer: {"X-Authorization": f"Bearer {issuer.sign(_claims(issuer))}"},
}
#: Tokens of a real caller without the scope `studio`.
SCOPELESS: Mapping[str, Mapping[str, Any]] = {
    "no scope": {},
    "another scope": {"scope": "openid profile"},
    "one that begins like it": {"scope": "studio-admin studio.read"},
    "one that ends like it": {"scope": "not-studio"},
    "a list of others": {"scp": ["openid", "studio2"]},
    "the word in another claim": {"scopes": "studio", "permissions": ["studio"]},
    "an object": {"scope": {"studio": True}},
}
#: Tokens that carry it.
SCOPED: Mapping[str, Mapping[str, Any]] = {
    "alone": {"scope": "studio"},
    "among others": {"scope": "openid studio profile"},
    "in a list": {"scope": ["openid", "studio"]},
    "in scp": {"scp": ["studio", "openid"]},
}
