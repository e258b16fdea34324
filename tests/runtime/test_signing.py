"""Signing: with the secret's key, or by KMS; whatever fails, the image is delivered as it was, and an alarm says so."""

import io
import json
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms.utils import ECDSAPrivateKey

from image_studio.imaging.content_credentials import History, read_manifest
from image_studio.imaging.encode import encode
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.runtime import aws_clients, signing
from image_studio.runtime.signing import Signing, plain_signature
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import SourceType
from local.certificate import ORGANIZATION, make_identity
from tests.imaging.samples import flat_art
from tests.runtime.time_stamp_authority import time_stamp_authority
from tests.tables import fake_aws

HISTORY = History(Mark(SourceType.TRAINED, "Stability AI ultra"))
DATA = encode(flat_art(64, 48), FileType.PNG, xmp=HISTORY.mark.to_xmp())
SECRET = "signing-identity"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake_aws(monkeypatch):
        yield


def keep(text: str) -> str:
    boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=text)
    return SECRET


def sign(one: Signing) -> bytes:
    return one.sign(DATA, "image/png", HISTORY)


def test_the_secrets_key_signs() -> None:
    found = read_manifest(sign(Signing(keep(make_identity()))))
    assert found
    assert (found.valid, found.signed_by) == (True, ORGANIZATION)


def test_without_a_secret_nothing_is_signed() -> None:
    assert signing.signing() is None


def sign_digest(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    """As KMS signs a digest. Moto takes no notice of the message's type, and would hash it once more."""
    assert (len(message), signing_algorithm) == (32, "ECDSA_SHA_256")
    signature: bytes = key.private_key.sign(message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return signature


def test_kms_signs_and_keeps_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret has certificates for the key's public half, and no key."""
    monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_digest)
    kms = boto3.client("kms", region_name="us-east-1")
    key_id = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    assert isinstance(public, ec.EllipticCurvePublicKey)
    certificates = json.loads(make_identity(public))["certificates"]
    found = read_manifest(sign(Signing(keep(json.dumps({"certificates": certificates})), key_id)))
    assert found
    assert found.valid


@pytest.mark.parametrize(
    "text", ["{}", "no JSON", "[]", json.dumps({"certificates": "x", "key": "y"}), json.dumps({"certificates": 1})]
)
def test_a_secret_that_cannot_sign_loses_no_image(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It keeps its XMP, and the metric of the alarm counts it."""
    signed = sign(Signing(keep(text)))
    assert signed == DATA
    assert read_mark(signed) == HISTORY.mark
    assert '"UnsignedImages":[1.0]' in capsys.readouterr().out.replace(" ", "")


@pytest.mark.parametrize("kms_key", ["", "00000000-0000-0000-0000-000000000000"])
def test_while_aws_fails_images_do_not_wait_for_it(kms_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a missing secret nor a KMS that refuses is asked again within a minute."""
    one = Signing(keep(make_identity()) if kms_key else "missing", kms_key)
    asked: list[str] = []
    for client in (aws_clients.secretsmanager(), aws_clients.kms()):
        client.meta.events.register("before-call", lambda model, **_: asked.append(model.name))
    assert sign(one) == sign(one) == DATA
    assert asked == (["GetSecretValue", "Sign"] if kms_key else ["GetSecretValue"])
    later = time.monotonic() + signing.PAUSE_SECONDS
    monkeypatch.setattr(signing.time, "monotonic", lambda: later + 1)
    sign(one)
    assert asked[-1] == ("Sign" if kms_key else "GetSecretValue")
    assert len(asked) > 1 + bool(kms_key)


def test_a_time_stamp_authority_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MAX_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        one = Signing(keep(make_identity()), timestamp_url=url)
        assert sign(one) == DATA
        assert sign(one) == DATA
        assert time.monotonic() - started < 2


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing: no time stamp is made")
def test_a_time_stamp_says_when_it_was_signed(tmp_path: Path) -> None:
    with time_stamp_authority(tmp_path) as url:
        found = read_manifest(sign(Signing(keep(make_identity()), timestamp_url=url)))
    assert found
    assert found.valid
    assert found.signed_at
    age = datetime.now(UTC) - datetime.fromisoformat(found.signed_at)
    assert abs(age.total_seconds()) < 60


def test_a_signature_of_kms_becomes_two_plain_numbers() -> None:
    for r, s in ((1, 2), (2**255 + 1, 2**256 - 1), (2**200, 3)):
        plain = plain_signature(utils.encode_dss_signature(r, s))
        assert plain == r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize("der", [b"\x31\x06\x02\x01\x01\x02\x01\x01", b"\x30\x06\x02\x01\x01\x02\x01\x01\x00"])
def test_what_is_no_signature_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match="not a signature"):
        plain_signature(der)


def test_the_image_is_whole_whatever_it_is() -> None:
    """A file that the library can't take is delivered."""
    one = Signing(keep(make_identity()))
    broken: Any = io.BytesIO(b"\x89PNG\r\n\x1a\n").getvalue()
    assert one.sign(broken, "image/png", HISTORY) == broken
