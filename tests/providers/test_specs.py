"""The rows themselves: unique, sound, priced, and each id written down once in the whole layer."""

import re
from pathlib import Path

import pytest

from image_studio import providers
from image_studio.catalog import styles
from image_studio.errors import UnknownChoice
from image_studio.providers import ALIASES, PROVIDERS, SPECS, find_model
from image_studio.providers.instructions import ROLES, TELLABLE
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, NativeSize, ProviderSpec, Range
from image_studio.schemas.limits import MAX_SEED
from tests.providers.asking import GIVEN, contract

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
    assert model.worded <= model.accepts & TELLABLE
    assert set(model.ranges) <= model.accepts
    assert set(model.defaults) <= model.accepts
    assert set(model.auto) <= model.operations | model.emulates | {"lettering"}
    assert all(
        model.ranges[name].clamp(value) == value for name, value in model.defaults.items() if name in model.ranges
    )
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
    ids = {text for _, model in MODELS for text in (model.name, model.wire)}
    ids |= {spec.text.wire for spec in SPECS if spec.text}
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
    assert {style.id for style in styles()} <= set(fields["style_preset"])
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
        assert not model.images or "image" in model.accepts
