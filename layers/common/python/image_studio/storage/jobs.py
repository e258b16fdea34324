"""Job records: made once, found by id, by age and by lease. `steps.py` has how they change."""

from collections.abc import Iterator
from typing import Any

from image_studio.errors import IdempotencyMismatch, TemporarilyUnavailable
from image_studio.storage import credits, keys
from image_studio.storage.items import Item, pack, unpack
from image_studio.storage.job import Job, item_of, job_from
from image_studio.storage.steps import JobSteps
from image_studio.storage.transact import transact

KEY_SECONDS = 24 * 3600  # how long an Idempotency-Key is kept
PAGE = 100  # jobs on one page, at most
MAX_QUERIES = 5  # for one page: records that expired, but weren't deleted yet, leave gaps
MAX_JOINS = 5  # tries of a key that ran out while we looked


class KeyTaken(Exception):
    """The Idempotency-Key already names a job for the same request: join it."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(job_id)


class JobStore(JobSteps):
    """The job records of one table."""

    # -- making one

    def put(self, job: Job, *, idempotency_key: str | None = None, allowance: credits.Allowance | None = None) -> None:
        """Record the job and reserve its credits in one step, within the caller's allowance.

        A job that is there already stays as it is: an earlier try of ours, or an event that came twice.
        Raises KeyTaken (same key, same request), IdempotencyMismatch (same key, another request), NotEnoughCredits,
        and TooManyRequests where too many variations are in flight.
        """
        for _ in range(MAX_JOINS):
            refused = transact(self._db, self._making(job, idempotency_key, allowance))
            taken = self.taken(job.tenant, idempotency_key, job.request_hash) if "key" in refused else None
            if taken and taken != job.id:
                raise KeyTaken(taken)
            if taken or "job" in refused or not refused:
                return
            if "credits" in refused and allowance:
                self._check(job, allowance, credits.balance_of(refused["credits"]))
        raise TemporarilyUnavailable

    def _making(self, job: Job, idempotency_key: str | None, allowance: credits.Allowance | None) -> dict[str, Item]:
        if allowance and (job.reserved > allowance.credits or job.total > allowance.in_flight):
            self._check(job, allowance, credits.read(self._db, self._table, job.tenant, job.month))
        month = credits.record_key(job.tenant, job.month)
        new = {"TableName": self._table, "Item": item_of(job), "ConditionExpression": "attribute_not_exists(pk)"}
        steps: dict[str, Item] = {
            "job": {"Put": new},
            "credits": {"Update": credits.reserve(self._table, month, job.reserved, job.total, allowance)},
        }
        if idempotency_key:
            steps["key"] = {"Put": self._new_key(job, idempotency_key)}
        return steps

    def _check(self, job: Job, allowance: credits.Allowance, balance: credits.Balance) -> None:
        error = credits.refusal(balance, job.reserved, job.total, allowance)
        if error:
            raise error

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

    def taken(self, tenant: str, idempotency_key: str | None, request_hash: str) -> str | None:
        """The id of the job that the key names for this request, or None. Raises IdempotencyMismatch for another."""
        found = self._read(tenant, keys.key_sk(idempotency_key)) if idempotency_key else None
        if found is None:
            return None
        if found["request_hash"] != request_hash:
            raise IdempotencyMismatch
        return str(found["job_id"])

    # -- reading

    def get(self, tenant: str, job_id: str) -> Job | None:
        """The caller's job, or None where there is none (any more)."""
        item = self._read(tenant, keys.job_sk(job_id))
        return job_from(item) if item else None

    def _read(self, tenant: str, sk: str) -> dict[str, Any] | None:
        found = self._db.get_item(
            TableName=self._table, Key=pack({"pk": keys.caller_pk(tenant), "sk": sk}), ConsistentRead=True
        ).get("Item")
        item = unpack(found) if found else None
        return item if item and item["expires"] > self._now() else None

    def newest(self, tenant: str, count: int, before: str | None = None) -> tuple[list[Job], str | None]:
        """The caller's jobs, newest first, and the mark of the next page, None where this is the last."""
        most = min(count, PAGE)
        found: list[Job] = []
        for _ in range(MAX_QUERIES):
            jobs, before = self._page(tenant, most + 1 - len(found), before)
            found += jobs
            if len(found) > most:
                return found[:most], found[most - 1].created
            if before is None:
                break
        return found, before

    def _page(self, tenant: str, count: int, before: str | None) -> tuple[list[Job], str | None]:
        """Up to `count` records' jobs, expired ones left out, and where to go on."""
        values = {":pk": keys.caller_pk(tenant), ":now": int(self._now()), ":before": before}
        found = self._db.query(
            TableName=self._table,
            IndexName="by_created",
            KeyConditionExpression="pk = :pk" + (" AND created < :before" if before else ""),
            FilterExpression="expires > :now",
            ExpressionAttributeValues=pack(values),
            ScanIndexForward=False,
            Limit=count,
        )
        more = found.get("LastEvaluatedKey")
        return [job_from(unpack(item)) for item in found["Items"]], unpack(more)["created"] if more else None

    def overdue(self, count: int) -> Iterator[Job]:
        """Jobs whose lease has run out, oldest first within each partition, at most `count` of each."""
        for partition in keys.LEASES:
            found = self._db.query(
                TableName=self._table,
                IndexName="by_lease",
                KeyConditionExpression="lease = :lease AND lease_until < :now",
                ExpressionAttributeValues=pack({":lease": partition, ":now": int(self._now())}),
                Limit=count,
            )
            yield from (job_from(unpack(item)) for item in found["Items"])
