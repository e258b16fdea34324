"""Presigned URLs and POST forms, checked as S3 checks them: with botocore's signer, the secret key and the clock."""

import base64
import datetime
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from image_studio.runtime import clients
from image_studio.storage.objects import URL_SECONDS, ObjectStore
from tests.tables import forget

BUCKET, KEY = "images", "results/tenant/job/1"
ACCESS_KEY, REGION = "tests", "us-east-1"
CREDENTIALS = Credentials(ACCESS_KEY, "a-secret-of-the-tests")
STAMP = "%Y%m%dT%H%M%SZ"


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """The object store, with the functions' own client; signing needs no connection."""
    environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": str(CREDENTIALS.secret_key)}
    for name, value in {**environment, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    forget()
    yield ObjectStore(clients.s3, BUCKET)
    forget()


def _signed_at(monkeypatch: pytest.MonkeyPatch, seconds_ago: float) -> None:
    """Set the signer's clock back."""
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None))


def _is_accepted(method: str, url: str) -> bool:
    """Whether S3 accepts a request: its scope and time are right, and its signature is the one computed anew."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    signature, stamp = query.pop("X-Amz-Signature", ""), query.get("X-Amz-Date", "")
    if query.get("X-Amz-Credential") != f"{ACCESS_KEY}/{stamp[:8]}/{REGION}/s3/aws4_request":
        return False
    signed = datetime.datetime.strptime(stamp, STAMP).replace(tzinfo=datetime.UTC)
    age = (datetime.datetime.now(datetime.UTC) - signed).total_seconds()
    unsigned = urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
    request = AWSRequest(method, unsigned)
    request.context["timestamp"] = stamp
    signer = botocore.auth.S3SigV4QueryAuth(CREDENTIALS, "s3", REGION)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return signature == expected and -60 <= age <= float(query["X-Amz-Expires"])


def test_a_url_downloads_its_object(images: ObjectStore) -> None:
    """It is for GET, of this bucket and key, and saves the file under the name given."""
    url = images.link(KEY, "job-1.png")
    parts = urlsplit(url)
    assert (parts.hostname or "").startswith(f"{BUCKET}.s3.")
    assert parts.path == f"/{KEY}"
    assert dict(parse_qsl(parts.query))["response-content-disposition"] == 'attachment; filename="job-1.png"'
    assert _is_accepted("GET", url)


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Amz-Signature": "0" * 64},
        {"X-Amz-Signature": None},
        {"X-Amz-Expires": "604800"},
        {"X-Amz-Credential": "somebody/20260101/us-east-1/s3/aws4_request"},
        {"response-content-disposition": "inline"},
        {"response-content-disposition": None},
        {"response-content-type": "text/html"},
        {"versionId": "1"},
    ],
)
def test_a_changed_url_is_refused(images: ObjectStore, changes: dict[str, str | None]) -> None:
    """No part of its query can be changed, added or left out."""
    parts = urlsplit(images.link(KEY, "job-1.png"))
    query = {name: value for name, value in {**dict(parse_qsl(parts.query)), **changes}.items() if value}
    assert not _is_accepted("GET", urlunsplit(parts._replace(query=urlencode(query, quote_via=quote))))


def test_a_url_is_for_one_object_and_for_reading(images: ObjectStore) -> None:
    """The signature fits neither another key nor another method."""
    url = images.link(KEY, "job-1.png")
    assert not _is_accepted("GET", url.replace(f"{KEY}?", f"{KEY}0?"))
    assert not any(_is_accepted(method, url) for method in ("PUT", "DELETE", "POST"))


@pytest.mark.parametrize(("age", "accepted"), [(URL_SECONDS - 60, True), (URL_SECONDS + 5, False), (86_400, False)])
def test_a_url_expires(images: ObjectStore, monkeypatch: pytest.MonkeyPatch, age: int, accepted: bool) -> None:
    """It is good for fifteen minutes."""
    assert URL_SECONDS == 15 * 60
    _signed_at(monkeypatch, age)
    assert _is_accepted("GET", images.link(KEY, "job-1.png")) is accepted


def test_a_form_takes_one_upload(images: ObjectStore) -> None:
    """Its signed policy names bucket, key, media type and size, and ends after fifteen minutes."""
    form = images.form("uploads/tenant/id", "image/webp", 5)
    fields: dict[str, Any] = form["fields"]
    policy = json.loads(base64.b64decode(fields["policy"]))
    signer = botocore.auth.S3SigV4PostAuth(CREDENTIALS, "s3", REGION)
    request = AWSRequest("POST", form["url"])
    request.context["timestamp"] = fields["x-amz-date"]
    assert fields["x-amz-signature"] == signer.signature(fields["policy"], request)
    assert (fields["key"], fields["Content-Type"]) == ("uploads/tenant/id", "image/webp")
    names = ("x-amz-algorithm", "x-amz-credential", "x-amz-date")
    conditions = [
        {"Content-Type": "image/webp"},
        ["content-length-range", 1, 5],
        {"bucket": BUCKET},
        {"key": "uploads/tenant/id"},
        *({name: fields[name]} for name in names),
    ]
    assert policy["conditions"] == conditions
    ends = datetime.datetime.fromisoformat(policy["expiration"])
    signed = datetime.datetime.strptime(fields["x-amz-date"], STAMP).replace(tzinfo=datetime.UTC)
    assert abs((ends - signed).total_seconds() - URL_SECONDS) <= 1
