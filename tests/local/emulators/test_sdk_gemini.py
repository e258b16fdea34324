"""The official google-genai SDK as referee of the emulator."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from local.emulators import Emulator

FLASH = "gemini-nano-banana-2.1"
PRO = "gemini-3-pro-image"
TEXT = "gemini-3.5-flash-lite"


def _client(emulator: Emulator, key: str = "key") -> genai.Client:
    once = types.HttpRetryOptions(attempts=1)
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=emulator.url, retry_options=once))


@pytest.fixture
def sdk(gemini: Emulator) -> Iterator[genai.Client]:
    client = _client(gemini)
    yield client
    client.close()


def _images(reply: types.GenerateContentResponse) -> list[Image.Image]:
    parts = reply.parts or []
    return [
        Image.open(BytesIO(part.inline_data.data))
        for part in parts
        if part.inline_data and part.inline_data.data and not part.thought
    ]


def test_an_image_has_the_size_of_its_ratio(sdk: genai.Client, gemini: Emulator) -> None:
    """16:9 at 1K is 1376x768; the SDK parses text, image and usage."""
    config = types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"], image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K")
    )
    reply = sdk.models.generate_content(model=FLASH, contents="a red car at sunset", config=config)
    assert [image.size for image in _images(reply)] == [(1376, 768)]
    assert reply.text == "Here is your image."
    assert reply.usage_metadata is not None
    assert reply.model_version == FLASH
    assert (gemini.paid_calls, gemini.charged) == (1, 0.0336)


def test_a_thinking_model_sends_a_draft_that_is_marked(sdk: genai.Client) -> None:
    """Thoughts come first and are marked; one real image follows, here a JPEG."""
    config = types.GenerateContentConfig(response_modalities=["IMAGE"])
    reply = sdk.models.generate_content(model=PRO, contents="a lighthouse", config=config)
    assert [part.thought for part in reply.parts or []] == [True, True, None]
    assert [(image.size, image.format) for image in _images(reply)] == [((1024, 1024), "JPEG")]


def test_images_go_in_for_an_edit(sdk: genai.Client, gemini: Emulator, subject: Image.Image) -> None:
    """A reference image is accepted, and the answer has the nearest ratio."""
    config = types.GenerateContentConfig(response_modalities=["IMAGE"])
    reply = sdk.models.generate_content(model=FLASH, contents=["make the disc blue", subject], config=config)
    assert [image.size for image in _images(reply)] == [(1200, 896)]
    assert len(gemini.calls[0].images) == 1


def test_a_text_model_enhances_a_prompt(sdk: genai.Client, gemini: Emulator) -> None:
    """The style rule answers word for word, as JSON when a schema is given; it is no paid image call."""
    schema = {"type": "OBJECT", "properties": {"prompt": {"type": "STRING"}}}
    config = types.GenerateContentConfig(
        system_instruction="Improve the prompt.", response_mime_type="application/json", response_schema=schema
    )
    asked = "Prompt: a cat on a sofa\nStyle words: cinematic, warm light"
    reply = sdk.models.generate_content(model=TEXT, contents=asked, config=config)
    assert reply.parsed == {"prompt": "a cat on a sofa, cinematic, warm light"}
    assert (gemini.paid_calls, gemini.text_calls) == (0, 1)


def test_there_are_three_ways_to_give_no_image(sdk: genai.Client) -> None:
    """A blocked prompt has no candidates, a refused output a finish reason, a refusal in prose neither."""
    blocked, filtered, prose = (
        sdk.models.generate_content(model=FLASH, contents=f"x [[fault={fault}]]")
        for fault in ("moderated", "filtered", "empty")
    )
    assert not blocked.candidates
    assert blocked.prompt_feedback is not None
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert filtered.candidates is not None
    assert filtered.candidates[0].finish_reason == types.FinishReason.IMAGE_SAFETY
    assert prose.text
    assert [_images(reply) for reply in (blocked, filtered, prose)] == [[], [], []]


def test_a_bad_key_is_an_invalid_argument(gemini: Emulator) -> None:
    """An invalid key answers 400 with API_KEY_INVALID."""
    client = _client(gemini, "bad")
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=FLASH, contents="x")
    client.close()
    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")
    assert raised.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("402", 402, "RESOURCE_EXHAUSTED"),
        ("403", 403, "PERMISSION_DENIED"),
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_each_refusal_has_its_rpc_status(sdk: genai.Client, fault: str, code: int, status: str) -> None:
    """The SDK reads code and status out of every error."""
    with pytest.raises(errors.APIError) as raised:
        sdk.models.generate_content(model=FLASH, contents=f"x [[fault={fault}]]")
    assert (raised.value.code, raised.value.status) == (code, status)


def test_a_quota_says_when_to_retry(sdk: genai.Client) -> None:
    """429 carries RetryInfo, unless it is for the day."""
    kinds = []
    for fault in ("429", "429day"):
        with pytest.raises(errors.ClientError) as raised:
            sdk.models.generate_content(model=FLASH, contents=f"x [[fault={fault};after=37]]")
        details = raised.value.details["error"]["details"]
        quota = details[0]["violations"][0]["quotaId"]
        kinds.append(("PerDay" in quota, [entry.get("retryDelay") for entry in details[1:]]))
    assert kinds == [(False, ["37s"]), (True, [])]


@pytest.mark.parametrize(
    "model",
    ["gemini-3.1-flash-image", "gemini-2.5-flash-image", "gemini-3-pro-image-preview", "imagen-4.0-generate-001"],
)
def test_a_retired_model_is_not_found(sdk: genai.Client, model: str) -> None:
    """What was shut down answers like what never was."""
    with pytest.raises(errors.ClientError) as raised:
        sdk.models.generate_content(model=model, contents="x")
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize("model", [FLASH, PRO])
@pytest.mark.parametrize("settings", [{"aspect_ratio": "7:3"}, {"image_size": "1k"}, {"image_size": "512"}])
def test_a_setting_that_the_model_lacks_is_refused(sdk: genai.Client, settings: dict[str, str], model: str) -> None:
    """Ratios and sizes are the model's own: none has 512 any more."""
    config = types.GenerateContentConfig(image_config=types.ImageConfig(**settings))
    with pytest.raises(errors.ClientError) as raised:
        sdk.models.generate_content(model=model, contents="x", config=config)
    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("model", "level", "taken"),
    [
        (FLASH, "MINIMAL", True),
        (FLASH, "MEDIUM", True),
        (FLASH, "HIGH", True),
        (FLASH, "LOW", False),
        (PRO, "HIGH", False),
    ],
)
def test_a_thinking_level_is_the_models_own(sdk: genai.Client, model: str, level: str, *, taken: bool) -> None:
    """The default model has three levels; 3-pro always thinks, without a control."""
    thinking = types.ThinkingConfig(thinking_level=types.ThinkingLevel(level))
    config = types.GenerateContentConfig(response_modalities=["IMAGE"], thinking_config=thinking)
    if taken:
        assert _images(sdk.models.generate_content(model=model, contents="x", config=config))
    else:
        with pytest.raises(errors.ClientError):
            sdk.models.generate_content(model=model, contents="x", config=config)
