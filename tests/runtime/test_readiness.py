"""The sweep asks whether the account can use Bedrock's models, and `auto` then avoids those that it can't."""

import pytest

from functions.worker.app import handler
from image_studio.providers import SPECS
from image_studio.runtime import configured_providers, readiness
from local import emulators
from tests.security.inside import Inside, inside_aws, use_emulators

TICK = {"detail-type": "Scheduled Event"}
MODELS = len(readiness.PROVIDERS["bedrock"].SPEC.models)
PATH = "/foundation-model-availability"


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readiness, "_last", None)
    with inside_aws(monkeypatch):
        yield use_emulators(monkeypatch)["bedrock"]


def sweep(monkeypatch: pytest.MonkeyPatch, after: float = 0.0) -> frozenset[str]:
    """Sweep so many seconds later, and return what is then recorded."""
    later = readiness.time.monotonic() + after
    with monkeypatch.context() as moved:
        moved.setattr(readiness.time, "monotonic", lambda: later)
        handler(TICK, None)
        configured_providers._known = None
        return configured_providers.not_ready()


def test_models_are_asked_for_every_ten_minutes(
    bedrock: emulators.Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """All of them, for nothing; what a model was is kept while its check fails. The operator's log names it once."""
    bedrock.script("[[fault=noagreement]]", times=MODELS, path=f"{PATH}/stability.stable-image-core")
    off = frozenset({"bedrock/core"})
    assert sweep(monkeypatch) == off
    assert sweep(monkeypatch, 590) == off
    assert len(bedrock.recorder.calls) == MODELS
    named = [record for record in caplog.records if record.message == "model not enabled in this account"]
    assert [(record.provider, record.model) for record in named] == [("bedrock", "core")]
    bedrock.reset()
    bedrock.script("[[fault=429]]", times=MODELS, path=PATH)
    assert sweep(monkeypatch, 610) == off
    assert sweep(monkeypatch, 1300) == frozenset()
    assert bedrock.paid_calls == 0


def test_auto_avoids_a_model_that_is_not_enabled(bedrock: emulators.Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker and the estimate choose the same other model, whose price is reserved and charged."""
    for spec in SPECS:
        if spec.key_variable:
            monkeypatch.delenv(spec.key_variable)
    bedrock.script("[[fault=noagreement]]", path=f"{PATH}/stability.stable-image-core")
    assert sweep(monkeypatch) == {"bedrock/core"}
    inside = Inside()
    answer = inside.ask("POST", "/create", body={"prompt": "a boat"})
    assert answer.json["request"]["model"] == "sd3.5-large"
    assert bedrock.paid_calls == 1
    credits = inside.ask("GET", f"/jobs/{answer.headers['x-job-id']}").json["credits"]
    assert (credits["reserved"], credits["charged"]) == (8, 8)


def test_nothing_is_asked_for_where_bedrock_is_off(
    bedrock: emulators.Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BEDROCK_REGION")
    assert sweep(monkeypatch) == frozenset()
    assert bedrock.recorder.calls == []
