"""Free work over the function's own route: done at once, inline what fits, the rest staged and linked."""

import base64
import io
import json

import boto3
import pytest
from PIL import Image

from functions.social.app import handler
from image_studio.runtime import api, deliver
from image_studio.storage.keys import tenant_of
from tests.tables import BUCKET, fake_aws


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """An empty table and bucket."""
    with fake_aws(monkeypatch):
        yield


def image(width=600, height=400):
    """A data URL of a gray ramp."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def optimize(**body):
    """Status, headers and body of POST /social/optimize."""
    path = "/api/image-studio/social/optimize"
    answer = handler(
        {
            "version": "2.0",
            "rawPath": path,
            "headers": {"content-type": "application/json"},
            "body": json.dumps({"image_base64": image(), "platforms": ["instagram", "facebook"], **body}),
            "requestContext": {
                "http": {"method": "POST", "path": path},
                "authorizer": {"jwt": {"claims": {"sub": "alice", "tier": "enterprise"}}},
            },
        },
        None,
    )
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def objects():
    """Keys in the bucket."""
    return [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_what_fits_is_inline_and_nothing_is_stored():
    """Data URLs of exactly the formats' sizes; no object, no job."""
    status, headers, body = optimize()
    assert (status, headers["cache-control"], body["total_optimized"]) == (200, "no-store", 2)
    for result in body["results"]:
        head, _, data = result["image_base64"].partition(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (result["width"], result["height"])
        assert not result.keys() & {"image_url", "stored"}
    assert objects() == []


def test_what_does_not_fit_is_staged_and_linked(monkeypatch):
    """Under the caller's own prefix; the URL's object is the image."""
    monkeypatch.setattr(deliver, "MAX_BODY", 8_000)
    _, _, body = optimize(formats="all", platforms=["instagram"])
    linked = [result for result in body["results"] if "image_url" in result]
    assert linked
    assert all("image_base64" not in result for result in linked)
    keys = objects()
    assert len(keys) == len(linked)
    assert all(key.startswith(f"results/{tenant_of('alice')}/") for key in keys)
    sizes = sorted((result["width"], result["height"]) for result in linked)
    stored = [boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
    assert sorted(Image.open(io.BytesIO(data)).size for data in stored) == sizes


def test_urls_only_where_urls_are_asked_for():
    """Whatever would fit."""
    _, _, body = optimize(delivery="url")
    assert all("image_url" in result and "image_base64" not in result for result in body["results"])
    assert len(objects()) == 2


def test_no_answer_is_larger_than_lambda_lets_through():
    """All formats of all platforms from one noisy image."""
    out = io.BytesIO()
    Image.effect_noise((1200, 1200), 90).convert("RGB").save(out, "JPEG", quality=90)
    noisy = base64.b64encode(out.getvalue()).decode()
    _, _, body = optimize(image_base64=noisy, formats="all", platforms=["instagram", "linkedin"])
    assert len(json.dumps(json.dumps(body)).encode()) < api.MAX_RESPONSE
    assert {"image_base64", "image_url"} <= {name for result in body["results"] for name in result}


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"image_base64": "!!"}, "invalid_image", "Invalid base64 image payload"),
        ({"platforms": []}, "invalid_request", "platforms"),
        ({"platforms": ["myspace"]}, "unknown_choice", "instagram, facebook, twitter"),
        ({"format_names": {"instagram": "Poster"}}, "unknown_choice", "Feed Post (Square)"),
        ({"crop_mode": "magic"}, "unknown_choice", "smart, center, fit"),
        ({"focal_point": {"x": 0.5}}, "invalid_request", "focal_point.y"),
        ({"output_format": "bmp"}, "unknown_choice", "png"),
        ({"image_base64": "upload:" + "0" * 32}, "not_found", "upload:"),
    ],
    ids=str,
)
def test_a_request_that_can_not_be_done_is_a_sentence(fields, code, said):
    """400 or 404, never a 500 for what the caller can mend."""
    status, _, body = optimize(**fields)
    assert status == (404 if code == "not_found" else 400)
    assert body["code"] == code
    assert said in body["detail"]


def test_unknown_fields_are_ignored_and_named():
    """As everywhere."""
    status, headers, _ = optimize(watermark=True)
    assert (status, headers["x-ignored-fields"]) == (200, "watermark")
