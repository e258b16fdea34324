"""Edits end to end over a wire that paints: what is sent, what comes back, what is told."""

from typing import Any

import pytest
from PIL import Image, ImageChops

from image_studio.errors import InvalidImage, JobFailed, ProviderFailed, ProviderUnavailable, UnknownCharge
from image_studio.imaging.masks import grow, read_mask
from image_studio.operations.context import OperationContext
from image_studio.operations.edit import edit, estimate
from image_studio.schemas.edit import EditRequest, EditResponse
from tests.operations.workshop import (
    PaintingWire,
    block_mask,
    from_bytes,
    photo,
    result,
    result_bytes,
    studio,
    to_text,
)

IMAGE = photo()
MASK = block_mask()


def run(operation: str, room: OperationContext, image: Image.Image = IMAGE, **body: Any) -> EditResponse:
    """Estimate, then run."""
    request = EditRequest.model_validate({"image_base64": to_text(image), "operation": operation, **body})
    assert estimate(request, room) > 0
    return edit(request, room)


def outside(image: Image.Image, mask: Image.Image) -> bytes:
    """The pixels where the mask is black."""
    hole = Image.new(image.mode, image.size)
    return Image.composite(hole, image, mask.point(lambda level: 255 if level else 0)).tobytes()


# -- masks


@pytest.mark.parametrize("operation", ["inpaint", "erase"])
@pytest.mark.parametrize("growth", [None, 0, 1, 5, 23, 100])
@pytest.mark.parametrize("provider", ["stability", "wavespeed", "huggingface", "gemini"])
def test_outside_the_grown_mask_nothing_changes(operation: str, growth: int | None, provider: str) -> None:
    """To the bit, on every provider, though the model changed every pixel; inside it is the model's."""
    room = studio(PaintingWire())
    options = {} if growth is None else {"grow_mask": growth}
    answer = run(operation, room, prompt="x", mask_base64=to_text(MASK), options=options, provider=provider)
    made = result(room)
    grown = grow(read_mask(MASK.convert("RGB"), *IMAGE.size), 5 if growth is None else growth)
    assert outside(made, grown) == outside(IMAGE, grown)
    assert made.getpixel((320, 240)) != IMAGE.getpixel((320, 240))
    assert answer.metadata["grow_mask"] == (5 if growth is None else growth)
    assert answer.metadata["mask"] == "mask_base64"


def test_the_model_gets_the_grown_mask_and_does_not_grow_it_again() -> None:
    """White where it may paint; Stability's own growth is switched off."""
    wire = PaintingWire()
    run("inpaint", studio(wire), prompt="x", mask_base64=to_text(MASK), options={"grow_mask": 20}, provider="stability")
    sent = from_bytes(wire.tasks[0].images["mask"].data)
    box = MASK.getbbox()
    assert box is not None
    assert sent.getbbox() == (box[0] - 20, box[1] - 20, box[2] + 20, box[3] + 20)
    assert wire.tasks[0].settings == {"grow_mask": 0}


def test_the_edge_is_soft_and_the_middle_full() -> None:
    """In the grown band old and new mix; the drawn mask is all new."""
    room = studio(PaintingWire(lambda task, image: Image.new("RGB", image.size, (0, 255, 0))))
    run("inpaint", room, Image.new("RGB", IMAGE.size, (200, 0, 0)), prompt="x", mask_base64=to_text(MASK))
    row = [result(room).getpixel((x, 240)) for x in range(420, 440)]
    assert row[0] == (0, 255, 0)
    assert row[-1] == (200, 0, 0)
    assert any(pixel not in ((0, 255, 0), (200, 0, 0)) for pixel in row)


def test_inpaint_without_a_mask_may_change_everything() -> None:
    """The mask is optional: then a model that needs one gets a white one."""
    wire = PaintingWire()
    room = studio(wire)
    answer = run("inpaint", room, prompt="x", provider="stability")
    assert from_bytes(wire.tasks[0].images["mask"].data).getextrema() == (255, 255)
    assert ImageChops.difference(result(room), IMAGE).getbbox() == (0, 0, *IMAGE.size)
    assert "mask" not in answer.metadata


@pytest.mark.parametrize("operation", ["search_replace", "search_recolor", "general_edit"])
def test_a_mask_bounds_an_edit_by_words_too(operation: str) -> None:
    """Where the table shows a mask, it is kept to, on native and on emulated models."""
    for provider in ("stability", "wavespeed") if operation != "general_edit" else ("wavespeed",):
        room = studio(PaintingWire())
        body = {"prompt": "x", "search_prompt": "y", "select_prompt": "z", "mask_base64": to_text(MASK)}
        run(operation, room, provider=provider, options={"grow_mask": 0}, **body)
        mask = read_mask(MASK.convert("RGB"), *IMAGE.size)
        assert outside(result(room), mask) == outside(IMAGE, mask)


def test_transparent_images_keep_what_is_not_masked() -> None:
    """Colors and transparency outside the mask."""
    image = IMAGE.copy()
    image.putalpha(Image.linear_gradient("L").resize(IMAGE.size))
    room = studio(PaintingWire())
    run("inpaint", room, image, prompt="x", mask_base64=to_text(MASK), options={"grow_mask": 0})
    made = result(room)
    mask = read_mask(MASK.convert("RGB"), *IMAGE.size)
    assert made.mode == "RGBA"
    assert outside(made, mask) == outside(image, mask)


# -- sizes


@pytest.mark.parametrize("size", [(4000, 2500), (3100, 3100)])
def test_a_large_image_comes_back_at_its_own_size(size: tuple[int, int]) -> None:
    """It is sent within Stability's 9.4 MP; outside the mask the original's pixels are there, not scaled ones."""
    wire = PaintingWire()
    room = studio(wire)
    image, mask = photo(*size), block_mask(*size)
    answer = run("inpaint", room, image, prompt="x", mask_base64=to_text(mask), provider="stability")
    sent = wire.sent.size
    assert sent[0] * sent[1] <= 9_437_184
    assert answer.metadata["sent_size"] == f"{sent[0]}x{sent[1]}"
    assert (answer.width, answer.height) == result(room).size == size
    grown = grow(read_mask(mask.convert("RGB"), *size), 5)
    assert outside(result(room), grown) == outside(image, grown)


@pytest.mark.parametrize("answered", [(2048, 1536), (321, 240), (640, 480)])
def test_a_result_of_any_size_is_brought_back(answered: tuple[int, int]) -> None:
    """Stability doesn't say how large its edits are: the answer is as large as the image."""
    room = studio(PaintingWire(lambda task, image: image.resize(answered)))
    answer = run("search_replace", room, prompt="x", search_prompt="y")
    assert result(room).size == (answer.width, answer.height) == IMAGE.size
    assert answer.metadata["native_size"] == f"{answered[0]}x{answered[1]}"


def test_a_small_image_is_refused_with_the_reason() -> None:
    """By the only provider that is configured; another one may take it."""
    with pytest.raises(InvalidImage, match="needs sides of at least 64"):
        run("inpaint", studio(configured=frozenset({"stability"})), photo(50, 50), prompt="x")


def test_a_long_image_goes_to_who_takes_it() -> None:
    """Stability takes at most 2.5:1 here; WaveSpeed has no such limit."""
    answer = run("search_replace", studio(), photo(900, 300), prompt="x", search_prompt="y")
    assert answer.provider != "stability"
    with pytest.raises(InvalidImage, match=r"takes at most 2\.5:1"):
        run("search_replace", studio(), photo(900, 300), prompt="x", search_prompt="y", provider="stability")


# -- outpaint


@pytest.mark.parametrize("provider", ["stability", "wavespeed", "huggingface", "gemini"])
@pytest.mark.parametrize("size", [(640, 480), (3300, 2900)])
def test_outpaint_keeps_the_original_and_is_exact(provider: str, size: tuple[int, int]) -> None:
    """Native or by a padded canvas, also where the image had to be scaled down."""
    image = photo(*size)
    room = studio(PaintingWire(_extend_natively if provider == "stability" else _fill_grey))
    sides = {"expand_left": 100, "expand_right": 31, "expand_up": 7, "expand_down": 0}
    answer = run("outpaint", room, image, provider=provider, **sides)
    made = result(room)
    assert made.size == (answer.width, answer.height) == (size[0] + 131, size[1] + 7)
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
    wire = PaintingWire(_fill_grey)
    run("outpaint", studio(wire), expand_left=100, expand_down=20, provider="wavespeed")
    mask = from_bytes(wire.tasks[0].images["mask"].data)
    assert wire.sent.size == mask.size == (740, 500)
    assert wire.sent.getpixel((50, 50)) == (128, 128, 128)
    assert mask.crop((100, 0, 740, 480)).getextrema() == (0, 0)
    assert mask.crop((0, 0, 100, 500)).getextrema() == (255, 255)


def test_native_sides_are_scaled_with_the_image() -> None:
    """Stability is told the expansion of the image that it gets."""
    wire = PaintingWire(_extend_natively)
    run("outpaint", studio(wire), photo(4500, 3000), expand_left=1000, expand_up=1, provider="stability")
    scale = wire.sent.width / 4500
    assert wire.tasks[0].settings == {"expand_left": round(1000 * scale), "expand_up": 1}


# -- backgrounds and light


def _cut(task: Any, image: Image.Image) -> Image.Image:
    """A left half that is background."""
    cut = image.convert("RGBA")
    cut.paste((0, 0, 0, 0), (0, 0, image.width // 2, image.height))
    return cut


@pytest.mark.parametrize(("written", "kind"), [("png", "PNG"), ("webp", "WEBP")])
def test_remove_background_has_alpha(written: str, kind: str) -> None:
    """In both file types that can hold it, at the image's own size, also where it was scaled down."""
    for size in ((640, 480), (3000, 2000)):
        room = studio(PaintingWire(_cut))
        answer = run("remove_background", room, photo(*size), output_format=written)
        made = result(room)
        assert (made.format, made.mode, made.size) == (kind, "RGBA", size)
        assert made.getpixel((5, 5))[3] == 0  # type: ignore[index]
        assert made.getpixel((size[0] - 5, 5))[3] == 255  # type: ignore[index]
        assert answer.stored is not None
        assert answer.stored.mime == f"image/{written}"


@pytest.mark.parametrize(("written", "kind", "mime"), [("jpg", "JPEG", "image/jpeg"), ("webp", "WEBP", "image/webp")])
def test_the_file_is_what_it_says(written: str, kind: str, mime: str) -> None:
    """Bytes and media type agree."""
    room = studio()
    answer = run("general_edit", room, prompt="x", output_format=written)
    assert result(room).format == kind
    assert answer.stored is not None
    assert (answer.stored.mime, answer.stored.size) == (mime, len(result_bytes(room)))


def test_light_alone_keeps_the_background() -> None:
    """The prompt is the background's; without one and without an image of one it stays."""
    wire = PaintingWire()
    lamp = to_text(photo(300, 200))
    run("relight", studio(wire), lighting_image_base64=lamp, options={"light_source_strength": 0.0})
    assert wire.tasks[0].settings == {"keep_original_background": True, "light_source_strength": 0.0}
    assert wire.tasks[0].images.keys() == {"image", "lighting"}
    run("relight", studio(wire), lighting_image_base64=lamp, prompt="a beach")
    assert "keep_original_background" not in wire.tasks[1].settings
    assert wire.tasks[1].prompt == "a beach"
    run("relight", studio(wire), background_image_base64=lamp)
    assert wire.tasks[2].images.keys() == {"image", "background"}
    assert "keep_original_background" not in wire.tasks[2].settings


# -- what is told


def test_the_answer_has_the_references_fields() -> None:
    """Operation, provider, model, size and metadata; the seed that was used."""
    answer = run("remove_background", studio(PaintingWire(_cut, seed=7)))
    assert (answer.success, answer.operation, answer.provider) == (True, "remove_background", "stability")
    assert answer.model == "remove-background"
    assert next(iter(answer.metadata)) == "operation"
    assert isinstance(answer.metadata["processing_time"], float)
    assert answer.metadata["seed"] == 7
    assert "standard quality" in answer.metadata["reason"]
    assert answer.deliverables() == [answer]


def test_values_are_sent_not_absences() -> None:
    """Seed 0 and 0.0 are values."""
    wire = PaintingWire()
    run("outpaint", studio(wire), expand_left=10, seed=0, options={"creativity": 0.0}, provider="stability")
    assert wire.tasks[0].seed == 0
    assert wire.tasks[0].settings["creativity"] == 0.0


def test_what_a_model_cannot_honor_is_told() -> None:
    """Fields of the model, of the operation, and options, in one list; clamped values beside it."""
    answer = run("outpaint", studio(), expand_left=10, negative_prompt="x", search_prompt="y", provider="stability")
    assert answer.metadata["ignored"] == ["search_prompt", "negative_prompt"]
    strong = run("search_replace", studio(), prompt="x", search_prompt="y", options={"grow_mask": 90})
    assert strong.metadata["clamped"] == {"grow_mask": 20}


def test_nothing_is_told_where_nothing_was_ignored() -> None:
    """No empty list."""
    assert "ignored" not in run("general_edit", studio(), prompt="x").metadata


def test_a_style_is_sent_by_name_or_in_words() -> None:
    """Stability knows styles; others get the style's words with the prompt."""
    wire = PaintingWire()
    run("inpaint", studio(wire), prompt="a cat", style_preset="anime", provider="stability")
    run("inpaint", studio(wire), prompt="a cat", style_preset="anime", provider="gemini")
    assert (wire.tasks[0].prompt, wire.tasks[0].style_preset) == ("a cat", "anime")
    assert wire.tasks[1].prompt.startswith("a cat, ")
    assert wire.tasks[1].style_preset is None


# -- who does it


@pytest.mark.parametrize(
    ("operation", "quality", "model"),
    [
        ("inpaint", "draft", "z-image-turbo-inpaint"),
        ("inpaint", "standard", "inpaint"),
        ("remove_background", "draft", "image-background-remover"),
        ("erase", "draft", "image-eraser"),
        ("general_edit", "standard", "gemini-3.1-flash-image"),
        ("general_edit", "premium", "gemini-3-pro-image"),
        ("search_replace", "draft", "qwen-edit"),
        ("search_replace", "premium", "search-and-replace"),
        ("relight", "draft", "gemini-3.1-flash-image"),
        ("outpaint", "draft", "outpaint"),
    ],
)
def test_the_first_choice_of_a_quality(operation: str, quality: str, model: str) -> None:
    """The ordered lists of operation and quality."""
    body = {"prompt": "x", "search_prompt": "y", "mask_base64": to_text(MASK)}
    body |= {"expand_left": 5} if operation == "outpaint" else {}
    assert run(operation, studio(), options={"quality": quality}, **body).model == model


def test_a_model_of_another_provider_than_the_one_named_with_it_wins() -> None:
    """The original's client names one provider with every model that the list has."""
    answer = run("general_edit", studio(), prompt="x", provider="wavespeed", model="gemini-3-pro-image")
    assert (answer.provider, answer.model) == ("gemini", "gemini-3-pro-image")


def test_only_configured_providers_are_asked() -> None:
    """The next one that can is taken; where none can, it is told."""
    only = frozenset({"huggingface"})
    assert run("inpaint", studio(configured=only), prompt="x", mask_base64=to_text(MASK)).provider == "huggingface"
    with pytest.raises(ProviderUnavailable):
        run("inpaint", studio(configured=frozenset()), prompt="x")


def test_a_free_failure_falls_back_with_its_own_preparation() -> None:
    """The second provider gets the image as it needs it, and the answer names it."""
    wire = PaintingWire(error=ProviderFailed("no"))
    room = studio(wire)
    answer = run("inpaint", room, prompt="x", mask_base64=to_text(MASK))
    assert len(wire.models) == 2
    assert wire.models[0].name == "inpaint"
    assert answer.model == wire.models[1].name
    assert result(room).size == IMAGE.size


def test_an_unknown_charge_ends_it() -> None:
    """No second call; the job's error says so."""
    wire = PaintingWire(error=UnknownCharge())
    with pytest.raises(JobFailed) as caught:
        run("inpaint", studio(wire), prompt="x", mask_base64=to_text(MASK))
    assert caught.value.code == "unknown_charge"
    assert len(wire.tasks) == 1


def test_the_price_is_the_first_choices() -> None:
    """Also where it depends on the size."""
    request = {"image_base64": to_text(IMAGE), "operation": "general_edit", "prompt": "x"}
    assert estimate(EditRequest.model_validate(request | {"model": "qwen-edit"}), studio()) == 2
    large = to_text(photo(3000, 2200), "JPEG")
    flash = {"model": "gemini-3.1-flash-image"}
    assert estimate(EditRequest.model_validate(request | flash), studio()) < estimate(
        EditRequest.model_validate(request | flash | {"image_base64": large}), studio()
    )
