"""Create when providers fail: falls back where nothing was charged, never pays twice, sets aside who keeps failing."""

import pytest

from tests.contract.caller import Caller
from tests.contract.witness import paid

SURELY_FREE = [
    ("draft", "wavespeed", "402", "huggingface", "FLUX.1-schnell"),
    ("standard", "stability", "500", "wavespeed", "qwen-image"),
    # Gemini's model is next, but costs more than the 8 credits that are reserved for ultra.
    ("premium", "stability", "retired", "wavespeed", "ideogram-v3-turbo"),
]


@pytest.mark.parametrize("case", SURELY_FREE, ids="-".join)
def test_auto_falls_back_on_what_surely_was_not_charged(stack_with_faults, case):
    """The next of the list makes the image, one call is paid, and the answer says why it was the next."""
    quality, first, fault, second, model = case
    answer = Caller(stack_with_faults).create(f"A kite [[fault={fault};provider={first}]]", quality=quality)
    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["request"]["provider"], body["request"]["model"]) == (second, model)
    assert body["request"]["reason"].endswith(f"; {first} failed before")
    assert paid(stack_with_faults) == {second: 1}


@pytest.mark.parametrize("fault", ["reset", "html502", "notimage"])
def test_what_may_have_been_charged_is_neither_repeated_nor_replaced(stack_with_faults, fault):
    """One paid call, no other provider, a 500 that tells."""
    answer = Caller(stack_with_faults).create(f"A kite [[fault={fault};provider=stability]]")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "unknown_charge")
    assert body["detail"].startswith("Image generation failed: ")
    assert paid(stack_with_faults) == {"stability": 1}
    assert {name for name, emulator in stack_with_faults.emulators.items() if emulator.calls} <= {"stability", "gemini"}


def test_refused_content_goes_nowhere_else(stack_with_faults):
    """Another provider isn't tried with what one has refused."""
    answer = Caller(stack_with_faults).create("A kite [[fault=moderated;provider=stability]]")
    assert (answer.status_code, answer.json()["code"]) == (400, "content_refused")
    assert not stack_with_faults.emulators["wavespeed"].calls


def test_a_short_rate_limit_is_waited_for(stack_with_faults):
    """429 with Retry-After: asked again, and paid once."""
    answer = Caller(stack_with_faults).create("A kite [[fault=429;after=1;times=1]]", provider="stability")
    assert answer.status_code == 200
    assert [call.status for call in stack_with_faults.emulators["stability"].calls] == [429, 200]
    assert paid(stack_with_faults) == {"stability": 1}


def test_all_that_can_failed(stack_with_faults):
    """Everybody was asked once who costs no more than what is reserved, nobody was paid; the last failure answers."""
    answer = Caller(stack_with_faults).create("A kite [[fault=402]]", quality="draft")
    assert (answer.status_code, answer.json()["code"]) == (500, "provider_unavailable")
    assert paid(stack_with_faults) == {}
    generated = {
        name: sum(call.kind == "generate" for call in emulator.calls)
        for name, emulator in stack_with_faults.emulators.items()
    }
    assert generated == {"stability": 0, "wavespeed": 1, "huggingface": 1, "gemini": 0, "bedrock": 0}


def test_ten_variations_are_in_flight_together(stack_with_faults):
    """As many as the provider's data allows."""
    answer = Caller(stack_with_faults).create("A kite [[delay=1]]", provider="qwen", num_variations=10)
    assert answer.json()["total_generated"] == 10
    assert stack_with_faults.emulators["wavespeed"].peak_in_flight == 10
    assert paid(stack_with_faults) == {"wavespeed": 10}


def test_a_provider_that_keeps_failing_is_set_aside_and_comes_back(stack_with_faults):
    """Others come first, /providers says so, and a success ends it."""
    table, db = stack_with_faults.resources["Table"]["Ref"], stack_with_faults.aws.client("dynamodb")
    key = {"pk": {"S": "STUDIO"}, "sk": {"S": "HEALTH#stability"}}
    caller = Caller(stack_with_faults)
    failures = 0
    while "Item" not in db.get_item(TableName=table, Key=key):  # five in a row, as each worker counts them
        failures += 1
        assert failures <= 20
        caller.create("A kite [[fault=402]]", provider="stability")
    stack_with_faults.reload()  # workers read the record again
    before = len(stack_with_faults.emulators["stability"].calls)
    body = caller.create("A kite").json()
    assert body["request"]["provider"] == "wavespeed"
    assert body["request"]["reason"] == "number 3 in the order for standard quality; stability failed just now"
    assert len(stack_with_faults.emulators["stability"].calls) == before
    assert caller.get("/providers").json()["providers"]["stability"]["healthy"] is False
    # Half a minute later, for the record and without waiting:
    earlier = {":then": {"N": "1"}}
    db.update_item(
        TableName=table, Key=key, UpdateExpression="SET open_until = :then", ExpressionAttributeValues=earlier
    )
    stack_with_faults.reload()
    assert caller.create("A kite").json()["request"]["provider"] == "stability"
    assert db.get_item(TableName=table, Key=key)["Item"]["open_until"] == {"N": "0"}
