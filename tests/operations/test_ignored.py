"""What `metadata.ignored` says of each field, compared with the provider's request, for every model and operation."""

from functools import cache
from typing import Any

import pytest
from PIL import Image

from image_studio.catalog.load import load_catalog
from image_studio.operations import create
from image_studio.operations.control import STRENGTHS
from image_studio.operations.table import find_operation
from image_studio.providers import PROVIDERS, SPECS
from image_studio.schemas.common import Request
from image_studio.schemas.create import CreateRequest
from tests.operations.cells import CELLS, Cell
from tests.operations.fakes import FakeClient, RecordingJournal, block_mask, make_context, photo, to_text

SMALL = (96, 72)
#: Two values of each field, so that one of them differs from what a request has already.
VALUES: dict[str, tuple[Any, Any]] = {
    "prompt": ("a green vase", "a yellow boat"),
    "negative_prompt": ("blur", "haze"),
    "search_prompt": ("the hat", "the scarf"),
    "select_prompt": ("the hat", "the scarf"),
    "style_preset": ("anime", "line-art"),
    "seed": (7, 8),
    "guidance_scale": (5.5, 6.5),
    "steps": (9, 11),
    **dict.fromkeys(STRENGTHS, (0.35, 0.45)),
}
OPTIONS = {
    "grow_mask": (3, 9),
    "creativity": (0.35, 0.45),
    "light_source_direction": ("right", "above"),
    "light_source_strength": (0.35, 0.45),
    "preserve_original_subject": (0.35, 0.45),
    "original_background_depth": (0.35, 0.45),
    "foreground_prompt": ("a statue", "a tree"),
    "shine": (1, 2),
}


def sent_with(operation: str, request: Request) -> tuple[Any, list[str], dict[str, Any]]:
    """What is sent and made, the fields that are called ignored, and the response's metadata."""
    client, journal = FakeClient(), RecordingJournal()
    row = find_operation(operation)
    response = row.run(request, make_context(client, journal=journal))
    (call,) = client.calls
    sent = PROVIDERS[call.provider].build_request(call.model, call.task)
    metadata = response.results[0].metadata if row.name == "create" else response.metadata
    return (sent, journal.images), metadata.get("ignored", []), metadata


@cache
def body_of(cell: Cell) -> dict[str, Any]:
    """The cell's request with small images, which tell as much and are ten times faster."""
    body = cell.request().model_dump(exclude_unset=True)
    small = {"mask_base64": to_text(block_mask(*SMALL))}
    small |= dict.fromkeys(("image_base64", "control_image_base64"), to_text(photo(*SMALL)))
    return {name: small.get(name, value) for name, value in body.items()}


def sent_by(cell: Cell, **more: Any) -> tuple[Any, list[str], dict[str, Any]]:
    return sent_with(cell.operation, cell.row.request.model_validate({**body_of(cell), **more}))


def check(name: str, first: tuple[Any, Any, Any], second: tuple[Any, Any, Any]) -> None:
    """A field that is called ignored changes nothing; any other changes what is sent or made."""
    (sent, ignored, metadata), (other, ignored_too, _) = first, second
    assert (name in ignored) == (name in ignored_too) == (sent == other), name
    assert name not in ignored or name not in metadata, name


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_what_is_called_ignored_is_not_sent_and_all_else_is(cell: Cell) -> None:
    """All fields have one value; then each in turn has another."""
    info = load_catalog().operations[cell.operation.partition(".")[0]].choose(cell.operation)
    fields = {name: value for name, (value, _) in VALUES.items() if name in cell.row.request.model_fields}
    options = {name: value for name, (value, _) in OPTIONS.items() if name in info.options or name == "shine"}
    whole = sent_by(cell, **fields, options=options)
    for name in fields:
        check(name, whole, sent_by(cell, **{**fields, name: VALUES[name][1]}, options=options))
    for name in options:
        check(f"options.{name}", whole, sent_by(cell, **fields, options={**options, name: OPTIONS[name][1]}))


GENERATORS = [(spec.name, model.name) for spec in SPECS for model in spec.live_models() if model.does("create")]


@pytest.mark.parametrize(("provider", "model"), GENERATORS)
def test_create_calls_ignored_what_no_model_gets(provider: str, model: str) -> None:
    """With and without enhancement: a style changes the result of every model."""
    own = {"provider": provider, "model": model, "width": 64, "height": 64}
    for enhance in (False, True):
        used = VALUES.keys() & CreateRequest.model_fields.keys() - {"aspect_ratio"}  # the size is given
        fields = {name: VALUES[name][0] for name in used}
        body = {**fields, **own, "enhance_prompt": enhance}
        whole = sent_with("create", CreateRequest.model_validate(body))
        for name in fields:
            check(name, whole, sent_with("create", CreateRequest.model_validate({**body, name: VALUES[name][1]})))
        assert "style_preset" not in whole[1]


IMAGES = ("mask_base64", "background_image_base64", "lighting_image_base64", "style_image_base64")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_an_image_without_use_is_named(cell: Cell) -> None:
    """Each in turn beside the images that the operation needs."""
    for name in IMAGES:
        if name in cell.row.request.model_fields:
            images = (block_mask(90, 60), block_mask(90, 60).transpose(Image.Transpose.ROTATE_90))
            check(name, *(sent_by(cell, **{name: to_text(image)}) for image in images))


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"persona_id": "acme"}, ["persona_id"]),
        ({"persona_id": "acme", "use_persona": False}, ["persona_id"]),
        ({"use_persona": None, "negative_prompt": "", "style_preset": " "}, []),
        ({"options": {"shine": 1, "quality": "draft"}}, ["options.shine", "options.quality"]),
        ({"width": 640, "height": 480, "aspect_ratio": "16:9"}, ["aspect_ratio"]),
        ({"width": 640, "height": 480, "aspect_ratio": "wide"}, ["aspect_ratio"]),
        ({"width": 640, "height": 480, "aspect_ratio": "4:3"}, []),
        ({"width": 1200, "height": 628, "aspect_ratio": "1.91:1"}, []),
        ({"width": 640, "aspect_ratio": "16:9"}, []),
        ({"template_id": "linkedin_post", "aspect_ratio": "1:1"}, []),
    ],
)
def test_what_has_no_effect_beside_other_fields_is_named(fields: dict[str, Any], ignored: list[str]) -> None:
    request = CreateRequest(prompt="a lamp", provider="stability", **fields)
    assert create.unread_fields(request) == sent_with("create", request)[1] == ignored


def test_a_style_without_words_to_go_with_is_named() -> None:
    """A model without a field for styles, and a request without a prompt or without room in it."""
    cell = Cell("edit.outpaint", "gemini", "gemini-nano-banana-2.1")
    for prompt, ignored in ((None, ["style_preset"]), ("x" * 9_999, ["style_preset"]), ("a meadow", [])):
        _, named, metadata = sent_by(cell, prompt=prompt, style_preset="anime")
        assert named == ignored
        assert ("style_preset" in metadata) is not bool(ignored)
