"""Objects: written once, read within bounds, deleted by job; forms that hold an upload to its promise."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from image_studio.errors import TooLarge
from image_studio.runtime import aws_clients
from image_studio.storage import objects as module
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import MAX_TRIES, URL_SECONDS, ObjectStore
from tests.tables import BUCKET


@pytest.fixture
def images(jobs: JobStore) -> ObjectStore:
    """The bucket, empty."""
    return ObjectStore(aws_clients.s3, BUCKET)


def test_an_object_is_written_once(images: ObjectStore) -> None:
    """The second writer learns that it came second, and changes nothing."""
    assert images.put_once("results/a/b/1", b"first", "image/png")
    assert not images.put_once("results/a/b/1", b"second", "image/png")
    assert images.get("results/a/b/1") == b"first"


class Busy:
    """An S3 where another write of the same key is under way, a number of times."""

    def __init__(self, times: int) -> None:
        self.left, self.calls = times, 0

    def put_object(self, **_: Any) -> None:
        """Refuse, or not any more."""
        self.calls += 1
        if self.left:
            self.left -= 1
            raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 409}, "Error": {}}, "PutObject")  # type: ignore[typeddict-item]


def test_a_write_under_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may fail yet, so it doesn't count as written; after the last try we do."""
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    busy: Any = Busy(MAX_TRIES - 1)
    assert ObjectStore(lambda: busy, BUCKET).put_once("k", b"", "image/png")
    endless: Any = Busy(MAX_TRIES)
    with pytest.raises(ClientError):
        ObjectStore(lambda: endless, BUCKET).put_once("k", b"", "image/png")
    assert endless.calls == MAX_TRIES


def test_reading_has_a_bound(images: ObjectStore) -> None:
    """At the limit it is read, a byte more is refused with both numbers; what isn't there is None."""
    images.put("uploads/a/b", b"12345", "image/png")
    held = images.read("uploads/a/b", most=5)
    assert held is not None
    assert held.data == b"12345"
    with pytest.raises(TooLarge, match=r"5 bytes; at most 4"):
        images.read("uploads/a/b", most=4)
    assert images.read("uploads/a/c") is None


def test_reading_can_ask_for_one_content(images: ObjectStore) -> None:
    """A replaced object isn't the one that was meant."""
    images.put("inbox/a", b"old", "image/png")
    etag = aws_clients.s3().head_object(Bucket=BUCKET, Key="inbox/a")["ETag"].strip('"')
    assert images.read("inbox/a", etag=etag)
    images.put("inbox/a", b"new", "image/png")
    assert images.read("inbox/a", etag=etag) is None


def test_deleting_takes_a_prefix(images: ObjectStore) -> None:
    """All of a job's objects and nobody else's; none is fine too."""
    for key in ("results/a/b/1", "results/a/b/1.raw", "results/a/bc/1"):
        images.put(key, b"", "image/png")
    images.delete_all("results/a/b/")
    images.delete_all("results/a/b/")
    assert [images.exists(key) for key in ("results/a/b/1", "results/a/b/1.raw", "results/a/bc/1")] == [0, 0, 1]


def test_a_link_downloads_for_fifteen_minutes(images: ObjectStore) -> None:
    """One object, saved under a name of ours."""
    query = parse_qs(urlsplit(images.link("results/a/b/1", "job-1.png")).query)
    assert query["X-Amz-Expires"] == [str(URL_SECONDS)]
    assert query["response-content-disposition"] == ['attachment; filename="job-1.png"']
    assert URL_SECONDS == 900


def test_a_form_takes_one_key_one_type_and_bounded_bytes(images: ObjectStore) -> None:
    """The signed policy says so, each condition exact: S3 refuses whatever isn't in it."""
    form = images.form("uploads/a/b", "image/png", 20_000_000)
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    named = {name: value for each in policy["conditions"] if isinstance(each, dict) for name, value in each.items()}
    assert named["key"] == "uploads/a/b"
    assert named["Content-Type"] == "image/png"
    assert named["bucket"] == BUCKET
    assert [each for each in policy["conditions"] if isinstance(each, list)] == [
        ["content-length-range", 1, 20_000_000]
    ]
    assert set(form["fields"]) == {*named, "policy", "x-amz-signature"} - {"bucket"}
