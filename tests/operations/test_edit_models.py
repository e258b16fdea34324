"""The list of edit models and the recommendation, as the original's client reads them."""

import json
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, UnknownChoice
from image_studio.operations.listings import edit_models, edit_recommend, tier_of
from image_studio.providers import SPECS

#: What the client's list of models reads, and of which type.
READ = {
    "id": str,
    "name": str,
    "description": str,
    "cost": float,
    "tier": str,
    "max_resolution": list,
    "capabilities": list,
    "use_cases": list,
    "features": list,
    "supports_multi_image": bool,
    "supports_controlnet": bool,
    "languages": list,
}


def test_every_model_has_what_the_client_reads() -> None:
    """The fields are there, of the right type, and the whole is JSON."""
    listed = edit_models()
    assert listed["total"] == len(listed["models"]) > 10
    json.dumps(listed)
    for model in listed["models"]:
        assert {name: type(model[name]) for name in READ} == READ
        assert len(model["max_resolution"]) == 2
        assert model["capabilities"]


def test_it_lists_every_live_model_that_edits() -> None:
    """Nothing is left out, nothing retired or of another kind is in."""
    expected = {
        (spec.name, model.name)
        for spec in SPECS
        for model in spec.live_models()
        if any(name.startswith("edit.") for name in model.operations | model.emulates)
    }
    assert {(model["provider"], model["id"]) for model in edit_models()["models"]} == expected


def test_filters() -> None:
    """By operation, by tier, by both; each filter leaves only what fits."""
    inpainters = edit_models(operation="inpaint")["models"]
    assert "inpaint" in {model["id"] for model in inpainters}
    assert all("inpaint" in model["capabilities"] for model in inpainters)
    cheap = edit_models(operation="general_edit", tier="budget")["models"]
    assert cheap
    assert {model["tier"] for model in cheap} == {"budget"}


def test_tiers_follow_from_the_price() -> None:
    """Cheap, middling and dear models are told apart."""
    tiers = {model["id"]: model["tier"] for model in edit_models()["models"]}
    assert tiers["qwen-edit"] == "budget"
    assert tiers["flux-kontext-pro"] == "mid"
    assert tiers["nano-banana-pro-edit-ultra"] == "premium"
    assert {tier_of(model) for spec in SPECS for model in spec.live_models()} == {"budget", "mid", "premium"}


def test_filters_that_name_nothing_are_refused() -> None:
    """An unknown operation or tier names the known ones."""
    with pytest.raises(UnknownChoice, match="Valid: budget, mid, premium"):
        edit_models(tier="cheap")
    with pytest.raises(UnknownChoice, match="Valid: remove_background, inpaint"):
        edit_models(operation="enlarge")


@pytest.mark.parametrize(
    ("body", "model", "reason"),
    [
        ({}, "gemini-3.1-flash-image", "first choice for standard quality"),
        ({"preferences": {"prioritize_quality": True}}, "gemini-3-pro-image", "first choice for premium quality"),
        ({"user_tier": "free"}, "qwen-edit", "first choice for drafts"),
        ({"preferences": {"prioritize_cost": True}}, "qwen-edit", "lowest cost"),
        ({"image_resolution": {"width": 1024, "height": 768}}, "gemini-3.1-flash-image", "takes 1024x768 as it is"),
        (
            {"image_resolution": {"width": 4000, "height": 2000}, "user_tier": "free"},
            "gemini-3.1-flash-image",
            "takes 4000x2000 as it is",
        ),
        ({"image_resolution": {"width": 9000, "height": 9000}}, "gemini-3.1-flash-image", "first choice"),
    ],
)
def test_recommendation(body: dict[str, Any], model: str, reason: str) -> None:
    """By quality, tier, price and size."""
    answer = edit_recommend({"operation": "general_edit", **body})
    assert answer["recommended_model"] == model
    assert reason in answer["reason"]
    assert 1 <= len(answer["alternatives"]) <= 3
    assert {"model_id", "name", "cost", "reason"} <= answer["alternatives"][0].keys()


def test_only_configured_providers_are_recommended() -> None:
    """Where it is known who has a key."""
    answer = edit_recommend({"operation": "inpaint"}, frozenset({"huggingface"}))
    assert answer["provider"] == "huggingface"
    assert {other["provider"] for other in answer["alternatives"]} <= {"huggingface"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Operation is required."),
        ({"operation": 3}, "Operation is required."),
        ({"operation": "enlarge"}, "Unknown operation 'enlarge'."),
        ({"operation": "inpaint", "image_resolution": {"width": 3}}, "image_resolution must be"),
        ({"operation": "inpaint", "image_resolution": "big"}, "image_resolution must be"),
        ({"operation": "inpaint", "preferences": [1]}, "preferences must be an object."),
    ],
)
def test_wrong_questions_are_explained(body: dict[str, Any], said: str) -> None:
    """In a sentence."""
    with pytest.raises(InvalidRequest, match=said):
        edit_recommend(body)


def test_nobody_configured() -> None:
    """Then there is nothing to recommend."""
    with pytest.raises(InvalidRequest, match="No configured provider can do inpaint"):
        edit_recommend({"operation": "inpaint"}, frozenset())
