"""What is sent as prompt: a text model's words, a style's, a persona's."""

import pytest

from tests.contract.caller import Caller
from tests.contract.witness import paid


def test_a_text_model_is_asked_once_per_job(stack_with_faults):
    """Gemini, for all variations together; it is no paid image call."""
    answer = Caller(stack_with_faults).create("A kite", provider="qwen", style_preset="anime", num_variations=3)
    assert answer.json()["request"]["enhanced_prompt"] == "A kite, anime style, clean outlines, vivid colors"
    assert (
        stack_with_faults.emulators["gemini"].text_calls,
        stack_with_faults.emulators["huggingface"].text_calls,
    ) == (1, 0)
    assert paid(stack_with_faults) == {"wavespeed": 3}
    sent = {call.fields["prompt"] for call in stack_with_faults.emulators["wavespeed"].calls if call.kind == "generate"}
    assert sent == {"A kite, anime style, clean outlines, vivid colors"}


@pytest.mark.parametrize("fault", ["500", "empty"])
def test_a_failing_text_model_fails_no_job(stack_with_faults, fault):
    """The style's words are used, and the image is made."""
    prompt = f"A kite [[fault={fault};stage=text]]"
    answer = Caller(stack_with_faults).create(prompt, provider="qwen", style_preset="line-art")
    assert answer.status_code == 200
    assert answer.json()["request"]["enhanced_prompt"] == f"{prompt}, clean line art, high contrast, no shading"


def test_without_enhancement_the_callers_words_are_sent(stack_with_faults):
    """With the style's, where the model has no field for it. Nobody is asked, and the echo says no prompt."""
    answer = Caller(stack_with_faults).create("A kite", provider="qwen", style_preset="anime", enhance_prompt=False)
    assert answer.json()["request"]["enhanced_prompt"] is None
    assert stack_with_faults.emulators["gemini"].text_calls == 0
    assert (
        stack_with_faults.emulators["wavespeed"].calls[0].fields["prompt"]
        == "A kite, anime style, clean outlines, vivid colors"
    )


def test_a_persona_speaks_through_the_image(stack_with_faults):
    """Its words are in the prompt and in the negative prompt that the provider gets; the answer names it."""
    caller = Caller(stack_with_faults, "brand")
    caller.put("/personas/default", voice="calm", palette=["teal"], style_words=["airy"], avoid_words=["clutter"])
    caller.put("/personas/loud", style_words=["neon signs"])
    answer = caller.create("A kite", provider="stability", use_persona=True, negative_prompt="blur")
    assert answer.json()["request"]["persona_id"] == "default"
    caller.create("A kite", provider="stability", use_persona=True, persona_id="loud")
    first, second = (call.fields for call in stack_with_faults.emulators["stability"].calls)
    assert (first["prompt"], first["negative_prompt"]) == ("A kite, airy, colors: teal, mood: calm", "blur, clutter")
    assert (second["prompt"], "negative_prompt" in second) == ("A kite, neon signs", False)
