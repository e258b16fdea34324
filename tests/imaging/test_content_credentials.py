"""Content Credentials: signed into every file type, valid for c2pa's own Reader, broken by one changed pixel."""

import io
import json
import random
import struct
import time
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import c2pa
import pytest

from image_studio.imaging import content_credentials
from image_studio.imaging.content_credentials import (
    GENERATOR,
    History,
    NotSigned,
    SigningIdentity,
    read_manifest,
    sign,
)
from image_studio.imaging.encode import encode
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import SourceType
from local.certificate import ORGANIZATION, make_identity
from tests.imaging.samples import flat_art, noise

CREATED = Mark(SourceType.TRAINED, "Stability AI ultra")
EDITED = Mark(SourceType.COMPOSITE, "Gemini flash")
PHOTO = encode(noise(64, 48, 30), FileType.JPEG)


@cache
def identity() -> SigningIdentity:
    made = json.loads(make_identity())
    return SigningIdentity(made["certificates"], made["key"])


def signed(history: History, file_type: FileType = FileType.PNG, assertions: tuple[dict[str, Any], ...] = ()) -> bytes:
    data = encode(flat_art(), file_type, xmp=history.mark.to_xmp())
    return sign(data, file_type.mime, history, identity())


def store_of(data: bytes, file_type: FileType) -> Any:
    """The manifests as c2pa's Reader reports them."""
    return json.loads(c2pa.Reader(file_type.mime, io.BytesIO(data)).json())


@pytest.mark.parametrize("file_type", FileType)
def test_a_created_image_is_signed_and_names_what_was_done(file_type: FileType) -> None:
    data = signed(History(CREATED), file_type)
    found = read_manifest(data)
    assert found
    assert (found.valid, found.signed_by, found.generator) == (True, ORGANIZATION, GENERATOR)
    assert (found.actions, found.source_type) == (("c2pa.created",), SourceType.TRAINED)
    assert found.problems == ("signingCredential.untrusted",)
    assert read_mark(data) == CREATED
    store = store_of(data, file_type)
    (actions,) = [
        each["data"]["actions"]
        for each in store["manifests"][store["active_manifest"]]["assertions"]
        if each["label"].startswith("c2pa.actions")
    ]
    assert actions[0]["softwareAgent"]["name"] == CREATED.ai_system


@pytest.mark.parametrize("file_type", FileType)
def test_one_changed_pixel_breaks_the_signature(file_type: FileType) -> None:
    data = bytearray(signed(History(CREATED), file_type))
    at = len(data) - 60  # among the pixels, which come last in every type
    data[at] ^= 1
    found = read_manifest(bytes(data))
    assert found is None or not found.valid


@pytest.mark.parametrize(
    ("mark", "actions"),
    [
        (EDITED, ("c2pa.opened", "c2pa.edited")),
        (replace(EDITED, source_type=SourceType.ENHANCED), ("c2pa.opened", "c2pa.enhanced")),
    ],
)
def test_an_edit_opens_the_image_that_was_sent(mark: Mark, actions: tuple[str, ...]) -> None:
    found = read_manifest(signed(History(mark, source=PHOTO)))
    assert found
    assert (found.valid, found.actions, found.source_type) == (True, actions, mark.source_type)


def test_the_manifests_of_what_an_image_was_made_from_are_kept() -> None:
    """The caller's AI image is the parent, the provider's file a component; without a source it is the parent."""
    ours, theirs = signed(History(CREATED)), signed(History(CREATED), FileType.JPEG)
    data = signed(History(EDITED, source=ours, received=theirs))
    found, store = read_manifest(data), store_of(data, FileType.PNG)
    assert found
    assert (found.valid, found.source_type) == (True, SourceType.TRAINED)
    assert found.actions == ("c2pa.opened", "c2pa.placed", "c2pa.edited")
    assert len(store["manifests"]) == 3
    created = read_manifest(signed(History(CREATED, received=theirs)))
    assert created
    assert created.actions == ("c2pa.opened", "c2pa.edited")


def with_assertion(label: str, data: dict[str, Any], source: str = "trainedAlgorithmicMedia") -> bytes:
    actions = [
        {"action": "c2pa.created", "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{source}"}
    ]
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}, {"label": label, "data": data}]
    out = io.BytesIO()
    info = c2pa.C2paSignerInfo(b"es256", identity().certificates.encode(), str(identity().key).encode(), None)
    with c2pa.Builder({"assertions": assertions}, content_credentials._context()) as builder:
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(PHOTO), out)
    return out.getvalue()


EXIF = {
    "@context": {"exif": "http://ns.adobe.com/exif/1.0/"},
    "exif:GPSLatitude": "39,21.102N",
    "exif:Make": "Camera Maker",
}


@pytest.mark.parametrize(
    ("label", "data", "source"),
    [
        ("stds.exif", EXIF, "trainedAlgorithmicMedia"),
        ("c2pa.metadata", EXIF, "trainedAlgorithmicMedia"),
        ("org.camera", {"owner": "Camera Maker"}, "digitalCapture"),
    ],
)
def test_a_manifest_with_a_place_a_camera_or_an_owner_is_not_passed_on(
    label: str, data: dict[str, Any], source: str
) -> None:
    upload = with_assertion(label, data, source)
    assert b"Camera Maker" in upload
    result = signed(History(EDITED, source=upload))
    found = read_manifest(result)
    assert found
    assert found.valid
    assert found.actions == ("c2pa.created",)
    assert b"Camera Maker" not in result


def test_manifests_that_are_too_large_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = signed(History(CREATED, received=signed(History(CREATED))))
    monkeypatch.setattr(content_credentials, "MAX_MANIFESTS", 13_500)
    found = read_manifest(signed(History(EDITED, source=ours)))
    assert found
    assert found.actions == ("c2pa.created",)


def test_a_key_that_never_leaves_its_place_signs_by_a_function() -> None:
    asked: list[bytes] = []

    def refuse(data: bytes) -> bytes:
        asked.append(data)
        raise RuntimeError("no key")

    with pytest.raises(NotSigned):
        sign(PHOTO, "image/jpeg", History(CREATED), SigningIdentity(identity().certificates, refuse))
    assert asked


@pytest.mark.parametrize(
    "changed", [{"key": "no key"}, {"certificates": "no certificate"}, {"timestamp_url": "ftp://x"}]
)
def test_what_cannot_sign_says_so(changed: dict[str, str]) -> None:
    with pytest.raises(NotSigned):
        sign(PHOTO, "image/jpeg", History(CREATED), replace(identity(), **changed))


@pytest.mark.parametrize(
    "data", [PHOTO, b"", PHOTO + b"jumdc2pa", b"jumdc2pa", PHOTO[:200] + b"jumdc2pa" + PHOTO[200:]]
)
def test_a_file_without_a_readable_manifest_has_none(data: bytes) -> None:
    assert read_manifest(data) is None


@pytest.mark.parametrize("count", [300, pytest.param(50_000, marks=pytest.mark.slow)])
def test_a_damaged_manifest_ends_in_a_result_or_in_none(count: int) -> None:
    """Bytes changed, cut out and put in around the manifest, in every file type; none takes long."""
    dice = random.Random(count)
    files = [signed(History(CREATED), file_type) for file_type in FileType]
    slowest = 0.0
    for _ in range(count):
        data = bytearray(dice.choice(files))
        start = data.find(b"jumdc2pa")
        for _ in range(dice.choice((1, 2, 5, 20))):
            at = dice.randrange(start - 40, min(len(data), start + 4000))
            data[at : at + dice.choice((0, 1, 1, 1, 50))] = dice.randbytes(dice.choice((0, 1, 1, 1, 40)))
        started = time.monotonic()
        read_manifest(bytes(data))
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 2


def test_boxes_within_boxes_have_a_limit() -> None:
    """A hundred thousand of them in one PNG."""
    depth, label = 100_000, b"\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\08\x9bq\x03c2pa\0"
    boxes = b"".join(struct.pack(">I", (depth - at) * (8 + len(label))) + b"jumb" + label for at in range(depth))
    chunk = b"caBX" + boxes
    png = encode(flat_art(), FileType.PNG)
    data = png[:33] + struct.pack(">I", len(boxes)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    assert read_manifest(data) is None
