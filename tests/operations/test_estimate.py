"""Every operation has a price, and it is the one that is reserved."""

import itertools
import json
from typing import Any

import pytest
from PIL import Image

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidImage, InvalidRequest, StudioError, UnknownChoice, UnsupportedChoice
from image_studio.imaging.decode import DecodeLimits, decode
from image_studio.imaging.types import Size
from image_studio.operations import single_image
from image_studio.operations.context import OperationContext
from image_studio.operations.estimate import estimate_cost
from image_studio.operations.listings import known_operations
from image_studio.operations.table import find_operation
from image_studio.providers import PROVIDERS
from image_studio.runtime.request_parsing import parse_request
from image_studio.schemas.catalog import Estimate, EstimateRequest
from image_studio.schemas.limits import MAX_PIXELS
from tests.operations.cells import BODIES
from tests.operations.fakes import corner_image


def estimate(max_pixels: int = MAX_PIXELS, **body: Any) -> Estimate:
    request, _ = parse_request(EstimateRequest, json.dumps(body))
    return estimate_cost(request, max_pixels)


def cost(**body: Any) -> int:
    return estimate(**body).estimated_cost


def test_what_is_blank_or_null_has_its_default() -> None:
    """As forms send it."""
    blank = {"model": " ", "operation": "", "quality": None, "num_images": None, "width": None, "preset": ""}
    assert estimate(provider=" stability ", **blank) == estimate(provider="stability")


def test_an_alias_means_provider_and_model() -> None:
    """Clients send what templates recommend."""
    found = estimate(provider="ideogram", model=None, operation="generate")
    assert (found.provider, found.model, found.total_cost) == ("wavespeed", "ideogram-v3-turbo", 5)


def test_without_a_model_the_providers_model_for_the_quality() -> None:
    """Standard by default."""
    assert estimate(provider="stability").model == "core"
    assert estimate(provider="wavespeed").model == "qwen-image"
    assert estimate(provider="stability", quality="premium").model == "ultra"


@pytest.mark.parametrize(
    ("operation", "model", "credits"),
    [
        ("generate", "ultra", 8),
        ("edit.remove_background", None, 5),
        ("inpaint", None, 5),
        ("upscale.conservative", None, 40),
        ("style_transfer", None, 8),
    ],
)
def test_stabilitys_prices(operation: str, model: str | None, credits: int) -> None:
    """Upstream cents rounded up, per operation."""
    assert cost(provider="stability", operation=operation, model=model) == credits


def test_number_and_size_of_the_images_count() -> None:
    """The price of one is there, too. A 4K image of Gemini costs more than one of 1K."""
    found = estimate(provider="stability", model="core", num_images=10)
    assert (found.cost_per_image, found.total_cost, found.estimated_cost, found.num_images) == (3, 30, 30, 10)
    flash = {"provider": "gemini", "model": "gemini-nano-banana-2.1"}
    assert (cost(**flash, width=1024, height=1024), cost(**flash, width=4096, height=4096)) == (4, 12)


def test_an_upscales_mode_follows_image_and_target_as_in_its_request() -> None:
    """Fast for what it takes and reaches, conservative for more; a model has its own mode."""
    upscale = {"provider": "stability", "operation": "upscale"}
    assert estimate(**upscale).model == "fast"
    assert estimate(**upscale, width=2000, height=1500).model == "conservative"
    assert cost(**upscale, model="creative") == 60
    small = {**upscale, "width": 600, "height": 400}
    assert cost(**small) == cost(**small, target_width=2400) == cost(**small, preset="web") == 2
    assert cost(**small, target_width=2500) == cost(**small, preset="print") == 40


def test_every_known_operation_has_a_price() -> None:
    """Only social crops are free. `inpaint` is `edit.inpaint`, `sketch` is `control.sketch`."""
    assert "edit.erase" in known_operations()
    for operation in (*known_operations(), "social.optimize"):
        assert (cost(provider="auto", operation=operation) > 0) is not operation.startswith("social")
    for group in ("edit", "control"):
        for name in load_catalog().operations[group].operations:
            assert cost(provider="auto", operation=name) == cost(provider="auto", operation=f"{group}.{name}")


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        ({"provider": None}, InvalidRequest, "Provider is required."),
        (
            {"provider": "acme"},
            UnknownChoice,
            "Valid: auto, stability, wavespeed, huggingface, gemini, bedrock",
        ),
        ({"model": "stability-core"}, UnknownChoice, "Valid: ultra, core"),
        ({"operation": "paint"}, UnknownChoice, "Valid: generate, edit.remove_background"),
        ({"provider": "gemini", "operation": "remove_background"}, UnsupportedChoice, "Models that can: stability"),
        ({"num_images": 0}, InvalidRequest, "num_images should be greater than or"),
        ({"num_images": 11}, InvalidRequest, "num_images should be less than or equal to 10."),
        ({"width": 8193}, InvalidRequest, "width should be less than or equal to 8192."),
        ({"width": 15}, InvalidRequest, "width should be greater than or equal to 16."),
        ({"width": 8192, "height": 8192}, InvalidRequest, "at most 25,000,000 pixels"),
        ({"quality": "best"}, UnknownChoice, "Valid: draft, standard, premium"),
        ({"provider": "acme", "operation": "social"}, UnknownChoice, "Unknown provider 'acme'"),
        ({"operation": "upscale", "width": 600, "target_width": 8192}, InvalidRequest, "more than 25 megapixels"),
        ({"operation": "upscale", "preset": "poster"}, UnknownChoice, "preset"),
    ],
)
def test_what_is_wrong_is_explained(body: dict[str, Any], error: type[InvalidRequest], sentence: str) -> None:
    with pytest.raises(error) as caught:
        estimate(**{"provider": "stability", **body})
    assert sentence in caught.value.detail
    assert caught.value.status == 400


def test_an_image_is_too_large_in_the_words_of_decoding() -> None:
    """One check, whether the image is there or only its size is known."""
    with pytest.raises(InvalidImage) as sent:
        decode(corner_image(20, 16), DecodeLimits(max_pixels=19 * 16))
    with pytest.raises(InvalidImage) as estimated:
        estimate(19 * 16, provider="auto", operation="edit.erase", width=20, height=16)
    assert estimated.value.detail == sent.value.detail


@pytest.mark.parametrize(
    ("operation", "error", "sentence"),
    [
        ("generate", InvalidRequest, "Ask for at most 16,777,216 pixels; 4097x4096 has more."),
        ("edit.inpaint", InvalidImage, "The image has 4097x4096 pixels; at most 16.7772 megapixels are accepted."),
        ("upscale.fast", InvalidImage, "The image has 4097x4096 pixels"),
        ("social", InvalidImage, "The image has 4097x4096 pixels"),
    ],
)
def test_the_callers_own_limit_counts(operation: str, error: type[InvalidRequest], sentence: str) -> None:
    """What is made, and what is worked on, each in the words in which the request itself is refused."""
    body = {"provider": "auto", "operation": operation, "height": 4096}
    assert estimate(4096 * 4096, **body, width=4096).estimated
    with pytest.raises(error) as caught:
        estimate(4096 * 4096, **body, width=4097)
    assert caught.value.detail.startswith(sentence)


def test_an_upscales_target_is_held_to_the_callers_limit() -> None:
    body = {"provider": "auto", "operation": "upscale", "width": 1000, "height": 1000}
    assert estimate(4096 * 4096, **body, target_width=4096).estimated
    with pytest.raises(InvalidRequest, match="The target of 4097x4097 has more than"):
        estimate(4096 * 4096, **body, target_width=4097)


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "edit.inpaint"},
        {"operation": "inpaint"},
        {"operation": "Edit.Inpaint"},
        {"operation": "edit", "request": {"operation": "inpaint", "prompt": "a vase"}},
        {"operation": "edit", "request": {"operation": "edit.inpaint"}},
        {"operation": "edit.inpaint", "request": {"operation": "inpaint"}},
    ],
)
def test_an_operation_has_one_name_in_two_ways(body: dict[str, Any]) -> None:
    assert estimate(provider="wavespeed", **body).model == "z-image-turbo-inpaint"


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"operation": "upscale", "mode": "Creative"}, "creative"),
        ({"operation": "upscale", "request": {"mode": "upscale.creative"}}, "creative"),
        ({"operation": "upscale.auto"}, "fast"),
        ({"operation": "upscale", "mode": "auto"}, "fast"),
        ({"operation": "control", "request": {"operation": "Sketch"}}, "sketch"),
        ({"operation": "CREATE"}, "core"),
    ],
)
def test_other_groups_are_named_in_the_same_way(body: dict[str, Any], model: str) -> None:
    assert estimate(provider="stability", width=512, height=512, **body).model == model


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"operation": "edit"}, "Unknown operation 'edit'. Valid: generate, edit.remove_background"),
        ({"operation": "edit", "request": {"operation": "sketch"}}, "Unknown operation 'sketch'"),
        ({"operation": "edit.erase", "request": {"operation": "inpaint"}}, "are different operations"),
        ({"operation": "fast"}, "Unknown operation 'fast'"),
    ],
)
def test_a_name_that_says_too_little_or_two_things(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        estimate(provider="stability", **body)


SIZES = [(64, 64), (300, 900), (640, 480), (900, 300), (1000, 380), (1024, 1024), (2000, 1500), (5000, 1000)]
CHOICES = [
    *({"provider": "auto", "quality": quality} for quality in ("draft", "standard", "premium")),
    *({"provider": provider, "quality": "standard"} for provider in PROVIDERS),
]


def price(operation: str, body: dict[str, Any], choice: dict[str, str]) -> int | str:
    """What a request reserves, or the sentence in which it is refused."""
    row = find_operation(operation)
    where = {"quality": choice["quality"]} if operation == "create" else {"options": {"quality": choice["quality"]}}
    request = row.request.model_validate({**body, "provider": choice["provider"], **where})
    return priced(lambda: row.estimate(request, OperationContext(configured=frozenset(PROVIDERS))))


def priced(get: Any) -> int | str:
    try:
        credits: int = get()
    except StudioError as error:
        return error.detail
    return credits


@pytest.mark.parametrize("operation", [*BODIES, "upscale", "create"])
def test_an_estimate_is_what_the_request_reserves(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For images of every shape and quality, by `auto` and by each provider; where nobody takes it, in its words."""
    images = {"{}x{}".format(*size): Image.new("RGB", size, "white") for size in SIZES}
    for image in images.values():
        image.paste("black", (0, 0, 20, 20))
    monkeypatch.setattr(single_image, "read_image", lambda text, *_: text)
    monkeypatch.setattr(single_image, "decode_source", lambda text, *_, **__: images[text])
    monkeypatch.setattr(single_image, "check_whole", lambda *_: None)
    monkeypatch.setattr(single_image, "own_size", lambda text, *_: Size(*images[text].size))
    group, _, name = operation.partition(".")
    field = "control_image_base64" if group == "control" else "image_base64"
    seen = set()
    for size, choice in itertools.product(SIZES, CHOICES):
        sides = dict(zip(("width", "height"), size, strict=True))
        text = "{}x{}".format(*size)
        own = BODIES.get(operation, {"prompt": "a lamp"} if group == "create" else {"preset": "print"})
        body = {key: text if key.endswith("_base64") else value for key, value in own.items()}
        body |= sides if group == "create" else {field: text, "operation": name, "mode": name or "auto"}
        more = {key: own[key] for key in ("preset", "aspect_ratio", "prompt") if key in own}
        if operation == "edit.outpaint":
            more |= {"target_width": size[0] + 60, "target_height": size[1] + 40}
        estimated = priced(lambda c=choice, m=more, s=sides: cost(operation=operation, **c, **s, **m))
        assert estimated == price(group, body, choice), (size, choice)
        seen.add(estimated)
    assert any(isinstance(each, int) for each in seen)


def test_quoted_text_a_template_and_a_ratio_count() -> None:
    """As in the request."""
    for own in ({"prompt": 'a sign "Open"'}, {"template_id": "linkedin_post"}, {"aspect_ratio": "16:9"}):
        for choice in CHOICES[:3]:
            assert cost(operation="create", **choice, **own) == price("create", {"prompt": "x", **own}, choice)
