"""Upscales end to end over a client that paints: mode, target, exact size."""

from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from image_studio.errors import InvalidImage, InvalidRequest, UnknownChoice, UnsupportedChoice
from image_studio.operations import upscale
from image_studio.operations.context import OperationContext
from image_studio.providers.adapter import Task
from image_studio.schemas.single_image import UpscaleRequest, UpscaleResponse
from tests.operations.fakes import FakeClient, make_context, photo, result, to_text


def multiplying(factor: float) -> FakeClient:
    """A model that answers so many times the image."""
    return FakeClient(paint=lambda _, image: image.resize((round(image.width * factor), round(image.height * factor))))


def run(context: OperationContext, image: Image.Image | None = None, **body: Any) -> UpscaleResponse:
    """Estimate, then run."""
    request = UpscaleRequest.model_validate({"image_base64": to_text(image or photo(384, 256)), **body})
    assert upscale.estimate(request, context) > 0
    return upscale.run(request, context)


def test_the_references_example() -> None:
    """768x512 to `print`: 3072x2048, four times, in the mode that was asked for."""
    response = run(make_context(multiplying(4)), photo(768, 512), mode="conservative", preset="print")
    assert (response.success, response.mode, response.width, response.height) == (True, "conservative", 3072, 2048)
    assert list(response.metadata.items())[:4] == [
        ("preset", "print"),
        ("original_width", 768),
        ("original_height", 512),
        ("upscale_factor", 4.0),
    ]
    assert (response.provider, response.model) == ("stability", "conservative")
    assert response.stored is not None
    assert response.stored.mime == "image/png"


@pytest.mark.parametrize("mode", ["fast", "conservative", "creative"])
def test_beyond_what_the_model_reaches_the_last_step_is_ours(mode: str) -> None:
    """The target is met exactly, and it is said from which size."""
    context = make_context(multiplying(1.5))
    response = run(context, mode=mode, preset="web")
    assert result(context).size == (response.width, response.height) == (2048, 1365)
    assert response.metadata["resampled_from"] == "576x384"


def test_what_the_model_reaches_is_not_resampled() -> None:
    """The result is the model's own."""
    response = run(make_context(multiplying(4)), mode="fast")
    assert response.metadata["native_size"] == "1536x1024"
    assert "resampled_from" not in response.metadata


def test_a_larger_result_is_scaled_down_to_the_target() -> None:
    """Nothing was made up, so nothing is said of resampling."""
    context = make_context(multiplying(4))
    response = run(context, mode="fast", target_width=700)
    assert result(context).size == (700, 467)
    assert "resampled_from" not in response.metadata


def test_another_shape_is_covered_and_cropped() -> None:
    """Both sides are met without stretching: the disc stays round."""
    context = make_context(multiplying(4))
    image = Image.new("RGB", (400, 200), "white")
    image.paste(photo(200, 200), (100, 0))
    response = run(context, image, mode="fast", target_width=600, target_height=600)
    assert result(context).size == (600, 600)
    assert response.metadata["upscale_factor"] == 3.0
    red = result(context).convert("RGB").split()
    disc = ImageChops.subtract(red[0], ImageChops.lighter(red[1], red[2])).point(lambda v: 255 if v > 120 else 0)
    box = disc.getbbox()
    assert box is not None
    assert abs((box[2] - box[0]) - (box[3] - box[1])) <= 4


def test_transparency_is_enlarged_too() -> None:
    """The model gets an opaque image, the response is as transparent as the image was."""
    image = photo(384, 256).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 192, 256))
    context = make_context(multiplying(4))
    run(context, image, mode="fast")
    alpha = result(context).getchannel("A")
    assert alpha.crop((0, 0, 750, 1024)).getextrema() == (0, 0)
    assert alpha.crop((790, 0, 1536, 1024)).getextrema() == (255, 255)


# -- mode


@pytest.mark.parametrize(
    ("size", "body", "mode"),
    [
        ((1000, 1000), {}, "fast"),
        ((768, 512), {"preset": "print"}, "fast"),
        ((1024, 1024), {}, "fast"),
        ((1025, 1024), {}, "conservative"),  # 1.05 MP is the limit
        ((1536, 600), {}, "fast"),
        ((1537, 600), {}, "conservative"),  # so is 1536 pixels a side
        ((500, 400), {"target_width": 2000}, "fast"),
        ((500, 400), {"target_width": 2010}, "conservative"),  # more than four times
        ((500, 400), {"target_width": 500, "target_height": 1700}, "conservative"),
        ((300, 200), {"preset": "print"}, "conservative"),
    ],
)
def test_auto_is_fast_where_image_and_target_fit(size: tuple[int, int], body: dict[str, Any], mode: str) -> None:
    """Else conservative; never creative."""
    assert run(make_context(multiplying(2)), photo(*size), **body).mode == mode


def test_auto_goes_by_who_is_asked() -> None:
    """WaveSpeed's fast model takes larger images; a model has its own mode."""
    assert run(make_context(multiplying(2)), photo(1600, 1200), provider="wavespeed").mode == "fast"
    assert run(make_context(multiplying(2)), model="creative").mode == "creative"
    assert run(make_context(multiplying(2)), model="ultimate-image-upscaler").mode == "conservative"
    only = frozenset({"wavespeed"})
    assert run(make_context(multiplying(2), configured=only), photo(1600, 1200)).provider == "wavespeed"


def test_who_cannot_is_told_who_can() -> None:
    """Gemini has no fast and no conservative mode."""
    with pytest.raises(UnsupportedChoice, match="Models that can: stability"):
        run(make_context(), provider="gemini")


def test_fast_goes_to_who_takes_the_image_whole() -> None:
    """Stability's fast upscale takes 1 MP; a larger image isn't scaled down for it while another one takes it."""
    assert run(make_context(multiplying(2)), photo(800, 600), mode="fast").provider == "stability"
    response = run(make_context(multiplying(2)), photo(2000, 1200), mode="fast")
    assert (response.provider, response.metadata["sent_size"]) == ("wavespeed", "2000x1200")


def test_a_large_image_is_scaled_down_where_it_must_be() -> None:
    """Sent within the limits, answered at the target."""
    response = run(make_context(multiplying(4)), photo(2000, 1200), mode="fast", provider="stability", preset="print")
    sent = [int(side) for side in response.metadata["sent_size"].split("x")]
    assert max(sent) <= 1536
    assert sent[0] * sent[1] <= 1_048_576
    assert (response.width, response.height) == (3072, 1843)


def test_a_small_image_is_refused() -> None:
    """With the reason."""
    with pytest.raises(InvalidImage, match="needs sides of at least 64"):
        run(make_context(configured=frozenset({"stability"})), photo(40, 40), mode="conservative")


# -- what is sent


def sent(**body: Any) -> Task:
    """The task of a request."""
    client = multiplying(2)
    run(make_context(client), **body)
    return client.tasks[0]


def test_a_missing_prompt_is_the_references_sentence() -> None:
    """For the modes that take a prompt; fast takes none."""
    assert (
        sent(mode="conservative").prompt
        == upscale.DEFAULT_PROMPT
        == "High fidelity upscale preserving original details"
    )
    assert sent(mode="creative", prompt="").prompt == upscale.DEFAULT_PROMPT
    assert sent(mode="conservative", prompt="a cat").prompt == "a cat"
    assert sent(mode="fast", prompt="a cat").prompt == ""


def test_what_is_not_used_is_told() -> None:
    """Fast has no use for a prompt; creativity below the model's range is clamped."""
    assert run(make_context(multiplying(2)), mode="fast", prompt="x").metadata["ignored"] == ["prompt"]
    response = run(make_context(multiplying(2)), mode="conservative", seed=0, options={"creativity": 0.0})
    assert response.metadata["clamped"] == {"creativity": 0.2}


def test_the_class_of_size_follows_the_target() -> None:
    """WaveSpeed's upscalers are asked for the smallest class that reaches it."""
    for target, wanted in ((1000, (1000, 667)), (2049, (2049, 1366))):
        task = sent(mode="fast", provider="wavespeed", target_width=target)
        assert (task.width, task.height) == wanted


# -- refusals


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ({"mode": "best"}, UnknownChoice, "Unknown mode 'best'. Valid: fast, conservative, creative, auto."),
        ({"preset": "poster"}, UnknownChoice, "Valid: web, print, social."),
        ({"image_base64": "!"}, InvalidImage, "Invalid base64 image payload"),
        ({"target_width": 8000, "target_height": 8000}, InvalidRequest, "more than 25 megapixels"),
        ({"options": {"creativity": 2}, "mode": "creative"}, InvalidRequest, "options.creativity must be a number"),
        ({"style_preset": "baroque"}, UnknownChoice, "Unknown style_preset"),
        ({"options": {"quality": 1}}, UnknownChoice, "Valid: draft, standard, premium."),
    ],
)
def test_refusals(body: dict[str, Any], error: type[InvalidRequest], said: str) -> None:
    """Each is a 400 that says what is valid."""
    with pytest.raises(error) as caught:
        run(make_context(), **body)
    assert said in caught.value.detail


def test_the_image_is_the_same_image() -> None:
    """Enlarged and brought back it differs little."""
    image = photo(384, 256)
    context = make_context(multiplying(2))
    run(context, image, mode="fast")
    back = result(context).convert("RGB").resize(image.size, Image.Resampling.BOX)
    assert max(ImageStat.Stat(ImageChops.difference(back, image)).mean) < 6


def test_null_means_auto() -> None:
    """As clients send it."""
    assert run(make_context(multiplying(2)), mode=None, target_width=None, preset=None, prompt=None).mode == "fast"
