"""Images that a request carries, and its quality. What is refused and ignored is in the tests of the operations."""

from base64 import b64encode

import pytest
from PIL import Image, ImageChops

from image_studio.errors import InvalidImage, NotFound, UnknownChoice
from image_studio.operations.context import References
from image_studio.operations.edit import resolve_edit
from image_studio.operations.single_image import decode_input, decode_source, quality_of, read_image
from image_studio.operations.upscale import resolve_upscale
from image_studio.schemas.limits import Quality
from image_studio.schemas.single_image import EditRequest, UpscaleRequest
from tests.imaging.containers import container, grid
from tests.operations.fakes import block_mask, make_context, photo, to_bytes, to_text


class Stored(References):
    """A caller with one upload, one finished job and one stored input."""

    def image(self, reference: str) -> bytes:
        if reference in ("upload:1", "job:2/1", "job:2", "input:3"):
            return to_bytes(photo(40, 30))
        raise NotFound(f"'{reference}' was not found.")


def test_references_are_looked_up() -> None:
    """Another caller's is not found."""
    context = make_context(references=Stored())
    for reference in ("upload:1", "job:2/1", "job:2", "input:3"):
        assert decode_source(read_image(reference, context), context).size == (40, 30)
    with pytest.raises(NotFound):
        read_image("upload:9", context)


def test_the_main_image_gets_the_documented_sentence() -> None:
    """`Invalid base64 image payload`, word for word; a further image is named."""
    text = to_text(photo(40, 30))
    assert read_image(f"data:image/png;base64,{text}", make_context()) == to_bytes(photo(40, 30))
    for read, sentence in (
        (lambda: read_image("!", make_context()), ""),
        (lambda: decode_input("!", make_context(), "mask_base64"), "mask_base64: "),
    ):
        with pytest.raises(InvalidImage) as caught:
            read()
        assert caught.value.detail == f"{sentence}Invalid base64 image payload"
    with pytest.raises(InvalidImage, match="not a PNG, JPEG, WebP, HEIC or AVIF"):
        decode_source(read_image("aGVsbG8=", make_context()), make_context())


def test_a_photo_of_too_many_pixels_comes_in_at_a_fraction() -> None:
    """Where that is enough: not for what counts pixels at the edge, and not to be enlarged for money."""
    text, context = to_text(photo(400, 300), "JPEG"), make_context(max_pixels=150 * 150)
    source = read_image(text, context)
    assert decode_source(source, context).size == (100, 75)
    edit = {"image_base64": text, "prompt": "a boat"}
    assert resolve_edit(EditRequest(operation="general_edit", **edit), context).image.size == (100, 75)
    assert resolve_upscale(UpscaleRequest(image_base64=text, target_width=90), context).target.width == 90
    refused = [
        lambda: decode_source(source, context, whole=True),
        lambda: resolve_edit(EditRequest(operation="outpaint", expand_left=9, **edit), context),
        lambda: resolve_upscale(UpscaleRequest(image_base64=text, target_width=110), context),
    ]
    for refuse in refused:
        with pytest.raises(InvalidImage, match=r"400x300 pixels; at most 0\.0225 megapixels"):
            refuse()


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "RGB"])
def test_a_mask_may_have_as_many_pixels_as_its_photo(mode: str) -> None:
    """Its own size is what an editor draws it in; it is scaled like the photo, and a larger one is refused."""
    context = make_context(max_pixels=150 * 150)

    def drawn(width: int, height: int) -> str:
        mask = block_mask(width, height).convert("RGB" if mode in {"P", "RGB"} else "L")
        if mode == "RGBA":
            mask = Image.merge("RGBA", (*photo(width, height).split(), ImageChops.invert(mask)))
        return to_text(mask.convert(mode))

    text = to_text(photo(400, 300), "JPEG")
    edit = {"image_base64": text, "prompt": "a boat", "operation": "inpaint"}
    found = resolve_edit(EditRequest(mask_base64=drawn(400, 300), **edit), context)
    assert found.mask is not None
    assert found.mask.size == found.image.size == (100, 75)
    box = block_mask(100, 75).getbbox()
    assert all(abs(side - known) <= 1 for side, known in zip(found.mask.getbbox(), box, strict=True))
    with pytest.raises(InvalidImage, match=r"mask_base64: The image has 401x300 pixels; at most 0\.12 megapixels"):
        resolve_edit(EditRequest(mask_base64=drawn(401, 300), **edit), context)
    with pytest.raises(InvalidImage, match="401x300"):
        resolve_edit(EditRequest(**edit | {"image_base64": drawn(401, 300)}), context)


def test_what_a_phone_sends_is_an_input() -> None:
    """HEIC, with a data URL of its type, or of none."""
    data = b64encode(container(grid())).decode()
    for prefix in ("", "data:image/heic;base64,", "data:;base64,"):
        assert decode_source(read_image(prefix + data, make_context()), make_context()).size == (120, 100)


def test_a_quality_is_one_of_three() -> None:
    """As a word; standard where it is absent or null. The sentence names the option."""
    for quality in Quality:
        assert quality_of({"quality": quality.value}) is quality
    for options in ({}, {"quality": None}):
        assert quality_of(options) is Quality.STANDARD
    for wrong in ("best", 5, "", True):
        with pytest.raises(UnknownChoice, match=r"options\.quality.*draft.*standard.*premium"):
            quality_of({"quality": wrong})
