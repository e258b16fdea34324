"""The lists of platforms, operations, providers and edit models have the shape that clients read."""

import json
from typing import Any

import pytest

from image_studio.errors import InvalidRequest, NotFound, UnknownChoice
from image_studio.operations.listings import (
    control_operations,
    cost_range,
    edit_models,
    edit_operations,
    edit_recommend,
    generators,
    list_providers,
    platform_formats,
    platform_specs,
    price_class_of,
)
from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.spec import ProviderSpec
from image_studio.runtime.request_parsing import parse_request
from image_studio.schemas.catalog import Recommendation, RecommendRequest

# -- platforms

REFERENCE_FORMAT = {
    "name": "Feed Post (Square)",
    "width": 1080,
    "height": 1080,
    "ratio": "1:1",
    "safe_zone": {"top": 0.15, "bottom": 0.15, "left": 0.1, "right": 0.1},
    "file_type": "PNG",
    "max_size_mb": 5.0,
}


def test_formats_begin_with_the_reference_example() -> None:
    """Instagram's first format has the reference's fields and values first; real limits follow in `limits`."""
    first = platform_formats("instagram").model_dump()["formats"][0]
    assert {name: first[name] for name in REFERENCE_FORMAT} == REFERENCE_FORMAT
    assert list(first) == [*REFERENCE_FORMAT, "label", "aliases", "limits"]
    assert isinstance(first["max_size_mb"], float)
    assert first["limits"] == {"file_types": ["JPG", "PNG"], "max_size_mb": 30.0, "min_width": 320}


def test_specs_are_the_reference_example() -> None:
    """Instagram's specifications have the reference's fields, in its order, and the real limits after them."""
    specs = platform_specs("instagram").model_dump()
    assert list(specs) == ["name", "formats", "file_types", "max_file_size", "limits"]
    assert specs["name"] == "Instagram"
    assert specs["formats"][0] == {"name": "Feed Post (Square)", "ratio": "1:1", "size": "1080x1080"}
    assert specs["file_types"] == ["JPG", "PNG"]
    assert specs["max_file_size"] == "30MB"


@pytest.mark.parametrize(
    ("platform", "name", "max_file_size"),
    [
        ("facebook", "Facebook", "30MB"),
        ("twitter", "Twitter/X", "5MB"),
        ("linkedin", "LinkedIn", "8MB"),
        ("youtube", "YouTube", "2MB"),
        ("pinterest", "Pinterest", "20MB"),
        ("tiktok", "TikTok", "20MB"),
    ],
)
def test_specs_of_the_other_platforms(platform: str, name: str, max_file_size: str) -> None:
    """Each platform has its display name and its largest file."""
    specs = platform_specs(platform)
    assert (specs.name, specs.max_file_size) == (name, max_file_size)


def test_limits_and_file_types_of_formats() -> None:
    """A format has its own limits, and the reference's word for its file type."""
    thumbnail = platform_formats("youtube").formats[0]
    assert (thumbnail.max_size_mb, thumbnail.limits.min_width) == (2.0, 640)
    assert {each.name: each.file_type for each in platform_formats("tiktok").formats} == {
        "Video Cover": "PNG",
        "Photo Post": "JPG",
        "Photo Post (Square)": "JPG",
        "Photo Post (Landscape)": "JPG",
    }
    assert platform_formats("linkedin").formats[0].limits.max_pixels == 36_152_319
    assert "GIF" in platform_formats("twitter").formats[0].limits.file_types


@pytest.mark.parametrize("platform", ["blog", "email", "website"])
def test_platforms_without_formats(platform: str) -> None:
    """They are known and have no formats. The sentence names the platforms that have specifications."""
    assert platform_formats(platform).formats == []
    with pytest.raises(NotFound, match=r"no fixed formats\. Valid: instagram, .*tiktok\.$"):
        platform_specs(platform)


@pytest.mark.parametrize("read", [platform_formats, platform_specs])
def test_an_unknown_platform_is_404(read: object) -> None:
    """Both reads list the platforms that exist, and names count in any case."""
    assert callable(read)
    with pytest.raises(NotFound, match=r"^Unknown platform 'myspace'\. Valid: instagram, ") as caught:
        read("myspace")
    assert caught.value.status == 404
    assert read("Instagram") == read("instagram")


# -- operations

EDIT_FIELDS = [
    "prompt",
    "mask",
    "negative_prompt",
    "search_prompt",
    "select_prompt",
    "background",
    "lighting",
    "expansion",
]
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


def check_operations(listed: dict[str, Any], fields: list[str], expected: dict[str, tuple[str, set[str]]]) -> None:
    """Names, labels, keys and fields, in their order."""
    assert list(listed) == ["operations"]
    assert list(listed["operations"]) == list(expected)
    for name, (label, true) in expected.items():
        row = listed["operations"][name]
        assert list(row) == ["label", "description", "provider", "fields"]
        assert row["label"] == label
        assert list(row["fields"]) == fields
        assert {field for field, value in row["fields"].items() if value is True} == true
        assert {field for field, value in row["fields"].items() if value is False} == set(fields) - true


def test_edit_operations() -> None:
    """Eight operations with the reference's eight fields each."""
    check_operations(edit_operations().model_dump(), EDIT_FIELDS, EDITS)


def test_control_operations() -> None:
    """Four operations with the six fields without which a client hides its inputs."""
    check_operations(control_operations().model_dump(), CONTROL_FIELDS, CONTROLS)


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("remove_background", "Isolate the main subject"),
        ("inpaint", "Edit specific regions using prompts and optional masks"),
    ],
)
def test_the_references_rows(name: str, description: str) -> None:
    """The two rows of the reference's example come out as they are there."""
    row = edit_operations().operations[name]
    assert (row.description, row.provider) == (description, "stability")


def test_the_default_provider_is_the_first_candidate() -> None:
    """Each operation names the provider that `auto` tries first."""
    providers = {name: each.provider for name, each in edit_operations().operations.items()}
    providers |= {name: each.provider for name, each in control_operations().operations.items()}
    assert {name: provider for name, provider in providers.items() if provider != "stability"} == {
        "general_edit": "gemini"
    }


# -- providers

EVERYONE = frozenset(PROVIDERS)
REFERENCE_PROVIDERS = {
    "stability": {
        "name": "Stability AI",
        "models": ["ultra", "core", "sd3.5-large"],
        "capabilities": ["generation", "editing", "upscaling"],
        "max_resolution": "2048x2048",
        "cost_range": "3-8 credits",
    },
    "wavespeed": {
        "name": "WaveSpeed AI",
        "models": ["ideogram-v3-turbo", "qwen-image"],
        "capabilities": ["generation"],
        "max_resolution": "1024x1024",
        "cost_range": "1-6 credits",
    },
}


def shown(configured: frozenset[str] = EVERYONE, failing: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The list's entries."""
    listed: dict[str, Any] = list_providers(configured, lambda name: name in failing).model_dump()["providers"]
    return listed


@pytest.mark.parametrize("name", REFERENCE_PROVIDERS)
def test_the_references_providers_come_first_with_its_values(name: str) -> None:
    """Its fields in its order, its models and capabilities at the head of ours."""
    ours, theirs = shown()[name], REFERENCE_PROVIDERS[name]
    assert list(ours)[: len(theirs)] == list(theirs)
    for field, value in theirs.items():
        assert ours[field][: len(value)] == value
        assert len(ours[field]) == len(value) or isinstance(value, list)


def test_all_four_are_listed_with_the_same_fields() -> None:
    """Then whether they have a key, and whether they failed just now."""
    assert list(shown()) == ["stability", "wavespeed", "huggingface", "gemini"]
    for entry in shown().values():
        assert list(entry) == [*REFERENCE_PROVIDERS["stability"], "configured", "healthy", "operations"]


def test_the_models_of_each_operation_are_those_that_can_be_asked_for() -> None:
    """A model that is listed for an operation can be chosen by name for it."""
    for name, entry in shown().items():
        for operation, models in entry["operations"].items():
            for model in models:
                found = select_candidates(
                    ModelQuery(operation=operation, quality="standard", provider=name, model=model), EVERYONE
                )
                assert found[0].model.name == model
    assert shown()["stability"]["operations"]["upscale.fast"] == ["fast"]
    assert "edit.general_edit" not in shown()["stability"]["operations"]
    assert not any(operation.startswith("upscale") for operation in shown()["huggingface"]["operations"])


def test_keys_and_health() -> None:
    """Of each provider by itself."""
    entries = shown(configured=frozenset({"gemini", "stability"}), failing=frozenset({"gemini"}))
    assert [entry["configured"] for entry in entries.values()] == [True, False, False, True]
    assert [entry["healthy"] for entry in entries.values()] == [True, True, True, False]


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_listed_model_can_be_sent_back(name: str) -> None:
    """With its provider, by create; none of them is retired."""
    for model in shown()[name]["models"]:
        (choice,) = select_candidates(
            ModelQuery(operation="create", quality="standard", provider=name, model=model), EVERYONE
        )
        assert (choice.provider.name, choice.model.name) == (name, model)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_model_costs_more_or_less_than_listed(spec: ProviderSpec) -> None:
    """Every price of every size lies within the range."""
    low, high = (int(number) for number in cost_range(spec).removesuffix(" credits").split("-"))
    for model in generators(spec):
        sizes = model.sizes if isinstance(model.sizes, tuple) else ()
        assert all(low <= model.price(size) <= high for size in (None, *sizes))


# -- edit models

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
    """The fields are there, of the right type."""
    listed = edit_models()
    assert listed.total == len(listed.models) > 10
    for model in listed.model_dump(mode="json")["models"]:
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
    assert {(model.provider, model.id) for model in edit_models().models} == expected


def test_filters() -> None:
    """By operation, by tier, by both; each filter leaves only what fits."""
    inpainters = edit_models(operation="inpaint").models
    assert "inpaint" in {model.id for model in inpainters}
    assert all("inpaint" in model.capabilities for model in inpainters)
    cheap = edit_models(operation="general_edit", tier="budget").models
    assert cheap
    assert {model.tier for model in cheap} == {"budget"}


def test_tiers_follow_from_the_price() -> None:
    """Cheap, middling and dear models are told apart."""
    tiers = {model.id: model.tier for model in edit_models().models}
    assert tiers["qwen-edit"] == "budget"
    assert tiers["flux-kontext-pro"] == "mid"
    assert tiers["nano-banana-pro-edit-ultra"] == "premium"
    assert {price_class_of(model) for spec in SPECS for model in spec.live_models()} == {"budget", "mid", "premium"}


def test_filters_that_name_nothing_are_refused() -> None:
    """An unknown operation or tier names the known ones."""
    with pytest.raises(UnknownChoice, match="Valid: budget, mid, premium"):
        edit_models(tier="cheap")
    with pytest.raises(UnknownChoice, match="Valid: remove_background, inpaint"):
        edit_models(operation="enlarge")


def recommend(body: dict[str, Any], configured: frozenset[str] | None = None) -> Recommendation:
    """The recommendation for a body."""
    return edit_recommend(parse_request(RecommendRequest, json.dumps(body))[0], configured)


@pytest.mark.parametrize(
    ("body", "model", "reason"),
    [
        ({}, "gemini-3.1-flash-image", "first choice for standard quality"),
        ({"preferences": {"prioritize_quality": True}}, "gemini-3-pro-image", "first choice for premium quality"),
        ({"user_tier": "free"}, "qwen-edit", "first choice for drafts"),
        ({"preferences": {"prioritize_cost": True}}, "qwen-edit", "lowest cost"),
        ({"preferences": {}, "image_resolution": None}, "gemini-3.1-flash-image", "first choice for standard quality"),
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
    found = recommend({"operation": "general_edit", **body})
    assert found.recommended_model == model
    assert reason in found.reason
    assert 1 <= len(found.alternatives) <= 3


def test_only_configured_providers_are_recommended() -> None:
    """Where it is known who has a key."""
    found = recommend({"operation": "inpaint"}, frozenset({"huggingface"}))
    assert found.provider == "huggingface"
    assert {other.provider for other in found.alternatives} <= {"huggingface"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Operation is required."),
        ({"operation": ""}, "Operation must not be empty."),
        ({"operation": 3}, "operation should be a valid string."),
        ({"operation": "enlarge"}, "Unknown operation 'enlarge'."),
        ({"operation": "inpaint", "image_resolution": {"width": 3}}, "image_resolution.height is required."),
        ({"operation": "inpaint", "image_resolution": "big"}, "image_resolution should be an object."),
        ({"operation": "inpaint", "image_resolution": {"width": 0, "height": 9}}, "image_resolution.width should be"),
        ({"operation": "inpaint", "preferences": [1]}, "preferences should be an object."),
    ],
)
def test_a_wrong_request_is_explained(body: dict[str, Any], said: str) -> None:
    """In a sentence."""
    with pytest.raises(InvalidRequest, match=said):
        recommend(body)


def test_no_configured_provider() -> None:
    """Then there is nothing to recommend."""
    with pytest.raises(InvalidRequest, match="No configured provider can do inpaint"):
        recommend({"operation": "inpaint"}, frozenset())
