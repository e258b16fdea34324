"""What GET /jobs, its relatives and GET /usage return; and uploads, which may start the job that waits for them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from image_studio.schemas.common import Credits, InputType, Request, Response, is_none

JobStatus = Literal["queued", "running", "succeeded", "failed"]  # as in storage
Milliseconds = Annotated[int, Field(description="Epoch milliseconds.")]
LeftOut = Field(default=None, exclude_if=is_none)


class JobLinks(Response):
    """A job, and where to find its record and its result."""

    job_id: str
    status: JobStatus
    status_url: str
    result_url: str


class JobProgress(Response):
    """How many variations the job has, how many are done and how many failed."""

    total: int
    done: int
    failed: int


class JobVariation(Response):
    """One image of a job. `detail` and `code` are there if it failed, and say why.

    `image_url` is there when it is done, while other variations may still run; GET /jobs leaves it out.
    """

    variation: int
    status: JobStatus
    provider: str
    model: str
    detail: str | None = LeftOut
    code: str | None = LeftOut
    image_url: str | None = Field(
        default=None, exclude_if=is_none, description="The URL of the finished image, valid for 15 minutes."
    )


class JobCredits(Response):
    """The credits that a job reserved, was charged, and holds until an unknown charge is cleared up."""

    reserved: Credits
    charged: Credits
    held: Credits


class JobError(Response):
    """Why a job failed: the status and the body of its result."""

    status: int
    code: str
    detail: str


class JobRecord(JobLinks):
    """A job as it is now."""

    operation: str = Field(description="Such as `create`, `edit.inpaint`, or `upscale` with a mode of `auto`.")
    created_at: Milliseconds
    started_at: Milliseconds | None
    finished_at: Milliseconds | None
    expires_at: Milliseconds
    provider: str | None
    model: str | None
    progress: JobProgress
    variations: list[JobVariation]
    credits: JobCredits
    batch_id: str | None = Field(default=None, exclude_if=is_none, description="The batch that the job belongs to.")
    awaits_upload: str | None = Field(description="The upload that has to arrive before the job starts.")
    error: JobError | None
    prompt: str | None = Field(
        default=None, exclude_if=is_none, description="In calls of webhooks with `include_prompt` only."
    )


class JobList(Response):
    """The caller's jobs, newest first."""

    jobs: list[JobRecord]
    next: str | None = Field(description="The address of the next page; null on the last.")


class JobEnded(Response):
    """The job was deleted, or stopped before anything was paid."""

    job_id: str
    deleted: Literal[True] | None = LeftOut
    stopped: Literal[True] | None = LeftOut


class UsageLimits(Response):
    """The limits of the caller's tier."""

    requests_per_minute: int
    requests_per_day: int
    variations_in_flight: int
    open_waits: int
    max_pixels: int


class Usage(Response):
    """The caller's credits of this month."""

    tier: str
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    limit: Credits
    used: Credits
    reserved: Credits
    remaining: Credits
    reset: int = Field(description="When the next month begins, epoch seconds.")
    resets_at: str = Field(description="When the next month begins, ISO 8601.")
    by_studio: dict[str, Credits] = Field(description="Credits used, by group of operations.")
    by_provider: dict[str, Credits] = Field(description="Credits used, by provider.")
    in_flight: int = Field(description="Variations under way.")
    limits: UsageLimits


class UploadRequest(Request):
    """POST /uploads. With `operation`, `request` is that operation's body without its image."""

    content_type: InputType = Field(description="The image's file type, also as image/png.")
    operation: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="The operation to run when the upload has arrived, such as `upscale` or `edit.inpaint`.",
    )
    request: dict[str, Any] | None = Field(default=None, description="The operation's body without its image.")


class UploadResponse(Response):
    """Where to send the file: by PUT to `put_url` (`curl -T photo.jpg "$put_url"`), or with a form to `url`.

    The form is multipart/form-data, `fields` first, then `file`. Either answers 200 to 204 when the file is stored.
    """

    upload_id: str
    url: str
    fields: dict[str, str]
    put_url: str = Field(description="Takes the file as the body of a PUT, of any content type.")
    reference: str = Field(description="Stands for the image wherever a request takes one.")
    max_bytes: int
    expires_in: int = Field(description="Seconds in which the form and the URL may be used.")
    job_id: str | None = Field(default=None, description="The job that starts when the file is there.")
    status: str | None = None
    status_url: str | None = None
    result_url: str | None = None
