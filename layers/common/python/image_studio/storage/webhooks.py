"""A caller's webhooks: endpoints, their deliveries, and the secret that signs calls to a request's own URL."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from image_studio.storage import keys, transactions
from image_studio.storage.job import DAY
from image_studio.storage.transactions import Item, change_of, count_step, pack, transact, unpack, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHOWN_DELIVERIES = 20  # of an endpoint
MAX_OLD_SECRETS = 5  # of an endpoint; its receiver compares each signature
DELIVERY_DAYS = 30  # how long a delivery is kept
_ENDPOINT, _DELIVERY, _COUNT, _SECRET = "ENDPOINT#", "DELIVERY#", "ENDPOINTS", "SECRET"


class EndpointState(StrEnum):
    """Whether an endpoint is called."""

    ENABLED = "enabled"
    PAUSED = "paused"  # it failed for days
    DISABLED = "disabled"  # it answered 410


class TooManyEndpoints(Exception):
    """The caller has as many as there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of a caller. Times are epoch seconds."""

    id: str
    url: str
    secret: str  # whsec_<base64>
    created_at: int
    state: EndpointState = EndpointState.ENABLED
    old_secrets: list[dict[str, Any]] = field(default_factory=list)  # which sign, too, each `until` a time; newest last
    failing_since: int | None = None
    include_prompt: bool = False  # whether calls for a job carry its prompt

    def secrets(self, now: float) -> list[str]:
        """The secrets that sign a call now, the newest first."""
        return [self.secret, *(old["secret"] for old in self.old_secrets if old["until"] > now)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call of an endpoint: when (epoch milliseconds), what for, and what came of it."""

    at: int
    webhook_id: str
    type: str
    attempt: int
    status: int | None  # of the response; None where there was none
    problem: str | None
    next_attempt_at: int | None  # epoch milliseconds


class WebhookStore:
    """The webhooks of one table."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._now = clock

    # -- endpoints

    def add(self, tenant: str, endpoint: Endpoint, most: int) -> None:
        """Record a new endpoint. Raises TooManyEndpoints above `most`."""
        item = _key(tenant, _ENDPOINT + endpoint.id) | pack(asdict(endpoint) | {"state": endpoint.state.value})
        steps = {
            "new": {"Put": {"TableName": self._table, "Item": item}},
            "count": self._count(tenant, 1, most),
        }
        if transact(self._db, steps):
            raise TooManyEndpoints

    def get(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        found = transactions.read(self._db, self._table, _key(tenant, _ENDPOINT + endpoint_id))
        return _endpoint(found) if found else None

    def all(self, tenant: str) -> list[Endpoint]:
        """Return the caller's endpoints, by id."""
        return [_endpoint(item) for item in self._query(tenant, _ENDPOINT, consistent=True)]

    def delete(self, tenant: str, endpoint_id: str) -> bool:
        """Delete an endpoint; False where there is none."""
        gone = {
            "TableName": self._table,
            "Key": _key(tenant, _ENDPOINT + endpoint_id),
            "ConditionExpression": "attribute_exists(pk)",
        }
        return not transact(self._db, {"old": {"Delete": gone}, "count": self._count(tenant, -1)})

    def rotate(self, tenant: str, endpoint: Endpoint, secret: str, overlap: int) -> bool:
        """Replace the secret; the old one signs for `overlap` seconds more. False where it changed meanwhile.

        Several may sign at once: a client whose response was lost rotates again, and its receiver has an older one.
        """
        now = int(self._now())
        signing = [old for old in endpoint.old_secrets if old["until"] > now]
        signing.append({"secret": endpoint.secret, "until": now + overlap})
        values = {":new": secret, ":was": endpoint.secret, ":old": signing[-MAX_OLD_SECRETS:]}
        change = "SET secret = :new, old_secrets = :old"
        return self._change(tenant, endpoint.id, change, values, "secret = :was") is not None

    def succeeded(self, tenant: str, endpoint_id: str) -> None:
        """Note that a call arrived: the endpoint works."""
        values = {":enabled": EndpointState.ENABLED.value}
        self._change(tenant, endpoint_id, "SET #state = :enabled REMOVE failing_since", values, "attribute_exists(pk)")

    def failed(self, tenant: str, endpoint_id: str, *, pause_after: int, gone: bool) -> None:
        """Note a failed call: disable an endpoint that is gone, pause one that failed for `pause_after` seconds."""
        now = int(self._now())
        since = "SET failing_since = if_not_exists(failing_since, :now)"
        item = self._change(tenant, endpoint_id, since, {":now": now}, "attribute_exists(pk)")
        if item is None:
            return
        paused = now - (_endpoint(item).failing_since or now) >= pause_after
        if gone or paused:
            state = EndpointState.DISABLED if gone else EndpointState.PAUSED
            values = {":state": state.value, ":enabled": EndpointState.ENABLED.value}
            self._change(tenant, endpoint_id, "SET #state = :state", values, "#state = :enabled")

    # -- deliveries

    def log(self, tenant: str, endpoint_id: str, delivery: Delivery) -> None:
        """Keep a delivery for DELIVERY_DAYS."""
        sk = f"{_DELIVERY}{endpoint_id}#{delivery.at:013d}#{delivery.webhook_id}"
        values = asdict(delivery) | {"expires": int(self._now()) + DELIVERY_DAYS * DAY}
        self._db.put_item(TableName=self._table, Item=_key(tenant, sk) | pack(values))

    def deliveries(self, tenant: str, endpoint_id: str) -> list[Delivery]:
        """Return the newest SHOWN_DELIVERIES deliveries, newest first."""
        found = self._query(tenant, f"{_DELIVERY}{endpoint_id}#", Limit=SHOWN_DELIVERIES, ScanIndexForward=False)
        names = Delivery.__dataclass_fields__
        rows: list[dict[str, Any]] = [{name: item.get(name) for name in names} for item in found]
        return [Delivery(**row) for row in rows]

    # -- the secret for the URLs of requests

    def secret(self, tenant: str, new: str) -> str:
        """Return the caller's own secret, which is `new` the first time."""
        key = _key(tenant, _SECRET)
        item = update(self._db, change_of(self._table, key, "SET secret = if_not_exists(secret, :new)", {":new": new}))
        return str(unpack(item or {})["secret"])

    # -- how they are read and written

    def _query(self, tenant: str, prefix: str, **more: Any) -> list[dict[str, Any]]:
        return transactions.read_prefix(self._db, self._table, keys.hooks_pk(tenant), prefix, **more)

    def _change(
        self, tenant: str, endpoint_id: str, change: str, values: Mapping[str, Any], condition: str
    ) -> dict[str, Any] | None:
        """Change an endpoint; return its record, or None where the condition refused."""
        names = {"#state": "state"} if "#state" in change + condition else None
        key = _key(tenant, _ENDPOINT + endpoint_id)
        item = update(self._db, change_of(self._table, key, change, values, condition, names=names))
        return unpack(item) if item else None

    def _count(self, tenant: str, step: int, most: int | None = None) -> Item:
        return count_step(self._table, _key(tenant, _COUNT), step, most)


def _key(tenant: str, sk: str) -> Item:
    return pack({"pk": keys.hooks_pk(tenant), "sk": sk})


def _endpoint(item: Mapping[str, Any]) -> Endpoint:
    fields = {name: item[name] for name in Endpoint.__dataclass_fields__ if name in item}
    return Endpoint(**fields | {"state": EndpointState(item["state"])})
