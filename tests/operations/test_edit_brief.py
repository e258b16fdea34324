"""An edit request is checked for free, in the documented sentences."""

from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from image_studio.errors import InvalidImage, InvalidRequest, StudioError, UnknownChoice
from image_studio.operations.edit import ResolvedEdit, resolve_edit
from image_studio.schemas.common import FileType
from image_studio.schemas.edit import MAX_EXPANSION, EditRequest
from tests.operations.workshop import block_mask, photo, studio, to_text

IMAGE = to_text(photo(120, 90))
MASK = to_text(block_mask(120, 90))
NULLS: dict[str, Any] = {  # the reference's example body
    "prompt": None,
    "negative_prompt": None,
    "mask_base64": None,
    "search_prompt": None,
    "select_prompt": None,
    "background_image_base64": None,
    "lighting_image_base64": None,
    "expand_left": 0,
    "expand_right": 0,
    "expand_up": 0,
    "expand_down": 0,
    "provider": None,
    "model": None,
    "style_preset": None,
    "guidance_scale": None,
    "steps": None,
    "seed": None,
    "output_format": "png",
    "options": {},
}


def brief(operation: str, **body: Any) -> ResolvedEdit:
    """The request, checked."""
    request = EditRequest.model_validate({**NULLS, "image_base64": IMAGE, "operation": operation, **body})
    return resolve_edit(request, studio())


def refusal(operation: str, **body: Any) -> StudioError:
    """What a request is refused with."""
    with pytest.raises(StudioError) as caught:
        brief(operation, **body)
    return caught.value


@pytest.mark.parametrize(
    ("operation", "body", "sentence"),
    [
        ("inpaint", {}, "Prompt is required for inpainting"),
        ("inpaint", {"prompt": ""}, "Prompt is required for inpainting"),
        ("inpaint", {"prompt": "  "}, "Prompt is required for inpainting"),
        ("search_replace", {"prompt": "x"}, "Both prompt and search_prompt are required for search & replace"),
        ("search_recolor", {"prompt": "x"}, "Both prompt and select_prompt are required for search & recolor"),
        ("general_edit", {}, "Prompt is required for general edits"),
        ("erase", {}, "Mask is required for erasing"),
        ("erase", {"mask_base64": ""}, "Mask is required for erasing"),
        ("relight", {}, "At least one reference (background or lighting) is required for relight"),
        (
            "outpaint",
            {"prompt": "x"},
            "At least one side above 0 (expand_left, expand_right, expand_up or expand_down)"
            " is required for outpainting",
        ),
        ("inpaint", {"prompt": "x", "mask_base64": to_text(Image.new("L", (120, 90)))}, "The mask selects nothing."),
        ("remove_background", {"output_format": "jpeg"}, "Remove Background gives a transparent image, which JPEG"),
        ("remove_background", {"output_format": "jpg"}, "Use output_format png or webp."),
        ("remove_background", {"image_base64": "!"}, "Invalid base64 image payload"),
        ("outpaint", {"expand_left": 2000, "image_base64": to_text(Image.new("L", (20, 13000)))}, "25 megapixels"),
        ("inpaint", {"prompt": "x", "options": {"grow_mask": 101}}, "options.grow_mask must be a whole number"),
        ("relight", {"options": {"light_source_direction": "behind"}}, "Valid: left, right, above, below."),
        ("inpaint", {"prompt": "x", "options": {"quality": "best"}}, "Valid: draft, standard, premium."),
        ("inpaint", {"prompt": "x", "style_preset": "baroque"}, "Unknown style_preset 'baroque'. Valid: "),
        ("enlarge", {}, "Unknown operation 'enlarge'. Valid: remove_background, inpaint, outpaint, search_replace,"),
        ("inpaint", {"prompt": "x", "mask_base64": "?"}, "mask_base64: Invalid base64 image payload"),
        ("relight", {"lighting_image_base64": "?"}, "lighting_image_base64: Invalid base64 image payload"),
    ],
)
def test_refusals(operation: str, body: dict[str, Any], sentence: str) -> None:
    """Each is a 400 with its sentence."""
    error = refusal(operation, **body)
    assert sentence in error.detail
    assert error.status == 400


def test_kinds_of_refusals() -> None:
    """A value outside a list is told apart from an image that isn't one."""
    assert isinstance(refusal("enlarge"), UnknownChoice)
    assert isinstance(refusal("remove_background", image_base64="aGk="), InvalidImage)
    assert isinstance(refusal("inpaint"), InvalidRequest)


@pytest.mark.parametrize(
    "body",
    [
        {"expand_left": -1},
        {"expand_left": MAX_EXPANSION + 1},
        {"image_base64": None},
        {"operation": ""},
        {"output_format": "gif"},
        {"seed": -1},
        {"guidance_scale": 51},
        {"steps": 0},
        {"prompt": "x" * 10_001},
    ],
)
def test_bounds_of_the_body(body: dict[str, Any]) -> None:
    """Values beyond their bounds never reach the operation."""
    with pytest.raises(ValidationError):
        EditRequest.model_validate({"image_base64": IMAGE, "operation": "inpaint", **body})


@pytest.mark.parametrize(
    ("written", "file_type"),
    [("png", FileType.PNG), ("jpg", FileType.JPEG), ("JPEG", FileType.JPEG), ("webp", FileType.WEBP), (None, "png")],
)
def test_file_types_have_the_names_that_people_use(written: str | None, file_type: str) -> None:
    """`jpg` means jpeg; null means png."""
    body = {"image_base64": IMAGE, "operation": "inpaint", "output_format": written}
    assert EditRequest.model_validate(body).output_format == file_type


def test_the_examples_body_is_complete() -> None:
    """The reference's request, nulls and all, asks for nothing more."""
    made = brief("remove_background")
    assert (made.name, made.quality, made.ignored, made.mask) == ("edit.remove_background", "standard", [], None)


def test_what_an_operation_does_not_use_is_named() -> None:
    """Fields and options alike, as the request calls them."""
    made = brief(
        "remove_background",
        prompt="x",
        mask_base64=MASK,
        expand_left=5,
        seed=0,
        options={"grow_mask": 3, "quality": "draft", "shine": 1},
    )
    assert sorted(made.ignored) == [
        "expand_left",
        "mask_base64",
        "options.grow_mask",
        "options.shine",
        "prompt",
        "seed",
    ]


def test_light_without_a_source_is_named() -> None:
    """The strength of a light means nothing where no light is given."""
    made = brief("relight", prompt="a beach", options={"light_source_strength": 0.5})
    assert made.ignored == ["options.light_source_strength"]
    lit = brief("relight", options={"light_source_strength": 0.5, "light_source_direction": "left"})
    assert lit.ignored == []


def test_a_mask_takes_the_images_size() -> None:
    """Whatever its own size is."""
    made = brief("inpaint", prompt="x", mask_base64=to_text(block_mask(60, 45)))
    assert made.mask is not None
    assert made.mask.size == (120, 90)
    assert made.mask_from == "mask_base64"


@pytest.mark.parametrize("operation", ["inpaint", "erase"])
def test_transparency_is_the_mask_where_none_is_drawn(operation: str) -> None:
    """As at Stability; a drawn mask wins."""
    image = photo(120, 90).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 30, 90))
    made = brief(operation, prompt="x", image_base64=to_text(image))
    assert made.mask is not None
    assert made.mask.getbbox() == (0, 0, 30, 90)
    assert made.mask_from == "transparency"
    drawn = brief(operation, prompt="x", image_base64=to_text(image), mask_base64=MASK)
    assert drawn.mask_from == "mask_base64"


def test_the_answer_of_outpaint_is_larger() -> None:
    """Input plus expansion."""
    made = brief("outpaint", expand_left=10, expand_right=20, expand_up=30, expand_down=MAX_EXPANSION)
    assert made.size == (150, 120 + MAX_EXPANSION)


def test_null_options_are_not_given() -> None:
    """Also inside of `options`."""
    assert brief("inpaint", prompt="x", options={"grow_mask": None, "quality": None}).options == {}
