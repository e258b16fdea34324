"""Prompt enhancement by a text model: one question, a short deadline, and never a reason to fail."""

import pytest

from image_studio.providers import text_model
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.client import ProviderClient
from image_studio.providers.text_model import clean_prompt, enrich_prompt, text_adapters, user_text
from image_studio.providers.transport import HttpTransport

CLIENT = ProviderClient(HttpTransport())
STYLE = "professional photography, high quality"
PROMPT = "Modern minimalist workspace with laptop"


def keys(emulators, *names):
    return lambda name: ProviderCredentials("sk-canary-7f3b9d", emulators[name].url) if name in names else None


def test_the_text_that_is_sent():
    """Prompt and style words stand on lines of their own, so that either may be read back."""
    assert user_text("a cat", "soft light") == "Prompt: a cat\nStyle words: soft light"
    assert [adapter.SPEC.name for adapter in text_adapters()] == ["gemini", "huggingface"]


@pytest.mark.parametrize("provider", ["gemini", "huggingface"])
def test_the_references_example(provider, emulators):
    """The reference's prompt and style give its enhanced prompt word for word, without a paid call."""
    written = enrich_prompt(PROMPT, STYLE, keys(emulators, provider), CLIENT)
    assert written == f"{PROMPT}, {STYLE}"
    assert (emulators[provider].text_calls, emulators[provider].paid_calls) == (1, 0)


def test_only_the_first_configured_writer_is_asked(emulators):
    """With both keys Gemini is asked; when it fails nobody else is. Without a key nothing is sent."""
    both = keys(emulators, "gemini", "huggingface")
    assert enrich_prompt(PROMPT, STYLE, both, CLIENT)
    assert enrich_prompt(f"{PROMPT} [[fault=500;stage=text]]", STYLE, both, CLIENT) is None
    assert enrich_prompt(PROMPT, STYLE, keys(emulators), CLIENT) is None
    assert enrich_prompt(PROMPT, STYLE, keys(emulators, "stability", "wavespeed"), CLIENT) is None
    assert {name: len(emulator.calls) for name, emulator in emulators.items() if emulator.calls} == {"gemini": 2}


FAULTS = ["reset", "drip", "401", "402", "429", "500", "truncated", "huge", "redirect", "empty"]


@pytest.mark.parametrize("provider", ["gemini", "huggingface"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_writer_is_done_without(fault, provider, emulators, monkeypatch, caplog):
    """Whatever goes wrong, it is asked once and the prompt stays ours; the prompt isn't logged."""
    monkeypatch.setattr(text_model, "TIMEOUT_SECONDS", 0.3 if fault == "drip" else 3.0)
    prompt = f"{PROMPT} [[fault={fault};stage=text]]"
    assert enrich_prompt(prompt, STYLE, keys(emulators, provider), CLIENT) is None
    assert len(emulators[provider].calls) == 1
    assert PROMPT not in caplog.text
    assert "canary" not in caplog.text


def test_a_prompt_that_is_long_already_is_left_alone(emulators):
    """At the limit it is asked, beyond it not."""
    access = keys(emulators, "gemini")
    enrich_prompt("x" * 1_500, "", access, CLIENT)
    assert len(emulators["gemini"].calls) == 1
    assert enrich_prompt("x" * 1_501, "", access, CLIENT) is None
    assert len(emulators["gemini"].calls) == 1


@pytest.mark.parametrize(
    ("written", "prompt"),
    [
        ('"A cat"', "A cat"),
        ('"', '"'),
        ('""', None),
        ('A sign that says "OPEN"', 'A sign that says "OPEN"'),
        ('"Open" next to "Closed"', '"Open" next to "Closed"'),
        ("  A cat\n\n in the sun ", "A cat in the sun"),
        ("   ", None),
        ("x" * 2_000, "x" * 2_000),
        ("x" * 2_001, None),
    ],
)
def test_answers_are_cleaned(written, prompt):
    """An answer becomes one line without quotes around it; nothing, or far too much, is none."""
    assert clean_prompt(written) == prompt
