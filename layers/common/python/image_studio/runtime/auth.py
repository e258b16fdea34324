"""Who calls: claims come from the gateway's request context only, never from a header that we parse ourselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.errors import NotAllowed, NotAuthenticated
from image_studio.runtime.settings import LOWEST, TIERS, settings
from image_studio.storage.keys import tenant_of

MAX_SUB = 1024  # characters


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated `sub`: `tenant` is its name in keys and logs."""

    tenant: str
    tier: str


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """The caller. Raises NotAuthenticated without a subject, and for an ID token that says it is one.

    Cognito's do: their audience is the client itself, so the gateway can't tell them from access tokens.
    """
    sub = claims.get("sub")
    if not isinstance(sub, str) or not sub.strip() or len(sub) > MAX_SUB or claims.get("token_use") == "id":
        raise NotAuthenticated
    try:
        tenant = tenant_of(sub)
    except UnicodeEncodeError:  # half a surrogate pair: no issuer writes that
        raise NotAuthenticated from None
    # The gateway passes claims as text, a list as '[a b]'.
    tier = str(claims.get(settings().tier_claim) or "").strip("[] ").lower()
    return Caller(tenant, tier if tier in TIERS else LOWEST)


def check_scope(claims: Mapping[str, Any]) -> None:
    """Raise NotAllowed where the deployment asks for a scope that the token lacks."""
    needed, words = settings().required_scope, set()
    for name in ("scope", "scp"):  # a string (RFC 8693), or a list, as text '[a b]'
        value = claims.get(name) or ""
        text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        words.update(text.strip("[]").replace(",", " ").split())
    if needed and needed not in words:
        raise NotAllowed(f"This token lacks the scope '{needed}'.")
