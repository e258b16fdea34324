"""Control end to end over a client that paints: what is required, what is sent, how large the response is."""

from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from image_studio.errors import InvalidImage, StudioError
from image_studio.operations import control
from image_studio.operations.context import OperationContext
from image_studio.providers import PROVIDERS
from image_studio.schemas.single_image import ControlRequest, ControlResponse
from tests.imaging.samples import drawn_lines
from tests.operations.fakes import FakeClient, from_bytes, make_context, photo, result, to_text

STYLE = to_text(photo(300, 700))


LONG = to_text(photo(24, 16_384))


def run(operation: str, context: OperationContext, image: Image.Image | None = None, **body: Any) -> ControlResponse:
    content = {"control_image_base64": to_text(image or photo(320, 240)), "prompt": "a castle", **body}
    request = ControlRequest.model_validate({"operation": operation, **content})
    assert control.estimate(request, context) > 0
    return control.run(request, context)


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("sketch", ["control_strength"]),
        ("structure", ["control_strength"]),
        ("style", ["fidelity"]),
        ("style_transfer", ["style_strength", "composition_fidelity", "change_strength"]),
    ],
)
def test_zero_is_a_value(operation: str, fields: list[str]) -> None:
    """0.0 is sent as 0.0 or the least that the model takes, not as its default; the metadata has what was sent."""
    client = FakeClient()
    response = run(operation, make_context(client), style_image_base64=STYLE, **dict.fromkeys(fields, 0.0))
    least = {field: client.calls[0].model.ranges[field].low for field in fields}
    assert client.tasks[0].settings == least
    assert {field: response.metadata[field] for field in fields} == least
    assert response.metadata.get("clamped", {}) == {field: low for field, low in least.items() if low > 0}


def test_without_a_strength_the_metadata_has_the_models_default() -> None:
    """It isn't sent. A model that gets words ignores it; what an operation doesn't use is named."""
    client = FakeClient()
    assert run("sketch", make_context(client)).metadata["control_strength"] == 0.7
    assert client.tasks[0].settings == {}
    response = run("sketch", make_context(), provider="gemini", control_strength=0.5)
    assert response.metadata["ignored"] == ["control_strength"]
    assert response.metadata["emulated"] is True
    response = run("sketch", make_context(), fidelity=0.0, aspect_ratio="1:1", style_image_base64=STYLE)
    assert response.metadata["ignored"] == ["aspect_ratio", "fidelity", "style_image_base64"]


# -- sizes


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_follows_an_image_has_its_size(provider: str) -> None:
    """On every provider, whatever size it returns."""
    client = FakeClient(paint=lambda _, image: image.resize((image.width * 2 // 3, image.height * 2 // 3)))
    context = make_context(client)
    response = run("structure", context, photo(300, 200), provider=provider)
    assert result(context).size == (response.width, response.height) == (300, 200)


@pytest.mark.parametrize(
    ("ratio", "size"), [(None, (1024, 1024)), ("16:9", (1360, 765)), ("4:3", (1180, 885)), ("9:21", (669, 1561))]
)
def test_style_has_the_requested_ratio(ratio: str | None, size: tuple[int, int]) -> None:
    """About a megapixel, exactly in the ratio. The reference has a shape of its own and is not padded."""
    client = FakeClient(paint=lambda task, image: Image.new("RGB", (1000, 700)))
    context = make_context(client)
    response = run("style", context, photo(300, 600), aspect_ratio=ratio, provider="stability")
    assert result(context).size == (response.width, response.height) == size
    assert client.sent.size == (300, 600)


def test_style_transfer_keeps_the_shape_of_the_content() -> None:
    """As large as the model made it. Content and style are sent, each in its role."""
    client = FakeClient(paint=lambda task, image: image.resize((1182, 886)))
    response = run("style_transfer", make_context(client), style_image_base64=f"data:image/png;base64,{STYLE}")
    assert (response.width, response.height) == (1182, 886)
    assert client.tasks[0].images.keys() == {"image", "style"}
    assert from_bytes(client.tasks[0].images["style"].data).size == (300, 700)


def test_the_shape_is_limited() -> None:
    """1:2.5 to 2.5:1 at Stability; another provider is called if the request leaves it open."""
    with pytest.raises(InvalidImage, match=r"The image is 3\.00:1; Stability AI's sketch takes at most 2\.5:1"):
        run("sketch", make_context(), photo(900, 300), provider="stability")
    assert run("sketch", make_context(), photo(900, 300)).provider != "stability"
    assert run("sketch", make_context(), photo(750, 300)).provider == "stability"


# -- drawings on transparency


@pytest.mark.parametrize("operation", ["sketch", "structure"])
@pytest.mark.parametrize("color", ["white", "#dddddd", "yellow", "black"])
def test_lines_on_transparency_are_visible_to_the_provider(operation: str, color: str) -> None:
    client = FakeClient()
    run(operation, make_context(client), drawn_lines(color))
    line, ground = client.sent.convert("L").getpixel((200, 200)), client.sent.convert("L").getpixel((10, 10))
    assert abs(line - ground) > 100  # type: ignore[operator]


@pytest.mark.parametrize(
    "empty",
    [
        Image.new("RGB", (200, 200), "white"),
        Image.new("RGBA", (200, 200), (0, 0, 0, 0)),
        Image.new("RGBA", (200, 200), (255, 255, 255, 90)),
        Image.effect_noise((200, 200), 1).convert("RGB"),
    ],
)
def test_an_empty_sketch_is_refused(empty: Image.Image) -> None:
    """Before anything is reserved; a style may be one color."""
    for operation in ("sketch", "structure"):
        request = ControlRequest(control_image_base64=to_text(empty), operation=operation, prompt="a castle")
        with pytest.raises(InvalidImage, match="control_image_base64 is empty: it has one color throughout"):
            control.estimate(request, make_context())
    assert run("style", make_context(), empty).success


# -- refusals


@pytest.mark.parametrize(
    ("operation", "body", "sentence"),
    [
        ("style_transfer", {"style_image_base64": ""}, "Style image is required for style transfer"),
        ("style", {"prompt": "  "}, "Prompt is required for style control"),
        ("style", {"aspect_ratio": "16:0"}, "aspect_ratio '16:0' is not usable."),
        ("style_transfer", {"style_image_base64": "?"}, "style_image_base64: Invalid base64 image payload"),
        ("sketch", {"style_preset": "baroque"}, "Unknown style_preset 'baroque'."),
        (
            "structure",
            {"output_format": "webp", "control_image_base64": LONG},
            "this one would be 24x16384. Use output",
        ),
        ("sketch", {"options": {"quality": "best"}}, "Valid: draft, standard, premium."),
    ],
)
def test_refusals(operation: str, body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudioError) as caught:
        run(operation, make_context(), **body)
    assert sentence in caught.value.detail
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["control.sketch", "Sketch", "CONTROL.sketch"])
def test_an_operation_may_be_named_in_full(name: str) -> None:
    assert run(name, make_context()).operation == "sketch"


def test_strengths_are_shares() -> None:
    body = {"control_image_base64": "x", "operation": "sketch", "prompt": "x"}
    for field in control.STRENGTHS:
        for value in (-0.01, 1.01, "strong"):
            with pytest.raises(ValidationError):
                ControlRequest.model_validate(body | {field: value})
        for end in (0, 1):
            assert getattr(ControlRequest.model_validate(body | {field: end}), field) == end
