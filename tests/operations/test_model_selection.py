"""Which provider and model a request gets, and the reason."""

from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest

from image_studio.errors import ProviderUnavailable, UnknownChoice, UnsupportedChoice
from image_studio.operations import model_selection
from image_studio.operations.model_selection import ModelQuery, provider_names, resolve_names, select_candidates
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.spec import Lifecycle
from image_studio.schemas.limits import Quality

ALL = frozenset(PROVIDERS)

KLEIN, FLASH, PRO = "FLUX.2-klein-9B", "gemini-nano-banana-2.1", "gemini-3-pro-image"
INPAINTER, CONTROLNET = "z-image-turbo-inpaint", "flux-controlnet-union-pro-2.0"
REMOVER = "image-background-remover"
DRAFT, STANDARD, PREMIUM = Quality


def both(name):
    """Stability's model, and behind it the same one of Bedrock."""
    return name, f"bedrock {name}"


#: The models that are tried with everybody configured: the ordered lists first, then the cheapest that can. Bedrock has
#: Stability's models by the same names.
ORDERED = [
    ("create", [DRAFT], ["qwen-image", "FLUX.1-schnell", "gemini-3.1-flash-lite-image", "core", "bedrock core"]),
    ("create", [STANDARD], ["core", "bedrock core", "qwen-image", FLASH, "FLUX.1-Krea-dev"]),
    ("create", [PREMIUM], ["ultra", "bedrock ultra", PRO, "ideogram-v3-turbo", "FLUX.1-schnell"]),
    ("edit.general_edit", [DRAFT], ["qwen-edit", "Qwen-Image-Edit", FLASH]),
    ("edit.general_edit", [STANDARD], [FLASH, "flux-kontext-pro", "FLUX.1-Kontext-dev"]),
    ("edit.general_edit", [PREMIUM], [PRO, "seedream-v4.5-edit", KLEIN]),
    ("edit.remove_background", [DRAFT], [REMOVER, "RMBG-2.0", *both("remove-background")]),
    ("edit.remove_background", [STANDARD, PREMIUM], [*both("remove-background"), REMOVER, "RMBG-2.0"]),
    ("edit.inpaint", [DRAFT], [INPAINTER, *both("inpaint"), KLEIN, FLASH]),
    ("edit.inpaint", [STANDARD, PREMIUM], [*both("inpaint"), INPAINTER, KLEIN, FLASH]),
    ("edit.erase", [DRAFT], ["image-eraser", *both("erase"), KLEIN, FLASH]),
    ("edit.erase", [STANDARD, PREMIUM], [*both("erase"), INPAINTER, KLEIN, FLASH]),
    ("edit.outpaint", Quality, [*both("outpaint"), INPAINTER, KLEIN, FLASH]),
    ("edit.search_replace", [DRAFT], ["qwen-edit", *both("search-and-replace"), KLEIN, FLASH]),
    ("edit.search_replace", [STANDARD, PREMIUM], [*both("search-and-replace"), "qwen-edit", KLEIN, FLASH]),
    ("edit.search_recolor", [DRAFT], ["qwen-edit", *both("search-and-recolor"), KLEIN, FLASH]),
    ("edit.search_recolor", [STANDARD, PREMIUM], [*both("search-and-recolor"), "qwen-edit", KLEIN, FLASH]),
    ("edit.relight", [DRAFT], [FLASH, "qwen-edit-plus", KLEIN, "replace-background-and-relight"]),
    ("edit.relight", [STANDARD, PREMIUM], ["replace-background-and-relight", "qwen-edit-plus", KLEIN, FLASH]),
    ("upscale.fast", Quality, [*both("fast"), "image-upscaler"]),
    ("upscale.conservative", Quality, [*both("conservative"), "ultimate-image-upscaler"]),
    ("upscale.creative", Quality, [*both("creative"), "ultimate-image-upscaler", PRO]),
    ("control.sketch", [DRAFT, STANDARD], [*both("sketch"), KLEIN, CONTROLNET, FLASH]),
    ("control.sketch", [PREMIUM], [*both("sketch"), PRO, KLEIN, CONTROLNET]),
    ("control.structure", [DRAFT, STANDARD], [*both("structure"), KLEIN, CONTROLNET, FLASH]),
    ("control.structure", [PREMIUM], [*both("structure"), PRO, KLEIN, CONTROLNET]),
    ("control.style", [DRAFT, STANDARD], [*both("style"), KLEIN, FLASH, "ideogram-v3-turbo"]),
    ("control.style", [PREMIUM], [*both("style"), PRO, KLEIN, "ideogram-v3-turbo"]),
    ("control.style_transfer", [DRAFT, STANDARD], [*both("style-transfer"), "qwen-edit-plus", KLEIN, FLASH]),
    ("control.style_transfer", [PREMIUM], [*both("style-transfer"), PRO, "qwen-edit-plus", KLEIN]),
]
ORDER = {(operation, quality): models for operation, qualities, models in ORDERED for quality in qualities}


def select(operation="create", quality="standard", configured=ALL, failing=(), **fields):
    query = ModelQuery(operation=operation, quality=quality, **fields)
    return select_candidates(query, configured, lambda name: name in failing)


def chosen(*args, **fields):
    found = select(*args, **fields)
    return [f"{'bedrock ' * (each.provider.name == 'bedrock')}{each.model.name}" for each in found]


@pytest.mark.parametrize(("operation", "quality"), ORDER)
def test_the_ordered_lists(operation, quality):
    """With everybody configured the models come in the documented order, one per provider, each with a reason."""
    assert chosen(operation, quality) == ORDER[operation, quality]
    assert all(candidate.reason for candidate in select(operation, quality))


def test_every_operation_of_every_model_is_in_the_table():
    """Nothing can be done that this table doesn't order."""
    done = {name for spec in SPECS for model in spec.live_models() for name in model.operations | model.emulates}
    assert done == {operation for operation, _ in ORDER}


@pytest.mark.parametrize("operation", dict.fromkeys(operation for operation, _ in ORDER))
def test_only_who_is_configured_is_chosen(operation):
    """Any set of configured providers gives an order of exactly those that can, or the reason why nobody does."""
    for names in [names for count in range(len(PROVIDERS)) for names in combinations(PROVIDERS, count)]:
        able = {name for name in names if any(m.does(operation) for m in PROVIDERS[name].SPEC.live_models())}
        if able:
            found = select(operation, configured=frozenset(names))
            assert sorted(candidate.provider.name for candidate in found) == sorted(able)
        else:
            with pytest.raises(ProviderUnavailable, match="is configured"):
                select(operation, configured=frozenset(names))


def test_a_failing_provider_goes_last_and_is_named():
    """A provider whose circuit is open is tried behind the others, whose reasons say why."""
    found = select(failing=["stability"])
    assert [candidate.provider.name for candidate in found] == [
        *("bedrock", "wavespeed", "gemini", "huggingface", "stability")
    ]
    assert found[0].reason == "number 2 in the order for standard quality; stability failed just now"
    assert found[-1].reason == "number 1 in the order for standard quality"


@pytest.fixture
def ending(monkeypatch):
    """Give a model an announced end on 2030-03-31."""

    def end(name):
        ends = Lifecycle(retires=date(2030, 3, 31), source="a page")
        rows = tuple(
            replace(spec, models=tuple(replace(m, lifecycle=ends) if m.name == name else m for m in spec.models))
            for spec in SPECS
        )
        monkeypatch.setattr(model_selection, "SPECS", rows)

    return end


@pytest.mark.parametrize(
    ("today", "first"),
    [(date(2030, 3, 17), "core"), (date(2030, 3, 18), "qwen-image"), (date(2030, 4, 1), "qwen-image")],
)
def test_a_model_that_ends_soon_is_tried_last(ending, today, first):
    """From two weeks before its announced end, as long as another one can; a provider's other models come before it."""
    ending("core")
    assert chosen(today=today)[0] == first
    last = chosen(today=today, configured=frozenset({"stability"}))
    assert last == (["core"] if first == "core" else ["sd3.5-flash"])
    assert chosen(today=today, model="core") == ["core"], "who names it gets it"


def test_a_model_that_ends_soon_is_used_where_no_other_can(ending):
    ending("outpaint")
    assert chosen("edit.outpaint", today=date(2030, 3, 30), configured=frozenset({"stability"})) == ["outpaint"]


def test_a_model_that_is_not_enabled_is_tried_last():
    """Behind other models, also of its own provider; it is used where no other can, and who names it gets it."""
    alone, off = frozenset({"bedrock"}), frozenset({"bedrock/core", "bedrock/outpaint"})
    assert chosen(configured=alone) == ["bedrock core"]
    assert chosen(configured=alone, not_ready=off) == ["bedrock sd3.5-large"]
    assert chosen("edit.outpaint", configured=alone | {"gemini"}, not_ready=off) == [FLASH, "bedrock outpaint"]
    assert chosen("edit.outpaint", configured=alone, not_ready=off) == ["bedrock outpaint"]
    assert chosen(provider="bedrock", model="core", not_ready=off) == ["bedrock core"]


@pytest.mark.parametrize(
    ("recommended", "first"),
    [
        ("ideogram", "ideogram-v3-turbo"),
        ("qwen", "qwen-image"),
        ("stability", "core"),
        ("a removed provider", "core"),
        (None, "core"),
    ],
)
def test_a_templates_recommendation_comes_first(recommended, first):
    """A template's provider leads, as an alias or by name, if it is configured; the rest stays in order."""
    found = select(recommended=recommended)
    assert found[0].model.name == first
    assert len({candidate.provider.name for candidate in found}) == len(PROVIDERS)
    recommends = recommended in {"ideogram", "qwen", "stability"}
    assert found[0].reason.startswith(f"the template recommends {recommended}") is recommends
    assert chosen(configured=frozenset({"stability"}), recommended="ideogram") == ["core"]


def test_words_in_the_image_go_to_who_sets_them_well():
    """Lettering has a list of its own, whatever the quality; at premium Gemini's large model is second."""
    for quality in Quality:
        assert chosen("create", quality, lettering=True)[0] == "ideogram-v3-turbo"
    assert chosen("create", "premium", lettering=True)[1] == PRO
    assert select(lettering=True)[0].reason == "number 1 in the order for words in an image"


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("stability", None, "core"),
        ("stability", "ultra", "ultra"),
        ("ideogram", None, "ideogram-v3-turbo"),
        ("qwen", None, "qwen-image"),
        ("qwen", "ideogram-v3-turbo", "ideogram-v3-turbo"),
        ("wavespeed", None, "qwen-image"),
        ("gemini", PRO, PRO),
        (None, "FLUX.1-schnell", "FLUX.1-schnell"),
    ],
)
def test_what_is_requested_by_name_is_the_only_candidate(provider, model, name):
    """A named provider or model isn't swapped for another one."""
    assert chosen(provider=provider, model=model) == [name]


def test_unknown_names_are_refused_with_the_valid_ones():
    """The sentence lists what would be accepted, aliases included."""
    with pytest.raises(UnknownChoice, match="auto, stability, wavespeed, huggingface, gemini, bedrock, ideogram, qwen"):
        chosen(provider="midjourney")
    with pytest.raises(UnknownChoice, match=r"ultra, core, sd3\.5-large.*sd3\.5-flash\.$"):
        chosen(provider="stability", model="sdxl")  # none of its editors and upscalers
    with pytest.raises(UnknownChoice, match=r"Valid: none\.$"):
        chosen(provider="stability", model="sdxl", operation="edit.general_edit")
    with pytest.raises(UnknownChoice, match=r"FLUX\.1-schnell") as unknown:
        chosen(model="dall-e-3")
    assert "imagen" not in unknown.value.detail
    assert provider_names() == ["auto", *PROVIDERS, "ideogram", "qwen"]


def test_a_known_model_that_can_not_is_refused_with_those_that_can():
    with pytest.raises(UnsupportedChoice, match=r"Gemini can't do edit\.remove_background\. Models that can: stab"):
        chosen("edit.remove_background", provider="gemini")
    with pytest.raises(UnsupportedChoice, match=r"core can't do edit\.inpaint\. Models that can: stability \(inpaint"):
        chosen("edit.inpaint", provider="stability", model="core")
    with pytest.raises(UnsupportedChoice, match=r"No provider can do edit\.levitate"):
        chosen("edit.levitate")


@pytest.mark.parametrize("model", [m.name for spec in SPECS for m in spec.models if m.retired])
def test_a_retired_model_says_what_to_use(model):
    """A model that is gone is a 400 with its successor, never a call."""
    with pytest.raises(UnsupportedChoice, match=r"is retired: .* Use \S+\."):
        chosen(model=model)


def test_a_named_provider_without_a_key():
    """What was requested and isn't configured is said so, and not replaced."""
    with pytest.raises(ProviderUnavailable, match="Stability AI is not configured"):
        chosen(provider="stability", configured=frozenset({"gemini"}))
    with pytest.raises(ProviderUnavailable, match="Google Gemini is not configured"):
        chosen(model=PRO, configured=frozenset({"stability"}))


@pytest.mark.parametrize(
    ("names", "resolved"),
    [
        ((None, None), (None, None)),
        (("", ""), (None, None)),
        (("auto", "ultra"), (None, "ultra")),
        (("qwen", None), ("wavespeed", "qwen-image")),
        (("stability", ""), ("stability", None)),
    ],
)
def test_words_for_providers(names, resolved):
    assert resolve_names(*names) == resolved
