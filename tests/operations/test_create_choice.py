"""Create: who makes the image."""

import pytest

from image_studio.errors import ProviderUnavailable, UnknownChoice, UnsupportedChoice
from image_studio.operations.create import create, estimate
from image_studio.schemas.create import CreateRequest
from tests.operations.easel import EVERYONE, Vitals, studio


def asked(**fields):
    """A request."""
    return CreateRequest(**{"prompt": "A boat", **fields})


def chosen(configured=EVERYONE, room=None, **fields):
    """Provider and model that make the image."""
    answer = create(asked(width=64, height=64, **fields), room or studio(configured=frozenset(configured)))
    return answer.request.provider, answer.request.model


def test_a_named_provider_makes_it():
    """With its best model for the quality."""
    assert chosen(provider="stability") == ("stability", "core")
    assert chosen(provider="stability", quality="premium") == ("stability", "ultra")
    assert chosen(provider="gemini", quality="draft") == ("gemini", "gemini-3.1-flash-lite-image")


def test_words_of_templates_are_providers_too():
    """Clients send a template's recommendation back."""
    assert chosen(provider="ideogram") == ("wavespeed", "ideogram-v3-turbo")
    assert chosen(provider="qwen") == ("wavespeed", "qwen-image")


def test_a_named_model_makes_it():
    """Alone, and with its provider."""
    assert chosen(model="sd3.5-large") == ("stability", "sd3.5-large")
    assert chosen(provider="wavespeed", model="z-image-turbo") == ("wavespeed", "z-image-turbo")


def test_auto_follows_the_templates_recommendation():
    """As in the reference's example."""
    assert chosen(template_id="linkedin_post", provider="auto") == ("wavespeed", "ideogram-v3-turbo")
    assert chosen(template_id="linkedin_post", quality="standard") == ("wavespeed", "ideogram-v3-turbo")


@pytest.mark.parametrize(
    ("quality", "choice"),
    [
        ("draft", ("wavespeed", "qwen-image")),
        ("standard", ("stability", "core")),
        ("premium", ("stability", "ultra")),
        (None, ("stability", "core")),
    ],
)
def test_auto_follows_the_quality(quality, choice):
    """Where no template says otherwise."""
    assert chosen(quality=quality) == choice


def test_quoted_words_are_set_by_who_can():
    """In any quality."""
    assert chosen(prompt='A sign that says "OPEN"', quality="draft") == ("wavespeed", "ideogram-v3-turbo")


def test_auto_leaves_out_who_has_no_key_and_puts_who_failed_last():
    """The reason says so."""
    assert chosen(configured={"gemini", "huggingface"}) == ("gemini", "gemini-3.1-flash-image")
    room = studio(health=Vitals("stability"))
    assert chosen(room=room) == ("wavespeed", "qwen-image")
    assert (
        create(asked(), room).request.reason == "number 2 in the order for standard quality; stability failed just now"
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"provider": "dalle"}, ["auto", "stability", "wavespeed", "huggingface", "gemini", "ideogram", "qwen"]),
        ({"model": "dall-e-3"}, ["ultra", "core", "ideogram-v3-turbo", "FLUX.1-schnell", "gemini-3-pro-image"]),
        ({"provider": "stability", "model": "qwen-image"}, ["ultra", "core"]),
    ],
    ids=str,
)
def test_an_unknown_provider_or_model_names_the_known_ones(fields, words):
    """Before anything is paid."""
    with pytest.raises(UnknownChoice) as refused:
        estimate(asked(**fields), studio())
    assert all(word in refused.value.detail for word in words)


def test_a_model_that_makes_no_images_from_words_names_who_does():
    """A capability mismatch lists who can."""
    with pytest.raises(UnsupportedChoice) as refused:
        estimate(asked(provider="stability", model="inpaint"), studio())
    assert all(word in refused.value.detail for word in ("stability", "wavespeed", "huggingface", "gemini"))


def test_a_retired_model_names_its_successor():
    """A clear sentence instead of the provider's 404."""
    with pytest.raises(UnsupportedChoice, match=r"retired.*Use gemini-3\.1-flash-image"):
        estimate(asked(model="imagen-4.0-generate-001"), studio())


def test_a_provider_without_a_key_is_not_called():
    """The sentence says what is missing."""
    with pytest.raises(ProviderUnavailable, match="Google Gemini is not configured"):
        estimate(asked(provider="gemini"), studio(configured=frozenset({"stability"})))
