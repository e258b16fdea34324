"""Who calls: claims come from the gateway's request context only, never from a header that we parse ourselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.errors import NotAllowed, NotAuthenticated
from image_studio.runtime.settings import settings
from image_studio.storage.keys import tenant_of

TIERS = ("free", "basic", "pro", "enterprise")
MAX_SUB = 1024  # characters


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated `sub`: `tenant` is its name in keys and logs."""

    tenant: str
    tier: str


def caller_of(event: Mapping[str, Any]) -> Caller:
    """The caller. Raises NotAuthenticated without a subject, NotAllowed without the required scope."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    sub = claims.get("sub")
    if not isinstance(sub, str) or not sub.strip() or len(sub) > MAX_SUB:
        raise NotAuthenticated
    needed = settings().required_scope
    if needed and needed not in _scopes(claims):
        raise NotAllowed(f"This token lacks the scope '{needed}'.")
    return Caller(tenant_of(sub), _tier(claims.get(settings().tier_claim)))


def _tier(claim: Any) -> str:
    """The gateway passes claims as text, a list as '[a b]'; unknown or missing is free."""
    word = str(claim or "").strip("[] ").lower()
    return word if word in TIERS else TIERS[0]


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """`scope` (RFC 8693, a string) or `scp` (a list, as text '[a b]')."""
    words: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name) or ""
        words.update(
            " ".join(value).split() if isinstance(value, list) else str(value).strip("[]").replace(",", " ").split()
        )
    return words
