"""Uploads: large images go to S3 directly, and may start the job that wants them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from image_studio.schemas.common import FileType, Request


class UploadRequest(Request):
    """POST /uploads. With `operation`, `request` is that operation's body without its image."""

    content_type: FileType
    operation: Annotated[str, Field(min_length=1)] | None = None
    request: dict[str, Any] | None = None


class UploadResponse(BaseModel):
    """A form to send the file with: multipart/form-data, `fields` first, then `file`; 201 to 204 when it is stored."""

    upload_id: str
    url: str
    fields: dict[str, str]
    reference: str  # stands for the image wherever a request takes one
    max_bytes: int
    expires_in: int  # seconds in which the form may be used
    job_id: str | None = None  # and the rest: of the job that starts when the file is there
    status: str | None = None
    status_url: str | None = None
    result_url: str | None = None
