"""Objects: written once, read within bounds, deleted by job; links and forms are signed for exactly one thing."""

import base64
import json
import time
from calendar import timegm
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

from image_studio.errors import TemporarilyUnavailable, TooLarge
from image_studio.runtime import aws_clients
from image_studio.storage.objects import MAX_TRIES, URL_SECONDS, ObjectStore
from tests.tables import BUCKET
from tests.waiting import replace_sleep


@pytest.fixture
def objects(table: None) -> ObjectStore:
    return ObjectStore(aws_clients.s3, BUCKET)


def test_an_object_is_written_once(objects: ObjectStore) -> None:
    """The second writer learns that it came second, and changes nothing."""
    assert objects.put_once("results/a/b/1", b"first", "image/png")
    assert not objects.put_once("results/a/b/1", b"second", "image/png")
    assert objects.get("results/a/b/1") == b"first"


class Busy:
    """An S3 where another write of the same key is under way, a number of times."""

    def __init__(self, times: int) -> None:
        self.left, self.calls = times, 0

    def put_object(self, **_: Any) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 409}, "Error": {}}, "PutObject")  # type: ignore[typeddict-item]


def test_a_write_under_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may fail yet, so it doesn't count as written; after the last try we do."""
    pauses: list[float] = []
    replace_sleep(monkeypatch, pauses.append)
    busy: Any = Busy(MAX_TRIES - 1)
    assert ObjectStore(lambda: busy, BUCKET).put_once("k", b"", "image/png")
    endless: Any = Busy(MAX_TRIES)
    with pytest.raises(ClientError):
        ObjectStore(lambda: endless, BUCKET).put_once("k", b"", "image/png")
    assert endless.calls == MAX_TRIES
    assert pauses == pytest.approx([0.1, 0.2, 0.3] * 2)


class Failing:
    """An S3 that responds with a status and nothing else."""

    def __init__(self, status: int) -> None:
        self.status = status

    def head_object(self, **_: Any) -> None:
        raise ClientError({"ResponseMetadata": {"HTTPStatusCode": self.status}, "Error": {}}, "HeadObject")  # type: ignore[typeddict-item]

    copy_object = head_object

    def delete_objects(self, **_: Any) -> Any:
        return {"Errors": [{"Key": "a", "Code": "InternalError"}]}


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_failing_bucket_is_not_an_empty_one(status: int) -> None:
    """Without the right to list, S3 says 403 of an object that isn't there; any other status is an error."""
    failing: Any = Failing(status)
    store = ObjectStore(lambda: failing, BUCKET)
    for ask in (lambda: store.exists("a"), lambda: store.copy("a", "b")):
        if status < 500:
            assert ask() is False
        else:
            with pytest.raises(ClientError):
                ask()


def test_what_is_not_deleted_is_no_success() -> None:
    """S3 reports each key that it left in a response of status 200."""
    failing: Any = Failing(500)
    with pytest.raises(TemporarilyUnavailable):
        ObjectStore(lambda: failing, BUCKET).delete(["a"])


def test_reading_has_a_bound(objects: ObjectStore) -> None:
    """At the limit it is read, a byte more is refused with both numbers; what isn't there is None."""
    objects.put("uploads/a/b", b"12345", "image/png")
    found = objects.read("uploads/a/b", most=5)
    assert found is not None
    assert found.data == b"12345"
    with pytest.raises(TooLarge, match=r"5 bytes; at most 4"):
        objects.read("uploads/a/b", most=4)
    assert objects.read("uploads/a/c") is None


def test_reading_can_ask_for_one_content(objects: ObjectStore) -> None:
    """A replaced object isn't the one that was meant."""
    objects.put("inbox/a", b"old", "image/png")
    etag = aws_clients.s3().head_object(Bucket=BUCKET, Key="inbox/a")["ETag"].strip('"')
    assert objects.read("inbox/a", etag=etag)
    objects.put("inbox/a", b"new", "image/png")
    assert objects.read("inbox/a", etag=etag) is None


def test_deleting_takes_a_prefix(objects: ObjectStore) -> None:
    """All of a job's objects and nobody else's; none is fine too."""
    for key in ("results/a/b/1", "results/a/b/1.raw", "results/a/bc/1"):
        objects.put(key, b"", "image/png")
    objects.delete_all("results/a/b/")
    objects.delete_all("results/a/b/")
    assert [objects.exists(key) for key in ("results/a/b/1", "results/a/b/1.raw", "results/a/bc/1")] == [0, 0, 1]


def test_a_link_downloads_one_object_for_fifteen_minutes(objects: ObjectStore) -> None:
    """It is saved under a name of ours; Signature Version 4 covers the path and all that the query says."""
    parts = urlsplit(objects.link("results/a/b/1", "job-1.png"))
    host = f"{BUCKET}.s3.us-east-1.amazonaws.com"
    assert (parts.scheme, parts.netloc, parts.path) == ("https", host, "/results/a/b/1")
    query = dict(parse_qsl(parts.query))
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"], URL_SECONDS) == ("AWS4-HMAC-SHA256", "900", 900)
    assert query["response-content-disposition"] == 'attachment; filename="job-1.png"'


def test_a_put_link_takes_one_key_from_any_client(objects: ObjectStore) -> None:
    """Only the host is signed, so that curl -T, which names no content type, may use it; for 15 minutes."""
    parts = urlsplit(objects.put_link("uploads/a/b"))
    assert (parts.scheme, parts.path) == ("https", "/uploads/a/b")
    query = dict(parse_qsl(parts.query))
    assert (query["X-Amz-SignedHeaders"], query["X-Amz-Expires"]) == ("host", "900")
    assert not any("checksum" in name.lower() for name in query)
    assert requests.put(parts.geturl(), data=b"12345", timeout=10).status_code == 200
    found = objects.read("uploads/a/b")
    assert found is not None
    assert found.data == b"12345"


def test_a_form_takes_one_key_one_type_and_bounded_bytes(objects: ObjectStore) -> None:
    """The signed policy says so, each condition exact, and ends: S3 refuses whatever isn't in it."""
    form = objects.form("uploads/a/b", "image/png", 20_000_000)
    fields = form["fields"]
    policy = json.loads(base64.b64decode(fields["policy"]))
    named = {name: value for each in policy["conditions"] if isinstance(each, dict) for name, value in each.items()}
    assert (named["key"], named["Content-Type"], named["bucket"]) == ("uploads/a/b", "image/png", BUCKET)
    ranges = [each for each in policy["conditions"] if isinstance(each, list)]
    assert ranges == [["content-length-range", 1, 20_000_000]]
    assert set(fields) == {*named, "policy", "x-amz-signature"} - {"bucket"}
    ends = timegm(time.strptime(policy["expiration"], "%Y-%m-%dT%H:%M:%SZ"))
    assert abs(ends - timegm(time.strptime(fields["x-amz-date"], "%Y%m%dT%H%M%SZ")) - URL_SECONDS) <= 1


def test_a_copy_stays_when_its_source_is_deleted(objects: ObjectStore) -> None:
    """With its media type; without a source there is none."""
    objects.put_once("results/a/b/1", b"image", "image/png")
    assert objects.copy("results/a/b/1", "library/a/c/original")
    assert not objects.copy("results/a/b/2", "library/a/d/original")
    objects.delete(["results/a/b/1", "results/a/b/2"])
    assert (objects.get("results/a/b/1"), objects.get("library/a/c/original")) == (None, b"image")
    head = aws_clients.s3().head_object(Bucket=BUCKET, Key="library/a/c/original")
    assert head["ContentType"] == "image/png"
