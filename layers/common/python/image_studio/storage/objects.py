"""Objects in the bucket: results are written once and never changed, inputs come in by presigned POST or PUT."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from image_studio.errors import TemporarilyUnavailable, TooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 15 * 60  # how long a presigned URL lives
DELETE_BATCH = 1000
MAX_TRIES = 4  # of a write that met another one of the same key
PAUSE = 0.1  # seconds, longer each time


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was read: its bytes, and when it was written."""

    data: bytes
    written: datetime


class ObjectStore:
    """The objects of one bucket. `client` is a function, so that boto3 makes the client on first use."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_once(self, key: str, data: bytes, mime: str) -> bool:
        """Write an object that isn't there yet. Return False where it is; it then stays as it was."""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                self._client().put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=mime, IfNoneMatch="*")
            except ClientError as error:
                if _status(error) == 412:
                    return False
                if _status(error) != 409 or attempt == MAX_TRIES:
                    raise
                time.sleep(PAUSE * attempt)  # another write of the key is under way, and may yet fail
            else:
                return True
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    def put(self, key: str, data: bytes | IO[bytes], mime: str) -> None:
        """Write an object, whatever was there (the hot folder's results, a batch's zip)."""
        self._client().put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=mime)

    def get(self, key: str) -> bytes | None:
        found = self.read(key)
        return found.data if found else None

    def read(self, key: str, *, most: int | None = None, etag: str | None = None) -> StoredObject | None:
        """Return an object, or None if there is none with this content (`etag`). Raises TooLarge above `most` bytes."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": key, **({"IfMatch": etag} if etag else {})}
        try:
            found = self._client().get_object(**request)
        except ClientError as error:
            if _status(error) in (403, 404, 412):  # 403: without the right to list, S3 doesn't say which
                return None
            raise
        if most is not None and found["ContentLength"] > most:
            found["Body"].close()
            raise TooLarge(f"The image has {found['ContentLength']:,} bytes; at most {most:,} are taken.")
        return StoredObject(found["Body"].read(), found["LastModified"])

    def exists(self, key: str) -> bool:
        return self.etag(key) is not None

    def etag(self, key: str) -> str | None:
        """Return what tells an object's content from another one's; None where there is no object."""
        try:
            return self._client().head_object(Bucket=self._bucket, Key=key)["ETag"].strip('"')
        except ClientError as error:
            if _status(error) in (403, 404):
                return None
            raise

    def copy(self, source: str, key: str) -> bool:
        """Copy an object within the bucket; False where there is no source."""
        try:
            self._client().copy_object(Bucket=self._bucket, Key=key, CopySource={"Bucket": self._bucket, "Key": source})
        except ClientError as error:
            if _status(error) in (403, 404):
                return False
            raise
        return True

    def delete_all(self, prefix: str) -> None:
        """Delete every object under a job's prefix (at most one batch: a job has ten images)."""
        listed = self._client().list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=DELETE_BATCH)
        self.delete([item["Key"] for item in listed.get("Contents", [])])

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects by their keys, at most one batch. Raises TemporarilyUnavailable where S3 leaves one."""
        if names:
            found = [{"Key": name} for name in names]
            done = self._client().delete_objects(Bucket=self._bucket, Delete={"Objects": found, "Quiet": True})  # type: ignore[typeddict-item]
            if done.get("Errors"):
                raise TemporarilyUnavailable

    def link(self, key: str, name: str) -> str:
        """Return a URL that downloads the object for 15 minutes, saved as `name`."""
        return self._client().generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, "ResponseContentDisposition": f'attachment; filename="{name}"'},
            ExpiresIn=URL_SECONDS,
        )

    def put_link(self, key: str) -> str:
        """Return a URL that takes the object's bytes by PUT for 15 minutes. It can't limit their number or type."""
        return self._client().generate_presigned_url(
            "put_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=URL_SECONDS
        )

    def form(self, key: str, mime: str, max_bytes: int) -> dict[str, Any]:
        """Return a presigned POST for exactly one key, one media type and 1 to `max_bytes` bytes: {url, fields}."""
        return self._client().generate_presigned_post(
            self._bucket,
            key,
            Fields={"Content-Type": mime},
            Conditions=[{"Content-Type": mime}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=URL_SECONDS,
        )


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
