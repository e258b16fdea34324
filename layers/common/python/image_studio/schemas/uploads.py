"""Uploads: large images go to S3 directly, and may start the job that waits for them."""

from typing import Annotated, Any

from pydantic import Field

from image_studio.schemas.common import FileType, Request, Response


class UploadRequest(Request):
    """POST /uploads. With `operation`, `request` is that operation's body without its image."""

    content_type: FileType = Field(description="The image's file type, also as image/png.")
    operation: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The operation to run when the upload has arrived."
    )
    request: dict[str, Any] | None = Field(default=None, description="The operation's body without its image.")


class UploadResponse(Response):
    """A form to send the file with: multipart/form-data, `fields` first, then `file`; 201 to 204 when it is stored."""

    upload_id: str
    url: str
    fields: dict[str, str]
    reference: str = Field(description="Stands for the image wherever a request takes one.")
    max_bytes: int
    expires_in: int = Field(description="Seconds in which the form may be used.")
    job_id: str | None = Field(default=None, description="The job that starts when the file is there.")
    status: str | None = None
    status_url: str | None = None
    result_url: str | None = None
