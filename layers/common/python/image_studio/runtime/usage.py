"""What a caller has used this month, and what is left."""

import time
from datetime import UTC, datetime
from typing import Any

from image_studio.runtime import clients
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.identity import Caller
from image_studio.runtime.settings import settings
from image_studio.runtime.tiers import TIERS
from image_studio.storage import credits
from image_studio.storage.credits import Allowance, Balance, month_end, month_of


def allowance(tier: str) -> Allowance:
    """What callers of a tier may have: credits of a month, variations in flight."""
    return Allowance(settings().monthly_credits[tier], TIERS[tier].in_flight)


def balance(caller: Caller, month: str) -> Balance:
    """The caller's month, read from the table."""
    return credits.read(clients.dynamodb(), settings().table, caller.tenant, month)


def remaining(caller: Caller) -> int:
    """Credits that are neither used nor reserved this month."""
    limit = settings().monthly_credits[caller.tier]
    return max(0, limit - balance(caller, month_of(time.time())).committed)


def get_usage(call: Call) -> Response:
    """GET /usage."""
    month = month_of(time.time())
    found = balance(call.known, month)
    return respond(200, usage_body(call.known.tier, month, found), {"cache-control": "no-store"})


def usage_body(tier: str, month: str, found: Balance) -> dict[str, Any]:
    """A month's credits as GET /usage shows them, with the limits of the tier."""
    limit = settings().monthly_credits[tier]
    rules = TIERS[tier]
    ends = month_end(month)
    return {
        "tier": tier,
        "month": month,
        "limit": limit,
        "used": found.used,
        "reserved": found.committed - found.used,
        "remaining": max(0, limit - found.committed),
        "reset": ends,
        "resets_at": datetime.fromtimestamp(ends, UTC).isoformat().replace("+00:00", "Z"),
        "by_studio": dict(found.by_studio),
        "by_provider": dict(found.by_provider),
        "in_flight": found.flying,
        "limits": {
            "requests_per_minute": rules.per_minute,
            "requests_per_day": rules.per_day,
            "variations_in_flight": rules.in_flight,
            "open_waits": rules.waits,
            "max_pixels": rules.max_pixels,
        },
    }
