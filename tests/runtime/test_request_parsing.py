"""From a body to a request: one sentence, short, without what it complains of where that is an image."""

import json
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.operations.estimate import estimate_cost
from image_studio.runtime.api import ignored_header
from image_studio.runtime.request_parsing import MAX_ECHO, parse_request
from image_studio.schemas.catalog import EstimateRequest
from image_studio.schemas.convert import CompressBatchRequest, ConvertBatchRequest
from image_studio.schemas.create import CreateRequest, Persona
from image_studio.schemas.single_image import EditRequest
from image_studio.schemas.social import SocialRequest
from scripts.events import REQUESTS
from scripts.openapi.entries import ENTRIES

EXAMPLES = [(entry.request, REQUESTS[key]["body"]) for key, entry in ENTRIES.items() if entry.request]
IMAGE = {"image_base64": "eA=="}
UNKNOWN = ["images.1.a", "images.1.b"]
NAMES = "format_names.instagram should be a format's name, or 1 to 20 names."


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "Prompt is required."),
        ("{", "The body is not valid JSON."),
        ("[]", "The body must be a JSON object."),
        ('"x"', "The body must be a JSON object."),
        ('{"prompt": ""}', "Prompt must not be empty."),
        ('{"prompt": "  "}', "Prompt must not be empty."),
        ('{"prompt": "a", "quality": "ultra"}', "Unknown quality 'ultra'. Valid: draft, standard, premium."),
        ('{"prompt": "a", "num_variations": 11}', "num_variations should be less than or equal to 10."),
        ('{"prompt": "\\ud800"}', "The body is not valid JSON."),
        ('{"prompt": null}', "Prompt is required."),
        ('{"prompt": 5}', "prompt should be a valid string."),
    ],
)
def test_the_first_mistake_is_one_sentence(body: str, sentence: str) -> None:
    """It says what to change, in the documented words where there are some."""
    with pytest.raises(InvalidRequest) as refused:
        parse_request(CreateRequest, body)
    assert refused.value.detail == sentence


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"focal_point": [0.5, 0.5]}, "focal_point should be an object."),
        ({"focal_point": {"x": 0.5}}, "focal_point.y is required."),
        ({"focal_point": {"x": 0.5, "y": None}}, "focal_point.y is required."),
        ({"platforms": None}, "Platforms is required."),
        ({"platforms": [None]}, "platforms.0 should be a valid string."),
        *(({"format_names": {"instagram": names}}, NAMES) for names in (5, "", [], [5], ["Story"] * 21, "x" * 101)),
    ],
)
def test_a_mistake_inside_names_its_own_field(more: dict[str, Any], sentence: str) -> None:
    """The body is what it should be: it's one of its fields that isn't."""
    body = {"image_base64": "eA==", "platforms": ["instagram"], **more}
    with pytest.raises(InvalidRequest) as refused:
        parse_request(SocialRequest, json.dumps(body))
    assert refused.value.detail == sentence


@pytest.mark.parametrize(
    "blank",
    [
        "\0",
        "\u200b",
        "\ufeff",
        "\u202a\u202c",
        "\u2066\u2069",
        "\u00ad",
        "\u3164",
        "\u2800",
        "\u180e\u2060 \u034f",
        "\ufe0f",
    ],
)
def test_a_prompt_that_shows_nothing_is_empty(blank: str) -> None:
    """Zero-width characters, marks of direction, controls, fillers: nothing is paid for them."""
    with pytest.raises(InvalidRequest, match="Prompt must not be empty"):
        parse_request(CreateRequest, json.dumps({"prompt": blank * 3}))
    edit = {"image_base64": "eA==", "operation": "inpaint", "prompt": blank, "search_prompt": f" {blank}"}
    request, _ = parse_request(EditRequest, json.dumps(edit))
    assert (request.prompt, request.search_prompt) == ("", "")


@pytest.mark.parametrize("prompt", ["a\u200bb", "\u200f\u05e9", "\U0001f468\u200d\U0001f469", "e\u0301", "\ue000", "?"])
def test_invisible_characters_beside_visible_ones_stay(prompt: str) -> None:
    """They join emoji and set the direction of Hebrew."""
    assert parse_request(CreateRequest, json.dumps({"prompt": prompt}))[0].prompt == prompt


@pytest.mark.parametrize("write", [str.upper, str.title, lambda word: f" {word} "])
def test_names_of_lists_mean_the_same_in_any_case(write: Any) -> None:
    """As platforms do."""
    body = {"prompt": "a", "quality": write("draft"), "provider": write("stability"), "style_preset": write("anime")}
    request, _ = parse_request(CreateRequest, json.dumps({**body, "delivery": write("url")}))
    assert (request.quality, request.provider, request.style_preset, request.delivery) == (
        ("draft", "stability", "anime", "url")
    )
    body = {"image_base64": "eA==", "platforms": ["x"], "crop_mode": write("center"), "formats": write("all")}
    social, _ = parse_request(SocialRequest, json.dumps({**body, "output_format": write("webp")}))
    assert (social.crop_mode, social.formats, social.output_format) == ("center", "all", "webp")
    body = {"provider": write("stability"), "operation": write("edit.inpaint"), "quality": write("premium")}
    assert estimate_cost(parse_request(EstimateRequest, json.dumps(body))[0]).provider == "stability"


def test_a_text_that_is_too_long_is_counted_in_characters() -> None:
    """Where null means "not given", too."""
    with pytest.raises(InvalidRequest) as refused:
        parse_request(Persona, json.dumps({"name": "x" * 81}))
    assert refused.value.detail == "name should have at most 80 characters."


@pytest.mark.parametrize(("kind", "body"), EXAMPLES)
def test_null_means_that_an_optional_field_was_not_sent(kind: Any, body: dict[str, Any]) -> None:
    optional = [name for name, field in kind.model_fields.items() if not field.is_required()]
    for name in optional:
        assert parse_request(kind, json.dumps({**body, name: None}))[1] == [], name


@pytest.mark.parametrize(("kind", "body"), EXAMPLES)
def test_a_text_is_never_counted_in_items(kind: Any, body: dict[str, Any]) -> None:
    """One that is empty must not be; of one that is too long the characters are counted."""
    for name in kind.model_fields:
        for text in ("", "x" * 100_000):
            assert " item" not in _sentence(kind, {**body, name: text})
    assert _sentence(EstimateRequest, {"provider": ""}) == "Provider must not be empty."


def _sentence(kind: Any, body: dict[str, Any]) -> str:
    try:
        parse_request(kind, json.dumps(body))
    except InvalidRequest as refused:
        return refused.detail
    return ""


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (EditRequest, {"image_base64": "CANARY" * 1000, "operation": ["CANARY" * 1000]}),
        (SocialRequest, {"image_base64": "CANARY" * 1000, "platforms": "CANARY" * 1000}),
        (CreateRequest, {"prompt": "CANARY" * 5000}),
        (CreateRequest, {"prompt": "a", "quality": "CANARY" * 1000}),
        (CreateRequest, {"prompt": "a", "options": "CANARY" * 1000}),
    ],
)
def test_a_sentence_is_short_whatever_it_complains_of(kind: Any, body: dict[str, Any]) -> None:
    """At most the first eighty characters of a value come back, and none of an image."""
    with pytest.raises(InvalidRequest) as refused:
        parse_request(kind, json.dumps(body))
    assert len(refused.value.detail) < 300
    assert refused.value.detail.count("CANARY") <= MAX_ECHO // len("CANARY") + 1


def test_unknown_fields_are_dropped_and_named() -> None:
    """Clients of the original rely on it; the header is for those who look."""
    request, ignored = parse_request(CreateRequest, '{"prompt": "a", "zeta": 1, "alpha": {"b": 2}}')
    assert (request.prompt, ignored) == ("a", ["alpha", "zeta"])
    assert ignored_header(ignored) == {"x-ignored-fields": "alpha, zeta"}


@pytest.mark.parametrize(
    ("kind", "body", "names"),
    [
        (CompressBatchRequest, {"images": [IMAGE, {**IMAGE, "b": 1, "a": 1}], "z": 1}, ["z", *UNKNOWN]),
        (ConvertBatchRequest, {"images": [{**IMAGE, "target_format": "png", "a": 1}]}, ["images.0.a"]),
        (SocialRequest, {**IMAGE, "platforms": ["x"], "focal_point": {"x": 0, "y": 1, "a": 2}}, ["focal_point.a"]),
    ],
)
def test_unknown_fields_inside_are_named_by_their_path(kind: Any, body: Any, names: list[str]) -> None:
    """And dropped, too."""
    request, ignored = parse_request(kind, json.dumps(body))
    assert (ignored, request.take_ignored()) == (names, [])
    assert '"a"' not in request.model_dump_json()


def test_a_wrong_choice_keeps_its_code() -> None:
    """Programs can tell it from other mistakes."""
    with pytest.raises(UnknownChoice):
        parse_request(CreateRequest, '{"prompt": "a", "delivery": "pigeon"}')
