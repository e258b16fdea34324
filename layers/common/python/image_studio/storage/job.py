"""A job, and how its record stores it."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from image_studio.storage import keys
from image_studio.storage.transactions import Item, pack

DAY = 24 * 3600  # seconds


class Status(StrEnum):
    """A job's state, as callers see it."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job. Times are epoch milliseconds; `error` is {status, code, detail}."""

    tenant: str
    id: str
    operation: str
    status: Status
    request_hash: str
    input: str  # the key of the object with the request
    total: int  # variations
    created: str
    created_at: int
    expires: int  # epoch seconds
    reserved: int = 0
    charged: int = 0
    held: int = 0  # reserved for calls whose charge is unknown
    month: str = ""
    tier: str = "free"
    attempt: int = 0
    runs: int = 0  # runs that started; those given back while polling don't count
    lease_until: int = 0  # epoch seconds
    started_at: int | None = None
    finished_at: int | None = None
    awaits: str | None = None  # the upload that starts it
    origin: str = ""  # of the API as the caller reached it, for the links in webhooks
    webhook_url: str | None = None  # the request's own, called when the job ends
    delivery: str | None = None  # the request's: how its links give the images
    unannounced: int | None = None  # 1: it ended, and its events may not have been sent yet
    batch: str | None = None  # the id of the batch that it belongs to; its inputs are under that id
    inbox: str | None = None  # of a hot-folder job: the image's path below inbox/, and its result's below outbox/
    etag: str | None = None  # which content of that object it works on
    variations: Mapping[str, str] = field(default_factory=dict)  # number -> journal entry, JSON
    notes: Mapping[str, str] = field(default_factory=dict)
    response: str | None = None
    error: Mapping[str, Any] | None = None

    @property
    def key(self) -> Item:
        return keys.job_key(self.tenant, self.id)


def new_id() -> str:
    """Return an id for a job or an upload: 32 random hex digits."""
    return secrets.token_hex(16)


def item_of(job: Job) -> Item:
    """Return the record of a new job."""
    values = {**asdict(job), "tenant": None, "status": str(job.status), "lease": keys.lease_partition(job.id)}
    return {**job.key, **pack(values)}  # the key has the tenant; what is None is left out


def job_from(item: Mapping[str, Any]) -> Job:
    """Return the job of an unpacked record."""
    fields = {name: item[name] for name in Job.__dataclass_fields__ if name in item}
    fields["tenant"] = keys.tenant_in(item["pk"])
    fields["status"] = Status(item["status"])
    if "error" in item:
        fields["error"] = json.loads(item["error"])
    return Job(**fields)


def created_now(now: float, job_id: str) -> str:
    """Return a unique mark that sorts jobs by creation time and needs no quoting in a URL."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S.%fZ}-{job_id}"
