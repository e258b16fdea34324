"""The largest images that models make, as noise: what was paid for is taken, whatever its size."""

import io
import os

import pytest
from PIL import Image

from image_studio.operations import create, upscale
from image_studio.providers.adapter import ProviderImage
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.single_image import UpscaleRequest
from tests.operations.fakes import FakeClient, make_context, photo, result, to_text


def noise(width: int, height: int) -> bytes:
    """A PNG of noise, about three bytes a pixel."""
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(out, "PNG", compress_level=0)
    return out.getvalue()


@pytest.mark.parametrize(
    ("model", "width", "height"),
    [("fast", 4096, 4096), ("gemini-3-pro-image", 6336, 2688), ("gemini-nano-banana-2.1", 12288, 1536)],
)
def test_noise_of_the_largest_size_is_used(model: str, width: int, height: int) -> None:
    """50 MB and more, of which an upload may have 20."""
    context = make_context(FakeClient(lambda provider, task: ProviderImage(noise(width, height))))
    if model.startswith("gemini"):
        body = {"prompt": "grain", "model": model, "width": 400, "height": 400 * height // width}
        assert create.run(CreateRequest.model_validate(body), context).total_generated == 1
    else:
        body = {"image_base64": to_text(photo(256, 256)), "mode": "fast", "model": model, "target_width": 512}
        upscale.run(UpscaleRequest.model_validate({**body, "target_height": 512}), context)
    assert min(result(context).size) >= 50
