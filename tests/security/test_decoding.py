"""Images are decoded once by the function that checks them and once by the worker; their metadata reaches nobody."""

import base64
import hashlib
import io
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from image_studio.imaging import decode
from tests.operations.fakes import photo, to_text
from tests.security.inside import Inside, without_workers

IMAGE, MASK = to_text(photo(300, 200)), to_text(photo(300, 200).convert("L"))
REQUESTS = {
    "/edit/process": {"image_base64": IMAGE, "mask_base64": MASK, "operation": "inpaint", "prompt": "a boat"},
    "/upscale": {"image_base64": IMAGE, "mode": "fast"},
    "/control/process": {"control_image_base64": IMAGE, "operation": "sketch", "prompt": "a boat"},
    "/social/optimize": {"image_base64": IMAGE, "platforms": ["instagram", "facebook"]},
}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    seen: Counter[str] = Counter()

    class Counted(PngImageFile):
        def load_prepare(self) -> None:
            seen[hashlib.sha256(self.fp.getvalue()).hexdigest()] += 1
            super().load_prepare()

    monkeypatch.setattr(decode, "PngImagePlugin", SimpleNamespace(PngImageFile=Counted))
    return seen


@pytest.mark.parametrize("path", REQUESTS)
def test_the_function_decodes_each_image_once(
    inside: Inside, decoded: Counter[str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """To know that it is one; what is made for several platforms comes from one decoding."""
    without_workers(monkeypatch)
    answer = inside.ask("POST", path, body=REQUESTS[path], headers={"prefer": "respond-async"})
    assert answer.status in (200, 202)
    assert set(decoded.values()) == {1}
    assert len(decoded) == sum(name.endswith("base64") for name in REQUESTS[path])


@pytest.mark.parametrize("path", [path for path in REQUESTS if path != "/social/optimize"])
def test_the_worker_decodes_each_image_once(
    inside: Inside, emulated: dict[str, Any], decoded: Counter[str], path: str
) -> None:
    """The caller's as the function did, what the provider sent for the first time."""
    answer = inside.ask("POST", path, body={**REQUESTS[path], "provider": "stability"})
    assert answer.status == 200
    sent = sum(name.endswith("base64") for name in REQUESTS[path])
    assert sorted(decoded.values()) == [1] + [2] * sent


def test_an_image_reaches_a_provider_without_its_metadata(inside: Inside, emulated: dict[str, Any]) -> None:
    """Where and with what a photograph was taken is nobody's business; orientation is applied before it goes."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    exif[0x010F] = "CANARY camera"
    photo(300, 200).save(out, "JPEG", exif=exif, comment=b"CANARY comment")
    image = base64.b64encode(out.getvalue()).decode()
    body = {"image_base64": image, "operation": "remove_background", "provider": "stability"}
    assert inside.ask("POST", "/edit/process", body=body).status == 200
    (sent,) = [data for call in emulated["stability"].calls for data in call.images.values()]
    assert b"CANARY" not in sent
    image = Image.open(io.BytesIO(sent))
    assert image.size == (200, 300)
    assert not image.getexif()
