"""Marks and signatures through the whole stack, as a caller gets them: inline and by URL, and inspected."""

import base64

import pytest
import requests

from image_studio.imaging.content_credentials import read_manifest
from image_studio.imaging.xmp import read_mark
from image_studio.schemas.limits import SourceType
from local.certificate import ORGANIZATION
from local.stack import Stack

SECONDS = 60


@pytest.mark.parametrize("delivery", ["auto", "url"])
def test_a_created_image_is_marked_signed_and_recognized(stack: Stack, delivery: str) -> None:
    """With the certificate that the stack made for itself, by a function that may do no more than its role."""
    headers = stack.headers(sub=f"provenance {delivery}")
    body = {"prompt": "A lighthouse", "provider": "gemini", "width": 320, "height": 240, "delivery": delivery}
    made = requests.post(f"{stack.url}/create", json=body, headers=headers, timeout=SECONDS)
    assert made.status_code == 200, made.text
    (image,) = made.json()["results"]
    inline = image.get("image_base64")
    data = base64.b64decode(inline) if inline else requests.get(image["image_url"], timeout=SECONDS).content
    mark, manifest = read_mark(data), read_manifest(data)
    assert mark
    assert manifest
    assert mark.source_type is manifest.source_type is SourceType.TRAINED
    assert (manifest.valid, manifest.signed_by) == (True, ORGANIZATION)
    sent = {"image_base64": base64.b64encode(data).decode()}
    found = requests.post(f"{stack.url}/provenance/inspect", json=sent, headers=headers, timeout=SECONDS).json()
    assert (found["made_here"], found["match"]["how"]) == (True, "same_file")
    assert found["match"]["job_id"] == made.headers["x-job-id"]
    assert found["content_credentials"]["valid"]
