"""What an image says beside its pixels reaches nobody."""

import base64
import io
from typing import Any

from PIL import Image

from tests.operations.fakes import photo
from tests.security.inside import Inside


def test_a_image_reaches_a_provider_without_its_metadata(inside: Inside, emulated: dict[str, Any]) -> None:
    """Where and with what a photograph was taken is nobody's business; orientation is applied before it goes."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    exif[0x010F] = "CANARY camera"
    photo(300, 200).save(out, "JPEG", exif=exif, comment=b"CANARY comment")
    body = {
        "image_base64": base64.b64encode(out.getvalue()).decode(),
        "operation": "remove_background",
        "provider": "stability",
    }
    assert inside.ask("POST", "/edit/process", body=body).status == 200
    (sent,) = [data for call in emulated["stability"].calls for data in call.images.values()]
    assert b"CANARY" not in sent
    image = Image.open(io.BytesIO(sent))
    assert image.size == (200, 300)
    assert not image.getexif()
