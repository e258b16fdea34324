"""Credits of a caller and month: `committed` (used and reserved) bounds what may be started, `used` was delivered.

Reserving is a condition on `committed` alone, because a condition can't add; everything else only adds.
By studio and by provider, `used` is split into attributes of their own, so that one read gives the usage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from image_studio.storage import keys
from image_studio.storage.items import Item, pack

KEEP_SECONDS = 400 * 24 * 3600  # a month's record stays a bit longer than a year


@dataclass(frozen=True, slots=True)
class Spent:
    """How a job's reservation ends: `charged` was delivered, `held` is unknown, the rest goes back."""

    charged: int = 0
    held: int = 0
    studio: str = ""
    by_provider: Mapping[str, int] = field(default_factory=dict)


def month_of(now: float) -> str:
    """The month that credits count for, UTC."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m")


def record_key(tenant: str, month: str) -> Item:
    """The key of a month's record."""
    return pack({"pk": keys.caller_pk(tenant), "sk": f"CREDITS#{month}"})


def reserve(table: str, tenant: str, month: str, amount: int, limit: int) -> Item:
    """The update that reserves `amount`, on the condition that `limit` (at least `amount`) isn't exceeded."""
    expires = int(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp()) + KEEP_SECONDS
    return {
        "TableName": table,
        "Key": record_key(tenant, month),
        "UpdateExpression": "ADD committed :amount SET expires = :expires",
        "ConditionExpression": "attribute_not_exists(committed) OR committed <= :room",
        "ExpressionAttributeValues": pack({":amount": amount, ":room": limit - amount, ":expires": expires}),
    }


def settle(table: str, tenant: str, month: str, reserved: int, spent: Spent) -> Item | None:
    """The update that ends a reservation, or None where nothing was reserved."""
    if not reserved:
        return None
    adds: dict[str, int] = {"committed": spent.charged + spent.held - reserved, "used": spent.charged}
    if spent.charged:
        adds[f"studio_{spent.studio}"] = spent.charged
        adds |= {f"provider_{name}": amount for name, amount in spent.by_provider.items()}
    return _add(table, tenant, month, adds)


def release(table: str, tenant: str, month: str, amount: int) -> Item:
    """The update that gives `amount` of a reservation back."""
    return _add(table, tenant, month, {"committed": -amount})


def _add(table: str, tenant: str, month: str, adds: Mapping[str, int]) -> Item:
    names: dict[str, str] = {f"#a{number}": name for number, name in enumerate(adds)}
    values: dict[str, Any] = {f":a{number}": amount for number, amount in enumerate(adds.values())}
    return {
        "TableName": table,
        "Key": record_key(tenant, month),
        "UpdateExpression": "ADD " + ", ".join(f"#a{number} :a{number}" for number in range(len(adds))),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": pack(values),
    }
