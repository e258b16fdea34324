"""Batch records: one reservation for many jobs, which settle against it one by one.

A transaction holds at most 100 actions, so a batch is recorded with its reservation first, and its jobs are made from
the list of its items in steps. A step makes its jobs and counts them in one transaction, so no job is made twice,
even if it has ended and was deleted meanwhile. Each job's end counts itself in the batch, in the step that settles it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage import credits, keys, transactions
from image_studio.storage.batch import Batch, BatchItem, batch_from, batch_record
from image_studio.storage.job import DAY, Job, Status, created_now, item_of, job_from
from image_studio.storage.jobs import JobStore
from image_studio.storage.transactions import change_of, pack, put_new, transact, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STEP = 50  # jobs that are made in one transaction
ZIP_SECONDS = 60  # that polls for a zip wait for the one that is being made
MAX_STEPS = 10  # of one run: of two when nobody else makes the same jobs


class BatchStore:
    """The batches of one table."""

    def __init__(
        self, client: "DynamoDBClient", table: str, jobs: JobStore, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._db = client
        self._table = table
        self._jobs = jobs
        self._now = clock

    def put(
        self,
        batch: Batch,
        items: Sequence[BatchItem],
        *,
        idempotency_key: str | None,
        allowance: credits.Allowance | None,
    ) -> None:
        """Record a batch, and reserve the credits of all its items in one step. Raises what `JobStore.put` raises."""
        values = {"items": json.dumps([asdict(item) for item in items]), "expires": batch.expires}
        lists = keys.batch_items_key(batch.tenant, batch.id) | pack(values)
        records = [batch_record(batch), lists]
        self._jobs.reserve(batch, records, idempotency_key=idempotency_key, allowance=allowance)

    def get(self, tenant: str, batch_id: str) -> Batch | None:
        item = transactions.read(self._db, self._table, keys.batch_key(tenant, batch_id))
        return batch_from(item) if item and item["expires"] > self._now() else None

    def newest(self, tenant: str, count: int, before: str | None) -> tuple[list[Batch], str | None]:
        """Return the caller's batches, newest first, and the mark of the next page, None on the last page."""
        items, mark = self._jobs.newest_records(keys.batches_pk(tenant), count, before)
        return [batch_from(item) for item in items], mark

    def overdue(self, count: int) -> list[Batch]:
        """Return batches that the reaper is to look at, oldest first."""
        return [batch_from(item) for item in self._jobs.overdue_records(keys.BATCH_LEASE, count)]

    def touch(self, batch: Batch, wait: int) -> None:
        """Postpone the reaper's next look by `wait` seconds."""
        values = {":until": int(self._now()) + wait, ":one": 1}
        self._update(batch, "SET lease_until = :until", values, "unannounced = :one")

    def announced(self, batch: Batch) -> None:
        """Record that the batch's end was announced."""
        self._update(batch, "REMOVE unannounced, lease, lease_until", {":one": 1}, "unannounced = :one")

    def ask_for_zip(self, batch: Batch) -> bool:
        """Note that somebody makes the zip; False where that was asked for less than ZIP_SECONDS ago."""
        now = int(self._now())
        values = {":now": now, ":until": now + ZIP_SECONDS}
        condition = "attribute_not_exists(zip_until) OR zip_until <= :now"
        return self._update(batch, "SET zip_until = :until", values, condition)

    def zip_made(self, batch: Batch) -> None:
        """Note that nobody makes the zip any more: a later request may ask for it again."""
        self._update(batch, "SET zip_until = :none", {":none": 0}, "attribute_exists(zip_until)")

    def _update(self, batch: Batch, change: str, values: Mapping[str, Any], condition: str) -> bool:
        return update(self._db, change_of(self._table, batch.key, change, values, condition)) is not None

    # -- its jobs

    def make_jobs(self, batch: Batch, wait: int) -> Iterator[Job]:
        """Record the jobs that aren't yet, and yield them; the reaper may look at them in `wait` seconds."""
        items: list[BatchItem] = []
        for _ in range(MAX_STEPS):
            if batch.made >= batch.size:
                return
            items = items or self._items(batch)
            upto = min(batch.size, batch.made + STEP)
            jobs = [self._job(batch, items[index], index, wait) for index in range(batch.made, upto)]
            counted = change_of(
                self._table, batch.key, "SET made = :upto", {":upto": upto, ":made": batch.made}, "made = :made"
            )
            new = {job.id: put_new(self._table, item_of(job)) for job in jobs}
            if transact(self._db, {"batch": {"Update": counted}, **new}):
                found = self.get(batch.tenant, batch.id)  # another run made them
                if found is None:
                    return
                batch = found
                continue
            yield from jobs
            batch = replace(batch, made=upto)
        raise TemporarilyUnavailable

    def _items(self, batch: Batch) -> list[BatchItem]:
        record = transactions.read(self._db, self._table, keys.batch_items_key(batch.tenant, batch.id)) or {}
        return [BatchItem(**item) for item in json.loads(record["items"])]

    def _job(self, batch: Batch, item: BatchItem, index: int, wait: int) -> Job:
        job_id, now = batch.job_id(index), self._now()
        return Job(
            tenant=batch.tenant,
            id=job_id,
            batch=batch.id,
            status=Status.QUEUED,
            created=created_now(batch.created_at / 1000, job_id),
            created_at=batch.created_at,
            expires=batch.expires - DAY,
            month=batch.month,
            tier=batch.tier,
            lease_until=int(now) + wait,
            origin=batch.origin,
            inbox=f"{batch.inbox}/{index + 1}" if batch.inbox else None,
            etag=batch.etag,
            **asdict(item),
        )

    def jobs(self, batch: Batch) -> list[Job | None]:
        """Return the batch's jobs in the order of its items; None where a job isn't made yet, or was deleted."""
        ids = [batch.job_id(index) for index in range(batch.size)]
        wanted = [keys.job_key(batch.tenant, job_id) for job_id in ids]
        found = {job.id: job for job in map(job_from, transactions.read_many(self._db, self._table, wanted))}
        return [found.get(job_id) for job_id in ids]
