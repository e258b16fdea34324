"""Job records: how they are made, found, and changed. Each change is one conditional write.

    queued --claim--> running --finish--> succeeded | failed
       ^                 |
       '----give_back----'    (a long poll) or requeue (a lease that ran out)

So duplicates, crashes and races change nothing twice. `attempt` is the fencing token: a worker that lost its lease
can't write any more. `lease_until` says when the reaper may look: at a queued job that no worker took, a running one
whose worker died, a finished one with credits on hold.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from image_studio.errors import IdempotencyMismatch, TemporarilyUnavailable
from image_studio.storage import credits, keys, transactions
from image_studio.storage.batch import Batch, count_end
from image_studio.storage.job import DAY, Job, Status, item_of, job_from
from image_studio.storage.transactions import Item, change_of, pack, put_new, transact, unpack, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY_SECONDS = DAY  # how long an Idempotency-Key is kept
PAGE = 100  # jobs on one page, at most
MAX_QUERIES = 5  # for one page: records that expired, but weren't deleted yet, leave gaps
MAX_JOINS = 5  # tries of a key that expires between our reads and writes

FENCE = "#status = :running AND attempt = :mine"  # the condition of every write that belongs to one run
_STATUS = {"#status": "status"}  # a reserved word


class KeyTaken(Exception):
    """The Idempotency-Key already names a job for the same request: join it."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(job_id)


class JobStore:
    """The job records of one table, as submits, runs and the reaper change them."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._now = clock

    # -- a new job

    def put(self, job: Job, *, idempotency_key: str | None = None, allowance: credits.Allowance | None = None) -> None:
        """Record the job and reserve its credits in one step, within the caller's allowance.

        A job that is there already stays as it is: it comes from an earlier try, or from an event that came twice.
        Raises KeyTaken (same key, same request), IdempotencyMismatch (same key, another request), NotEnoughCredits,
        and TooManyRequests where too many variations are in flight.
        """
        self.reserve(job, [item_of(job)], idempotency_key=idempotency_key, allowance=allowance)

    def reserve(
        self,
        job: Job | Batch,
        records: list[Item],
        *,
        idempotency_key: str | None,
        allowance: credits.Allowance | None,
    ) -> None:
        """Write the records of a job or a batch, and reserve its credits, in one step. Raises what `put` raises."""
        for _ in range(MAX_JOINS):
            refused = transact(self._db, self._reserve_steps(job, records, idempotency_key, allowance))
            taken = self.job_of_key(job.tenant, idempotency_key, job.request_hash) if "key" in refused else None
            if taken and taken != job.id:
                raise KeyTaken(taken)
            if taken or "job" in refused or not refused:
                return
            if "credits" in refused and allowance:
                credits.check(credits.balance_of(unpack(refused["credits"])), job.reserved, job.total, allowance)
        raise TemporarilyUnavailable

    def _reserve_steps(
        self, job: Job | Batch, records: list[Item], idempotency_key: str | None, allowance: credits.Allowance | None
    ) -> dict[str, Item]:
        if allowance and (job.reserved > allowance.credits or job.total > allowance.in_flight):
            balance = credits.read(self._db, self._table, job.tenant, job.month)
            credits.check(balance, job.reserved, job.total, allowance)
        first, *others = [put_new(self._table, record) for record in records]
        steps: dict[str, Item] = {
            "job": first,
            **{f"record {number}": other for number, other in enumerate(others)},
            "credits": {"Update": credits.reserve(self._table, _month(job), job.reserved, job.total, allowance)},
        }
        if idempotency_key:
            steps["key"] = {"Put": self._new_key(job, idempotency_key)}
        return steps

    def _new_key(self, job: Job | Batch, idempotency_key: str) -> Item:
        now = int(self._now())
        values = {"job_id": job.id, "request_hash": job.request_hash, "expires": now + KEY_SECONDS}
        return {
            "TableName": self._table,
            "Item": keys.idempotency_key(job.tenant, idempotency_key) | pack(values),
            "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
            "ExpressionAttributeValues": pack({":now": now}),
        }

    def job_of_key(self, tenant: str, idempotency_key: str | None, request_hash: str) -> str | None:
        """Return the id of the key's job for this request, or None. Raises IdempotencyMismatch for another request."""
        found = self._read(keys.idempotency_key(tenant, idempotency_key)) if idempotency_key else None
        if found is None:
            return None
        if found["request_hash"] != request_hash:
            raise IdempotencyMismatch
        return str(found["job_id"])

    # -- reading

    def get(self, tenant: str, job_id: str, *, expired: bool = False) -> Job | None:
        """Return a job; with `expired` also one that DynamoDB is yet to delete."""
        item = self._read(keys.job_key(tenant, job_id), expired=expired)
        return job_from(item) if item else None

    def _read(self, key: Item, *, expired: bool = False) -> dict[str, Any] | None:
        item = transactions.read(self._db, self._table, key)
        return item if item and (expired or item["expires"] > self._now()) else None

    def newest(self, tenant: str, count: int, before: str | None = None) -> tuple[list[Job], str | None]:
        """Return the caller's jobs, newest first, and the mark of the next page, None on the last page."""
        items, mark = self.newest_records(keys.caller_pk(tenant), count, before)
        return [job_from(item) for item in items], mark

    def newest_records(self, pk: str, count: int, before: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return the records of a partition that have `created`, newest first, and the mark of the next page."""
        most = min(count, PAGE)
        found: list[dict[str, Any]] = []
        for _ in range(MAX_QUERIES):
            items, before = self._page(pk, most + 1 - len(found), before)
            found += items
            if len(found) > most:
                return found[:most], found[most - 1]["created"]
            if before is None:
                break
        return found, before

    def _page(self, pk: str, count: int, before: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Up to `count` records, expired ones left out, and where to go on."""
        values = {":pk": pk, ":now": int(self._now()), ":before": before}
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
        return [unpack(item) for item in found["Items"]], unpack(more)["created"] if more else None

    def overdue(self, count: int) -> Iterator[Job]:
        """Yield jobs whose lease ran out, oldest first within each lease partition, at most `count` of each."""
        for partition in keys.LEASES:
            yield from map(job_from, self.overdue_records(partition, count))

    def overdue_records(self, partition: str, count: int) -> list[dict[str, Any]]:
        found = self._db.query(
            TableName=self._table,
            IndexName="by_lease",
            KeyConditionExpression="lease = :lease AND lease_until < :now",
            ExpressionAttributeValues=pack({":lease": partition, ":now": int(self._now())}),
            Limit=count,
        )
        return [unpack(item) for item in found["Items"]]

    # -- a run

    def claim(self, tenant: str, job_id: str, lease: int) -> Job | None:
        """Take the job for `lease` seconds, or return None where a worker has it, or it ended or expired."""
        now = int(self._now())
        values = {
            ":running": "running",
            ":queued": "queued",
            ":until": now + lease,
            ":now": now,
            ":one": 1,
            ":ms": int(self._now() * 1000),
        }
        change = (
            "SET #status = :running, lease_until = :until, attempt = attempt + :one, runs = runs + :one,"
            " started_at = if_not_exists(started_at, :ms)"
        )
        free = "(#status = :queued AND attribute_not_exists(awaits)) OR (#status = :running AND lease_until < :now)"
        return self._update(keys.job_key(tenant, job_id), change, f"expires > :now AND ({free})", values)

    def renew(self, job: Job, lease: int) -> bool:
        """Extend the lease to `lease` seconds from now; False where the job is no longer this run's."""
        return self._update_fenced(job, "SET lease_until = :until", {":until": int(self._now()) + lease})

    def note(self, job: Job, variation: int, entry: str) -> bool:
        """Record a variation's journal entry; False where the job is no longer this run's."""
        names = {"#number": str(variation)}
        return self._update_fenced(job, "SET variations.#number = :entry", {":entry": entry}, names)

    def remember(self, job: Job, name: str, value: str) -> bool:
        """Record a decision; False where the job is no longer this run's."""
        return self._update_fenced(job, "SET notes.#name = :value", {":value": value}, {"#name": name})

    def give_back(self, job: Job, wait: int, *, failed: bool = False) -> bool:
        """Queue the job again; the reaper may look in `wait` seconds. Only a failed run counts as a run."""
        change = "SET #status = :queued, lease_until = :until, runs = runs - :uncounted"
        values = {":queued": "queued", ":until": int(self._now()) + wait, ":uncounted": 0 if failed else 1}
        return self._update_fenced(job, change, values)

    # -- the reaper

    def touch(self, job: Job, wait: int) -> bool:
        """Postpone the next look at a queued job by `wait` seconds; False where it changed meanwhile."""
        return self._update_unchanged(job, "SET lease_until = :until", {":until": int(self._now()) + wait})

    def requeue(self, job: Job, wait: int) -> bool:
        """Queue a job whose worker died; False where it is alive after all."""
        change = "SET #status = :queued, lease_until = :until"
        return self._update_unchanged(job, change, {":queued": "queued", ":until": int(self._now()) + wait})

    def announced(self, job: Job, hold: int) -> None:
        """Record that the job's end was announced. Credits on hold stay so until `hold` seconds after it."""
        values: dict[str, Any] = {":one": 1}
        if job.held:
            change = "SET lease_until = :until REMOVE unannounced"
            values[":until"] = (job.finished_at or 0) // 1000 + hold
        else:
            change = "REMOVE unannounced, lease, lease_until"
        made = change_of(self._table, job.key, change, values, "unannounced = :one")
        update(self._db, made)

    def release_hold(self, job: Job) -> bool:
        """Give back the credits of calls whose charge stayed unknown; the caller isn't charged for them."""
        change, values = "SET held = :none REMOVE lease, lease_until", {":held": job.held, ":none": 0}
        released = change_of(self._table, job.key, change, values, "held = :held")
        return self._write_all({"Update": released}, self._release(job))

    # -- an upload that a job waits for

    def arrived(self, job: Job, *, cost: int, allowance: credits.Allowance, wait: int) -> bool:
        """Let a job run for `cost` credits, on `job.input`, now that its upload arrived; False where none waits.

        Raises NotEnoughCredits.
        """
        more = max(0, cost - job.reserved)
        if more > allowance.credits:
            credits.check(credits.read(self._db, self._table, job.tenant, job.month), more, 0, allowance)
            raise TemporarilyUnavailable
        until = int(self._now()) + wait
        values: dict[str, Any] = {":queued": "queued", ":until": until, ":input": job.input}
        values |= {":reserved": job.reserved, ":cost": job.reserved + more}
        change = "SET lease_until = :until, reserved = :cost, #input = :input REMOVE awaits"
        condition = "#status = :queued AND attribute_exists(awaits) AND reserved = :reserved"
        started = change_of(self._table, job.key, change, values, condition, names={**_STATUS, "#input": "input"})
        steps: dict[str, Item] = {"job": {"Update": started}}
        if more:
            steps["credits"] = {"Update": credits.reserve(self._table, _month(job), more, 0, allowance)}
        refused = transact(self._db, steps)
        if "credits" in refused and "job" not in refused:
            credits.check(credits.balance_of(unpack(refused["credits"])), more, 0, allowance)
            raise TemporarilyUnavailable
        return not refused

    # -- the end

    def finish(
        self,
        job: Job,
        *,
        response: str | None = None,
        error: Mapping[str, Any] | None = None,
        charge: credits.Charge,
        hold: int = 0,
        waiting: bool = False,
        announce_within: int = 0,
    ) -> bool:
        """End the job and settle its credits in one step; False where it is no longer as `job` has it.

        Credits of calls whose charge is unknown stay reserved for `hold` seconds. With `waiting` the step is refused
        where the job's upload arrived meanwhile. With `announce_within` the reaper looks in so many seconds whether
        the job's end was announced.
        """
        look = min([wait for wait in (hold if charge.held else 0, announce_within) if wait], default=0)
        outcome = {
            "status": str(Status.FAILED if response is None else Status.SUCCEEDED),
            "finished_at": int(self._now() * 1000),
            "charged": charge.charged,
            "held": charge.held,
            "response": response,
            "error": json.dumps(error) if error is not None else None,
            "unannounced": 1 if announce_within else None,
            "lease_until": int(self._now()) + look if look else None,
        }
        known = {name: value for name, value in outcome.items() if value is not None}
        # Every name is a placeholder: several are reserved words.
        change = "SET " + ", ".join(f"#{name} = :{name}" for name in known)
        change += "" if look else " REMOVE lease, lease_until"
        values = {f":{name}": value for name, value in known.items()}
        values |= {":was": str(job.status), ":mine": job.attempt, ":had": job.reserved}
        condition = "#status = :was AND attempt = :mine AND reserved = :had"
        condition += " AND attribute_exists(awaits)" if waiting else ""
        ending = change_of(self._table, job.key, change, values, condition, names={f"#{name}": name for name in known})
        settling = credits.settle(self._table, _month(job), job.reserved, job.total, charge)
        counted = count_end(self._table, job, charge.charged, succeeded=response is not None) if job.batch else None
        return self._write_all({"Update": ending}, {"Update": settling}, counted)

    def delete(self, job: Job) -> bool:
        """Delete an ended job, and release the credits that it holds; False where it changed meanwhile."""
        gone = {
            "TableName": self._table,
            "Key": job.key,
            "ConditionExpression": "#status = :was AND held = :held",
            "ExpressionAttributeNames": _STATUS,
            "ExpressionAttributeValues": pack({":was": str(job.status), ":held": job.held}),
        }
        return self._write_all({"Delete": gone}, self._release(job) if job.held else None)

    def _release(self, job: Job) -> Item:
        return {"Update": credits.add(self._table, _month(job), {"committed": -job.held})}

    # -- how changes are written

    def _update_fenced(
        self, job: Job, change: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> bool:
        """Change a job that this run still has."""
        mine = {**values, ":mine": job.attempt, ":running": "running"}
        return self._update(job.key, change, FENCE, mine, names) is not None

    def _update_unchanged(self, job: Job, change: str, values: Mapping[str, Any]) -> bool:
        """Change a job that is as it was when it was read."""
        seen = {":was": str(job.status), ":mine": job.attempt, ":seen": job.lease_until}
        condition = "#status = :was AND attempt = :mine AND lease_until = :seen"
        return self._update(job.key, change, condition, {**values, **seen}) is not None

    def _update(
        self, key: Item, change: str, condition: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> Job | None:
        made = change_of(self._table, key, change, values, condition, names={**_STATUS, **(names or {})})
        item = update(self._db, made)
        return job_from(unpack(item)) if item else None

    def _write_all(self, *steps: Item | None) -> bool:
        return not transact(self._db, {str(number): step for number, step in enumerate(steps) if step})


def _month(job: Job | Batch) -> Item:
    return credits.record_key(job.tenant, job.month)
