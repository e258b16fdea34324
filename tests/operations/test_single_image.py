"""Fit an image to a model, or refuse it with the reason."""

from dataclasses import replace

import pytest
from PIL import Image

from image_studio.errors import InvalidImage
from image_studio.imaging.types import Size
from image_studio.operations.model_selection import Candidate
from image_studio.operations.single_image import accepting_models, encode_input, fit, fit_further_image
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.spec import FreeSize, InputLimits, ModelSpec, NativeSize, nearest_size

MODEL = ModelSpec(name="toy", endpoint="toy", operations=frozenset({"edit.inpaint"}), usd=0.01)
LIMITED = replace(
    MODEL, inputs=InputLimits(min_side=64, max_side=1000, min_pixels=4096, max_pixels=500_000, max_aspect=2.5)
)
WITH_RATIOS = replace(MODEL, sizes=(NativeSize("1:1", 1024, 1024), NativeSize("16:9", 1344, 756)))


def candidate(model: ModelSpec) -> Candidate:
    return Candidate(PROVIDERS["stability"].SPEC, model, "")


@pytest.mark.parametrize("size", [(800, 600), (1000, 500), (500, 1000), (707, 707), (64, 64)])
def test_what_fits_is_sent_as_it_is(size: tuple[int, int]) -> None:
    """The limits themselves are inside."""
    found = fit(candidate(LIMITED), *size)
    assert found.frame.size == found.frame.inner == found.requested == size
    assert not found.frame.padded


@pytest.mark.parametrize("size", [(4000, 3000), (1001, 900), (2400, 1000), (900, 900), (1000, 501)])
def test_a_large_image_is_scaled_down(size: tuple[int, int]) -> None:
    """Within both limits, as large as they allow, in its own shape; the requested size is its own size."""
    found = fit(candidate(LIMITED), *size)
    assert LIMITED.inputs.fits(*found.frame.size)
    assert not LIMITED.inputs.fits(found.frame.size.width + 2, found.frame.size.height + 2)
    assert found.frame.size.width / found.frame.size.height == pytest.approx(size[0] / size[1], rel=0.01)
    assert found.requested == Size(*size)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((63, 100), "The image has 63x100 pixels; Stability AI's toy needs sides of at least 64 and 4,096 pixels"),
        ((260, 100), "The image is 2.60:1; Stability AI's toy takes at most 2.5:1. Crop it first."),
        ((100, 260), "The image is 2.60:1"),
    ],
)
def test_what_cannot_fit_is_explained(size: tuple[int, int], sentence: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        fit(candidate(LIMITED), *size)
    assert sentence in caught.value.detail


def test_a_model_with_ratios_of_its_own_gets_a_padded_image() -> None:
    """The nearest ratio around it; the whole image is inside, in the middle. Half a percent is the same ratio."""
    found = fit(candidate(WITH_RATIOS), 1200, 1000)
    assert (found.frame.size, found.requested) == (Size(1200, 1200), Size(1200, 1200))
    assert (found.frame.left, found.frame.top, found.frame.inner) == (0, 100, Size(1200, 1000))
    assert not fit(candidate(WITH_RATIOS), 1920, 1080).frame.padded
    assert not fit(candidate(WITH_RATIOS), 1000, 1005).frame.padded
    assert fit(candidate(WITH_RATIOS), 1000, 1006).frame.padded


FREE = [
    Candidate(spec, model, "")
    for spec in SPECS
    for model in spec.live_models()
    if isinstance(model.sizes, FreeSize) and "image" in model.accepts
]


@pytest.mark.parametrize("one", FREE, ids=lambda one: one.model.name)
@pytest.mark.parametrize(
    "size", [(1584, 396), (396, 1584), (333, 1999), (1999, 250), (4000, 3000), (640, 480), (65, 64)]
)
def test_what_is_longer_than_a_range_of_sizes_is_padded(one: Candidate, size: tuple[int, int]) -> None:
    """What is asked of the model has the shape that is sent, so nothing is cut off or stretched."""
    found = fit(one, *size)
    asked = nearest_size(one.model, *found.requested)
    assert found.frame.size.width / found.frame.size.height == pytest.approx(asked.width / asked.height, rel=0.006)
    assert found.frame.inner.width / found.frame.inner.height == pytest.approx(size[0] / size[1], rel=0.01)
    longest = one.model.sizes.high / one.model.sizes.low
    assert found.frame.padded == (max(size) / min(size) > longest * 1.005)


def test_padding_can_save_a_long_image() -> None:
    """The limit on the ratio holds for what is sent."""
    found = fit(candidate(replace(WITH_RATIOS, inputs=LIMITED.inputs)), 900, 300)
    assert found.frame.size.width / found.frame.size.height == pytest.approx(1344 / 756, rel=0.01)


def test_an_upscale_requests_a_multiple_of_the_size() -> None:
    """Its size classes, 2k and 4k, are no ratios."""
    model = replace(MODEL, sizes=(NativeSize("2k", 2048, 2048),), accepts=frozenset({"target_resolution"}))
    found = fit(candidate(model), 1200, 300, 2.5)
    assert (found.frame.padded, found.requested) == (False, Size(3000, 750))


def test_further_images_are_scaled_whatever_their_shape() -> None:
    """A style image may be long; it is only made small enough."""
    small = fit_further_image(Image.new("RGB", (4000, 400)), candidate(LIMITED))
    assert small.size == (1000, 100)
    kept = Image.new("RGB", (100, 900))
    assert fit_further_image(kept, candidate(LIMITED)) is kept


def test_only_accepting_models_are_left() -> None:
    """A fallback that takes the image stands in; where none does, the first one's reason is given."""
    strict, free = candidate(LIMITED), candidate(MODEL)
    assert accepting_models([strict, free], lambda one: fit(one, 30, 30)) == [free]
    with pytest.raises(InvalidImage, match="at least 64"):
        accepting_models([strict, candidate(replace(LIMITED, name="other"))], lambda one: fit(one, 30, 30))


def test_images_share_the_room_of_a_request() -> None:
    """A noisy image becomes a JPEG where several have to fit into 70 % of Stability's 10 MiB."""
    noise = Image.effect_noise((900, 900), 200).convert("RGB")
    size = len(encode_input(noise, candidate(MODEL)).data)
    fitting = int(0.7 * 10 * 1024 * 1024 / size)
    for count, mime in ((1, "image/png"), (fitting, "image/png"), (fitting + 1, "image/jpeg")):
        assert encode_input(noise, candidate(MODEL), count).mime == mime
