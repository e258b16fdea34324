"""Edit: what is refused, what is sent, and what comes back."""

from typing import Any

import pytest
from PIL import Image, ImageChops
from pydantic import ValidationError

from image_studio.errors import (
    InvalidImage,
    JobFailed,
    NotCharged,
    StudioError,
    UnknownCharge,
)
from image_studio.imaging.masks import grow, read_mask
from image_studio.operations import edit
from image_studio.operations.context import OperationContext
from image_studio.operations.edit import Edit, resolve_edit
from image_studio.schemas.single_image import MAX_EXPANSION, EditRequest, EditResponse
from tests.operations.fakes import (
    FakeClient,
    block_mask,
    from_bytes,
    make_context,
    photo,
    result,
    result_bytes,
    to_text,
)

SMALL_IMAGE = to_text(photo(120, 90))
SMALL_MASK = to_text(block_mask(120, 90))
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


def resolved(operation: str, **body: Any) -> Edit:
    """The request, checked."""
    request = EditRequest.model_validate({**NULLS, "image_base64": SMALL_IMAGE, "operation": operation, **body})
    return resolve_edit(request, make_context())


def refusal(operation: str, **body: Any) -> StudioError:
    """What a request is refused with."""
    with pytest.raises(StudioError) as caught:
        resolved(operation, **body)
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
        EditRequest.model_validate({"image_base64": SMALL_IMAGE, "operation": "inpaint", **body})


def test_the_examples_body_is_complete() -> None:
    """The reference's request, nulls and all, asks for nothing more."""
    made = resolved("remove_background")
    assert (made.name, made.quality, made.ignored, made.mask) == ("edit.remove_background", "standard", [], None)


def test_what_an_operation_does_not_use_is_named() -> None:
    """Fields and options alike, as the request calls them."""
    made = resolved(
        "remove_background",
        prompt="x",
        mask_base64=SMALL_MASK,
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
    made = resolved("relight", prompt="a beach", options={"light_source_strength": 0.5})
    assert made.ignored == ["options.light_source_strength"]
    lit = resolved("relight", options={"light_source_strength": 0.5, "light_source_direction": "left"})
    assert lit.ignored == []


def test_a_mask_takes_the_images_size() -> None:
    """Whatever its own size is."""
    made = resolved("inpaint", prompt="x", mask_base64=to_text(block_mask(60, 45)))
    assert made.mask is not None
    assert made.mask.size == (120, 90)
    assert made.mask_source == "mask_base64"


@pytest.mark.parametrize("operation", ["inpaint", "erase"])
def test_transparency_is_the_mask_where_none_is_drawn(operation: str) -> None:
    """As at Stability; a drawn mask wins."""
    image = photo(120, 90).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 30, 90))
    made = resolved(operation, prompt="x", image_base64=to_text(image))
    assert made.mask is not None
    assert made.mask.getbbox() == (0, 0, 30, 90)
    assert made.mask_source == "transparency"
    drawn = resolved(operation, prompt="x", image_base64=to_text(image), mask_base64=SMALL_MASK)
    assert drawn.mask_source == "mask_base64"


def test_the_answer_of_outpaint_is_larger() -> None:
    """Input plus expansion."""
    made = resolved("outpaint", expand_left=10, expand_right=20, expand_up=30, expand_down=MAX_EXPANSION)
    assert made.size == (150, 120 + MAX_EXPANSION)


def test_null_options_are_not_given() -> None:
    """Also inside of `options`."""
    assert resolved("inpaint", prompt="x", options={"grow_mask": None, "quality": None}).options == {}


IMAGE = photo()
MASK = block_mask()


def run(operation: str, context: OperationContext, image: Image.Image = IMAGE, **body: Any) -> EditResponse:
    """Estimate, then run."""
    request = EditRequest.model_validate({"image_base64": to_text(image), "operation": operation, **body})
    assert edit.estimate(request, context) > 0
    return edit.run(request, context)


def outside(image: Image.Image, mask: Image.Image) -> bytes:
    """The pixels where the mask is black."""
    hole = Image.new(image.mode, image.size)
    return Image.composite(hole, image, mask.point(lambda level: 255 if level else 0)).tobytes()


# -- masks


@pytest.mark.parametrize("operation", ["inpaint", "erase"])
@pytest.mark.parametrize("growth", [None, 0, 23])
@pytest.mark.parametrize("provider", ["stability", "wavespeed", "huggingface", "gemini"])
def test_outside_the_grown_mask_nothing_changes(operation: str, growth: int | None, provider: str) -> None:
    """To the bit, on every provider, though the model changed every pixel; inside it is the model's."""
    context = make_context(FakeClient())
    options = {} if growth is None else {"grow_mask": growth}
    response = run(operation, context, prompt="x", mask_base64=to_text(MASK), options=options, provider=provider)
    made = result(context)
    grown = grow(read_mask(MASK.convert("RGB"), *IMAGE.size), 5 if growth is None else growth)
    assert outside(made, grown) == outside(IMAGE, grown)
    assert made.getpixel((320, 240)) != IMAGE.getpixel((320, 240))
    assert response.metadata["grow_mask"] == (5 if growth is None else growth)
    assert response.metadata["mask"] == "mask_base64"


def test_the_model_gets_the_grown_mask_and_does_not_grow_it_again() -> None:
    """White where it may paint; Stability's own growth is switched off."""
    client = FakeClient()
    run(
        "inpaint",
        make_context(client),
        prompt="x",
        mask_base64=to_text(MASK),
        options={"grow_mask": 20},
        provider="stability",
    )
    sent = from_bytes(client.tasks[0].images["mask"].data)
    box = MASK.getbbox()
    assert box is not None
    assert sent.getbbox() == (box[0] - 20, box[1] - 20, box[2] + 20, box[3] + 20)
    assert client.tasks[0].settings == {"grow_mask": 0}


def test_the_edge_is_soft_and_the_middle_full() -> None:
    """In the grown band old and new mix; the drawn mask is all new."""
    context = make_context(FakeClient(paint=lambda task, image: Image.new("RGB", image.size, (0, 255, 0))))
    run("inpaint", context, Image.new("RGB", IMAGE.size, (200, 0, 0)), prompt="x", mask_base64=to_text(MASK))
    row = [result(context).getpixel((x, 240)) for x in range(420, 440)]
    assert row[0] == (0, 255, 0)
    assert row[-1] == (200, 0, 0)
    assert any(pixel not in ((0, 255, 0), (200, 0, 0)) for pixel in row)


def test_inpaint_without_a_mask_may_change_everything() -> None:
    """The mask is optional: then a model that needs one gets a white one."""
    client = FakeClient()
    context = make_context(client)
    response = run("inpaint", context, prompt="x", provider="stability")
    assert from_bytes(client.tasks[0].images["mask"].data).getextrema() == (255, 255)
    assert ImageChops.difference(result(context), IMAGE).getbbox() == (0, 0, *IMAGE.size)
    assert "mask" not in response.metadata


@pytest.mark.parametrize("operation", ["search_replace", "search_recolor", "general_edit"])
def test_a_mask_bounds_an_edit_by_words_too(operation: str) -> None:
    """Where the table shows a mask, it is kept to, on native and on emulated models."""
    for provider in ("stability", "wavespeed") if operation != "general_edit" else ("wavespeed",):
        context = make_context(FakeClient())
        body = {"prompt": "x", "search_prompt": "y", "select_prompt": "z", "mask_base64": to_text(MASK)}
        run(operation, context, provider=provider, options={"grow_mask": 0}, **body)
        mask = read_mask(MASK.convert("RGB"), *IMAGE.size)
        assert outside(result(context), mask) == outside(IMAGE, mask)


def test_transparent_images_keep_what_is_not_masked() -> None:
    """Colors and transparency outside the mask."""
    image = IMAGE.copy()
    image.putalpha(Image.linear_gradient("L").resize(IMAGE.size))
    context = make_context(FakeClient())
    run("inpaint", context, image, prompt="x", mask_base64=to_text(MASK), options={"grow_mask": 0})
    made = result(context)
    mask = read_mask(MASK.convert("RGB"), *IMAGE.size)
    assert made.mode == "RGBA"
    assert outside(made, mask) == outside(image, mask)


# -- sizes


@pytest.mark.parametrize("size", [(3700, 2600)])
def test_a_large_image_comes_back_at_its_own_size(size: tuple[int, int]) -> None:
    """It is sent within Stability's 9.4 MP; outside the mask the original's pixels are there, not scaled ones."""
    client = FakeClient()
    context = make_context(client)
    image, mask = photo(*size), block_mask(*size)
    response = run("inpaint", context, image, prompt="x", mask_base64=to_text(mask), provider="stability")
    sent = client.sent.size
    assert sent[0] * sent[1] <= 9_437_184
    assert response.metadata["sent_size"] == f"{sent[0]}x{sent[1]}"
    assert (response.width, response.height) == result(context).size == size
    grown = grow(read_mask(mask.convert("RGB"), *size), 5)
    assert outside(result(context), grown) == outside(image, grown)


@pytest.mark.parametrize("answered", [(2048, 1536), (321, 240), (640, 480)])
def test_a_result_of_any_size_is_brought_back(answered: tuple[int, int]) -> None:
    """Stability doesn't say how large its edits are: the response is as large as the image."""
    context = make_context(FakeClient(paint=lambda task, image: image.resize(answered)))
    response = run("search_replace", context, prompt="x", search_prompt="y")
    assert result(context).size == (response.width, response.height) == IMAGE.size
    assert response.metadata["native_size"] == f"{answered[0]}x{answered[1]}"


def test_a_small_image_is_refused_with_the_reason() -> None:
    """By the only provider that is configured; another one may take it."""
    with pytest.raises(InvalidImage, match="needs sides of at least 64"):
        run("inpaint", make_context(configured=frozenset({"stability"})), photo(50, 50), prompt="x")


def test_a_long_image_goes_to_who_takes_it() -> None:
    """Stability takes at most 2.5:1 here; WaveSpeed has no such limit."""
    response = run("search_replace", make_context(), photo(900, 300), prompt="x", search_prompt="y")
    assert response.provider != "stability"
    with pytest.raises(InvalidImage, match=r"takes at most 2\.5:1"):
        run("search_replace", make_context(), photo(900, 300), prompt="x", search_prompt="y", provider="stability")


# -- outpaint


@pytest.mark.parametrize("provider", ["stability", "wavespeed", "huggingface", "gemini"])
@pytest.mark.parametrize("size", [(640, 480), (3250, 2910)])
def test_outpaint_keeps_the_original_and_is_exact(provider: str, size: tuple[int, int]) -> None:
    """Native or by a padded canvas, also where the image had to be scaled down."""
    image = photo(*size)
    context = make_context(FakeClient(paint=_extend_natively if provider == "stability" else _fill_grey))
    sides = {"expand_left": 100, "expand_right": 31, "expand_up": 7, "expand_down": 0}
    response = run("outpaint", context, image, provider=provider, **sides)
    made = result(context)
    assert made.size == (response.width, response.height) == (size[0] + 131, size[1] + 7)
    assert made.crop((100, 7, 100 + size[0], 7 + size[1])).tobytes() == image.tobytes()
    assert made.getpixel((50, 3)) != (128, 128, 128)


def _extend_natively(task: Any, image: Image.Image) -> Image.Image:
    """What Stability answers: the image it got plus the sides it was told."""
    sides = {name: task.settings.get(f"expand_{name}", 0) for name in ("left", "right", "up", "down")}
    canvas = (image.width + sides["left"] + sides["right"], image.height + sides["up"] + sides["down"])
    return Image.new("RGB", canvas, (1, 2, 3))


def _fill_grey(task: Any, image: Image.Image) -> Image.Image:
    """A model that fills what the mask leaves it."""
    mask = from_bytes(task.images["mask"].data)
    return Image.composite(Image.new("RGB", image.size, (1, 2, 3)), image, mask)


def test_what_is_to_be_filled_is_marked() -> None:
    """The canvas is gray around the image, and white in the mask."""
    client = FakeClient(paint=_fill_grey)
    run("outpaint", make_context(client), expand_left=100, expand_down=20, provider="wavespeed")
    mask = from_bytes(client.tasks[0].images["mask"].data)
    assert client.sent.size == mask.size == (740, 500)
    assert client.sent.getpixel((50, 50)) == (128, 128, 128)
    assert mask.crop((100, 0, 740, 480)).getextrema() == (0, 0)
    assert mask.crop((0, 0, 100, 500)).getextrema() == (255, 255)


def test_native_sides_are_scaled_with_the_image() -> None:
    """Stability is told the expansion of the image that it gets."""
    client = FakeClient(paint=_extend_natively)
    run("outpaint", make_context(client), photo(4500, 3000), expand_left=1000, expand_up=1, provider="stability")
    scale = client.sent.width / 4500
    assert client.tasks[0].settings == {"expand_left": round(1000 * scale), "expand_up": 1}


# -- backgrounds and light


def _cut(task: Any, image: Image.Image) -> Image.Image:
    """A left half that is background."""
    cut = image.convert("RGBA")
    cut.paste((0, 0, 0, 0), (0, 0, image.width // 2, image.height))
    return cut


@pytest.mark.parametrize(("written", "kind"), [("png", "PNG"), ("webp", "WEBP")])
def test_remove_background_has_alpha(written: str, kind: str) -> None:
    """In both file types that can hold it, at the image's own size, also where it was scaled down."""
    for size in ((640, 480), (2100, 2000)):
        context = make_context(FakeClient(paint=_cut))
        response = run("remove_background", context, photo(*size), output_format=written)
        made = result(context)
        assert (made.format, made.mode, made.size) == (kind, "RGBA", size)
        assert made.getpixel((5, 5))[3] == 0  # type: ignore[index]
        assert made.getpixel((size[0] - 5, 5))[3] == 255  # type: ignore[index]
        assert response.stored is not None
        assert response.stored.mime == f"image/{written}"


@pytest.mark.parametrize(("written", "kind", "mime"), [("jpg", "JPEG", "image/jpeg"), ("webp", "WEBP", "image/webp")])
def test_the_file_is_what_it_says(written: str, kind: str, mime: str) -> None:
    """Bytes and media type agree."""
    context = make_context()
    response = run("general_edit", context, prompt="x", output_format=written)
    assert result(context).format == kind
    assert response.stored is not None
    assert (response.stored.mime, response.stored.size) == (mime, len(result_bytes(context)))


def test_light_alone_keeps_the_background() -> None:
    """The prompt is the background's; without one and without an image of one it stays."""
    client = FakeClient()
    lamp = to_text(photo(300, 200))
    run("relight", make_context(client), lighting_image_base64=lamp, options={"light_source_strength": 0.0})
    assert client.tasks[0].settings == {"keep_original_background": True, "light_source_strength": 0.0}
    assert client.tasks[0].images.keys() == {"image", "lighting"}
    run("relight", make_context(client), lighting_image_base64=lamp, prompt="a beach")
    assert "keep_original_background" not in client.tasks[1].settings
    assert client.tasks[1].prompt == "a beach"
    run("relight", make_context(client), background_image_base64=lamp)
    assert client.tasks[2].images.keys() == {"image", "background"}
    assert "keep_original_background" not in client.tasks[2].settings


# -- what is told


def test_the_answer_has_the_references_fields() -> None:
    """Operation, provider, model, size and metadata; the seed that was used."""
    response = run("remove_background", make_context(FakeClient(paint=_cut, seed=7)))
    assert (response.success, response.operation, response.provider) == (True, "remove_background", "stability")
    assert response.model == "remove-background"
    assert next(iter(response.metadata)) == "operation"
    assert isinstance(response.metadata["processing_time"], float)
    assert response.metadata["seed"] == 7
    assert "standard quality" in response.metadata["reason"]
    assert response.deliverables() == [response]


def test_values_are_sent_not_absences() -> None:
    """Seed 0 and 0.0 are values."""
    client = FakeClient()
    run("outpaint", make_context(client), expand_left=10, seed=0, options={"creativity": 0.0}, provider="stability")
    assert client.tasks[0].seed == 0
    assert client.tasks[0].settings["creativity"] == 0.0


def test_what_a_model_cannot_honor_is_told() -> None:
    """Fields of the model, of the operation, and options, in one list; clamped values beside it."""
    response = run(
        "outpaint", make_context(), expand_left=10, negative_prompt="x", search_prompt="y", provider="stability"
    )
    assert response.metadata["ignored"] == ["search_prompt", "negative_prompt"]
    strong = run("search_replace", make_context(), prompt="x", search_prompt="y", options={"grow_mask": 90})
    assert strong.metadata["clamped"] == {"grow_mask": 20}


def test_the_exact_metadata_of_an_edit() -> None:
    """A plain one, and one with a mask and a seed; an empty `ignored` is left out."""
    plain = ["operation", "reason", "native_size", "sent_size", "processing_time"]
    assert list(run("general_edit", make_context(), prompt="x").metadata) == plain
    masked = run("inpaint", make_context(), prompt="x", mask_base64=to_text(MASK), seed=3)
    assert list(masked.metadata) == [*plain[:4], "mask", "grow_mask", "processing_time", "seed"]


def test_a_style_is_sent_by_name_or_in_words() -> None:
    """Stability knows styles; others get the style's words with the prompt."""
    client = FakeClient()
    run("inpaint", make_context(client), prompt="a cat", style_preset="anime", provider="stability")
    run("inpaint", make_context(client), prompt="a cat", style_preset="anime", provider="gemini")
    assert (client.tasks[0].prompt, client.tasks[0].style_preset) == ("a cat", "anime")
    assert client.tasks[1].prompt.startswith("a cat, ")
    assert client.tasks[1].style_preset is None


# -- who does it


def test_a_model_of_another_provider_than_the_one_named_with_it_wins() -> None:
    """The original's client names one provider with every model that the list has."""
    response = run("general_edit", make_context(), prompt="x", provider="wavespeed", model="gemini-3-pro-image")
    assert (response.provider, response.model) == ("gemini", "gemini-3-pro-image")


def test_a_free_failure_falls_back_with_its_own_preparation() -> None:
    """The second provider gets the image as it needs it, and the response names it."""
    client = FakeClient(error=NotCharged("no"))
    context = make_context(client)
    response = run("inpaint", context, prompt="x", mask_base64=to_text(MASK))
    assert len(client.calls) == 2
    assert client.calls[0].model.name == "inpaint"
    assert response.model == client.calls[1].model.name
    assert result(context).size == IMAGE.size


def test_an_unknown_charge_ends_it() -> None:
    """No second call; the job's error says so."""
    client = FakeClient(error=UnknownCharge())
    with pytest.raises(JobFailed) as caught:
        run("inpaint", make_context(client), prompt="x", mask_base64=to_text(MASK))
    assert caught.value.code == "unknown_charge"
    assert len(client.tasks) == 1


def test_the_price_is_the_first_choices() -> None:
    """Also where it depends on the size."""
    request = {"image_base64": to_text(IMAGE), "operation": "general_edit", "prompt": "x"}
    assert edit.estimate(EditRequest.model_validate(request | {"model": "qwen-edit"}), make_context()) == 2
    large = to_text(photo(3000, 2200), "JPEG")
    flash = {"model": "gemini-3.1-flash-image"}
    assert edit.estimate(EditRequest.model_validate(request | flash), make_context()) < edit.estimate(
        EditRequest.model_validate(request | flash | {"image_base64": large}), make_context()
    )
