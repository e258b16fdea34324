"""Open waits of a caller: a bounded number of slots, each held by a lease that runs out by itself.

One record per caller, one attribute per slot: `wait<number>` is when its lease ends (epoch milliseconds). A function
that dies while it waits leaks its slot for no longer than the lease.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from image_studio.storage import keys
from image_studio.storage.items import pack, unpack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_TRIES = 8  # of one request that others of the same caller overtake
KEEP_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Slot:
    """A wait that is open: its number, when its lease ends (epoch milliseconds), and how many are open with it."""

    number: int
    until: int
    open: int


class WaitStore:
    """The slots of one table."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._clock = clock

    def take(self, tenant: str, most: int, seconds: float) -> Slot | None:
        """Open a wait of at most `seconds`, or None where `most` are open already."""
        now = int(self._clock() * 1000)
        until = now + int(seconds * 1000)
        free = list(range(most))
        for _ in range(MAX_TRIES):
            if not free:
                return None
            number = secrets.choice(free)  # spreads those who come at the same time
            written, held = self._write(tenant, number, until, now)
            if written:
                return Slot(number, until, len(held))
            free = [each for each in range(most) if each not in held]
        return None

    def _write(self, tenant: str, number: int, until: int, now: int) -> tuple[bool, set[int]]:
        """Whether the slot is ours, and all that are held then."""
        try:
            done = self._db.update_item(
                TableName=self._table,
                Key=self._key(tenant),
                UpdateExpression="SET #slot = :until, expires = :expires",
                ConditionExpression="attribute_not_exists(#slot) OR #slot <= :now",
                ExpressionAttributeNames={"#slot": f"wait{number}"},
                ExpressionAttributeValues=pack(
                    {":until": until, ":now": now, ":expires": until // 1000 + KEEP_SECONDS}
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._db.exceptions.ConditionalCheckFailedException as error:
            return False, _held(error.response.get("Item", {}), now)
        return True, _held(done["Attributes"], now)

    def give_back(self, tenant: str, slot: Slot) -> None:
        """Close the wait, unless its lease ran out and somebody else has the slot."""
        try:
            self._db.update_item(
                TableName=self._table,
                Key=self._key(tenant),
                UpdateExpression="REMOVE #slot",
                ConditionExpression="#slot = :until",
                ExpressionAttributeNames={"#slot": f"wait{slot.number}"},
                ExpressionAttributeValues=pack({":until": slot.until}),
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            return

    def _key(self, tenant: str) -> dict[str, Any]:
        return pack({"pk": keys.caller_pk(tenant), "sk": keys.WAITS_SK})


def _held(item: Any, now: int) -> set[int]:
    values = unpack(item)
    return {int(name[4:]) for name, until in values.items() if name.startswith("wait") and until > now}
