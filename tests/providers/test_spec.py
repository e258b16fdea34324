"""The specs: consistent data, and the nearest native size."""

import io
import re
from math import isqrt, prod
from pathlib import Path
from random import randbytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from image_studio import providers
from image_studio.errors import UnknownChoice
from image_studio.imaging.decode import RESULT_LIMITS, decode
from image_studio.providers import ALIASES, PROVIDERS, SPECS, find_model
from image_studio.providers.payload import ROLES
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, NativeSize, Range, nearest_size
from image_studio.schemas.limits import MAX_PIXELS, MAX_RESULT_PIXELS, MAX_SEED
from tests.providers.tasks import GIVEN

PACKAGE = Path(providers.__file__).parents[1]
LIVE = [(spec, model) for spec in SPECS for model in spec.live_models()]


def test_capabilities_follow_from_the_rows():
    """What `/providers` lists is what some live model does, the reference's words first."""
    found = {spec.name: spec.capabilities for spec in SPECS}
    assert found["stability"] == found["gemini"] == ("generation", "editing", "upscaling", "control")
    assert found["wavespeed"][0] == "generation"
    assert found["huggingface"] == ("generation", "editing", "control")


def test_finding_a_model():
    """A provider's model by name, retired or not; what doesn't exist names what does. Templates use aliases."""
    assert ALIASES == {"ideogram": ("wavespeed", "ideogram-v3-turbo"), "qwen": ("wavespeed", "qwen-image")}
    spec, model = find_model("stability", "ultra")
    assert (spec.name, model.usd) == ("stability", 0.08)
    assert find_model("gemini", "imagen-3.0")[1].retired
    with pytest.raises(UnknownChoice, match=r"Unknown provider 'openai'. Valid: stability, wavespeed, huggingface"):
        find_model("openai", "x")
    with pytest.raises(UnknownChoice, match=r"Unknown model of stability 'x'. Valid: ultra, core"):
        find_model("stability", "x")


@pytest.mark.parametrize("operation", list(GIVEN))
def test_somebody_does_every_operation(operation):
    """Each operation has a native model; nobody claims what can't be sound."""
    assert any(operation in model.operations for _, model in LIVE)
    able = {spec.name for spec, model in LIVE if model.does(operation)}
    assert able >= {"stability", "wavespeed"} - ({"stability"} if operation == "edit.general_edit" else set())
    assert ("gemini" in able) == (operation not in {"edit.remove_background", "upscale.fast", "upscale.conservative"})
    assert ("huggingface" in able) == (not operation.startswith("upscale."))


#: Model, upstream US dollars, our credits.
PRICES = {
    "stability": "ultra 0.08 8, core 0.03 3, sd3.5-large 0.065 7, sd3.5-large-turbo 0.04 4, sd3.5-medium 0.035 4, "
    "sd3.5-flash 0.025 3, remove-background 0.05 5, inpaint 0.05 5, erase 0.05 5, outpaint 0.04 4, "
    "search-and-replace 0.05 5, search-and-recolor 0.05 5, replace-background-and-relight 0.08 8, "
    "fast 0.02 2, conservative 0.4 40, creative 0.6 60, sketch 0.05 5, structure 0.05 5, style 0.05 5, "
    "style-transfer 0.08 8",
    "wavespeed": "ideogram-v3-turbo 0.03 5, qwen-image 0.02 2, z-image-turbo 0.005 1, qwen-edit 0.02 2, "
    "qwen-edit-plus 0.02 2, flux-kontext-pro 0.04 4, seedream-v4.5-edit 0.04 4, "
    "seedream-v5.0-flash-edit 0.027 3, nano-banana-2.1-edit 0.04 4, nano-banana-pro-edit-ultra 0.15 15, "
    "z-image-turbo-inpaint 0.02 2, image-eraser 0.025 3, "
    "image-background-remover 0.004 1, image-upscaler 0.01 1, ultimate-image-upscaler 0.06 6, "
    "flux-controlnet-union-pro-2.0 0.04 4",
    "huggingface": "FLUX.1-schnell 0.003 1, FLUX.1-Krea-dev 0.025 3, Qwen-Image 0.02 2, "
    "stable-diffusion-3-medium 0.0012 1, FLUX.1-Kontext-dev 0.025 3, Qwen-Image-Edit 0.03 3, "
    "FLUX.2-klein-9B 0.015 2, RMBG-2.0 0.018 2",
    "gemini": "gemini-nano-banana-2.1 0.0336 4, gemini-3-pro-image 0.134 14, gemini-3.1-flash-lite-image 0.0336 4",
    "bedrock": "ultra 0.14 14, core 0.04 4, sd3.5-large 0.08 8, remove-background 0.07 7, inpaint 0.07 7, "
    "erase 0.07 7, outpaint 0.06 6, search-and-replace 0.07 7, search-and-recolor 0.07 7, fast 0.03 3, "
    "conservative 0.4 40, creative 0.6 60, sketch 0.07 7, structure 0.07 7, style 0.07 7, style-transfer 0.08 8",
}


def test_prices():
    """Credits are upstream cents rounded up, but for the number that the API reference gives.

    The reference's providers and models come first, in its order; ours go on behind them.
    """
    found = {s.name: ", ".join(f"{m.name} {m.usd} {m.price()}" for m in s.live_models()) for s in SPECS}
    assert list(found.items()) == list(PRICES.items())
    pro = find_model("gemini", "gemini-3-pro-image")[1]
    assert pro.price(NativeSize("1:1", 4096, 4096, "4K", 0.24)) == 24, "the size's own price"
    assert find_model("wavespeed", "ideogram-v3-turbo")[1].price(NativeSize("1:1", 1, 1, None, 0.5)) == 5


ENDS = {
    "gemini-3.1-flash-image": ("2026-10-06", None),
    "gemini-2.5-flash-image": (None, "2027-03-15"),
    "gemini-3.1-flash-image-preview": (None, "2026-06-25"),
    "gemini-3-pro-image-preview": (None, "2026-06-25"),
    "imagen-4.0-generate-001": (None, "2026-08-17"),
    "imagen-4.0-ultra-generate-001": (None, "2026-08-17"),
    "imagen-4.0-fast-generate-001": (None, "2026-08-17"),
}


def test_when_models_end():
    """Deprecated from, gone from: the dates that a provider announced, as /providers shows them."""
    dates = {m.name: m.lifecycle for s in SPECS for m in s.models if m.lifecycle}
    found = {name: (each.deprecated, each.retires) for name, each in dates.items()}
    assert {name: tuple(day and day.isoformat() for day in days) for name, days in found.items()} == ENDS


#: Smallest and largest side, smallest and largest area (pixels), largest aspect of the images that a model takes.
INPUTS = {
    (64, 16_384, 4_096, 4_194_304, None): "remove-background",
    (64, 16_384, 4_096, 9_437_184, None): "inpaint erase",
    (64, 16_384, 4_096, 9_437_184, 2.5): "outpaint search-and-replace search-and-recolor replace-background-and-relight"
    " conservative structure style",
    (32, 1_536, 1_024, 1_048_576, None): "fast",
    (64, 16_384, 4_096, 1_048_576, None): "creative",
    (64, 16_384, 1, 9_437_184, 2.5): "sketch",
    (64, 16_383, 4_096, 9_437_184, 2.5): "style-transfer",
    (64, 4_096, 1, 4_194_304, None): "ideogram-v3-turbo flux-kontext-pro seedream-v4.5-edit seedream-v5.0-flash-edit"
    " nano-banana-2.1-edit nano-banana-pro-edit-ultra"
    " image-eraser image-background-remover flux-controlnet-union-pro-2.0"
    " FLUX.1-Kontext-dev Qwen-Image-Edit FLUX.2-klein-9B RMBG-2.0",
    (64, 1_536, 1, 25_000_000, None): "qwen-edit qwen-edit-plus z-image-turbo-inpaint",
    (64, 4_096, 1, 9_437_184, None): "image-upscaler ultimate-image-upscaler gemini-nano-banana-2.1 gemini-3-pro-image",
}
DEADLINES = {
    300.0: "replace-background-and-relight creative",
    180.0: "conservative nano-banana-2.1-edit nano-banana-pro-edit-ultra image-upscaler"
    " ultimate-image-upscaler gemini-nano-banana-2.1"
    " gemini-3-pro-image",
}
OUTPUTS = {4_194_304: "conservative", 8_294_400: "creative", 1_048_576: "style-transfer", 16_777_216: "fast"}
NINE_RATIOS = (
    "21:9=1536x640 16:9=1344x768 3:2=1216x832 5:4=1088x896 1:1=1024x1024 4:5=896x1088 2:3=832x1216 9:16=768x1344"
    " 9:21=640x1536"
)
TEN_RATIOS = (
    "1:1=1024x1024 2:3=848x1264 3:2=1264x848 3:4=896x1200 4:3=1200x896 4:5=928x1152 5:4=1152x928 9:16=768x1376"
    " 16:9=1376x768 21:9=1584x672"
)
SIZES = {
    NINE_RATIOS: "ultra core sd3.5-large sd3.5-large-turbo sd3.5-medium sd3.5-flash style",
    "1:1=1024x1024 16:9=1344x768 9:16=768x1344 4:3=1152x896 3:4=896x1152": "ideogram-v3-turbo",
    FreeSize(256, 1_536): "qwen-image z-image-turbo qwen-edit qwen-edit-plus z-image-turbo-inpaint",
    FreeSize(1_024, 4_096): "seedream-v4.5-edit",
    "1k=1024x1024 2k=2048x2048 4k=4096x4096": "nano-banana-2.1-edit",
    "2k=2048x2048 4k=3840x3840": "image-upscaler ultimate-image-upscaler",
    FreeSize(512, 1_536): "flux-controlnet-union-pro-2.0",
    FreeSize(256, 1_536, 16, 1_048_576): "FLUX.1-schnell FLUX.1-Krea-dev Qwen-Image stable-diffusion-3-medium",
    f"{TEN_RATIOS} 1:4=512x2048 4:1=2048x512 1:8=384x3072 8:1=3072x384": "gemini-nano-banana-2.1"
    " gemini-3.1-flash-lite-image",
    TEN_RATIOS: "gemini-3-pro-image",
}
#: The least, the most and the default of each number that a model takes.
RANGES = {
    "guidance_scale 1-10": "sd3.5-large sd3.5-large-turbo sd3.5-medium sd3.5-flash",
    "grow_mask 0-100=5": "inpaint",
    "grow_mask 0-20=5": "erase",
    "creativity 0-1=0.5 expand_left 0-2000 expand_right 0-2000 expand_up 0-2000 expand_down 0-2000": "outpaint",
    "grow_mask 0-20=3": "search-and-replace search-and-recolor",
    "preserve_original_subject 0-1=0.6 original_background_depth 0-1=0.5 light_source_strength 0-1=0.3": "replace-"
    "background-and-relight",
    "creativity 0.2-0.5=0.35": "conservative",
    "creativity 0.1-0.5=0.3": "creative",
    "control_strength 0-1=0.7": "sketch structure",
    "fidelity 0-1=0.5": "style",
    "style_strength 0-1=1 composition_fidelity 0-1=0.9 change_strength 0.1-1=0.9": "style-transfer",
    "guidance_scale 1-20": "flux-kontext-pro",
    "control_strength 0-2=0.7 guidance_scale 0-20 steps 1-50": "flux-controlnet-union-pro-2.0",
    "steps 1-12": "FLUX.1-schnell",
    "guidance_scale 1-20 steps 1-50": "FLUX.1-Krea-dev",
    "guidance_scale 0-20 steps 2-50": "Qwen-Image",
    "guidance_scale 0-20 steps 1-50": "stable-diffusion-3-medium FLUX.1-Kontext-dev Qwen-Image-Edit",
    "steps 1-50": "FLUX.2-klein-9B",
}


def grouped(value):
    """The names of the models by a value of theirs; None and 120 s are the rule and left out.

    Without Bedrock's, which `test_bedrock.py` compares with Stability's.
    """
    found = {}
    for _, model in (pair for pair in LIVE if pair[0].name != "bedrock"):
        found.setdefault(value(model), []).append(model.name)
    return {key: " ".join(names) for key, names in found.items() if key not in (None, 120.0)}


def pixels(model):
    sizes = model.sizes
    if not isinstance(sizes, tuple):
        return sizes
    return " ".join(f"{size.label}={size.width}x{size.height}" for size in sizes if size.size_class in (None, "1K"))


def ranges(model):
    limits = ((name, each, "" if each.default is None else f"={each.default}") for name, each in model.ranges.items())
    return " ".join(f"{name} {each.low}-{each.high}{default}" for name, each, default in limits) or None


def test_limits_times_and_sizes_of_models():
    """As the providers document them."""
    fields = ("min_side", "max_side", "min_pixels", "max_pixels", "max_aspect")
    assert grouped(lambda m: m.inputs and tuple(getattr(m.inputs, name) for name in fields)) == INPUTS
    assert grouped(lambda m: m.deadline) == DEADLINES
    assert grouped(lambda m: m.max_output) == OUTPUTS
    assert grouped(lambda m: m.factor) == {4.0: "fast"}
    assert grouped(pixels) == SIZES
    assert grouped(ranges) == RANGES
    seeds = {"stability": {MAX_SEED}, "wavespeed": {2**31 - 1}, "gemini": {2**31 - 1}}
    seeds |= {"huggingface": {2**31 - 1, 2**32 - 1}, "bedrock": {MAX_SEED}}
    assert {spec.name: {model.max_seed for model in spec.live_models()} for spec in SPECS} == seeds
    flash, pro, lite = (model.sizes for model in PROVIDERS["gemini"].SPEC.live_models())
    assert {size.size_class: size.width for size in flash[::14]} == {"1K": 1_024, "2K": 2_048, "4K": 4_096}
    assert [size.label for size in flash] == [size.label for size in lite] * 3
    assert [size.size_class for size in pro] == ["1K"] * 10 + ["2K"] * 10 + ["4K"] * 10


#: Title, address, variables, header; calls at a time, seconds of a submit, of a pause, bytes of a request; hosts of
#: results; resolution and cost as listed.
CALLED = [
    "Stability AI https://api.stability.ai STABILITY_API_KEY STABILITY_BASE_URL authorization: Bearer {key};"
    " 10 120.0 60.0 10485760;  (2048, 2048) None",
    "WaveSpeed AI https://api.wavespeed.ai WAVESPEED_API_KEY WAVESPEED_BASE_URL authorization: Bearer {key};"
    " 10 60.0 15.0 20971520; cdn.wavespeed.ai d1q70pf5vjeyhc.cloudfront.net (1024, 1024) (1, 6)",
    "Hugging Face https://router.huggingface.co HF_TOKEN HUGGINGFACE_BASE_URL authorization: Bearer {key};"
    " 10 120.0 5.0 20971520; fal.media v2.fal.media v3.fal.media v3b.fal.media (1024, 1024) None",
    "Google Gemini https://generativelanguage.googleapis.com GEMINI_API_KEY GEMINI_BASE_URL x-goog-api-key: {key};"
    " 10 180.0 5.0 20971520;  (4096, 4096) None",
    "Amazon Bedrock  BEDROCK_REGION BEDROCK_BASE_URL authorization: Bearer {key};"
    " 5 240.0 15.0 25000000;  (2048, 2048) None",
]


def test_how_providers_are_called():
    """Everything that isn't a model's, and the order in which several images are given, which the words refer to."""
    assert ROLES == ("image", "mask", "style", "background", "lighting")
    assert [
        f"{s.title} {s.base_url} {s.key_variable or s.region_variable} {s.base_url_variable}"
        f" {s.auth_header}: {s.auth_format};"
        f" {s.in_flight} {s.submit_timeout} {s.busy_seconds} {s.request_bytes};"
        f" {' '.join(sorted(s.result_hosts))} {s.max_resolution} {s.listed_cost}"
        for s in SPECS
    ] == CALLED


def test_a_model_id_occurs_once_in_the_layer():
    """An id that is more than a plain word stands in its row and nowhere else: no other code names a model.

    Two providers may have the same model.
    """
    ids = {text for spec in SPECS for model in spec.models for text in (model.name, model.endpoint)}
    ids |= {spec.text.id for spec in SPECS if spec.text}
    ids = {text for text in ids if re.search(r"[\d/]", text) or text.count("-") > 1}
    rows = {PACKAGE / "providers" / f"{spec.name}.py" for spec in SPECS}
    sources = [*PACKAGE.rglob("*.py"), *(PACKAGE / "catalog").rglob("*.json")]
    sources += (PACKAGE.parents[3] / "functions").rglob("*.py")
    quoted = re.compile(rf"[\"']({'|'.join(map(re.escape, ids))})[\"']")
    found = [(path, text) for path in sources for text in quoted.findall(path.read_text())]
    assert {path for path, _ in found} <= rows
    assert len(set(found)) == len(found)


def test_limits_at_their_ends():
    """A value at an end stays and one beyond it is clamped; an image at a limit is taken, one pixel beyond isn't."""
    scale = Range(1, 10)
    assert [scale.clamp(value) for value in (0.99, 1, 5.5, 10, 10.01)] == [1, 1, 5.5, 10, 10]
    limits = InputLimits(min_side=64, min_pixels=4_096, max_pixels=9_437_184, max_aspect=2.5)
    assert all(limits.fits(*size) for size in [(64, 64), (3_072, 3_072), (2_500, 1_000), (1_000, 2_500)])
    beyond = [(63, 100), (64, 63), (3_072, 3_073), (2_501, 1_000), (1_000, 2_501)]
    assert not any(limits.fits(*size) for size in beyond)
    limits = InputLimits(max_side=100, min_pixels=401)
    assert [limits.fits(*size) for size in [(100, 5), (101, 5), (20, 20)]] == [True, False, False]


def sized(sizes):
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


def test_among_equal_ratios_the_smallest_sufficient_size_wins():
    """Not larger than needed, and not smaller. Without sizes of its own, a model returns the wanted one."""
    classes = (NativeSize("2k", 2_048, 2_048), NativeSize("4k", 4_096, 4_096))
    words = [nearest_size(sized(classes), side, side).label for side in (100, 2_048, 2_049, 4_096, 9_000)]
    assert words == ["2k", "2k", "4k", "4k", "4k"]
    assert nearest_size(sized(None), 333, 777) == NativeSize("", 333, 777)


def test_where_size_costs_a_fifth_is_enlarged():
    """A shortfall of a fifth is made up by us where the next size costs more, and no more than that."""
    priced = (NativeSize("1:1", 1_000, 1_000, "1K", 0.05), NativeSize("1:1", 2_000, 2_000, "2K", 0.10))
    classes = [nearest_size(sized(priced), side, side).size_class for side in (1_000, 1_200, 1_201, 5_000)]
    assert classes == ["1K", "1K", "2K", "2K"]


@given(width=st.integers(16, 8_192), height=st.integers(16, 8_192))
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


def test_every_models_largest_image_is_taken() -> None:
    """Also as noise, which no PNG makes smaller; where the size follows the input, ours are the largest."""
    sizes = [(each.width, each.height) for _, model in LIVE if isinstance(model.sizes, tuple) for each in model.sizes]
    free = [(model.sizes.high, model.sizes.high) for _, model in LIVE if isinstance(model.sizes, FreeSize)]
    outputs = [(isqrt(model.max_output),) * 2 for _, model in LIVE if model.max_output]
    assert max(map(prod, (*sizes, *free, *outputs, (MAX_PIXELS,)))) <= MAX_RESULT_PIXELS
    largest, file = max((*sizes, *outputs), key=prod), io.BytesIO()
    Image.frombytes("RGB", largest, randbytes(prod(largest) * 3)).save(file, "PNG", compress_level=0)
    assert decode(file.getvalue(), RESULT_LIMITS).size == largest
