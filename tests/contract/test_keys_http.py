"""Keys over their life: rotated, wrong, missing; and a studio in which one provider has one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.stack import Options, Stack
from tests.contract.caller import Caller
from tests.contract.witness import recorded, secret, until


def test_a_rotated_key_costs_one_refused_call(studio):
    """The worker had the old one in memory; the caller doesn't notice, whatever the number of variations."""
    caller = Caller(studio)
    wavespeed = studio.emulators["wavespeed"]
    assert caller.create("A kite", provider="qwen").status_code == 200
    wavespeed.reset()
    wavespeed.provider.key = "rotated-wavespeed-key"
    secret(studio, WAVESPEED_API_KEY="rotated-wavespeed-key")
    answer = caller.create("A kite", provider="qwen", num_variations=3)
    assert answer.json()["total_generated"] == 3, answer.text[:300]
    assert [call.status for call in wavespeed.calls if call.kind == "generate"].count(401) <= 3
    assert (wavespeed.calls[0].status, wavespeed.paid_calls) == (401, 3)
    wavespeed.reset()
    assert caller.create("A kite", provider="qwen").status_code == 200
    assert {call.status for call in wavespeed.calls} == {200}


def test_a_key_rotated_while_a_image_is_made_loses_nothing(studio):
    """It was ordered with the old key and is fetched with the new one; paid once."""
    caller = Caller(studio)
    wavespeed = studio.emulators["wavespeed"]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(caller.create, "A kite [[delay=8]]", provider="qwen")
        until(lambda: wavespeed.paid_calls == 1)
        wavespeed.provider.key = "second-wavespeed-key"
        secret(studio, WAVESPEED_API_KEY="second-wavespeed-key")
        assert answer.result().json()["total_generated"] == 1, answer.result().text[:300]
    assert 401 in [call.status for call in wavespeed.calls]
    assert wavespeed.paid_calls == 1


def test_a_key_that_is_wrong_is_told_without_being_shown(studio):
    """The caller reads what is the matter; neither the answer nor the log has a key."""
    gemini = studio.emulators["gemini"]
    right, gemini.provider.key = gemini.provider.key, "another-key"
    answer = Caller(studio).create("A kite", provider="gemini")
    gemini.provider.key = right
    assert answer.status_code == 500
    assert answer.json() == {
        "detail": "Image generation failed: Google Gemini refused our key.",
        "code": "provider_unavailable",
    }
    assert "local-gemini-key" not in answer.text + studio.log.read_text()


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which only WaveSpeed has a key, and its worker has said so."""
    with Stack(Options(state=tmp_path_factory.mktemp("lone"))) as stack:
        secret(stack, STABILITY_API_KEY="", HF_TOKEN="", GEMINI_API_KEY="")
        stack.reload()  # processes that know nothing yet
        stack.tick()
        until(lambda: recorded(stack) == ["wavespeed"])
        yield stack


def test_only_who_has_a_key_is_chosen_and_listed(lone):
    """Auto leaves the others out; asking for one of them is told; nothing is sent to them."""
    caller = Caller(lone)
    entries = caller.get("/providers").json()["providers"]
    assert [name for name, entry in entries.items() if entry["configured"]] == ["wavespeed"]
    body = caller.create("A kite", quality="premium").json()
    assert (body["request"]["provider"], body["request"]["model"]) == ("wavespeed", "ideogram-v3-turbo")
    answer = caller.create("A kite", provider="gemini")
    assert (answer.status_code, answer.json()["detail"]) == (
        500,
        "Image generation failed: Google Gemini is not configured: no key is set.",
    )
    assert not any(lone.emulators[name].calls for name in ("stability", "huggingface", "gemini"))


def test_the_references_example_needs_no_text_model(lone):
    """Word for word by the style's words."""
    answer = Caller(lone).post(
        "/create",
        prompt="Modern minimalist workspace with laptop",
        template_id="linkedin_post",
        style_preset="photographic",
        quality="standard",
    )
    assert answer.json()["request"]["enhanced_prompt"] == (
        "Modern minimalist workspace with laptop, professional photography, high quality"
    )
