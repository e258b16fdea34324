"""A request that doesn't fit is told so in one sentence that begins with the field and reads like one."""

import json
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.runtime.parse import ignored_header, json_object, parse_request
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.social import SocialRequest

CREATE: dict[str, Any] = {"prompt": "a fox"}
SOCIAL: dict[str, Any] = {"image_base64": "x", "platforms": ["instagram"]}


@pytest.mark.parametrize(
    ("kind", "body", "sentence"),
    [
        (CreateRequest, {}, "Prompt is required."),
        (CreateRequest, {"prompt": " "}, "Prompt must not be empty."),
        (CreateRequest, CREATE | {"prompt": "x" * 10_001}, "prompt should have at most 10000 characters."),
        (CreateRequest, CREATE | {"prompt": 5}, "prompt should be a valid string."),
        (CreateRequest, CREATE | {"options": {str(n): n for n in range(33)}}, "options should have at most 32 items."),
        (CreateRequest, CREATE | {"options": []}, "options should be an object."),
        (CreateRequest, CREATE | {"seed": -1}, "seed should be greater than or equal to 0."),
        (CreateRequest, CREATE | {"quality": "best"}, "Unknown quality 'best'. Valid: draft, standard, premium."),
        (
            CreateRequest,
            CREATE | {"width": 8192, "height": 8192},
            "Width x height must be at most 25,000,000 pixels.",
        ),
        (SocialRequest, SOCIAL | {"platforms": []}, "platforms should have at least 1 item."),
        (SocialRequest, SOCIAL | {"platforms": ["x"] * 21}, "platforms should have at most 20 items."),
        (SocialRequest, SOCIAL | {"platforms": "instagram"}, "platforms should be a valid array."),
        (SocialRequest, SOCIAL | {"focal_point": {"x": 0.5}}, "focal_point.y is required."),
        (SocialRequest, SOCIAL | {"focal_point": {"x": 2, "y": 0}}, "focal_point.x should be less than or equal to 1."),
    ],
)
def test_a_field_that_does_not_fit(kind: Any, body: dict[str, Any], sentence: str) -> None:
    """The first thing that is wrong, in our words, without the library's."""
    with pytest.raises(InvalidRequest) as caught:
        parse_request(kind, json.dumps(body))
    assert caught.value.detail == sentence
    assert isinstance(caught.value, UnknownChoice) == sentence.startswith("Unknown")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{", "The body is not valid JSON."),
        ('{"prompt": NaN}', "The body is not valid JSON."),
        ("[]", "The body must be a JSON object."),
        ('"text"', "The body must be a JSON object."),
    ],
)
def test_a_body_that_is_no_object(body: str, sentence: str) -> None:
    """Read with a schema or without, it gets the same sentence."""
    with pytest.raises(InvalidRequest) as caught:
        json_object(body)
    assert caught.value.detail == sentence
    if "NaN" not in body:
        with pytest.raises(InvalidRequest) as caught:
            parse_request(CreateRequest, body)
        assert caught.value.detail == sentence


def test_half_a_character_is_no_text() -> None:
    """A lone surrogate, which JSON may spell, is refused like any other broken body."""
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        parse_request(CreateRequest, '{"prompt": "\\ud800"}')


def test_what_is_unknown_is_named_and_dropped() -> None:
    """Sorted, in a header that holds no line or comma of a caller's."""
    request, ignored = parse_request(CreateRequest, json.dumps(CREATE | {"zoom": 1, "a,b\n": 2}))
    assert ignored == ["a,b\n", "zoom"]
    assert ignored_header(ignored) == {"x-ignored-fields": "a?b?, zoom"}
    assert "zoom" not in request.model_dump()
    assert ignored_header([]) == {}
