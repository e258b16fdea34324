"""Control end to end over a wire that paints: what is required, what is sent, how large the answer is."""

from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from image_studio.errors import InvalidImage, InvalidRequest, StudioError
from image_studio.operations.context import OperationContext
from image_studio.operations.control import control, estimate
from image_studio.schemas.control import ControlRequest, ControlResponse
from tests.operations.workshop import PaintingWire, from_bytes, photo, result, studio, to_text

STYLE = to_text(photo(300, 700))


def run(operation: str, room: OperationContext, image: Image.Image | None = None, **body: Any) -> ControlResponse:
    """Estimate, then run."""
    content = {"control_image_base64": to_text(image or photo()), "prompt": "a castle", **body}
    request = ControlRequest.model_validate({"operation": operation, **content})
    assert estimate(request, room) > 0
    return control(request, room)


def test_the_references_example() -> None:
    """Sketch with its strength in the metadata."""
    answer = run("sketch", studio(PaintingWire(seed=3)), photo(1024, 1024), control_strength=0.8)
    assert (answer.success, answer.operation, answer.provider) == (True, "sketch", "stability")
    assert (answer.width, answer.height, answer.model) == (1024, 1024, "sketch")
    assert answer.metadata["operation"] == "sketch"
    assert answer.metadata["control_strength"] == 0.8
    assert answer.metadata["seed"] == 3


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
    """0.0 is sent as 0.0 or the least that the model takes, not as its default; what was sent is told."""
    wire = PaintingWire()
    answer = run(operation, studio(wire), style_image_base64=STYLE, **dict.fromkeys(fields, 0.0))
    model = wire.models[0]
    for field in fields:
        low = model.ranges[field].low
        assert wire.tasks[0].settings[field] == low
        assert answer.metadata[field] == low
    clamped = {field: model.ranges[field].low for field in fields if model.ranges[field].low > 0}
    assert answer.metadata.get("clamped", {}) == clamped


def test_without_a_strength_the_models_default_is_told() -> None:
    """It isn't sent; the provider knows it."""
    wire = PaintingWire()
    assert run("sketch", studio(wire)).metadata["control_strength"] == 0.7
    assert wire.tasks[0].settings == {}


def test_an_emulated_control_has_no_strength() -> None:
    """A model that is told in words can't honor it: that is told."""
    answer = run("sketch", studio(), provider="gemini", control_strength=0.5)
    assert answer.metadata["ignored"] == ["control_strength"]
    assert answer.metadata["emulated"] is True


# -- sizes


@pytest.mark.parametrize("operation", ["sketch", "structure"])
@pytest.mark.parametrize("provider", ["stability", "wavespeed", "huggingface", "gemini"])
def test_what_follows_a_image_has_its_size(operation: str, provider: str) -> None:
    """On every provider, whatever size it answers."""
    room = studio(PaintingWire(lambda task, image: image.resize((image.width * 2 // 3, image.height * 2 // 3))))
    answer = run(operation, room, photo(900, 600), provider=provider)
    assert result(room).size == (answer.width, answer.height) == (900, 600)


@pytest.mark.parametrize(
    ("ratio", "size"), [(None, (1024, 1024)), ("16:9", (1360, 765)), ("4:3", (1180, 885)), ("9:21", (669, 1561))]
)
def test_style_has_the_ratio_that_was_asked_for(ratio: str | None, size: tuple[int, int]) -> None:
    """About a megapixel, exactly in the ratio, whatever shape the reference has."""
    room = studio(PaintingWire(lambda task, image: Image.new("RGB", (1000, 700))))
    answer = run("style", room, photo(300, 600), aspect_ratio=ratio)
    assert result(room).size == (answer.width, answer.height) == size


def test_a_style_reference_is_not_padded() -> None:
    """Its shape has nothing to do with the answer's."""
    wire = PaintingWire()
    run("style", studio(wire), photo(300, 500), aspect_ratio="16:9", provider="stability")
    assert wire.sent.size == (300, 500)


def test_style_transfer_keeps_the_shape_of_the_content() -> None:
    """As large as the model made it."""
    room = studio(PaintingWire(lambda task, image: image.resize((1182, 886))))
    answer = run("style_transfer", room, style_image_base64=STYLE)
    assert (answer.width, answer.height) == (1182, 886)


def test_both_images_are_sent() -> None:
    """Content and style, each by its role."""
    wire = PaintingWire()
    run("style_transfer", studio(wire), style_image_base64=f"data:image/png;base64,{STYLE}")
    assert wire.tasks[0].images.keys() == {"image", "style"}
    assert from_bytes(wire.tasks[0].images["style"].data).size == (300, 700)


def test_the_shape_is_limited() -> None:
    """1:2.5 to 2.5:1 where the provider says so; another one is asked if it may be chosen."""
    with pytest.raises(InvalidImage, match=r"The image is 3\.00:1; Stability AI's sketch takes at most 2\.5:1"):
        run("sketch", studio(), photo(900, 300), provider="stability")
    assert run("sketch", studio(), photo(900, 300)).provider != "stability"
    assert run("sketch", studio(), photo(750, 300)).provider == "stability"


# -- refusals


@pytest.mark.parametrize(
    ("operation", "body", "sentence"),
    [
        ("style_transfer", {}, "Style image is required for style transfer"),
        ("style_transfer", {"style_image_base64": ""}, "Style image is required for style transfer"),
        ("sketch", {"prompt": ""}, "Prompt is required for sketch to image"),
        ("structure", {"prompt": None}, "Prompt is required for structure control"),
        ("style", {"prompt": "  "}, "Prompt is required for style control"),
        ("style", {"aspect_ratio": "16:0"}, "aspect_ratio '16:0' is not usable."),
        ("depth", {}, "Unknown operation 'depth'. Valid: sketch, structure, style, style_transfer."),
        ("sketch", {"control_image_base64": "?"}, "Invalid base64 image payload"),
        ("style_transfer", {"style_image_base64": "?"}, "style_image_base64: Invalid base64 image payload"),
        ("sketch", {"style_preset": "baroque"}, "Unknown style_preset 'baroque'."),
        ("sketch", {"options": {"quality": "best"}}, "Valid: draft, standard, premium."),
        ("sketch", {"provider": "acme"}, "Unknown provider 'acme'."),
        ("sketch", {"model": "depth-anything"}, "Unknown model 'depth-anything'."),
    ],
)
def test_refusals(operation: str, body: dict[str, Any], sentence: str) -> None:
    """Each is a 400 with its sentence."""
    with pytest.raises(StudioError) as caught:
        run(operation, studio(), **body)
    assert sentence in caught.value.detail
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "field", ["control_strength", "fidelity", "style_strength", "composition_fidelity", "change_strength"]
)
@pytest.mark.parametrize("value", [-0.01, 1.01, "strong"])
def test_strengths_are_shares(field: str, value: object) -> None:
    """0 to 1, both included."""
    body = {"control_image_base64": "x", "operation": "sketch", "prompt": "x"}
    with pytest.raises(ValidationError):
        ControlRequest.model_validate(body | {field: value})
    for end in (0, 1):
        assert getattr(ControlRequest.model_validate(body | {field: end}), field) == end


def test_what_an_operation_does_not_use_is_named() -> None:
    """The original's client sends every slider."""
    answer = run("sketch", studio(), fidelity=0.0, aspect_ratio="1:1", style_image_base64=STYLE)
    assert answer.metadata["ignored"] == ["aspect_ratio", "fidelity", "style_image_base64"]


def test_the_schema_names_what_is_required() -> None:
    """Though a missing prompt is refused by the operation's own sentence."""
    schema = ControlRequest.model_json_schema()
    assert schema["required"] == ["control_image_base64", "operation", "prompt"]
    with pytest.raises(InvalidRequest, match="Prompt is required"):
        run("sketch", studio(), prompt=None)


@pytest.mark.parametrize(("quality", "model"), [("standard", "style"), ("premium", "style")])
def test_stability_comes_first(quality: str, model: str) -> None:
    """In every quality; Gemini's large model is next for premium."""
    assert run("style", studio(), options={"quality": quality}).model == model
    without = frozenset({"wavespeed", "gemini", "huggingface"})
    other = run("style", studio(configured=without), options={"quality": "premium"})
    assert other.model == "gemini-3-pro-image"
