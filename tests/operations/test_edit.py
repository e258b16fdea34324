"""Edit: what is refused, what is sent, and what comes back."""

from typing import Any

import pytest
from PIL import Image, ImageChops
from pydantic import ValidationError

from image_studio.errors import InvalidImage, NotCharged, StudioError
from image_studio.imaging.masks import grow, read_mask
from image_studio.operations import edit
from image_studio.operations.context import OperationContext
from image_studio.operations.edit import Edit, resolve_edit
from image_studio.providers import PROVIDERS
from image_studio.schemas.single_image import MAX_EXPANSION, EditRequest, EditResponse
from tests.imaging.samples import drawn_lines
from tests.operations.fakes import (
    FakeClient,
    block_mask,
    failing,
    from_bytes,
    make_context,
    photo,
    result,
    result_bytes,
    to_text,
)

SMALL_IMAGE, SMALL_MASK = to_text(photo(120, 90)), to_text(block_mask(120, 90))
LONG, NARROW = (to_text(photo(24, height)) for height in (16_384, 16_000))
IMAGE, MASK = photo(320, 240), block_mask(320, 240)
MASKED = {"prompt": "x", "search_prompt": "y", "mask_base64": to_text(MASK)}
NULLS: dict[str, Any] = {  # the API reference's example body
    **dict.fromkeys(["prompt", "negative_prompt", "mask_base64", "search_prompt", "select_prompt"]),
    **dict.fromkeys(["background_image_base64", "lighting_image_base64", "provider", "model", "style_preset"]),
    **dict.fromkeys(["guidance_scale", "steps", "seed"]),
    **dict.fromkeys(["expand_left", "expand_right", "expand_up", "expand_down"], 0),
    "output_format": "png",
    "options": {},
}


def resolved(operation: str, **body: Any) -> Edit:
    request = EditRequest.model_validate({**NULLS, "image_base64": SMALL_IMAGE, "operation": operation, **body})
    return resolve_edit(request, make_context())


@pytest.mark.parametrize(
    ("operation", "body", "sentence"),
    [
        ("inpaint", {"prompt": "  "}, "Prompt is required for inpainting"),
        ("erase", {"mask_base64": ""}, "Mask is required for erasing"),
        (
            "outpaint",
            {"prompt": "x"},
            "At least one side above 0 (expand_left, expand_right, expand_up or expand_down)",
        ),
        ("inpaint", {"prompt": "x", "mask_base64": to_text(Image.new("L", (120, 90)))}, "The mask selects nothing."),
        (
            "inpaint",
            {"prompt": "x", "mask_base64": SMALL_IMAGE},
            "The mask is unclear",
        ),
        ("remove_background", {"output_format": "jpeg"}, "Remove Background gives a transparent image, which JPEG"),
        ("remove_background", {"output_format": "jpg"}, "Use output_format png, webp or avif."),
        ("outpaint", {"expand_left": 2000, "image_base64": to_text(Image.new("L", (20, 13000)))}, "25 megapixels"),
        ("remove_background", {"output_format": "webp", "image_base64": LONG}, "A webp file has at most 16,383 pixels"),
        ("outpaint", {"output_format": "webp", "image_base64": NARROW, "expand_up": 384}, "would be 24x16384."),
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
    with pytest.raises(StudioError) as caught:
        resolved(operation, **body)
    assert sentence in caught.value.detail
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [("expand_left", -1), ("expand_left", MAX_EXPANSION + 1), ("operation", ""), ("output_format", "gif")],
)
def test_limits_of_the_body(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        EditRequest.model_validate({"image_base64": SMALL_IMAGE, "operation": "inpaint", field: value})


def test_the_examples_body_is_complete() -> None:
    """The API reference's request, nulls and all."""
    made = resolved("remove_background")
    assert (made.name, made.quality, made.ignored, made.mask) == ("edit.remove_background", "standard", [], None)
    assert resolved("inpaint", prompt="x", options={"grow_mask": None, "quality": None}).options == {}


@pytest.mark.parametrize("name", ["edit.inpaint", "Inpaint", " EDIT.INPAINT "])
def test_an_operation_may_be_named_in_full_and_in_any_case(name: str) -> None:
    """The response has its documented name."""
    response = run(name, make_context(), prompt="x", options={"quality": "Draft"})
    assert (response.operation, response.metadata["operation"]) == ("inpaint", "inpaint")
    light = resolved("relight", prompt="x", options={"light_source_direction": "Left", "quality": "PREMIUM"})
    assert (light.options["light_source_direction"], light.quality) == ("left", "premium")


def test_what_an_operation_does_not_use_is_named() -> None:
    """Fields and options alike, as the request calls them. A light's strength has no use without a light."""
    options = {"grow_mask": 3, "quality": "draft", "shine": 1}
    made = resolved("remove_background", prompt="x", mask_base64=SMALL_MASK, expand_left=5, seed=0, options=options)
    assert sorted(made.ignored) == (
        ["expand_left", "mask_base64", "options.grow_mask", "options.shine", "prompt", "seed"]
    )
    made = resolved("relight", prompt="a beach", options={"light_source_strength": 0.5})
    assert made.ignored == ["options.light_source_strength"]
    assert resolved("relight", lighting_image_base64=SMALL_IMAGE, options=made.options).ignored == []
    assert resolved("relight", options={**made.options, "light_source_direction": "left"}).ignored == []


@pytest.mark.parametrize("operation", ["inpaint", "erase"])
def test_transparency_is_the_mask_where_none_is_drawn(operation: str) -> None:
    image = photo(120, 90).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 30, 90))
    made = resolved(operation, prompt="x", image_base64=to_text(image))
    assert (made.mask.getbbox(), made.mask_source) == ((0, 0, 30, 90), "transparency")
    small = to_text(block_mask(60, 45))
    drawn = resolved(operation, prompt="x", image_base64=to_text(image), mask_base64=small)
    assert (drawn.mask.size, drawn.mask_source) == ((120, 90), "mask_base64")
    assert resolved("search_replace", prompt="x", search_prompt="y", image_base64=to_text(image)).mask is None


def run(operation: str, context: OperationContext, image: Image.Image = IMAGE, **body: Any) -> EditResponse:
    request = EditRequest.model_validate({"image_base64": to_text(image), "operation": operation, **body})
    assert edit.estimate(request, context) > 0
    return edit.run(request, context)


def outside(image: Image.Image, growth: int = 0, mask: Image.Image = MASK) -> bytes:
    grown = grow(read_mask(mask.convert("RGB"), *image.size), growth)
    hole = Image.new(image.mode, image.size)
    return Image.composite(hole, image, grown.point(lambda level: 255 if level else 0)).tobytes()


# -- masks


@pytest.mark.parametrize(("operation", "growth"), [("inpaint", None), ("erase", 23), ("search_replace", 0)])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_outside_the_grown_mask_nothing_changes(operation: str, growth: int | None, provider: str) -> None:
    """To the bit, on every provider, though the model changed every pixel; inside it is the model's."""
    context = make_context()
    options = {} if growth is None else {"grow_mask": growth}
    response = run(operation, context, **MASKED, options=options, provider=provider)
    made, pixels = result(context), {"inpaint": 5, "erase": 23, "search_replace": 0}[operation]
    assert outside(made, pixels) == outside(IMAGE, pixels)
    assert made.getpixel((160, 120)) != IMAGE.getpixel((160, 120))
    assert (response.metadata["mask"], response.metadata["grow_mask"]) == ("mask_base64", pixels)


def test_the_model_gets_the_grown_mask_and_does_not_grow_it_again() -> None:
    """White where it may paint; Stability's own growth is switched off."""
    client = FakeClient()
    run("inpaint", make_context(client), **MASKED, options={"grow_mask": 20}, provider="stability")
    sent = from_bytes(client.tasks[0].images["mask"].data)
    left, top, right, bottom = MASK.getbbox()
    assert sent.getbbox() == (left - 20, top - 20, right + 20, bottom + 20)
    assert client.tasks[0].settings == {"grow_mask": 0}


def test_the_edge_is_soft_and_the_middle_full() -> None:
    """In the grown band old and new mix; the drawn mask is all new."""
    context = make_context(FakeClient(paint=lambda task, image: Image.new("RGB", image.size, (0, 255, 0))))
    run("inpaint", context, Image.new("RGB", IMAGE.size, (200, 0, 0)), **MASKED)
    row = [result(context).getpixel((x, 120)) for x in range(213, 220)]
    assert (row[0], row[-1]) == ((0, 255, 0), (200, 0, 0))
    assert all(pixel not in (row[0], row[-1]) for pixel in row[1:-1])


def test_inpaint_without_a_mask_may_change_everything() -> None:
    """The mask is optional: then a model that needs one gets a white one."""
    client = FakeClient()
    context = make_context(client)
    response = run("inpaint", context, prompt="x", provider="stability")
    assert from_bytes(client.tasks[0].images["mask"].data).getextrema() == (255, 255)
    assert ImageChops.difference(result(context), IMAGE).getbbox() == (0, 0, *IMAGE.size)
    assert "mask" not in response.metadata
    run("inpaint", context, prompt="x", provider="gemini")
    assert "mask" not in client.tasks[1].images


def test_transparent_images_keep_what_is_not_masked() -> None:
    """Colors and transparency outside the mask."""
    image = IMAGE.copy()
    image.putalpha(Image.linear_gradient("L").resize(IMAGE.size))
    context = make_context()
    run("inpaint", context, image, **MASKED, options={"grow_mask": 0})
    assert result(context).mode == "RGBA"
    assert outside(result(context)) == outside(image)


# -- transparency without a mask


@pytest.mark.parametrize("provider", ["stability", "wavespeed", "gemini"])
@pytest.mark.parametrize("operation", ["general_edit", "search_replace", "search_recolor"])
def test_alpha_survives_an_edit_without_a_mask(operation: str, provider: str) -> None:
    """The model gets an opaque image; what was transparent is transparent again, at the image's own size."""
    image = IMAGE.copy()
    image.putalpha(Image.linear_gradient("L").resize(IMAGE.size))
    context = make_context(FakeClient(paint=lambda _, sent: sent.resize((sent.width // 2, sent.height // 2))))
    body = {"prompt": "x", "search_prompt": "y", "select_prompt": "y"}
    if (operation, provider) == ("general_edit", "stability"):
        provider = "huggingface"
    run(operation, context, image, **body, provider=provider)
    assert result(context).getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_a_white_logo_stays_visible_in_a_jpeg_and_to_the_model() -> None:
    client = FakeClient(paint=lambda _, sent: sent)
    context = make_context(client)
    run("general_edit", context, drawn_lines("white"), prompt="x", output_format="jpg")
    for image in (client.sent, result(context)):
        assert (max(image.getpixel((10, 10))), min(image.getpixel((200, 200)))) == (0, 255)


# -- sizes


def test_a_large_image_comes_back_at_its_own_size() -> None:
    """It is sent within the model's 1536 pixels; outside the mask are the original's pixels, not scaled ones."""
    client = FakeClient()
    context = make_context(client)
    image, mask = photo(1600, 900), block_mask(1600, 900)
    response = run("inpaint", context, image, prompt="x", mask_base64=to_text(mask), provider="wavespeed")
    assert client.sent.size == (1536, 864)
    assert response.metadata["sent_size"] == "1536x864"
    made = result(context)
    assert (response.width, response.height) == made.size == image.size
    assert outside(made, 5, mask) == outside(image, 5, mask)


@pytest.mark.parametrize("size", [(1024, 768), (161, 120), (320, 240)])
def test_a_result_of_any_size_is_brought_back(size: tuple[int, int]) -> None:
    """Stability doesn't say how large its edits are: the response is as large as the image."""
    context = make_context(FakeClient(paint=lambda task, image: image.resize(size)))
    response = run("search_replace", context, prompt="x", search_prompt="y")
    assert result(context).size == (response.width, response.height) == IMAGE.size
    assert response.metadata["native_size"] == f"{size[0]}x{size[1]}"


def test_an_image_that_a_model_does_not_take_goes_to_another() -> None:
    """Stability takes at least 64 pixels a side and at most 2.5:1 here; WaveSpeed has no such limit."""
    with pytest.raises(InvalidImage, match="needs sides of at least 64"):
        run("inpaint", make_context(configured=frozenset({"stability"})), photo(50, 50), prompt="x")
    search = {"prompt": "x", "search_prompt": "y"}
    assert run("search_replace", make_context(), photo(900, 300), **search).provider != "stability"
    with pytest.raises(InvalidImage, match=r"takes at most 2\.5:1"):
        run("search_replace", make_context(), photo(900, 300), provider="stability", **search)


# -- outpaint


def extend_natively(task: Any, image: Image.Image, times: float = 1) -> Image.Image:
    """What Stability returns: the image that it got plus the sides of the request."""
    left, right, up, down = (task.settings.get(f"expand_{name}", 0) for name in ("left", "right", "up", "down"))
    size = (image.width + left + right) * times, (image.height + up + down) * times
    return Image.new("RGB", (round(size[0]), round(size[1])), (1, 2, 3))


def fill_mask(task: Any, image: Image.Image) -> Image.Image:
    mask = from_bytes(task.images["mask"].data)
    return Image.composite(Image.new("RGB", image.size, (1, 2, 3)), image, mask)


@pytest.mark.parametrize(
    ("provider", "size", "paint"),
    [(name, (320, 240), fill_mask) for name in PROVIDERS if name not in {"stability", "bedrock"}]
    + [(name, (320, 240), extend_natively) for name in ("stability", "bedrock")]
    + [("wavespeed", (1600, 900), fill_mask)]
    + [("stability", (320, 240), lambda *sent: extend_natively(*sent, times=0.5))],
)
def test_outpaint_keeps_the_original_and_is_exact(provider: str, size: tuple[int, int], paint: Any) -> None:
    """Native or by a padded canvas, also where the image had to be scaled down or the result is smaller."""
    image = photo(*size)
    context = make_context(FakeClient(paint=paint))
    sides = {"expand_left": 100, "expand_right": 31, "expand_up": 7, "expand_down": 0}
    response = run("outpaint", context, image, provider=provider, **sides)
    made = result(context)
    assert made.size == (response.width, response.height) == (size[0] + 131, size[1] + 7)
    assert made.crop((100, 7, 100 + size[0], 7 + size[1])).tobytes() == image.tobytes()
    assert made.getpixel((50, 3)) != (128, 128, 128)


def test_what_is_to_be_filled_is_marked() -> None:
    """The canvas is gray around the image, and white in the mask."""
    client = FakeClient(paint=fill_mask)
    run("outpaint", make_context(client), expand_left=100, expand_down=20, provider="wavespeed")
    mask = from_bytes(client.tasks[0].images["mask"].data)
    assert client.sent.size == mask.size == (420, 260)
    assert client.sent.getpixel((50, 50)) == (128, 128, 128)
    assert mask.crop((100, 0, 420, 240)).getextrema() == (0, 0)
    assert mask.crop((0, 0, 100, 260)).getextrema() == (255, 255)


def test_native_sides_are_scaled_with_the_image() -> None:
    """Stability gets the expansion of the image that it gets; a requested side never becomes 0."""
    image = to_text(Image.new("RGB", (4500, 2400)))
    sides = {"expand_left": 1000, "expand_up": 1, "expand_right": MAX_EXPANSION}
    made = resolved("outpaint", image_base64=image, provider="stability", **sides)
    assert made.size == (4500 + 1000 + MAX_EXPANSION, 2401)
    task = made.task(made.candidates(make_context())[0])
    width, height = from_bytes(task.images["image"].data).size
    assert 9_430_000 < width * height <= 9_437_184
    left, right = (round(side * width / 4500) for side in (1000, MAX_EXPANSION))
    assert task.settings == {"expand_left": left, "expand_up": 1, "expand_right": right}


# -- backgrounds and light


def cut_left_half(task: Any, image: Image.Image) -> Image.Image:
    cut = image.convert("RGBA")
    cut.paste((0, 0, 0, 0), (0, 0, image.width // 2, image.height))
    return cut


@pytest.mark.parametrize(
    ("file_type", "size"), [("png", (320, 240)), ("webp", (320, 240)), ("avif", (320, 240)), ("png", (2100, 2000))]
)
def test_remove_background_has_alpha(file_type: str, size: tuple[int, int]) -> None:
    """In the file types that can hold it, at the image's own size, also where it was scaled down."""
    context = make_context(FakeClient(paint=cut_left_half))
    image = Image.new("RGB", size, "teal")
    response = run("remove_background", context, image, output_format=file_type)
    made = result(context)
    assert (made.format, made.mode, made.size) == (file_type.upper(), "RGBA", size)
    assert (made.getpixel((5, 5))[3], made.getpixel((size[0] - 5, 5))[3]) == (0, 255)
    assert response.stored.mime == f"image/{file_type}"


def test_a_cut_of_another_size_lends_its_transparency_only() -> None:
    """A model that returns half the size doesn't make the edges half as sharp."""
    context = make_context(FakeClient(paint=lambda task, image: cut_left_half(task, image).resize((160, 120))))
    run("remove_background", context)
    made = result(context)
    assert made.convert("RGB").tobytes() == IMAGE.tobytes()
    assert (made.getpixel((5, 5))[3], made.getpixel((315, 5))[3]) == (0, 255)


def test_a_jpeg_is_what_it_says() -> None:
    context = make_context()
    response = run("general_edit", context, prompt="x", output_format="jpg")
    assert result(context).format == "JPEG"
    assert (response.stored.mime, response.stored.size) == ("image/jpeg", len(result_bytes(context)))


def test_light_alone_keeps_the_background() -> None:
    """The prompt is the background's; without one and without an image of one it stays."""
    client = FakeClient()
    lamp = to_text(photo(300, 200))
    run("relight", make_context(client), lighting_image_base64=lamp, options={"light_source_strength": 0.0})
    run("relight", make_context(client), lighting_image_base64=lamp, prompt="a beach")
    run("relight", make_context(client), background_image_base64=lamp)
    first, second, third = client.tasks
    assert first.settings == {"keep_original_background": True, "light_source_strength": 0.0}
    assert first.images.keys() == {"image", "lighting"}
    assert "keep_original_background" not in second.settings
    assert second.prompt == "a beach"
    assert third.images.keys() == {"image", "background"}
    assert "keep_original_background" not in third.settings


# -- the response


def test_zeros_are_sent_as_values() -> None:
    client = FakeClient()
    run("outpaint", make_context(client), expand_left=10, seed=0, options={"creativity": 0.0}, provider="stability")
    assert (client.tasks[0].seed, client.tasks[0].settings["creativity"]) == (0, 0.0)


def test_what_a_model_does_not_honor_is_reported() -> None:
    """Fields of the model and of the operation in one list; clamped values beside it."""
    fields = {"negative_prompt": "x", "search_prompt": "y", "provider": "stability"}
    response = run("outpaint", make_context(), expand_left=10, **fields)
    assert response.metadata["ignored"] == ["search_prompt", "negative_prompt"]
    response = run("remove_background", make_context(FakeClient(paint=cut_left_half)), seed=0)
    assert (response.metadata["ignored"], "seed" in response.metadata) == (["seed"], False)
    strong = run("search_replace", make_context(), prompt="x", search_prompt="y", options={"grow_mask": 90})
    assert strong.metadata["clamped"] == {"grow_mask": 20}


def test_the_exact_metadata_of_an_edit() -> None:
    """A plain one, and one with a mask, a style and a seed; an empty `ignored` is left out."""
    plain = ["operation", "reason", "native_size", "sent_size", "processing_time", "digital_source_type"]
    assert list(run("general_edit", make_context(), prompt="x").metadata) == plain
    masked = run("inpaint", make_context(), **MASKED, seed=3, style_preset="anime").metadata
    made = [*plain[1:4], "mask", "grow_mask", "ignored", "processing_time", "digital_source_type", "seed"]
    assert list(masked) == ["operation", "style_preset", *made]
    assert masked["style_preset"] == "anime"


def test_a_style_is_sent_by_name_or_in_words() -> None:
    """Stability knows styles; others get the style's words with the prompt."""
    client = FakeClient()
    for provider in ("stability", "gemini"):
        run("inpaint", make_context(client), prompt="a cat", style_preset="anime", provider=provider)
    first, second = client.tasks
    assert (first.prompt, first.style_preset) == ("a cat", "anime")
    assert (second.prompt.startswith("a cat, "), second.style_preset) == (True, None)


# -- providers


def test_a_model_of_another_provider_than_the_one_named_with_it_wins() -> None:
    """The original's client names one provider with every model that the list has."""
    response = run("general_edit", make_context(), prompt="x", provider="wavespeed", model="gemini-3-pro-image")
    assert (response.provider, response.model) == ("gemini", "gemini-3-pro-image")


def test_a_free_failure_falls_back_with_its_own_preparation() -> None:
    """The second provider gets the image as it needs it, and the response names it."""
    client = failing(stability=NotCharged("no"))
    context = make_context(client)
    response = run("inpaint", context, **MASKED)
    first, second = client.calls
    assert (first.model.name, response.model) == ("inpaint", second.model.name)
    assert result(context).size == IMAGE.size


def test_the_price_is_the_first_candidates() -> None:
    """Also where it depends on the size."""

    def price(model: str, image: Image.Image) -> int:
        body = {"image_base64": to_text(image, "JPEG"), "operation": "general_edit", "prompt": "x", "model": model}
        return edit.estimate(EditRequest.model_validate(body), make_context())

    assert price("qwen-edit", IMAGE) == 2
    assert price("gemini-nano-banana-2.1", IMAGE) < price("gemini-nano-banana-2.1", Image.new("RGB", (3000, 2200)))
