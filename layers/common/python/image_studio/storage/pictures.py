"""Objects in the bucket: results are written once and never changed, inputs come in by presigned POST."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 15 * 60  # how long a presigned URL lives
DELETE_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at an object's head tells: size in bytes and media type."""

    size: int
    mime: str


class PictureStore:
    """The bucket. `client` is a function, so that nothing is imported before it is needed."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_once(self, key: str, data: bytes, mime: str) -> bool:
        """Write an object that isn't there yet; False where it is, and stays as it was."""
        try:
            self._client().put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=mime, IfNoneMatch="*")
        except ClientError as error:
            if _status(error) in (409, 412):  # 409: a write of the same key is under way
                return False
            raise
        return True

    def put(self, key: str, data: bytes, mime: str) -> None:
        """Write an object, whatever was there (the hot folder's results)."""
        self._client().put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=mime)

    def get(self, key: str) -> bytes | None:
        """An object's bytes, or None where there is none."""
        try:
            return self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if _status(error) in (403, 404):  # 403: without the right to list, S3 doesn't say which
                return None
            raise

    def find(self, key: str) -> Found | None:
        """An object's size and type, or None where there is none."""
        try:
            head = self._client().head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) in (403, 404):
                return None
            raise
        return Found(head["ContentLength"], head.get("ContentType", ""))

    def delete_all(self, prefix: str) -> None:
        """Delete every object under a job's prefix (at most one batch: a job has ten pictures)."""
        listed = self._client().list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=DELETE_BATCH)
        found = [{"Key": item["Key"]} for item in listed.get("Contents", [])]
        if found:
            self._client().delete_objects(Bucket=self._bucket, Delete={"Objects": found, "Quiet": True})  # type: ignore[typeddict-item]

    def link(self, key: str, name: str) -> str:
        """A URL that downloads the object for 15 minutes, saved as `name`."""
        return self._client().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{name}"',
            },
            ExpiresIn=URL_SECONDS,
        )

    def form(self, key: str, mime: str, max_bytes: int) -> dict[str, Any]:
        """A presigned POST for exactly one key, one media type and at most `max_bytes`: {url, fields}."""
        return self._client().generate_presigned_post(
            self._bucket,
            key,
            Fields={"Content-Type": mime},
            Conditions=[{"Content-Type": mime}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=URL_SECONDS,
        )


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
