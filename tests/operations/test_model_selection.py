"""Which provider and model a request gets, and the reason."""

from itertools import combinations

import pytest

from image_studio.errors import ProviderUnavailable, UnknownChoice, UnsupportedChoice
from image_studio.operations.model_selection import ModelQuery, provider_names, resolve_names, select_candidates
from image_studio.providers import PROVIDERS, SPECS
from image_studio.schemas.limits import Quality

ALL = frozenset(PROVIDERS)

KLEIN, FLASH, PRO = "FLUX.2-klein-9B", "gemini-3.1-flash-image", "gemini-3-pro-image"
INPAINTER, CONTROLNET = "z-image-turbo-inpaint", "flux-controlnet-union-pro-2.0"
#: The models that are tried with everybody configured: the ordered lists first, then the cheapest that can.
ORDER = {
    ("create", "draft"): ["qwen-image", "FLUX.1-schnell", "gemini-3.1-flash-lite-image", "core"],
    ("create", "standard"): ["core", "qwen-image", FLASH, "FLUX.1-Krea-dev"],
    ("create", "premium"): ["ultra", PRO, "ideogram-v3-turbo", "FLUX.1-schnell"],
    ("edit.general_edit", "draft"): ["qwen-edit", "Qwen-Image-Edit", FLASH],
    ("edit.general_edit", "standard"): [FLASH, "flux-kontext-pro", "FLUX.1-Kontext-dev"],
    ("edit.general_edit", "premium"): [PRO, "seedream-v4.5-edit", KLEIN],
    ("edit.remove_background", "draft"): ["image-background-remover", "RMBG-2.0", "remove-background"],
    ("edit.remove_background", "standard"): ["remove-background", "image-background-remover", "RMBG-2.0"],
    ("edit.remove_background", "premium"): ["remove-background", "image-background-remover", "RMBG-2.0"],
    ("edit.inpaint", "draft"): [INPAINTER, KLEIN, "inpaint", FLASH],
    ("edit.inpaint", "standard"): ["inpaint", INPAINTER, KLEIN, FLASH],
    ("edit.inpaint", "premium"): ["inpaint", INPAINTER, KLEIN, FLASH],
    ("edit.erase", "draft"): ["image-eraser", KLEIN, "erase", FLASH],
    ("edit.erase", "standard"): ["erase", "image-eraser", KLEIN, FLASH],
    ("edit.erase", "premium"): ["erase", INPAINTER, KLEIN, FLASH],
    **{("edit.outpaint", quality): ["outpaint", INPAINTER, KLEIN, FLASH] for quality in Quality},
    ("edit.search_replace", "draft"): ["qwen-edit", KLEIN, "search-and-replace", FLASH],
    ("edit.search_replace", "standard"): ["search-and-replace", "qwen-edit", KLEIN, FLASH],
    ("edit.search_replace", "premium"): ["search-and-replace", "qwen-edit", KLEIN, FLASH],
    ("edit.search_recolor", "draft"): ["qwen-edit", KLEIN, "search-and-recolor", FLASH],
    ("edit.search_recolor", "standard"): ["search-and-recolor", "qwen-edit", KLEIN, FLASH],
    ("edit.search_recolor", "premium"): ["search-and-recolor", "qwen-edit", KLEIN, FLASH],
    ("edit.relight", "draft"): [FLASH, "qwen-edit-plus", KLEIN, "replace-background-and-relight"],
    ("edit.relight", "standard"): ["replace-background-and-relight", "qwen-edit-plus", KLEIN, FLASH],
    ("edit.relight", "premium"): ["replace-background-and-relight", "qwen-edit-plus", KLEIN, FLASH],
    **{("upscale.fast", quality): ["fast", "image-upscaler"] for quality in Quality},
    **{("upscale.conservative", quality): ["conservative", "ultimate-image-upscaler"] for quality in Quality},
    **{("upscale.creative", quality): ["creative", "ultimate-image-upscaler", PRO] for quality in Quality},
    ("control.sketch", "draft"): ["sketch", KLEIN, CONTROLNET, FLASH],
    ("control.sketch", "standard"): ["sketch", KLEIN, CONTROLNET, FLASH],
    ("control.sketch", "premium"): ["sketch", PRO, KLEIN, CONTROLNET],
    ("control.structure", "draft"): ["structure", KLEIN, CONTROLNET, FLASH],
    ("control.structure", "standard"): ["structure", KLEIN, CONTROLNET, FLASH],
    ("control.structure", "premium"): ["structure", PRO, KLEIN, CONTROLNET],
    ("control.style", "draft"): ["style", KLEIN, "ideogram-v3-turbo", FLASH],
    ("control.style", "standard"): ["style", KLEIN, "ideogram-v3-turbo", FLASH],
    ("control.style", "premium"): ["style", PRO, KLEIN, "ideogram-v3-turbo"],
    ("control.style_transfer", "draft"): ["style-transfer", "qwen-edit-plus", KLEIN, FLASH],
    ("control.style_transfer", "standard"): ["style-transfer", "qwen-edit-plus", KLEIN, FLASH],
    ("control.style_transfer", "premium"): ["style-transfer", PRO, "qwen-edit-plus", KLEIN],
}
CELLS = list(ORDER)


def chosen(operation="create", quality="standard", configured=ALL, failing=(), **wish):
    """The models that are tried, by name."""
    found = select_candidates(
        ModelQuery(operation=operation, quality=quality, **wish), configured, lambda name: name in failing
    )
    return [choice.model.name for choice in found]


@pytest.mark.parametrize(("operation", "quality"), CELLS)
def test_the_ordered_lists(operation, quality):
    """With everybody configured the models come in the documented order, one per provider."""
    assert chosen(operation, quality) == ORDER[operation, quality]


def test_every_operation_of_every_model_is_in_the_table():
    """Nothing can be done that this table doesn't order."""
    done = {name for spec in SPECS for model in spec.live_models() for name in model.operations | model.emulates}
    assert done == {operation for operation, _ in CELLS}


@pytest.mark.parametrize(("operation", "quality"), CELLS)
def test_only_who_is_configured_is_chosen(operation, quality):
    """Any set of configured providers gives an order of exactly those that can, or the reason why nobody does."""
    for count in range(1, len(PROVIDERS)):
        for names in combinations(PROVIDERS, count):
            able = {name for name in names if any(m.does(operation) for m in PROVIDERS[name].SPEC.live_models())}
            wish = ModelQuery(operation=operation, quality=quality)
            if not able:
                with pytest.raises(ProviderUnavailable, match="is configured: no key is set"):
                    select_candidates(wish, frozenset(names))
                continue
            found = select_candidates(wish, frozenset(names))
            assert {choice.provider.name for choice in found} == able
            assert len(found) == len(able)


def test_nobody_configured():
    """Without a single key it says so."""
    with pytest.raises(ProviderUnavailable, match="no key is set"):
        chosen(configured=frozenset())


def test_a_failing_provider_goes_last_and_is_named():
    """A provider whose circuit is open is tried behind the others, whose reasons say why."""
    found = select_candidates(ModelQuery(operation="create", quality="standard"), ALL, lambda name: name == "stability")
    assert [choice.provider.name for choice in found] == ["wavespeed", "gemini", "huggingface", "stability"]
    assert "stability failed just now" in found[0].reason


@pytest.mark.parametrize(
    ("recommended", "first"),
    [
        ("ideogram", "ideogram-v3-turbo"),
        ("qwen", "qwen-image"),
        ("stability", "core"),
        ("auto", "core"),
        (None, "core"),
    ],
)
def test_a_templates_recommendation_comes_first(recommended, first):
    """A template's provider leads, as an alias or by name; the rest stays in order behind it."""
    found = select_candidates(ModelQuery(operation="create", quality="standard", recommended=recommended), ALL)
    assert found[0].model.name == first
    assert len({choice.provider.name for choice in found}) == len(PROVIDERS)
    if recommended not in (None, "auto"):
        assert found[0].reason.startswith("the template recommends")


def test_a_recommendation_that_is_not_configured_only_advises():
    """A template's provider without a key is passed over."""
    assert chosen(configured=frozenset({"stability"}), recommended="ideogram") == ["core"]


@pytest.mark.parametrize(
    ("quality", "order"),
    [("draft", "ideogram-v3-turbo"), ("standard", "ideogram-v3-turbo"), ("premium", "ideogram-v3-turbo")],
)
def test_words_in_the_image_go_to_who_sets_them_well(quality, order):
    """Lettering has a list of its own, whatever the quality; at premium Gemini's large model is second."""
    found = chosen("create", quality, lettering=True)
    assert found[0] == order
    if quality == "premium":
        assert found[1] == PRO


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("stability", None, "core"),
        ("stability", "ultra", "ultra"),
        ("ideogram", None, "ideogram-v3-turbo"),
        ("qwen", None, "qwen-image"),
        ("qwen", "ideogram-v3-turbo", "ideogram-v3-turbo"),
        ("wavespeed", None, "qwen-image"),
        ("huggingface", None, "FLUX.1-Krea-dev"),
        ("gemini", None, FLASH),
        ("gemini", PRO, PRO),
        ("auto", "sd3.5-medium", "sd3.5-medium"),
        (None, "FLUX.1-schnell", "FLUX.1-schnell"),
        ("auto", "z-image-turbo", "z-image-turbo"),
    ],
)
def test_what_is_asked_for_by_name_is_the_only_choice(provider, model, name):
    """A named provider or model isn't swapped for another one."""
    assert chosen(provider=provider, model=model) == [name]


def test_unknown_names_are_told_the_valid_ones():
    """The sentence lists what would be accepted, aliases included."""
    with pytest.raises(UnknownChoice, match="auto, stability, wavespeed, huggingface, gemini, ideogram, qwen"):
        chosen(provider="midjourney")
    with pytest.raises(UnknownChoice, match=r"ultra, core, sd3\.5-large.*sd3\.5-flash\.$"):
        chosen(provider="stability", model="sdxl")  # none of its editors and upscalers
    with pytest.raises(UnknownChoice, match=r"Valid: none\.$"):
        chosen(provider="stability", model="sdxl", operation="edit.general_edit")
    with pytest.raises(UnknownChoice, match=r"FLUX\.1-schnell") as unknown:
        chosen(model="dall-e-3")
    assert "imagen" not in unknown.value.detail
    assert provider_names() == ["auto", *PROVIDERS, "ideogram", "qwen"]


def test_a_known_model_that_can_not_is_told_who_can():
    """A capability that is missing is a 400 that lists who has it."""
    with pytest.raises(
        UnsupportedChoice, match=r"Gemini can't do edit\.remove_background\. Models that can: stability"
    ):
        chosen("edit.remove_background", provider="gemini")
    with pytest.raises(
        UnsupportedChoice, match=r"core can't do edit\.inpaint\. Models that can: stability \(inpaint\)"
    ):
        chosen("edit.inpaint", provider="stability", model="core")
    with pytest.raises(UnsupportedChoice, match=r"No provider can do edit\.levitate"):
        chosen("edit.levitate")


@pytest.mark.parametrize("model", [m.name for spec in SPECS for m in spec.models if m.retired])
def test_a_retired_model_says_what_to_use(model):
    """A model that is gone is a 400 with its successor, never a call."""
    with pytest.raises(UnsupportedChoice, match=r"is retired: .* Use \S+\."):
        chosen(model=model)


def test_a_named_provider_without_a_key():
    """What was asked for and isn't configured is said so, and not replaced."""
    with pytest.raises(ProviderUnavailable, match="Stability AI is not configured: no key is set"):
        chosen(provider="stability", configured=frozenset({"gemini"}))
    with pytest.raises(ProviderUnavailable, match="Google Gemini is not configured"):
        chosen(model=PRO, configured=frozenset({"stability"}))


def test_every_choice_has_a_reason():
    """The response and the log can say why."""
    for operation, quality in CELLS:
        assert all(choice.reason for choice in select_candidates(ModelQuery(operation=operation, quality=quality), ALL))


@pytest.mark.parametrize(
    ("given", "resolved"),
    [
        ((None, None), (None, None)),
        (("", ""), (None, None)),
        (("auto", None), (None, None)),
        (("auto", "ultra"), (None, "ultra")),
        (("qwen", None), ("wavespeed", "qwen-image")),
        (("stability", ""), ("stability", None)),
    ],
)
def test_words_for_providers(given, resolved):
    """Aliases become provider and model; nothing and `auto` leave the choice open."""
    assert resolve_names(*given) == resolved
