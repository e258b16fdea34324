"""Credits of a caller and month, and the caller's variations in flight: one record, changed with the job in one step.

`committed` (used and reserved) bounds what may be started, `used` was delivered, `in_flight` counts the variations of
jobs that haven't ended. A reservation is a condition on `committed` and `in_flight`, because a condition can't add;
everything else only adds. A job is settled in the month that it started in. `used` is also split by group (the
operation's first word) and by provider into attributes of their own, so that one read gives the usage.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from image_studio.errors import InvalidRequest, NotEnoughCredits, TooManyRequests
from image_studio.storage import keys, transactions
from image_studio.storage.transactions import Item, change_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEEP_SECONDS = 400 * 24 * 3600  # a month's record stays a bit longer than a year after it was last written
UNLIMITED = 10**12  # credits; more than any caller has
RETRY_SECONDS = 5  # until a retry makes sense where too many variations are in flight


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may use: credits of a month, and variations in flight at a time."""

    credits: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Charge:
    """How a job's reservation ends: `charged` was delivered, `held` stays on hold, the rest is released."""

    charged: int = 0
    held: int = 0
    group: str = ""
    by_provider: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Balance:
    """A month's credits: used, used or reserved (`committed`), and what they were used for."""

    used: int = 0
    committed: int = 0
    in_flight: int = 0
    by_studio: Mapping[str, int] = field(default_factory=dict)
    by_provider: Mapping[str, int] = field(default_factory=dict)


def month_of(now: float) -> str:
    """Return the month (UTC) that a job's credits count for."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m")


def month_end(month: str) -> int:
    """Return when the next month starts, epoch seconds."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return int(first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1).timestamp())


def record_key(tenant: str, month: str) -> Item:
    return keys.caller_key(tenant, f"CREDITS#{month}")


def read(client: "DynamoDBClient", table: str, tenant: str, month: str) -> Balance:
    """Return the caller's month; nothing is used where there is no record."""
    return balance_of(transactions.read(client, table, record_key(tenant, month)) or {})


def balance_of(values: Mapping[str, Any]) -> Balance:
    return Balance(
        used=values.get("used", 0),
        committed=values.get("committed", 0),
        in_flight=values.get("in_flight", 0),
        by_studio=_split(values, "studio_"),
        by_provider=_split(values, "provider_"),
    )


def _split(values: Mapping[str, Any], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in sorted(values.items()) if name.startswith(prefix)}


def reserve(table: str, key: Item, amount: int, variations: int, allowance: Allowance | None) -> Item:
    """Return the update that reserves `amount` credits for `variations`, within the allowance if one is given.

    An amount or number above the whole allowance can't be a condition: call `check` first.
    """
    change = "ADD committed :amount, in_flight :variations SET expires = :expires"
    values = {":amount": amount, ":variations": variations, ":expires": int(time.time()) + KEEP_SECONDS}
    if allowance is None:
        return change_of(table, key, change, values)
    room = allowance.credits - amount if amount else UNLIMITED  # a free job needs no credits left
    values |= {":room": room, ":most": allowance.in_flight - variations}
    condition = "attribute_not_exists(committed) OR (committed <= :room AND in_flight <= :most)"
    return change_of(table, key, change, values, condition) | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def check(balance: Balance, amount: int, variations: int, allowance: Allowance) -> None:
    """Raise NotEnoughCredits or TooManyRequests where a job can't start now, InvalidRequest where it never can."""
    left = max(0, allowance.credits - balance.committed)
    if amount > left:
        raise NotEnoughCredits(
            f"This needs {amount} credits and {left} are left this month. See GET /api/image-studio/usage."
        )
    if variations > allowance.in_flight:
        raise InvalidRequest(
            f"These are {variations} images, and your tier makes at most {allowance.in_flight} at a time. Send fewer."
        )
    if variations + balance.in_flight > allowance.in_flight:
        raise TooManyRequests(
            f"{balance.in_flight} of your images are being made or wait for their upload; {variations} more would "
            f"exceed your tier's {allowance.in_flight} at a time. Try again when some are done; DELETE stops a job.",
            retry_after=RETRY_SECONDS,
        )


def settle(table: str, key: Item, reserved: int, variations: int, charge: Charge) -> Item:
    """Return the update that settles the reservation of a job that ends."""
    adds: dict[str, int] = {
        "committed": charge.charged + charge.held - reserved,
        "in_flight": -variations,
        "used": charge.charged,
    }
    if charge.charged:
        adds[f"studio_{charge.group}"] = charge.charged
        adds |= {f"provider_{name}": amount for name, amount in charge.by_provider.items()}
    return add(table, key, adds)


def add(table: str, key: Item, adds: Mapping[str, int]) -> Item:
    """Return the update that adds to the record's numbers by name."""
    change = "ADD " + ", ".join(f"#{name} :{name}" for name in adds)
    values = {f":{name}": amount for name, amount in adds.items()}
    return change_of(table, key, change, values, names={f"#{name}": name for name in adds})
