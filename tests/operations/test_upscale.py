"""Upscales end to end over a client that paints: mode, target, exact size."""

from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from image_studio.errors import InvalidImage, InvalidRequest, UnknownChoice, UnsupportedChoice
from image_studio.operations import upscale
from image_studio.operations.context import OperationContext
from image_studio.operations.estimate import estimate_cost
from image_studio.operations.upscale import Upscale, resolve_upscale
from image_studio.providers.adapter import Task
from image_studio.schemas.catalog import EstimateRequest
from image_studio.schemas.single_image import UpscaleRequest, UpscaleResponse
from tests.operations.fakes import EVERYONE, FakeClient, make_context, photo, result, to_text


def multiplying(factor: float) -> FakeClient:
    return FakeClient(paint=lambda _, image: image.resize((round(image.width * factor), round(image.height * factor))))


LONG = to_text(photo(24, 5_000))


def request(image: Image.Image, **body: Any) -> UpscaleRequest:
    return UpscaleRequest.model_validate({"image_base64": to_text(image), **body})


def resolved(size: tuple[int, int], context: OperationContext | None = None, **body: Any) -> Upscale:
    return resolve_upscale(request(Image.new("RGB", size), **body), context or make_context())


def run(context: OperationContext, image: Image.Image | None = None, **body: Any) -> UpscaleResponse:
    checked = request(image or photo(192, 128), **body)
    assert upscale.estimate(checked, context) > 0
    return upscale.run(checked, context)


@pytest.mark.parametrize("mode", ["fast", "conservative", "creative"])
def test_beyond_what_the_model_reaches_the_last_step_is_ours(mode: str) -> None:
    """The target is met exactly, and it is said from which size."""
    context = make_context(multiplying(1.5))
    response = run(context, mode=mode, target_width=768)
    assert result(context).size == (response.width, response.height) == (768, 512)
    assert response.metadata["resampled_from"] == "288x192"


@pytest.mark.parametrize(("target", "size"), [(None, (768, 512)), (350, (350, 233))])
def test_what_the_model_reaches_is_not_resampled(target: int | None, size: tuple[int, int]) -> None:
    """A larger result is scaled down to the target; nothing was made up, so nothing is said of resampling."""
    context = make_context(multiplying(4))
    response = run(context, mode="fast", target_width=target)
    assert (result(context).size, response.metadata["native_size"]) == (size, "768x512")
    assert "resampled_from" not in response.metadata


def test_another_shape_is_covered_and_cropped() -> None:
    """Both sides are met without stretching: the disc stays round."""
    context = make_context(multiplying(4))
    image = Image.new("RGB", (200, 100), "white")
    image.paste(photo(100, 100), (50, 0))
    response = run(context, image, mode="fast", target_width=300, target_height=300)
    assert result(context).size == (300, 300)
    assert response.metadata["upscale_factor"] == 3.0
    red, green, blue = result(context).convert("RGB").split()
    disc = ImageChops.subtract(red, ImageChops.lighter(green, blue)).point(lambda v: 255 if v > 120 else 0)
    left, top, right, bottom = disc.getbbox()
    assert abs((right - left) - (bottom - top)) <= 3


def test_the_image_stays_the_same_with_its_transparency() -> None:
    """The model gets an opaque image; enlarged and brought back it differs little."""
    image = photo(192, 128).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 96, 128))
    context = make_context(multiplying(4))
    run(context, image, mode="fast")
    made = result(context)
    alpha = made.getchannel("A")
    assert alpha.crop((0, 0, 375, 512)).getextrema() == (0, 0)
    assert alpha.crop((395, 0, 768, 512)).getextrema() == (255, 255)
    back, right = made.convert("RGB").resize(image.size, Image.Resampling.BOX), (100, 0, 192, 128)
    assert max(ImageStat.Stat(ImageChops.difference(back.crop(right), photo(192, 128).crop(right))).mean) < 6


# -- mode


@pytest.mark.parametrize(
    ("size", "body", "mode"),
    [
        ((1024, 1024), {}, "fast"),
        ((1025, 1024), {}, "conservative"),  # 1.05 MP is the limit
        ((1536, 600), {}, "fast"),
        ((1537, 600), {}, "conservative"),  # so is 1536 pixels a side
        ((768, 512), {"preset": "print"}, "fast"),
        ((500, 400), {"target_width": 2000}, "fast"),
        ((500, 400), {"target_width": 2010}, "conservative"),  # more than four times
        ((500, 400), {"target_width": 500, "target_height": 1700}, "conservative"),
        ((300, 200), {"preset": "print"}, "conservative"),
        ((1600, 1200), {"provider": "wavespeed"}, "fast"),  # its model takes larger images
        ((192, 128), {"model": "creative"}, "creative"),  # a model has its own mode
        ((192, 128), {"model": "ultimate-image-upscaler"}, "conservative"),
        ((192, 128), {"mode": "Upscale.Creative"}, "creative"),
        ((192, 128), {"mode": "AUTO"}, "fast"),
        ((192, 128), {"mode": "upscale.auto"}, "fast"),
        ((192, 128), {"mode": None, "target_width": None, "preset": None, "prompt": None}, "fast"),
    ],
)
def test_auto_is_fast_where_image_and_target_fit(size: tuple[int, int], body: dict[str, Any], mode: str) -> None:
    """Else conservative; never creative. Null means auto, as clients send it."""
    assert resolved(size, **body).info.name == mode


def test_fast_goes_to_who_takes_the_image_whole() -> None:
    """Stability's fast upscale takes 1 MP; a larger image isn't scaled down for it while another one takes it."""
    everyone, only = make_context(), make_context(configured=frozenset({"wavespeed"}))

    def names(size: tuple[int, int], context: OperationContext = everyone) -> list[str]:
        return [candidate.provider.name for candidate in resolved(size, context, mode="fast").candidates(context)]

    assert names((800, 600)) == ["stability", "bedrock", "wavespeed"]
    assert names((2000, 1200)) == ["wavespeed", "stability", "bedrock"]
    assert names((1600, 1200), only) == ["wavespeed"]


def named(size: tuple[int, int], **body: Any) -> EstimateRequest:
    target = {"target_width": size[0] + 90}
    sizes = {"width": size[0], "height": size[1]}
    return EstimateRequest.model_validate({"provider": "auto", "operation": "upscale", **sizes, **target, **body})


@pytest.mark.parametrize(
    ("mode", "size", "providers"),
    [
        ("conservative", (2047, 2047), ["stability", "bedrock", "wavespeed"]),
        ("conservative", (2048, 2048), ["bedrock", "wavespeed"]),
        ("conservative", (3112, 3111), ["bedrock", "wavespeed"]),
        ("conservative", (3400, 2850), ["wavespeed"]),
        ("creative", (2880, 2879), ["gemini", "stability", "bedrock", "wavespeed"]),
        ("creative", (2880, 2880), ["gemini", "bedrock", "wavespeed"]),
        ("fast", (4096, 4095), ["stability", "bedrock"]),
        ("fast", (3839, 2400), ["wavespeed", "stability", "bedrock"]),
    ],
)
def test_only_who_makes_more_pixels_than_were_sent_is_paid(
    mode: str, size: tuple[int, int], providers: list[str]
) -> None:
    """In the request and in its estimate."""
    upscaled = resolved(size, mode=mode, target_width=size[0] + 90)
    found = [candidate.provider.name for candidate in upscaled.candidates(make_context())]
    assert sorted(found) == sorted(providers)
    assert estimate_cost(named(size, mode=mode)).provider == found[0]


@pytest.mark.parametrize(
    ("size", "body", "words"),
    [
        ((2048, 2048), {"provider": "stability"}, ["Stability AI's conservative makes at most 4.19", "bedrock"]),
        ((2048, 2048), {"model": "conservative"}, ["has 4.19 megapixels", "wavespeed ultimate-image-upscaler"]),
        (
            (3840, 2400),
            {"model": "image-upscaler"},
            ["WaveSpeed AI's image-upscaler makes at most 9.22", "stability fast"],
        ),
        (
            (4000, 3000),
            {},
            ["The image has 12 megapixels", "Crop the image", "not larger than the image, which is free"],
        ),
    ],
)
def test_nobody_is_paid_for_fewer_pixels_than_were_sent(
    size: tuple[int, int], body: dict[str, Any], words: list[str]
) -> None:
    """The sentence says what can be done, models that make more among it."""
    for attempt in (
        lambda: resolved(size, target_width=size[0] + 90, **body).candidates(make_context()),
        lambda: estimate_cost(named(size, **body)),
    ):
        with pytest.raises(InvalidImage) as caught:
            attempt()
        assert [word for word in words if word not in caught.value.detail] == []


def test_a_large_image_is_scaled_down_where_it_must_be() -> None:
    """Sent within the limits, returned at the target."""
    image = Image.new("RGB", (2000, 1200), "teal")
    response = run(make_context(multiplying(2)), image, mode="fast", provider="stability", preset="web")
    width, height = (int(side) for side in response.metadata["sent_size"].split("x"))
    assert 1_040_000 < width * height <= 1_048_576
    assert (response.width, response.height) == (2048, 1229)


# -- a target that is not larger than the image


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"target_width": 100, "preset": "web"}, (100, 75)),
        ({"target_height": 75}, (100, 75)),
        ({"target_width": 240, "target_height": 180}, (240, 180)),
        ({"target_width": 90, "target_height": 90, "mode": "creative"}, (90, 90)),
        ({"target_width": 239, "mode": "conservative", "provider": "stability"}, (239, 179)),
        ({"target_width": 100, "model": "image-upscaler"}, (100, 75)),
    ],
)
@pytest.mark.parametrize("configured", [frozenset(), EVERYONE])
def test_what_need_not_grow_is_resized_without_a_provider(
    body: dict[str, Any], size: tuple[int, int], configured: frozenset[str]
) -> None:
    """For 0 credits, as the estimate says, and the metadata says so; also where no provider has a key."""
    client = FakeClient()
    context = make_context(client, configured, max_credits=0)
    checked = request(photo(240, 180), **body)
    assert upscale.estimate(checked, context) == 0
    response = upscale.run(checked, context)
    assert (result(context).size, client.calls) == (size, [])
    assert (response.provider, response.model) == ("image_studio", "resize")
    assert response.metadata["resized_from"] == "240x180"
    assert response.metadata["upscale_factor"] <= 1
    named = EstimateRequest(**{"provider": "auto", "operation": "upscale", "width": 240, "height": 180, **body})
    assert estimate_cost(named).total_cost == 0


def test_a_preset_that_is_reached_already_costs_nothing() -> None:
    """One pixel more needs a model."""
    assert not resolved((2048, 20), preset="web").needs_model
    assert resolved((2047, 20), preset="web").needs_model
    assert not resolved((640, 480), target_width=640).needs_model
    assert resolved((640, 480), target_width=640, target_height=481).needs_model


def test_what_is_said_of_a_reduced_photo_is_said_of_its_file() -> None:
    """Decoded at a half; the target and all numbers are those of the file, whose own size is too large to make."""
    context, text = make_context(max_pixels=3_000_000), to_text(photo(2400, 1800), "JPEG")
    response = upscale.run(UpscaleRequest(image_base64=text, target_width=480), context)
    assert (response.width, response.height) == result(context).size == (480, 360)
    assert (response.metadata["original_width"], response.metadata["original_height"]) == (2400, 1800)
    assert (response.metadata["upscale_factor"], response.metadata["resized_from"]) == (0.2, "2400x1800")
    with pytest.raises(InvalidRequest, match="The target of 2400x1800 has more than 3 megapixels"):
        resolve_upscale(UpscaleRequest(image_base64=text, preset="social"), context)


def test_resizing_here_keeps_transparency_and_names_what_is_not_used() -> None:
    image = photo(240, 180).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 120, 180))
    context = make_context()
    body = {"prompt": "x", "seed": 0, "options": {"creativity": 0.3}, "mode": "creative", "style_preset": "anime"}
    response = upscale.run(request(image, target_width=120, **body), context)
    assert response.metadata["ignored"] == ["prompt", "seed", "style_preset", "options.creativity"]
    assert (result(context).getpixel((20, 40))[3], result(context).getpixel((100, 40))[3]) == (0, 255)


@pytest.mark.parametrize(
    "body", [{"provider": "nobody"}, {"model": "nothing"}, {"provider": "gemini", "mode": "fast"}, {"mode": "best"}]
)
def test_names_are_checked_though_nobody_is_called(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        resolved((240, 180), target_width=100, **body)


# -- what is sent


def sent(**body: Any) -> Task:
    client = multiplying(1)
    run(make_context(client), **body)
    return client.tasks[0]


def test_a_missing_prompt_is_the_references_sentence() -> None:
    """For the modes that take a prompt; fast takes none."""
    default = "High fidelity upscale preserving original details"
    assert sent(mode="conservative").prompt == sent(mode="creative", prompt="").prompt == default
    assert sent(mode="conservative", prompt="a cat").prompt == "a cat"
    assert sent(mode="fast", prompt="a cat").prompt == ""


def test_what_is_not_used_is_reported() -> None:
    """Fast has no use for a prompt; creativity below the model's range is clamped."""
    assert run(make_context(multiplying(1)), mode="fast", prompt="x").metadata["ignored"] == ["prompt"]
    response = run(make_context(multiplying(1)), mode="conservative", seed=0, options={"creativity": 0.0})
    assert response.metadata["clamped"] == {"creativity": 0.2}


def test_the_size_class_follows_the_target() -> None:
    """WaveSpeed's upscalers get the smallest class that reaches it."""
    for target, wanted in ((1000, (1000, 667)), (2049, (2049, 1366))):
        task = sent(mode="fast", provider="wavespeed", target_width=target)
        assert (task.width, task.height) == wanted


# -- refusals


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        ({"image_base64": "!", "preset": "poster"}, UnknownChoice, "Unknown preset"),
        ({"target_width": 8000, "target_height": 8000}, InvalidRequest, "more than 25 megapixels"),
        ({"options": {"creativity": 2}, "mode": "creative"}, InvalidRequest, "options.creativity must be a number"),
        ({"image_base64": LONG, "output_format": "webp"}, InvalidRequest, "a side, and this one would be 96x20000."),
        ({"style_preset": "baroque"}, UnknownChoice, "Unknown style_preset"),
        ({"options": {"quality": 1}}, UnknownChoice, "Valid: draft, standard, premium."),
        ({"provider": "gemini"}, UnsupportedChoice, "Models that can: stability"),  # it has no conservative mode
    ],
)
def test_refusals(body: dict[str, Any], error: type[InvalidRequest], sentence: str) -> None:
    with pytest.raises(error) as caught:
        run(make_context(), **body)
    assert sentence in caught.value.detail
