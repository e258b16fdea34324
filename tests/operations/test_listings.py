"""The lists of platforms, operations, providers and edit models have the shape that clients read."""

import json
from datetime import date
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, NotFound, UnknownChoice
from image_studio.operations.listings import (
    control_operations,
    cost_range,
    edit_models,
    edit_operations,
    edit_recommend,
    list_providers,
    platform_formats,
    platform_specs,
    price_class_of,
)
from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.providers import PROVIDERS, SPECS
from image_studio.runtime.request_parsing import parse_request
from image_studio.schemas.catalog import Recommendation, RecommendRequest

EVERYONE = frozenset(PROVIDERS)

# -- platforms


def test_each_platform_has_its_name_and_its_largest_file() -> None:
    names = ("instagram", "facebook", "twitter", "linkedin", "youtube", "pinterest", "tiktok")
    assert [(platform_specs(name).name, platform_specs(name).max_file_size) for name in names] == [
        ("Instagram", "30MB"),
        ("Facebook", "30MB"),
        ("Twitter/X", "5MB"),
        ("LinkedIn", "8MB"),
        ("YouTube", "2MB"),
        ("Pinterest", "20MB"),
        ("TikTok", "20MB"),
    ]


def test_limits_and_file_types_of_formats() -> None:
    """A format has its own limits, and the reference's word for its file type."""
    square = platform_formats("instagram").formats[0].model_dump()
    assert square["limits"] == {"file_types": ["JPG", "PNG"], "max_size_mb": 30.0, "min_width": 320}
    thumbnail = platform_formats("youtube").formats[0]
    assert (thumbnail.max_size_mb, thumbnail.limits.min_width) == (2.0, 640)
    assert [each.file_type for each in platform_formats("tiktok").formats] == ["PNG", "JPG", "JPG", "JPG"]
    assert platform_formats("linkedin").formats[0].limits.max_pixels == 36_152_319
    assert "GIF" in platform_formats("twitter").formats[0].limits.file_types


def test_platforms_without_formats_and_unknown_ones() -> None:
    """A blog is known and has no formats. The sentences name the platforms that would do."""
    assert platform_formats("blog").formats == []
    with pytest.raises(NotFound, match=r"no fixed formats\. Valid: instagram, facebook, .*tiktok[a-z, ]*\.$"):
        platform_specs("blog")
    for read in (platform_formats, platform_specs):
        with pytest.raises(NotFound, match=r"^Unknown platform 'myspace'\. Valid: instagram, ") as caught:
            read("myspace")
        assert caught.value.status == 404
        assert read("Instagram") == read("instagram")


# -- operations

TEXTS = ["prompt", "mask", "negative_prompt", "search_prompt", "select_prompt"]
EDIT_FIELDS = [*TEXTS, "background", "lighting", "expansion"]
CONTROL_FIELDS = ["control_image", "style_image", "control_strength", "fidelity", "style_strength", "aspect_ratio"]
#: Per operation: its label, and the fields that are true.
EDITS: dict[str, tuple[str, set[str]]] = {
    "remove_background": ("Remove Background", set()),
    "inpaint": ("Inpaint & Fix", {"prompt", "mask", "negative_prompt"}),
    "outpaint": ("Outpaint", {"negative_prompt", "expansion"}),
    "search_replace": ("Search & Replace", {"prompt", "mask", "search_prompt"}),
    "search_recolor": ("Search & Recolor", {"prompt", "mask", "select_prompt"}),
    "general_edit": ("Prompt-based Edit", {"prompt", "mask", "negative_prompt"}),
    "erase": ("Erase Object", {"mask"}),
    "relight": ("Replace Background & Relight", {"background", "lighting"}),
}
CONTROLS: dict[str, tuple[str, set[str]]] = {
    "sketch": ("Sketch to Image", {"control_image", "control_strength"}),
    "structure": ("Structure Control", {"control_image", "control_strength"}),
    "style": ("Style Control", {"control_image", "fidelity", "aspect_ratio"}),
    "style_transfer": ("Style Transfer", {"control_image", "style_image", "style_strength"}),
}


@pytest.mark.parametrize(
    ("listed", "fields", "expected"),
    [(edit_operations(), EDIT_FIELDS, EDITS), (control_operations(), CONTROL_FIELDS, CONTROLS)],
    ids=["edit", "control"],
)
def test_operations(listed: Any, fields: list[str], expected: dict[str, tuple[str, set[str]]]) -> None:
    """Names, labels, keys and fields, in their order; the provider is the one that `auto` tries first."""
    operations = listed.model_dump()["operations"]
    assert list(operations) == list(expected)
    for name, (label, true) in expected.items():
        operation = operations[name]
        assert list(operation) == ["label", "description", "provider", "fields"]
        assert operation["label"] == label
        assert list(operation["fields"].items()) == [(field, field in true) for field in fields]
        assert operation["provider"] == ("gemini" if name == "general_edit" else "stability")


# -- providers


def shown(configured: frozenset[str] = EVERYONE, failing: frozenset[str] = frozenset()) -> dict[str, Any]:
    listed: dict[str, Any] = list_providers(configured, lambda name: name in failing).model_dump()["providers"]
    return listed


def test_every_listed_model_can_be_requested() -> None:
    """With its provider, for each operation that lists it; none of them is retired."""
    for name, entry in shown().items():
        for operation, models in {"create": entry["models"], **entry["operations"]}.items():
            for model in models:
                query = ModelQuery(operation=operation, quality="standard", provider=name, model=model)
                (found,) = select_candidates(query, EVERYONE)
                assert (found.provider.name, found.model.name) == (name, model)
    assert shown()["stability"]["operations"]["upscale.fast"] == ["fast"]
    assert "edit.general_edit" not in shown()["stability"]["operations"]
    assert not any(operation.startswith("upscale") for operation in shown()["huggingface"]["operations"])


def test_keys_and_health() -> None:
    entries = shown(configured=frozenset({"gemini", "stability"}), failing=frozenset({"gemini"}))
    assert [entry["configured"] for entry in entries.values()] == [True, False, False, True, False]
    assert [entry["healthy"] for entry in entries.values()] == [True, True, True, False, True]


def test_announced_dates_are_listed() -> None:
    """By model, also of retired ones; a provider without any has none."""
    entries = shown()
    assert entries["stability"]["lifecycle"] == {}
    assert entries["gemini"]["lifecycle"]["gemini-3.1-flash-image"] == {
        "deprecated": date(2026, 10, 6),
        "retires": None,
        "available": False,
        "source": "ai.google.dev/gemini-api/docs/changelog",
    }


def test_cost_ranges_are_those_of_the_models() -> None:
    """The least and the most that an image costs, in any size."""
    assert [cost_range(spec).split()[0] for spec in SPECS] == ["3-8", "1-6", "1-3", "4-24", "4-14"]


# -- edit models

#: What the client's list of models reads, and of which type.
READ = {
    **dict.fromkeys(["id", "name", "description", "tier"], str),
    **dict.fromkeys(["max_resolution", "capabilities", "use_cases", "features", "languages"], list),
    **dict.fromkeys(["supports_multi_image", "supports_controlnet"], bool),
    "cost": float,
}


def test_every_live_model_that_edits_is_listed_with_what_the_client_reads() -> None:
    """Nothing is left out, nothing retired or of another kind is in; the fields are of the right type."""
    listed = edit_models()
    for model in listed.model_dump(mode="json")["models"]:
        assert {name: type(model[name]) for name in READ} == READ
        assert len(model["max_resolution"]) == 2
        assert model["capabilities"]
    expected = {
        (spec.name, model.name)
        for spec in SPECS
        for model in spec.live_models()
        if any(name.startswith("edit.") for name in model.operations | model.emulates)
    }
    assert {(model.provider, model.id) for model in listed.models} == expected
    assert listed.total == len(listed.models) == len(expected)
    several = {model.id for model in listed.models if model.supports_multi_image}
    assert several == {model.id for model in listed.models if "Multi-image" in "".join(model.features)}
    plus = next(model for model in listed.models if model.id == "qwen-edit-plus")
    assert plus.emulated == ["search_replace", "search_recolor", "relight"]
    assert plus.features == ["Multi-image (3 images)", "Mask", "Negative prompt", "Seed"]
    assert (plus.max_resolution, plus.supports_multi_image) == ((1536, 1536), True)


def test_filters() -> None:
    """By operation, by tier, by both; an unknown operation or tier names the known ones."""
    inpainters = edit_models(operation="inpaint").models
    assert "inpaint" in {model.id for model in inpainters}
    assert all("inpaint" in model.capabilities for model in inpainters)
    assert {model.tier for model in edit_models(operation="general_edit", tier="budget").models} == {"budget"}
    with pytest.raises(UnknownChoice, match="Valid: budget, mid, premium"):
        edit_models(tier="cheap")
    with pytest.raises(UnknownChoice, match="Valid: remove_background, inpaint"):
        edit_models(operation="enlarge")


def test_tiers_follow_from_the_price() -> None:
    """Up to 3 credits, up to 7, and above."""
    models = [model for spec in SPECS for model in spec.live_models()]
    for model in models:
        expected = "budget" if model.price() <= 3 else "mid" if model.price() <= 7 else "premium"
        assert price_class_of(model) == expected
    assert {3, 4, 7, 8} <= {model.price() for model in models}


# -- recommendations


def recommend(body: dict[str, Any], configured: frozenset[str] | None = None) -> Recommendation:
    return edit_recommend(parse_request(RecommendRequest, json.dumps(body))[0], configured)


FLASH = "gemini-nano-banana-2.1"


@pytest.mark.parametrize(
    ("body", "model", "reason"),
    [
        ({}, FLASH, "first choice for standard quality"),
        ({"preferences": {"prioritize_quality": True}}, "gemini-3-pro-image", "first choice for premium quality"),
        ({"user_tier": "free"}, "qwen-edit", "first choice for drafts"),
        ({"preferences": {"prioritize_cost": True}}, "qwen-edit", "lowest cost"),
        ({"preferences": {}, "image_resolution": None}, FLASH, "first choice for standard quality"),
        ({"image_resolution": {"width": 1024, "height": 768}}, FLASH, "takes 1024x768 as it is"),
        ({"image_resolution": {"width": 4000, "height": 2000}, "user_tier": "free"}, FLASH, "takes 4000x2000 as it is"),
        ({"image_resolution": {"width": 9000, "height": 9000}}, FLASH, "first choice"),
    ],
)
def test_recommendation(body: dict[str, Any], model: str, reason: str) -> None:
    found = recommend({"operation": "general_edit", **body})
    assert found.recommended_model == model
    assert reason in found.reason
    assert len(found.alternatives) <= 3


def test_alternatives_say_what_they_cost() -> None:
    """Compared with the recommended model. Who wants the lowest cost gets it, also where a draft has another order."""
    first, *others = recommend({"operation": "general_edit", "user_tier": "free"}).alternatives
    assert first.model_dump() == {
        "model_id": "Qwen-Image-Edit",
        "name": "Hugging Face Qwen-Image-Edit",
        "provider": "huggingface",
        "cost": 0.03,
        "credits": 3,
        "reason": "Budget tier, higher cost",
    }
    assert [other.reason for other in others] == ["Budget tier, the same cost", "Budget tier, lower cost"]
    relight = {"operation": "relight", "preferences": {"prioritize_cost": True}}
    assert recommend(relight).alternatives[-1].reason == "Mid tier, higher cost"
    assert recommend(relight).recommended_model == "qwen-edit-plus"


@pytest.mark.parametrize("name", ["inpaint", "edit.inpaint", "EDIT.Inpaint", " Inpaint"])
def test_an_edit_is_named_with_or_without_its_group(name: str) -> None:
    assert recommend({"operation": name}) == recommend({"operation": "inpaint"})
    assert edit_models(operation=name, tier="Budget") == edit_models(operation="inpaint", tier="budget")


def test_only_configured_providers_are_recommended() -> None:
    """Where it is known who has a key; with none there is nothing to recommend."""
    found = recommend({"operation": "inpaint"}, frozenset({"huggingface"}))
    assert found.provider == "huggingface"
    assert {other.provider for other in found.alternatives} <= {"huggingface"}
    with pytest.raises(InvalidRequest, match="No configured provider can do inpaint"):
        recommend({"operation": "inpaint"}, frozenset())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Operation is required."),
        ({"operation": "enlarge"}, "Unknown operation 'enlarge'."),
        ({"operation": "inpaint", "image_resolution": {"width": 3}}, "image_resolution.height is required."),
        ({"operation": "inpaint", "image_resolution": {"width": 0, "height": 9}}, "image_resolution.width should be"),
    ],
)
def test_a_wrong_request_is_explained(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        recommend(body)
