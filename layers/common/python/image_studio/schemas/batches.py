"""Batches: many requests of one operation at once."""

from typing import Annotated, Any, Literal

from pydantic import Field

from image_studio.schemas.common import Credits, Request, Response, WebhookUrl, default_for_null
from image_studio.schemas.jobs import JobCredits, JobError, JobProgress, JobStatus, Milliseconds

MAX_ITEMS = 100  # of one batch; as many records as DynamoDB reads at once

Fields = dict[str, Any]


class BatchRequest(Request):
    """POST /batches. Each item is a body of the operation; what it leaves out is taken from `shared`."""

    operation: Annotated[str, Field(min_length=1, description="Such as `create`, `upscale` or `edit.inpaint`.")]
    items: Annotated[list[Fields], Field(min_length=1, max_length=MAX_ITEMS, description="The fields of each request.")]
    shared: Annotated[
        Fields, Field(description="Fields of every item that doesn't have them."), default_for_null({})
    ] = Field(default_factory=dict)
    webhook_url: WebhookUrl = None


class BatchCounts(Response):
    """How many items the batch has, and how many of them have ended."""

    total: int
    succeeded: int
    failed: int = Field(description="Also those that were stopped.")


class BatchCredits(Response):
    """The credits that the batch reserved for all of its items, and those charged so far."""

    reserved: Credits
    charged: Credits


class BatchRecord(Response):
    """A batch as it is now."""

    batch_id: str
    status: Literal["running", "completed"]
    status_url: str
    zip_url: str = Field(description="Gives the results in one file, when all items have ended.")
    operation: str
    created_at: Milliseconds
    finished_at: Milliseconds | None
    expires_at: Milliseconds
    counts: BatchCounts
    credits: BatchCredits


class BatchItem(Response):
    """An item's job. `deleted`: the job was removed."""

    index: int = Field(description="The item's place in `items`, from 0.")
    job_id: str
    status: JobStatus | Literal["deleted"]
    status_url: str
    result_url: str
    progress: JobProgress | None
    credits: JobCredits | None
    error: JobError | None


class BatchDetails(BatchRecord):
    """A batch with its items, in the request's order."""

    items: list[BatchItem]


class BatchList(Response):
    """The caller's batches, newest first."""

    batches: list[BatchRecord]
    next: str | None = Field(description="The address of the next page; null on the last.")


class BatchStopped(Response):
    """How many items were stopped before anything was paid for them."""

    batch_id: str
    stopped: int


class BatchZip(Response):
    """The results in one file. While it is being made, `url` is null: ask again after `Retry-After`."""

    batch_id: str
    images: int
    bytes: int
    url: str | None
    expires_in: int | None = Field(description="Seconds in which the URL may be used.")
