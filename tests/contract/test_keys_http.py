"""Keys over their life: rotated, wrong, missing; and a stack in which one provider has one."""

from concurrent.futures import ThreadPoolExecutor

from tests.contract.caller import Caller
from tests.contract.witness import secret, until


def test_a_rotated_key_costs_one_refused_call(lone):
    """The worker had the old one in memory; the caller doesn't notice, whatever the number of variations."""
    caller = Caller(lone)
    wavespeed = lone.emulators["wavespeed"]
    assert caller.create("A kite", provider="qwen").status_code == 200
    wavespeed.reset()
    wavespeed.provider.key = "rotated-wavespeed-key"
    secret(lone, WAVESPEED_API_KEY="rotated-wavespeed-key")
    answer = caller.create("A kite", provider="qwen", num_variations=3)
    assert answer.json()["total_generated"] == 3, answer.text[:300]
    assert [call.status for call in wavespeed.calls if call.kind == "generate"].count(401) <= 3
    assert (wavespeed.calls[0].status, wavespeed.paid_calls) == (401, 3)
    wavespeed.reset()
    assert caller.create("A kite", provider="qwen").status_code == 200
    assert {call.status for call in wavespeed.calls} == {200}


def test_a_key_rotated_while_an_image_is_made_loses_nothing(lone):
    """It was ordered with the old key and is fetched with the new one; paid once."""
    caller = Caller(lone)
    wavespeed = lone.emulators["wavespeed"]
    wavespeed.reset()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(caller.create, "A kite [[delay=3]]", provider="qwen")
        until(lambda: wavespeed.paid_calls == 1)
        wavespeed.provider.key = "second-wavespeed-key"
        secret(lone, WAVESPEED_API_KEY="second-wavespeed-key")
        assert answer.result().json()["total_generated"] == 1, answer.result().text[:300]
    assert 401 in [call.status for call in wavespeed.calls]
    assert wavespeed.paid_calls == 1


def test_an_error_names_a_wrong_key_without_showing_it(lone):
    """The caller reads what is the matter; neither the answer nor the log has a key."""
    wavespeed = lone.emulators["wavespeed"]
    right, wavespeed.provider.key = wavespeed.provider.key, "another-key"
    answer = Caller(lone).create("A kite", provider="qwen")
    wavespeed.provider.key = right
    said = {"detail": "Image generation failed: WaveSpeed AI refused our key.", "code": "provider_unavailable"}
    assert (answer.status_code, answer.json()) == (500, said)
    assert right not in answer.text + lone.log.read_text()


def test_only_who_has_a_key_is_chosen_and_listed(lone):
    """Auto leaves the others out; asking for one of them is an error; nothing is sent to them."""
    caller = Caller(lone)
    entries = caller.get("/providers").json()["providers"]
    assert [name for name, entry in entries.items() if entry["configured"]] == ["wavespeed"]
    body = caller.create("A kite", quality="premium").json()
    assert (body["request"]["provider"], body["request"]["model"]) == ("wavespeed", "ideogram-v3-turbo")
    answer = caller.create("A kite", provider="gemini")
    said = "Image generation failed: Google Gemini is not configured."
    assert (answer.status_code, answer.json()["detail"]) == (500, said)
    assert not any(lone.emulators[name].calls for name in ("stability", "huggingface", "gemini"))


def test_the_references_example_needs_no_text_model(lone):
    """Word for word by the style's words."""
    prompt = "Modern minimalist workspace with laptop"
    fields = {"template_id": "linkedin_post", "style_preset": "photographic", "quality": "standard"}
    body = Caller(lone).post("/create", prompt=prompt, **fields).json()
    assert body["request"]["enhanced_prompt"] == f"{prompt}, professional photography, high quality"
