"""A batch, and how its records store it."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from image_studio.storage import keys
from image_studio.storage.job import DAY, Job
from image_studio.storage.transactions import Item, change_of, pack


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """What one job of a batch is to be."""

    operation: str
    request_hash: str
    input: str  # the key of the object with the request
    total: int  # variations
    reserved: int
    webhook_url: str | None = None
    delivery: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch. Times are epoch milliseconds; `succeeded` and `failed` count jobs that have ended."""

    tenant: str
    id: str
    operation: str
    size: int  # items
    total: int  # variations of all items
    request_hash: str
    reserved: int
    created: str
    created_at: int
    expires: int  # epoch seconds
    month: str
    tier: str
    origin: str = ""
    webhook_url: str | None = None
    inbox: str | None = None  # of a batch from the hot folder: its path below inbox/
    etag: str | None = None
    made: int = 0  # jobs that are recorded
    succeeded: int = 0
    failed: int = 0
    charged: int = 0
    finished_at: int | None = None  # when the last job so far ended
    unannounced: int | None = 1  # its end is still to be announced
    lease_until: int = 0  # epoch seconds: when the reaper looks

    @property
    def ended(self) -> bool:
        return self.succeeded + self.failed >= self.size

    @property
    def key(self) -> Item:
        return keys.batch_key(self.tenant, self.id)

    def job_id(self, index: int) -> str:
        return hashlib.sha256(f"{self.id}\n{index}".encode()).hexdigest()[:32]


def count_end(table: str, job: Job, charged: int, *, succeeded: bool) -> Item:
    """Return the step that counts the end of a batch's job. It never refuses: the job's end must not depend on it."""
    values = {":one": 1, ":charged": charged, ":ms": int(time.time() * 1000), ":expires": job.expires + DAY}
    outcome = "succeeded" if succeeded else "failed"
    change = f"ADD {outcome} :one, charged :charged SET finished_at = :ms, expires = if_not_exists(expires, :expires)"
    return {"Update": change_of(table, keys.batch_key(job.tenant, job.batch or ""), change, values)}


def batch_record(batch: Batch) -> Item:
    values = {**asdict(batch), "tenant": None, "lease": keys.BATCH_LEASE}
    return {**batch.key, **pack(values)}


def batch_from(item: Mapping[str, Any]) -> Batch:
    fields = {name: item[name] for name in Batch.__dataclass_fields__ if name in item}
    return Batch(**{"unannounced": None, **fields, "tenant": keys.tenant_in(item["pk"])})
