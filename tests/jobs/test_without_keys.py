"""Amazon Bedrock alone: with a region and no key at all, every operation makes images."""

from collections.abc import Iterator
from typing import Any

import pytest

from image_studio.providers import SPECS
from image_studio.runtime import configured_providers
from image_studio.runtime.credentials import credential_store
from tests.operations.fakes import block_mask, photo, to_text
from tests.security.inside import Inside, inside_aws, use_emulators

IMAGE, MASK = to_text(photo(160, 120)), to_text(block_mask(160, 120))
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "core": ("/create", {"prompt": "a boat"}),
    "inpaint": ("/edit/process", {"operation": "inpaint", "prompt": "x", "image_base64": IMAGE, "mask_base64": MASK}),
    "fast": ("/upscale", {"mode": "fast", "image_base64": IMAGE, "target_width": 320, "target_height": 240}),
    "sketch": ("/control/process", {"operation": "sketch", "prompt": "a boat", "control_image_base64": IMAGE}),
}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Inside, Any]]:
    """The API of a stack that has only `BedrockRegion` set, after the first sweep; and Bedrock's emulator."""
    with inside_aws(monkeypatch):
        emulators = use_emulators(monkeypatch)
        for spec in SPECS:
            if spec.key_variable:
                monkeypatch.delenv(spec.key_variable)
        configured_providers.record(credential_store().configured())
        yield Inside(), emulators["bedrock"]


@pytest.mark.parametrize("model", REQUESTS)
def test_bedrock_alone_makes_images(alone: tuple[Inside, Any], model: str) -> None:
    """`auto` chooses it, the image comes, and what the caller is charged is what it cost."""
    inside, bedrock = alone
    path, body = REQUESTS[model]
    answer = inside.ask("POST", path, body=body)
    assert answer.status == 200, answer.body[:300]
    made = answer.json["results"][0] if path == "/create" else answer.json
    assert made["provider"] == "bedrock"
    assert made["image_base64"]
    assert bedrock.paid_calls == 1
    job = inside.ask("GET", f"/jobs/{answer.headers['x-job-id']}").json
    assert job["credits"]["charged"] == round(bedrock.charged * 100)


def test_what_bedrock_lacks_is_not_configured(alone: tuple[Inside, Any]) -> None:
    """Edits by instruction and relighting need another provider, and nothing is charged for asking."""
    inside, bedrock = alone
    body = {"operation": "general_edit", "prompt": "x", "image_base64": IMAGE}
    answer = inside.ask("POST", "/edit/process", body=body)
    assert (answer.status, answer.json["code"]) == (500, "provider_unavailable")
    assert "No provider that can do edit.general_edit is configured." in answer.json["detail"]
    assert bedrock.calls == []
