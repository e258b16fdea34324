"""Our presigned URLs and forms, judged by somebody else: nanio is an S3 that checks signatures and expiry."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import botocore.auth
import pytest
import requests

from image_studio.runtime import clients
from image_studio.storage.objects import URL_SECONDS, ObjectStore
from local.children import free_port
from tests.tables import forget

BUCKET, KEY = "images", "results/tenant/job/1"
DATA = bytes(range(256)) * 40
SECRET = "a-secret-of-the-tests"
START_SECONDS = 30


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A nanio, running."""
    port = free_port()
    folder = tmp_path_factory.mktemp("nanio")
    process = subprocess.Popen(
        [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder)],
        env={"PATH": os.environ["PATH"], "NANIO_ACCESS_KEY": "tests", "NANIO_SECRET_KEY": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _when_ready(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _when_ready(url: str) -> str:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return url


@pytest.fixture
def images(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """Our store there, with the functions' own client, and an image in it."""
    environment = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": SECRET}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget()
    if not clients.s3().list_buckets()["Buckets"]:
        clients.s3().create_bucket(Bucket=BUCKET)
    store = ObjectStore(clients.s3, BUCKET)
    store.put(KEY, DATA, "image/png")
    yield store
    forget()


def _clock(monkeypatch: pytest.MonkeyPatch, seconds_ago: float) -> None:
    """Sign as if it were earlier."""
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None))


def test_our_url_downloads(images: ObjectStore) -> None:
    """The whole object, by GET."""
    got = requests.get(images.link(KEY, "job-1.png"), timeout=10)
    assert (got.status_code, got.content) == (200, DATA)


def _with(url: str, **changes: str | None) -> str:
    """The URL with parts of its query changed, or left out."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **changes}
    left = {name: value for name, value in query.items() if value}
    return urlunsplit(parts._replace(query=urlencode(left, quote_via=quote)))


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Amz-Signature": "0" * 64},
        {"X-Amz-Signature": None},
        {"X-Amz-Expires": "604800"},
        {"X-Amz-Date": "20991231T235959Z"},
        {"X-Amz-Credential": "somebody/20260101/us-east-1/s3/aws4_request"},
        {"response-content-disposition": "inline"},
        {"response-content-disposition": None},
        {"response-content-type": "text/html"},
        {"versionId": "1"},
    ],
)
def test_a_tampered_url_is_refused(images: ObjectStore, changes: dict[str, str | None]) -> None:
    """Whatever is changed, added or left out."""
    url = images.link(KEY, "job-1.png")
    assert requests.get(_with(url), timeout=10).status_code == 200
    assert requests.get(_with(url, **changes), timeout=10).status_code in (400, 403)


def test_a_url_is_for_one_object_and_for_reading(images: ObjectStore) -> None:
    """Neither a neighbor nor another method."""
    images.put(KEY + "0", b"neighbor", "image/png")
    url = images.link(KEY, "job-1.png")
    assert requests.get(url.replace(KEY + "?", KEY + "0?"), timeout=10).status_code == 403
    for method in ("PUT", "DELETE", "POST"):
        assert requests.request(method, url, data=b"x", timeout=10).status_code in (400, 403)
    assert images.get(KEY) == DATA


@pytest.mark.parametrize(("age", "status"), [(URL_SECONDS - 60, 200), (URL_SECONDS + 5, 403), (86_400, 403)])
def test_a_url_ends(images: ObjectStore, monkeypatch: pytest.MonkeyPatch, age: int, status: int) -> None:
    """After fifteen minutes, not before."""
    _clock(monkeypatch, age)
    url = images.link(KEY, "job-1.png")
    assert requests.get(url, timeout=10).status_code == status


def _signature(policy: str, credential: str) -> str:
    """A POST policy's signature, as AWS describes it (Signature Version 4, "POST policy")."""
    key = b"AWS4" + SECRET.encode()
    for part in credential.split("/")[1:]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()


def test_our_forms_policy_is_signed_and_ends(images: ObjectStore) -> None:
    """Nanio takes no forms: the signature is computed anew, and fits this policy only."""
    fields: dict[str, Any] = images.form("uploads/tenant/id", "image/webp", 5)["fields"]
    assert fields["x-amz-signature"] == _signature(fields["policy"], fields["x-amz-credential"])
    policy = json.loads(base64.b64decode(fields["policy"]))
    ends = datetime.datetime.fromisoformat(policy["expiration"])
    signed = datetime.datetime.strptime(fields["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    assert abs((ends - signed).total_seconds() - URL_SECONDS) <= 1
    assert ["content-length-range", 1, 5] in policy["conditions"]
    wider = base64.b64encode(json.dumps(policy).replace("1, 5]", "1, 50]").encode()).decode()
    assert _signature(wider, fields["x-amz-credential"]) != fields["x-amz-signature"]
