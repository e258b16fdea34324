"""Create when providers fail, keys change and personas speak: end to end, with the emulators as witnesses."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.stack import Options, Stack
from tests.contract.caller import Caller
from tests.contract.replay import SECONDS

pytestmark = pytest.mark.xdist_group("faults")  # one process: what it starts is started once


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose providers may fail: what its workers learn from that stays here."""
    with Stack(Options(state=tmp_path_factory.mktemp("faults"))) as stack:
        yield stack


@pytest.fixture
def studio(own_stack: Stack) -> Iterator[Stack]:
    """The stack with nothing recorded, and every provider well afterwards."""
    for emulator in own_stack.emulators.values():
        emulator.reset()
    yield own_stack
    caller = Caller(own_stack)
    for name, emulator in own_stack.emulators.items():
        if any(call.status >= 400 or call.fault for call in emulator.calls):
            emulator.reset()
            assert caller.create("All is well", provider=name).status_code == 200


def paid(stack: Stack) -> dict[str, int]:
    """Paid calls by provider, those without any left out."""
    return {name: emulator.paid_calls for name, emulator in stack.emulators.items() if emulator.paid_calls}


# -- choosing and falling back


SURELY_FREE = [
    ("draft", "wavespeed", "402", "huggingface", "FLUX.1-schnell"),
    ("draft", "wavespeed", "401", "huggingface", "FLUX.1-schnell"),
    ("standard", "stability", "500", "wavespeed", "qwen-image"),
    ("standard", "stability", "401", "wavespeed", "qwen-image"),
    ("premium", "stability", "402", "gemini", "gemini-3-pro-image"),
    ("premium", "stability", "retired", "gemini", "gemini-3-pro-image"),
]


@pytest.mark.parametrize("case", SURELY_FREE, ids="-".join)
def test_auto_falls_back_on_what_surely_was_not_charged(studio, case):
    """The next of the list makes the picture, one call is paid, and the answer says why it was the next."""
    quality, first, fault, second, model = case
    answer = Caller(studio).create(f"A kite [[fault={fault};provider={first}]]", quality=quality)
    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["request"]["provider"], body["request"]["model"]) == (second, model)
    assert body["request"]["reason"].endswith(f"; {first} failed before")
    assert paid(studio) == {second: 1}


@pytest.mark.parametrize("fault", ["reset", "html502", "504", "notimage", "empty", "mime"])
def test_what_may_have_been_charged_is_neither_repeated_nor_replaced(studio, fault):
    """One paid call, no other provider, a 500 that tells."""
    answer = Caller(studio).create(f"A kite [[fault={fault};provider=stability]]")
    body = answer.json()
    assert (answer.status_code, body["code"] in {"unknown_charge", "provider_failed"}) == (500, True)
    assert body["detail"].startswith("Image generation failed: ")
    assert paid(studio) == {"stability": 1}
    assert {name for name, emulator in studio.emulators.items() if emulator.calls} <= {"stability", "gemini"}


def test_a_named_provider_is_the_only_one(studio):
    """Whoever asks for stability gets stability, or its failure."""
    answer = Caller(studio).create("A kite [[fault=402]]", provider="stability")
    assert (answer.status_code, answer.json()["code"]) == (500, "provider_unavailable")
    assert paid(studio) == {}


def test_refused_content_goes_nowhere_else(studio):
    """Another provider isn't tried with what one has refused."""
    answer = Caller(studio).create("A kite [[fault=moderated;provider=stability]]")
    assert (answer.status_code, answer.json()["code"]) == (400, "content_refused")
    assert not studio.emulators["wavespeed"].calls


def test_a_short_rate_limit_is_waited_for(studio):
    """429 with Retry-After: asked again, and paid once."""
    answer = Caller(studio).create("A kite [[fault=429;after=1;times=1]]", provider="stability")
    assert answer.status_code == 200
    assert [call.status for call in studio.emulators["stability"].calls] == [429, 200]
    assert paid(studio) == {"stability": 1}


def test_all_that_can_failed(studio):
    """Everybody was asked once, nobody was paid; the last failure is told."""
    answer = Caller(studio).create("A kite [[fault=402]]", quality="draft")
    assert (answer.status_code, answer.json()["code"]) == (500, "provider_unavailable")
    assert paid(studio) == {}
    generated = {
        name: sum(call.kind == "generate" for call in emulator.calls) for name, emulator in studio.emulators.items()
    }
    assert generated == {"stability": 1, "wavespeed": 1, "huggingface": 1, "gemini": 1}


def test_ten_variations_are_in_flight_together(studio):
    """As many as the provider's data allows."""
    answer = Caller(studio).create("A kite [[delay=2]]", provider="qwen", num_variations=10)
    assert answer.json()["total_generated"] == 10
    assert studio.emulators["wavespeed"].peak_in_flight == 10
    assert paid(studio) == {"wavespeed": 10}


# -- health


def test_a_provider_that_keeps_failing_is_set_aside_and_comes_back(studio):
    """After five failures in a row others come first, /providers says so, and a success ends it."""
    caller = Caller(studio)
    stability = studio.emulators["stability"]
    for _ in range(5):
        caller.create("A kite [[fault=402]]", provider="stability")
    before = len(stability.calls)
    body = caller.create("A kite").json()
    assert body["request"]["provider"] == "wavespeed"
    assert body["request"]["reason"] == "number 2 in the order for standard quality; stability failed just now"
    assert len(stability.calls) == before
    assert caller.get("/providers").json()["providers"]["stability"]["healthy"] is False
    table, db = studio.resources["Table"]["Ref"], studio.aws.client("dynamodb")
    key = {"pk": {"S": "STUDIO"}, "sk": {"S": "HEALTH#stability"}}
    assert db.get_item(TableName=table, Key=key)["Item"]["state"] == {"S": "OPEN"}
    # Half a minute later, for the record and without waiting:
    earlier = {":then": {"N": "1"}}
    db.update_item(
        TableName=table, Key=key, UpdateExpression="SET opened_at = :then", ExpressionAttributeValues=earlier
    )
    studio.reload()  # workers look at the record anew
    assert Caller(studio).create("A kite").json()["request"]["provider"] == "stability"
    assert db.get_item(TableName=table, Key=key)["Item"]["state"] == {"S": "CLOSED"}


# -- keys


def secret(stack: Stack, **changes: str) -> None:
    """Change fields of the operator's secret."""
    client, name = stack.aws.client("secretsmanager"), stack.resources["ProviderKeys"]["Ref"]
    known = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    client.put_secret_value(SecretId=name, SecretString=json.dumps(known | changes))


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


def test_a_key_rotated_while_a_picture_is_made_loses_nothing(studio):
    """It was ordered with the old key and is fetched with the new one; paid once."""
    caller = Caller(studio)
    wavespeed = studio.emulators["wavespeed"]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(caller.create, "A kite [[delay=4]]", provider="qwen")
        until(lambda: wavespeed.paid_calls == 1)
        wavespeed.provider.key = "second-wavespeed-key"
        secret(studio, WAVESPEED_API_KEY="second-wavespeed-key")
        assert answer.result().json()["total_generated"] == 1, answer.result().text[:300]
    assert 401 in [call.status for call in wavespeed.calls]
    assert wavespeed.paid_calls == 1


def until(true: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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


# -- words


def test_a_text_model_is_asked_once_per_job(studio):
    """Gemini, for all variations together; it is no paid picture call."""
    answer = Caller(studio).create("A kite", provider="qwen", style_preset="anime", num_variations=3)
    assert answer.json()["request"]["enhanced_prompt"] == "A kite, anime style, clean outlines, vivid colours"
    assert (studio.emulators["gemini"].text_calls, studio.emulators["huggingface"].text_calls) == (1, 0)
    assert paid(studio) == {"wavespeed": 3}
    sent = {call.fields["prompt"] for call in studio.emulators["wavespeed"].calls if call.kind == "generate"}
    assert sent == {"A kite, anime style, clean outlines, vivid colours"}


@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "empty"])
def test_a_failing_text_model_fails_no_job(studio, fault):
    """The style's words are used, and the picture is made."""
    prompt = f"A kite [[fault={fault};stage=text]]"
    answer = Caller(studio).create(prompt, provider="qwen", style_preset="line-art")
    assert answer.status_code == 200
    assert answer.json()["request"]["enhanced_prompt"] == f"{prompt}, clean line art, high contrast, no shading"


def test_without_enhancement_the_callers_words_are_sent(studio):
    """Nobody is asked, and the echo says that nothing was changed."""
    answer = Caller(studio).create("A kite", provider="qwen", style_preset="anime", enhance_prompt=False)
    assert answer.json()["request"]["enhanced_prompt"] is None
    assert studio.emulators["gemini"].text_calls == 0
    assert studio.emulators["wavespeed"].calls[0].fields["prompt"] == "A kite"


def test_a_persona_speaks_through_the_picture(studio):
    """Its words are in the prompt and in the negative prompt that the provider gets; the answer names it."""
    caller = Caller(studio, "brand")
    caller.put("/personas/default", voice="calm", palette=["teal"], style_words=["airy"], avoid_words=["clutter"])
    caller.put("/personas/loud", style_words=["neon signs"])
    answer = caller.create("A kite", provider="stability", use_persona=True, negative_prompt="blur")
    assert answer.json()["request"]["persona_id"] == "default"
    caller.create("A kite", provider="stability", persona_id="loud")
    first, second = (call.fields for call in studio.emulators["stability"].calls)
    assert (first["prompt"], first["negative_prompt"]) == ("A kite, airy, colours: teal, mood: calm", "blur, clutter")
    assert (second["prompt"], "negative_prompt" in second) == ("A kite, neon signs", False)


def test_another_callers_persona_is_unknown(studio):
    """By its id, too."""
    Caller(studio, "brand").put("/personas/secret", voice="calm")
    answer = Caller(studio, "stranger").create("A kite", persona_id="secret")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# -- a studio with one key


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which only WaveSpeed has a key, and its worker has said so."""
    with Stack(Options(state=tmp_path_factory.mktemp("lone"))) as stack:
        secret(stack, STABILITY_API_KEY="", HF_TOKEN="", GEMINI_API_KEY="")
        stack.reload()  # processes that know nothing yet
        stack.tick()
        until(lambda: recorded(stack) == ["wavespeed"])
        yield stack


def recorded(stack: Stack) -> list[str]:
    """The names of the providers with a key, as the worker put them on record."""
    key = {"pk": {"S": "STUDIO"}, "sk": {"S": "PROVIDERS"}}
    found = stack.aws.client("dynamodb").get_item(TableName=stack.resources["Table"]["Ref"], Key=key)
    return [name["S"] for name in found.get("Item", {"names": {"L": []}})["names"]["L"]]


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
