"""The specs: consistent data, and the nearest native size."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_studio import providers
from image_studio.catalog.load import load_catalog
from image_studio.errors import UnknownChoice
from image_studio.providers import ALIASES, PROVIDERS, SPECS, find_model
from image_studio.providers.payload import IN_PROMPT, ROLES
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, NativeSize, ProviderSpec, Range, nearest_size
from image_studio.schemas.limits import MAX_SEED
from tests.providers.tasks import GIVEN, contract

PACKAGE = Path(providers.__file__).parents[1]
MODELS = [(spec, model) for spec in SPECS for model in spec.models]
LIVE = [(spec, model) for spec in SPECS for model in spec.live_models()]
BY_NAME = lambda value: value.name if isinstance(value, ProviderSpec | ModelSpec) else None  # noqa: E731  an id


def test_the_order_of_providers_and_their_first_models():
    """The reference's lists come first, in its order; ours go on behind them."""
    assert list(PROVIDERS) == ["stability", "wavespeed", "huggingface", "gemini"]
    names = {spec.name: [model.name for model in spec.live_models()] for spec in SPECS}
    assert names["stability"][:3] == ["ultra", "core", "sd3.5-large"]
    assert names["wavespeed"][:2] == ["ideogram-v3-turbo", "qwen-image"]
    assert names["huggingface"][:3] == ["FLUX.1-schnell", "FLUX.1-Krea-dev", "Qwen-Image"]
    assert names["gemini"] == ["gemini-3.1-flash-image", "gemini-3-pro-image", "gemini-3.1-flash-lite-image"]


def test_capabilities_follow_from_the_rows():
    """What `/providers` lists is what some live model does, the reference's words first."""
    found = {spec.name: spec.capabilities for spec in SPECS}
    assert found["stability"] == ("generation", "editing", "upscaling", "control")
    assert found["wavespeed"][0] == "generation"
    assert found["huggingface"] == ("generation", "editing", "control")
    assert found["gemini"] == ("generation", "editing", "upscaling", "control")


def test_aliases():
    """Templates' words for a provider mean a provider and a model."""
    assert ALIASES == {"ideogram": ("wavespeed", "ideogram-v3-turbo"), "qwen": ("wavespeed", "qwen-image")}


def test_finding_a_model():
    """A provider's model by name, retired or not; what doesn't exist names what does."""
    spec, model = find_model("stability", "ultra")
    assert (spec.name, model.usd) == ("stability", 0.08)
    assert find_model("gemini", "imagen-3.0")[1].retired
    with pytest.raises(UnknownChoice, match="Valid: stability, wavespeed, huggingface, gemini"):
        find_model("openai", "x")
    with pytest.raises(UnknownChoice, match="Valid: ultra, core"):
        find_model("stability", "x")


@pytest.mark.parametrize("spec", SPECS, ids=BY_NAME)
def test_names_are_unique_within_a_provider(spec):
    """A name means one row."""
    names = [model.name for model in spec.models]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("spec", "model"), LIVE, ids=BY_NAME)
def test_rows_are_sound(spec, model):
    """What a row says fits together."""
    assert model.operations
    assert not model.operations & model.emulates
    assert (model.operations | model.emulates) <= set(GIVEN)
    assert model.in_prompt <= model.accepts & IN_PROMPT
    assert set(model.ranges) <= model.accepts
    assert set(model.auto) <= model.operations | model.emulates | {"lettering"}
    assert all(values.default in (None, values.clamp(values.default or 0)) for values in model.ranges.values())
    assert model.price() >= 1
    assert 0 < model.deadline <= 300
    assert model.max_seed >= 2**31 - 1
    if model.operations | model.emulates != {"create"}:
        assert model.inputs is not None
        assert "image" in model.accepts
    if model.emulates and "mask" not in model.accepts:
        assert not model.emulates & {"edit.inpaint", "edit.erase", "edit.outpaint"}, "it could not know where"
    if "style" not in model.accepts:
        assert "control.style_transfer" not in model.operations | model.emulates


@pytest.mark.parametrize("operation", list(GIVEN))
def test_somebody_does_every_operation(operation):
    """Each operation has a native model; nobody claims what can't be sound."""
    assert any(operation in model.operations for _, model in LIVE)
    able = {spec.name for spec, model in LIVE if model.does(operation)}
    assert able >= {"stability", "wavespeed"} - ({"stability"} if operation == "edit.general_edit" else set())
    assert ("gemini" in able) == (operation not in {"edit.remove_background", "upscale.fast", "upscale.conservative"})
    assert ("huggingface" in able) == (not operation.startswith("upscale."))


#: Upstream US dollars and our credits.
PRICES = {
    ("stability", "ultra"): (0.08, 8),
    ("stability", "core"): (0.03, 3),
    ("stability", "sd3.5-large"): (0.065, 7),
    ("stability", "sd3.5-large-turbo"): (0.04, 4),
    ("stability", "sd3.5-medium"): (0.035, 4),
    ("stability", "sd3.5-flash"): (0.025, 3),
    ("stability", "remove-background"): (0.05, 5),
    ("stability", "inpaint"): (0.05, 5),
    ("stability", "erase"): (0.05, 5),
    ("stability", "outpaint"): (0.04, 4),
    ("stability", "search-and-replace"): (0.05, 5),
    ("stability", "search-and-recolor"): (0.05, 5),
    ("stability", "replace-background-and-relight"): (0.08, 8),
    ("stability", "fast"): (0.02, 2),
    ("stability", "conservative"): (0.4, 40),
    ("stability", "creative"): (0.6, 60),
    ("stability", "sketch"): (0.05, 5),
    ("stability", "structure"): (0.05, 5),
    ("stability", "style"): (0.05, 5),
    ("stability", "style-transfer"): (0.08, 8),
    ("wavespeed", "ideogram-v3-turbo"): (0.03, 5),
    ("wavespeed", "qwen-image"): (0.02, 2),
    ("wavespeed", "z-image-turbo"): (0.005, 1),
    ("wavespeed", "qwen-edit"): (0.02, 2),
    ("wavespeed", "qwen-edit-plus"): (0.02, 2),
    ("wavespeed", "flux-kontext-pro"): (0.04, 4),
    ("wavespeed", "seedream-v4.5-edit"): (0.04, 4),
    ("wavespeed", "nano-banana-pro-edit-ultra"): (0.15, 15),
    ("wavespeed", "z-image-turbo-inpaint"): (0.02, 2),
    ("wavespeed", "image-eraser"): (0.025, 3),
    ("wavespeed", "image-background-remover"): (0.004, 1),
    ("wavespeed", "image-upscaler"): (0.01, 1),
    ("wavespeed", "ultimate-image-upscaler"): (0.06, 6),
    ("wavespeed", "flux-controlnet-union-pro-2.0"): (0.04, 4),
    ("huggingface", "FLUX.1-schnell"): (0.003, 1),
    ("huggingface", "FLUX.1-Krea-dev"): (0.025, 3),
    ("huggingface", "Qwen-Image"): (0.02, 2),
    ("huggingface", "stable-diffusion-3-medium"): (0.0012, 1),
    ("huggingface", "FLUX.1-Kontext-dev"): (0.025, 3),
    ("huggingface", "Qwen-Image-Edit"): (0.03, 3),
    ("huggingface", "FLUX.2-klein-9B"): (0.015, 2),
    ("huggingface", "RMBG-2.0"): (0.018, 2),
    ("gemini", "gemini-3.1-flash-image"): (0.067, 7),
    ("gemini", "gemini-3-pro-image"): (0.134, 14),
    ("gemini", "gemini-3.1-flash-lite-image"): (0.034, 4),
}


def test_prices():
    """Credits are upstream cents rounded up, but for the number that the API reference gives."""
    assert {(spec.name, model.name): (model.usd, model.price()) for spec, model in LIVE} == PRICES


def test_a_price_by_size():
    """Where the price depends on the size, the size's own counts; the reference's number beats both."""
    model = find_model("gemini", "gemini-3-pro-image")[1]
    assert model.price(NativeSize("1:1", 4096, 4096, "4K", 0.24)) == 24
    assert find_model("wavespeed", "ideogram-v3-turbo")[1].price(NativeSize("1:1", 1, 1, None, 0.5)) == 5


def written_ids() -> list[str]:
    """Every model id that is more than a plain word: names and wire ids."""
    ids = {text for _, model in MODELS for text in (model.name, model.endpoint)}
    ids |= {spec.text.id for spec in SPECS if spec.text}
    return sorted(text for text in ids if re.search(r"[\d/]", text) or text.count("-") > 1)


def test_a_model_id_occurs_once_in_the_layer():
    """An id stands in its row and nowhere else: no code, no catalog, no function names a model."""
    sources = [*PACKAGE.rglob("*.py"), *(PACKAGE / "catalog").rglob("*.json")]
    sources += (PACKAGE.parents[3] / "functions").rglob("*.py")
    texts = {path: path.read_text() for path in sources}
    found = {
        text: [path.name for path, source in texts.items() for _ in re.findall(rf"[\"']{re.escape(text)}[\"']", source)]
        for text in written_ids()
    }
    assert {text: places for text, places in found.items() if len(places) > 1} == {}
    outside = {place for places in found.values() for place in places if not re.match(BESIDE_ROWS, place)}
    assert outside == set()


#: The only files in which an id may stand.
BESIDE_ROWS = r"(stability|wavespeed|huggingface|gemini)(_models)?\.py$"


def test_stability_knows_our_styles_and_seeds():
    """Every style preset of the catalog is one of the wire's, and the seeds of the API fit around its zero."""
    fields = contract("stability")["generate/ultra"]["fields"]
    assert load_catalog().styles.keys() <= set(fields["style_preset"])
    assert fields["seed"]["to"] == MAX_SEED + 1


def test_ranges_clamp_to_their_ends():
    """A value at an end stays, one beyond it comes back to it."""
    scale = Range(1, 10)
    assert [scale.clamp(value) for value in (0.99, 1, 5.5, 10, 10.01)] == [1, 1, 5.5, 10, 10]


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        ((64, 64), True),
        ((63, 100), False),
        ((64, 63), False),
        ((3_072, 3_072), True),
        ((3_072, 3_073), False),
        ((2_500, 1_000), True),
        ((1_000, 2_500), True),
        ((2_501, 1_000), False),
        ((1_000, 2_501), False),
    ],
)
def test_input_limits_at_their_ends(size, fits):
    """An image at a limit is taken, one pixel beyond it isn't."""
    limits = InputLimits(min_side=64, min_pixels=4_096, max_pixels=9_437_184, max_aspect=2.5)
    assert limits.fits(*size) is fits


def test_the_roles_of_images():
    """The order in which several images are given, which the words refer to."""
    assert ROLES == ("image", "mask", "style", "background", "lighting")
    for _, model in LIVE:
        assert not isinstance(model.sizes, FreeSize) or model.sizes.low <= model.sizes.high
        assert not model.max_images or "image" in model.accepts


SIDES = st.integers(16, 8_192)


def sized(sizes):
    """A model with these sizes."""
    return ModelSpec(name="m", endpoint="m", operations=frozenset({"create"}), usd=0.01, sizes=sizes)


@pytest.mark.parametrize(
    ("free", "wanted", "native"),
    [
        (FreeSize(256, 1_536), (1_200, 628), (1_200, 628)),
        (FreeSize(256, 1_536), (256, 1_536), (256, 1_536)),
        (FreeSize(256, 1_536), (3_072, 1_536), (1_536, 768)),
        (FreeSize(256, 1_536), (128, 128), (256, 256)),
        (FreeSize(256, 1_536), (100, 1_000), (256, 1_536)),  # the ratio can't be had: both ends are
        (FreeSize(256, 1_536, step=16), (1_200, 628), (1_200, 640)),  # up, so that nothing is enlarged later
        (FreeSize(256, 1_536, 16, 1_048_576), (1_024, 1_024), (1_024, 1_024)),
        (FreeSize(256, 1_536, 16, 1_048_576), (1_920, 1_080), (1_360, 768)),  # down, since the area is paid for
        (FreeSize(1_024, 4_096), (1_200, 628), (1_957, 1_024)),
    ],
)
def test_free_sizes(free, wanted, native):
    """Width and height within bounds and steps, in the wanted ratio as far as they allow."""
    found = nearest_size(sized(free), *wanted)
    assert (found.width, found.height) == native
    assert found.label == f"{native[0]}*{native[1]}"


def test_without_sizes_the_wanted_one_is_native():
    """A model whose size follows its input answers what it is given."""
    assert nearest_size(sized(None), 333, 777) == NativeSize("", 333, 777)


def test_among_equal_ratios_the_smallest_sufficient_size_wins():
    """Not larger than needed, and not smaller."""
    classes = (NativeSize("2k", 2_048, 2_048), NativeSize("4k", 4_096, 4_096))
    words = [nearest_size(sized(classes), side, side).label for side in (100, 2_048, 2_049, 4_096, 9_000)]
    assert words == ["2k", "2k", "4k", "4k", "4k"]


def test_where_size_costs_a_fifth_is_enlarged():
    """A shortfall of a fifth is made up by us where the next size costs more, and no more than that."""
    priced = (NativeSize("1:1", 1_000, 1_000, "1K", 0.05), NativeSize("1:1", 2_000, 2_000, "2K", 0.10))
    classes = [nearest_size(sized(priced), side, side).size_class for side in (1_000, 1_200, 1_201, 5_000)]
    assert classes == ["1K", "1K", "2K", "2K"]


@given(width=SIDES, height=SIDES)
@example(width=817, height=1249)  # inside the bounded area, but not when both sides are rounded up
def test_every_model_has_a_size_for_everything(width, height):
    """Whatever is wanted, each model's nearest size is one of its own."""
    for spec in SPECS:
        for each in spec.live_models():
            found = nearest_size(each, width, height)
            if isinstance(each.sizes, tuple):
                assert found in each.sizes
            elif each.sizes:
                free = each.sizes
                assert all(free.low <= side <= free.high for side in (found.width, found.height))
                assert not free.max_pixels or found.width * found.height <= free.max_pixels


@given(width=SIDES, height=SIDES)
def test_ratios_are_the_nearest_there_are(width, height):
    """No other ratio of the model is closer by more than the tolerance."""
    from math import log

    sizes = find_model("stability", "core")[1].sizes
    wanted = width / height

    def apart(size):
        return abs(log(size.width / size.height / wanted))

    found = nearest_size(find_model("stability", "core")[1], width, height)
    assert apart(found) <= min(apart(size) for size in sizes) + 0.005
