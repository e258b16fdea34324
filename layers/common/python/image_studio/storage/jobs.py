"""Job records: every step is one conditional write, so that duplicates, crashes and races change nothing twice.

    queued --claim--> running --finish--> succeeded | failed
       ^                 |
       '----give_back----'            (a long poll, or a lease that ran out)

`attempt` is the fencing token: a worker that lost its lease can't write any more. `lease_until` says when the reaper
may look: a queued job that nobody took, a running one whose worker died, a finished one with credits on hold.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from image_studio.errors import IdempotencyMismatch, TemporarilyUnavailable
from image_studio.storage import credits, keys
from image_studio.storage.items import Item, pack, unpack
from image_studio.storage.job import Job, item_of, job_from
from image_studio.storage.transact import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY_SECONDS = 24 * 3600  # how long an Idempotency-Key is kept
PAGE = 100  # jobs on one page, at most


class KeyTaken(Exception):
    """The Idempotency-Key already names a job for the same request: join it."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(job_id)


class JobStore:
    """The job records of one table."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._now = clock

    # -- making one

    def put(self, job: Job, *, idempotency_key: str | None = None, allowance: credits.Allowance | None = None) -> None:
        """Record the job and reserve its credits in one step, within the caller's allowance.

        Raises KeyTaken (same key, same request), IdempotencyMismatch (same key, another request), NotEnoughCredits,
        and TooManyRequests where too many variations are in flight.
        """
        if allowance and (job.reserved > allowance.credits or job.total > allowance.in_flight):
            self._refuse(job, allowance, credits.read(self._db, self._table, job.tenant, job.month))
        month = credits.record_key(job.tenant, job.month)
        reserve = credits.reserve(self._table, month, job.reserved, job.total, allowance)
        steps: dict[str, Item] = {"job": {"Put": self._new(job)}, "credits": {"Update": reserve}}
        if idempotency_key:
            steps["key"] = {"Put": self._new_key(job, idempotency_key)}
        refused = transact(self._db, steps)
        if "job" in refused:
            return  # an earlier try of ours was written after all
        if idempotency_key and "key" in refused:
            self._join(job, idempotency_key)
        if allowance and "credits" in refused:
            self._refuse(job, allowance, credits.balance_of(refused["credits"]))

    def _refuse(self, job: Job, allowance: credits.Allowance, balance: credits.Balance) -> None:
        error = credits.refusal(balance, job.reserved, job.total, allowance)
        raise error or TemporarilyUnavailable  # a record that changed back in between: the next try will do

    def _new(self, job: Job) -> Item:
        return {"TableName": self._table, "Item": item_of(job), "ConditionExpression": "attribute_not_exists(pk)"}

    def _new_key(self, job: Job, idempotency_key: str) -> Item:
        now = int(self._now())
        values = {
            "pk": keys.caller_pk(job.tenant),
            "sk": keys.key_sk(idempotency_key),
            "job_id": job.id,
            "request_hash": job.request_hash,
            "expires": now + KEY_SECONDS,
        }
        return {
            "TableName": self._table,
            "Item": pack(values),
            "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
            "ExpressionAttributeValues": pack({":now": now}),
        }

    def _join(self, job: Job, idempotency_key: str) -> None:
        """Raise KeyTaken or IdempotencyMismatch; a key that ran out in between was a mismatch in time."""
        taken = self._read(job.tenant, keys.key_sk(idempotency_key))
        if taken is None or taken["request_hash"] != job.request_hash:
            raise IdempotencyMismatch
        raise KeyTaken(taken["job_id"])

    # -- reading

    def get(self, tenant: str, job_id: str) -> Job | None:
        """The caller's job, or None where there is none (any more)."""
        item = self._read(tenant, keys.job_sk(job_id))
        return job_from(tenant, item) if item else None

    def _read(self, tenant: str, sk: str) -> dict[str, Any] | None:
        found = self._db.get_item(
            TableName=self._table, Key=pack({"pk": keys.caller_pk(tenant), "sk": sk}), ConsistentRead=True
        ).get("Item")
        item = unpack(found) if found else None
        return item if item and item["expires"] > self._now() else None

    def newest(self, tenant: str, count: int, before: str | None = None) -> tuple[list[Job], str | None]:
        """The caller's jobs, newest first, and the mark of the next page."""
        most = min(count, PAGE)
        values = {":pk": keys.caller_pk(tenant), ":now": int(self._now()), **({":before": before} if before else {})}
        found = self._db.query(
            TableName=self._table,
            IndexName="by_created",
            KeyConditionExpression="pk = :pk" + (" AND created < :before" if before else ""),
            FilterExpression="expires > :now",
            ExpressionAttributeValues=pack(values),
            ScanIndexForward=False,
            Limit=most,
        )
        jobs = [job_from(tenant, unpack(item)) for item in found["Items"]]
        more = found.get("LastEvaluatedKey")
        return jobs, unpack(more)["created"] if more else None

    def overdue(self, count: int) -> Iterator[Job]:
        """Jobs whose lease has run out, oldest first within each partition, at most `count` of each."""
        for number in range(keys.LEASE_PARTITIONS):
            found = self._db.query(
                TableName=self._table,
                IndexName="by_lease",
                KeyConditionExpression="lease = :lease AND lease_until < :now",
                ExpressionAttributeValues=pack({":lease": f"open#{number}", ":now": int(self._now())}),
                Limit=count,
            )
            for item in found["Items"]:
                values = unpack(item)
                yield job_from(values["pk"].removeprefix("CALLER#"), values)

    # -- steps

    def claim(self, tenant: str, job_id: str, lease: int) -> Job | None:
        """Take the job for `lease` seconds, or None where somebody has it or it has ended."""
        now = int(self._now())
        return self._step(
            tenant,
            job_id,
            "SET #status = :running, lease_until = :until, attempt = attempt + :one, runs = runs + :one,"
            " started_at = if_not_exists(started_at, :ms)",
            "(#status = :queued AND attribute_not_exists(awaits)) OR (#status = :running AND lease_until < :now)",
            {
                ":running": "running",
                ":queued": "queued",
                ":until": now + lease,
                ":now": now,
                ":one": 1,
                ":ms": self.milliseconds(),
            },
        )

    def renew(self, job: Job, lease: int) -> bool:
        """Hold the job for `lease` more seconds; False where it is no longer ours."""
        values = {":until": int(self._now()) + lease}
        return self._ours(job, "SET lease_until = :until", values) is not None

    def note(self, job: Job, variation: int, entry: str) -> bool:
        """Record a variation's journal entry; False where the job is no longer ours."""
        names = {"#number": str(variation)}
        return self._ours(job, "SET variations.#number = :entry", {":entry": entry}, names) is not None

    def remember(self, job: Job, name: str, value: str) -> bool:
        """Record a decision; False where the job is no longer ours."""
        return self._ours(job, "SET notes.#name = :value", {":value": value}, {"#name": name}) is not None

    def give_back(self, job: Job, wait: int, *, failed: bool = False) -> bool:
        """Queue the job again, to be looked after in `wait` seconds; only a failed run counts as one."""
        change = "SET #status = :queued, lease_until = :until, runs = runs - :uncounted"
        values = {":queued": "queued", ":until": int(self._now()) + wait, ":uncounted": 0 if failed else 1}
        return self._ours(job, change, values) is not None

    def touch(self, job: Job, wait: int) -> None:
        """Let the reaper look at the job again in `wait` seconds, if it is still as it was."""
        self._step(
            job.tenant,
            job.id,
            "SET lease_until = :until",
            "#status = :status AND lease_until = :was",
            {":until": int(self._now()) + wait, ":status": str(job.status), ":was": job.lease_until},
        )

    def arrived(self, tenant: str, job_id: str, wait: int) -> Job | None:
        """The upload that the job waited for is there: it may run now. None where it isn't waiting."""
        return self._step(
            tenant,
            job_id,
            "SET lease_until = :until REMOVE awaits",
            "#status = :queued AND attribute_exists(awaits)",
            {":queued": "queued", ":until": int(self._now()) + wait},
        )

    def finish(
        self,
        job: Job,
        *,
        answer: str | None = None,
        error: Mapping[str, Any] | None = None,
        spent: "credits.Spent",
        hold: int = 0,
    ) -> bool:
        """End the job and settle its credits in one step; False where it is no longer ours.

        Credits of calls whose charge is unknown stay reserved for `hold` seconds.
        """
        held = bool(spent.held)
        keep = "lease_until = :until" if held else ""
        change = (
            "SET #status = :status, finished_at = :ms, charged = :charged, held = :held"
            + (", answer = :answer" if answer is not None else "")
            + (", #error = :error" if error is not None else "")
            + (f", {keep}" if held else " REMOVE lease, lease_until")
        )
        values: dict[str, Any] = {
            ":status": "failed" if answer is None else "succeeded",
            ":ms": self.milliseconds(),
            ":charged": spent.charged,
            ":held": spent.held,
            ":answer": answer,
            ":error": json.dumps(error) if error is not None else None,
            ":until": int(self._now()) + hold if held else None,
            ":mine": job.attempt,
            ":was": str(job.status),
        }
        names = {"#status": "status"} | ({"#error": "error"} if error is not None else {})
        update = {
            "TableName": self._table,
            "Key": job.key,
            "UpdateExpression": change,
            "ConditionExpression": "#status = :was AND attempt = :mine",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": pack(values),
        }
        month = credits.record_key(job.tenant, job.month)
        return self._together(update, credits.settle(self._table, month, job.reserved, job.total, spent))

    def release_hold(self, job: Job) -> bool:
        """Give back the credits of calls whose charge stayed unknown; the caller isn't charged for them."""
        update = {
            "TableName": self._table,
            "Key": job.key,
            "UpdateExpression": "SET held = :none REMOVE lease, lease_until",
            "ConditionExpression": "held = :held",
            "ExpressionAttributeValues": pack({":held": job.held, ":none": 0}),
        }
        return self._together(update, credits.release(self._table, credits.record_key(job.tenant, job.month), job.held))

    def delete(self, job: Job) -> None:
        """Forget an ended job."""
        self._db.delete_item(TableName=self._table, Key=job.key)

    # -- how steps are written

    def milliseconds(self) -> int:
        """Now, in epoch milliseconds."""
        return int(self._now() * 1000)

    def _ours(
        self, job: Job, change: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> Job | None:
        mine = {**values, ":mine": job.attempt, ":running": "running"}
        return self._step(job.tenant, job.id, change, "#status = :running AND attempt = :mine", mine, names)

    def _step(  # noqa: PLR0917  the parts of one conditional write
        self,
        tenant: str,
        job_id: str,
        change: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Job | None:
        try:
            updated = self._db.update_item(
                TableName=self._table,
                Key=pack({"pk": keys.caller_pk(tenant), "sk": keys.job_sk(job_id)}),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status", **(names or {})},
                ExpressionAttributeValues=pack(values),
                ReturnValues="ALL_NEW",
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            return None
        return job_from(tenant, unpack(updated["Attributes"]))

    def _together(self, *updates: Item) -> bool:
        return not transact(self._db, {str(number): {"Update": update} for number, update in enumerate(updates)})
