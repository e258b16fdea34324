"""The gateway's JWT authorizer: RS256 tokens of one issuer, keys by discovery, claims as strings."""

import json
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from local.template import Authorizer

FETCH_SECONDS = 1.5  # API Gateway's limit for discovery document and keys
LARGEST_JWKS = 150_000  # bytes, API Gateway's limit
REFETCH_SECONDS = 5.0  # between two fetches for an unknown kid
KEEP_SECONDS = 7200.0  # keys are cached for two hours


class Refused(Exception):
    """The token is not accepted: 401, or 403 for a missing scope; `challenge` is the www-authenticate header."""

    def __init__(self, status: int, challenge: str) -> None:
        self.status = status
        self.challenge = challenge
        super().__init__(challenge)


@dataclass(frozen=True)
class Identity:
    """The caller: claims as strings, and the token's scopes where the route needs one."""

    claims: Mapping[str, str]
    scopes: tuple[str, ...] | None

    def context(self) -> dict[str, Any]:
        """Return the event's requestContext.authorizer."""
        scopes = list(self.scopes) if self.scopes is not None else None
        return {"jwt": {"claims": dict(self.claims), "scopes": scopes}}


class KeySet:
    """The issuer's signing keys, fetched over HTTP when first needed."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: dict[str, Any] = {}
        self._fetched = -KEEP_SECONDS

    def key(self, kid: str) -> Any:
        """Return the public key of an id. Raises KeyError."""
        age = time.monotonic() - self._fetched
        if age > KEEP_SECONDS or (kid not in self._keys and age > REFETCH_SECONDS):
            self._fetch()
        return self._keys[kid]

    def _fetch(self) -> None:
        discovery = _get_json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        keys = _get_json(discovery["jwks_uri"])["keys"]
        self._keys = {key["kid"]: jwt.PyJWK(key).key for key in keys if key.get("kty") == "RSA"}
        self._fetched = time.monotonic()


def _get_json(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310  # the issuer is configured
        loaded: dict[str, Any] = json.loads(answer.read(LARGEST_JWKS))
    return loaded


class JwtAuthorizer:
    """Checks a request's Authorization header against the template's authorizer."""

    def __init__(self, rules: Authorizer) -> None:
        self._rules = rules
        self._keys = KeySet(rules.issuer)

    def identify(self, header: str | None, scopes: tuple[str, ...] = ()) -> Identity:
        """Return the caller of an Authorization header; of `scopes` the token needs one. Raises Refused."""
        token = (header or "").strip()
        if token[:7].lower() == "bearer ":
            token = token[7:].strip()
        if not token:
            raise Refused(401, "Bearer")
        claims = self._verified(token)
        wanted = scopes or self._rules.scopes
        held = _scopes(claims)
        if wanted and not set(wanted) & set(held):
            raise Refused(403, f'Bearer scope="{" ".join(wanted)}" error="insufficient_scope"')
        return Identity({name: as_text(value) for name, value in claims.items()}, held if wanted else None)

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") != "RS256":
                raise _invalid("signing method is invalid")
            key = self._keys.key(str(head.get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._rules.issuer,
                options={"verify_aud": False, "require": ["exp", "iss"]},
            )
        except KeyError:
            raise _invalid("no matching key was found for kid") from None
        except OSError:
            raise _invalid("OIDC discovery endpoint communication error") from None
        except jwt.PyJWTError as why:
            raise _invalid(_reason(why)) from None
        self._check_audience(claims)
        return claims

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        aud = claims["aud"] if "aud" in claims else claims.get("client_id")
        named = aud if isinstance(aud, list) else [aud]
        if not set(named) & set(self._rules.audience):
            raise _invalid("the token does not have a valid audience")


def _invalid(why: str) -> Refused:
    return Refused(401, f'Bearer scope="" error="invalid_token" error_description="{why}"')


_REASONS = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidIssuerError: "invalid issuer",
    jwt.InvalidSignatureError: "signature is invalid",
}


def _reason(why: jwt.PyJWTError) -> str:
    return next((reason for kind, reason in _REASONS.items() if isinstance(why, kind)), "the token is malformed")


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = claims.get("scope", claims.get("scp", ""))
    return tuple(found if isinstance(found, list) else str(found).split())


def as_text(value: Any) -> str:
    """Return a claim as API Gateway passes it: always a string, lists as `[a b]`, objects as `map[k:v]`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(as_text, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{as_text(each)}' for name, each in value.items())}]"
    return str(value)
