"""Provenance from request to inspection: every result is marked, signed and recorded, whatever fails besides."""

import base64
import io
import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from image_studio.imaging.content_credentials import read_manifest
from image_studio.imaging.encode import encode
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.runtime import aws_clients
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import SourceType
from image_studio.storage import keys
from local.certificate import ORGANIZATION, make_identity
from tests.imaging.samples import photo
from tests.imaging.test_fingerprint import scene, shared
from tests.jobs.harness import CREATE, Crash, Harness
from tests.jobs.test_hot_folder import drop, take
from tests.tables import forget

PHOTO = encode(photo(320, 240), FileType.JPEG)
URL = "data:image/jpeg;base64," + base64.b64encode(PHOTO).decode()


@pytest.fixture
def signing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Harness:
    boto3.client("secretsmanager").create_secret(Name="identity", SecretString=make_identity())
    monkeypatch.setenv("SIGNING_SECRET_ID", "identity")
    harness.provider_client.image = encode(scene(1), FileType.PNG)
    forget()
    return harness


def results(harness: Harness) -> dict[str, bytes]:
    """The objects that callers get, without the providers' own files."""
    return {key: data for key, data in harness.objects("results/").items() if not key.endswith(".raw")}


def inspect(harness: Harness, data: bytes, sub: str = "alice") -> Any:
    body = {"image_base64": base64.b64encode(data).decode()}
    answer = harness.ask("POST", "/provenance/inspect", body=body, sub=sub)
    assert answer.status == 200, answer.body
    return answer.json


CREATED = {**CREATE, "width": 320, "height": 240}
UPSCALED = {"image_base64": URL, "mode": "fast", "output_format": "webp", "target_width": 640}


@pytest.mark.parametrize(
    ("path", "body", "source_type"),
    [("/create", CREATED, SourceType.TRAINED), ("/upscale", UPSCALED, SourceType.ENHANCED)],
)
def test_a_result_is_marked_signed_and_known_again(
    signing: Harness, path: str, body: Any, source_type: SourceType
) -> None:
    """By its own caller with the job; others learn that it was made here, and no more."""
    job_id = signing.submit(body, path)
    signing.work()
    ((_, data),) = results(signing).items()
    mark, manifest = read_mark(data), read_manifest(data)
    assert mark
    assert manifest
    assert (mark.source_type, manifest.source_type, manifest.valid) == (source_type, source_type, True)
    result = signing.ask("GET", f"/jobs/{job_id}/result").json
    (image,) = result.get("results", [result])
    assert image["metadata"]["digital_source_type"] == source_type.value
    found = inspect(signing, data)
    assert found["digital_source_type"] == source_type.value
    assert found["iptc"]["ai_system_used"] == mark.ai_system
    credentials = found["content_credentials"]
    assert (credentials["valid"], credentials["signed_by"]) == (True, ORGANIZATION)
    match = found["match"]
    assert (found["made_here"], match["how"], match["job_id"], match["variation"]) == (True, "same_file", job_id, 1)
    assert inspect(signing, data, sub="bob")["match"] == {**match, "job_id": None, "variation": None}


def test_a_result_that_lost_its_marks_is_known_by_what_it_shows(signing: Harness) -> None:
    """Resized, cropped and saved again it carries nothing, and is still recognized; another image isn't."""
    job_id = signing.submit(CREATED)
    signing.work()
    (data,) = results(signing).values()
    out = io.BytesIO()
    shared(Image.open(io.BytesIO(data)).convert("RGB"), (0.025,) * 4).save(out, "JPEG")
    found = inspect(signing, out.getvalue())
    assert (found["digital_source_type"], found["iptc"], found["content_credentials"]) == (None, None, None)
    assert (found["made_here"], found["match"]["how"], found["match"]["job_id"]) == (True, "similar_image", job_id)
    assert 0 <= found["match"]["differing_bits"] <= 32
    other = inspect(signing, encode(scene(2), FileType.PNG))
    assert (other["made_here"], other["match"]) == (False, None)


def test_an_estimate_of_a_signed_file_has_its_signature(signing: Harness) -> None:
    """And stores nothing."""
    job_id = signing.submit(CREATED)
    signing.work()
    stored = signing.objects("")
    body = {"image_base64": f"job:{job_id}", "format": "jpeg", "quality": 85}
    made, estimate = (signing.ask("POST", path, body=body).json for path in ("/compress", "/compress/estimate"))
    assert read_manifest(base64.b64decode(made["image_base64"].partition(",")[2]))
    assert estimate["estimated_size_kb"] == pytest.approx(made["compressed_size_kb"], abs=0.1)
    assert signing.objects("") == stored


def test_an_original_that_was_upscaled_here_is_not_claimed_as_made_here(signing: Harness) -> None:
    """It looks like the result; only the result's own file is surely that."""
    original = encode(scene(3), FileType.JPEG)
    signing.provider_client.image = encode(scene(3).resize((1024, 768)), FileType.PNG)
    signing.submit({**UPSCALED, "image_base64": base64.b64encode(original).decode()}, "/upscale")
    signing.work()
    (data,) = results(signing).values()
    found = inspect(signing, original)
    assert (found["made_here"], found["match"]["how"]) == (None, "result_or_its_source")
    assert inspect(signing, data)["made_here"] is True


def test_a_broken_signature_is_said(signing: Harness) -> None:
    signing.submit(UPSCALED, "/upscale")
    signing.work()
    (data,) = results(signing).values()
    swapped = data.replace(b"algorithmicallyEnhanced", b"digitalCapture         ", 1)
    found = inspect(signing, swapped)
    assert found["content_credentials"]["valid"] is False
    assert "assertion.dataHash.mismatch" in found["content_credentials"]["problems"]


def test_a_run_after_a_crash_delivers_the_file_that_was_stored(
    signing: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed at another time its bytes would differ: size and record are those of the stored file."""
    job_id = signing.submit(CREATED)
    put = aws_clients.s3().put_object

    def crash(**request: Any) -> Any:
        put(**request)
        if request["Key"].endswith("/1"):
            raise Crash

    (message,) = signing.messages()
    with monkeypatch.context() as patch:
        patch.setattr(aws_clients.s3(), "put_object", crash)
        with pytest.raises(Crash):
            signing.deliver(json.loads(message["Body"]))
    (data,) = results(signing).values()
    signing.expire(job_id)
    signing.tick()
    signing.work()
    assert results(signing) == {f"results/{signing.job(job_id).tenant}/{job_id}/1": data}
    assert signing.job(job_id).status.value == "succeeded"
    assert inspect(signing, data)["match"]["how"] == "same_file"


def test_without_a_table_for_fingerprints_the_image_is_delivered(
    signing: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchWriteItem")

    monkeypatch.setattr(aws_clients.dynamodb(), "batch_write_item", refuse)
    job_id = signing.submit(CREATED)
    signing.work()
    assert signing.job(job_id).status.value == "succeeded"
    assert '"UnrecordedImages":[1.0]' in capsys.readouterr().out.replace(" ", "")


@pytest.mark.parametrize(("kept", "made_here"), [("30", True), ("0", False)])
def test_fingerprints_are_kept_as_long_as_the_operator_says(
    signing: Harness, monkeypatch: pytest.MonkeyPatch, kept: str, made_here: bool
) -> None:
    monkeypatch.setenv("PROVENANCE_DAYS", kept)
    forget()
    signing.submit(CREATED)
    signing.work()
    (data,) = results(signing).values()
    assert inspect(signing, data)["made_here"] is made_here


def test_the_hot_folders_results_are_marked_and_signed(signing: Harness) -> None:
    """An edit of a photograph; and the social formats of an image that is marked, which keep its mark."""
    take(signing, drop(signing, "edit/remove_background/photo.png", PHOTO))
    marked = encode(photo(320, 240), FileType.PNG, xmp=Mark(SourceType.TRAINED).to_xmp())
    take(signing, drop(signing, "social/linkedin/marked.png", marked))
    images = {path: data for path, data in signing.objects(keys.OUTBOX).items() if not path.endswith(".json")}
    assert len(images) == 2
    for path, data in images.items():
        mark, manifest = read_mark(data), read_manifest(data)
        assert mark
        assert manifest
        assert mark.source_type is (SourceType.ENHANCED if "/edit/" in path else SourceType.TRAINED)
        assert manifest.valid


@pytest.mark.parametrize("allowed", ["no", "yes"])
def test_a_prompt_is_in_an_image_only_where_the_operator_allows(
    signing: Harness, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    monkeypatch.setenv("MARK_PROMPTS", allowed)
    forget()
    signing.submit({**CREATED, "prompt": "a confidential lamp"})
    signing.work()
    (data,) = results(signing).values()
    assert (b"a confidential lamp" in data) is (allowed == "yes")


@pytest.mark.parametrize("text", ["!", "aGVsbG8=", "upload:0123456789abcdef0123456789abcdef"])
def test_what_is_no_image_is_refused_in_a_sentence(harness: Harness, text: str) -> None:
    answer = harness.ask("POST", "/provenance/inspect", body={"image_base64": text})
    assert answer.status in (400, 404)
    assert answer.json["detail"]


def test_an_unmarked_photograph_says_nothing(harness: Harness) -> None:
    found = inspect(harness, PHOTO)
    assert found == {
        "file_type": "jpeg",
        "width": 320,
        "height": 240,
        "digital_source_type": None,
        "iptc": None,
        "content_credentials": None,
        "made_here": False,
        "match": None,
    }


def test_another_ones_mark_is_read(harness: Harness) -> None:
    data = encode(photo(64, 48), FileType.WEBP, xmp=Mark(SourceType.COMPOSITE, "Somebody's model").to_xmp())
    found = inspect(harness, data)
    assert (found["digital_source_type"], found["iptc"]["ai_system_used"]) == (SourceType.COMPOSITE, "Somebody's model")
