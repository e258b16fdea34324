"""Create: which model makes the images, what is sent, and what the response says."""

import pytest
from pydantic import ValidationError

from image_studio.errors import ContentRefused, InvalidRequest, JobFailed, NotFound, ProviderUnavailable, UnknownCharge
from image_studio.operations.create import estimate, resolve, run
from image_studio.providers.adapter import ProviderImage
from image_studio.providers.client import StillRunning
from image_studio.schemas.common import MAX_PROMPT
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.limits import MAX_SEED, Quality
from tests.operations.fakes import (
    EVERYONE,
    FakeCircuits,
    FakeClient,
    RecordingJournal,
    corner_image,
    failing,
    from_bytes,
    make_context,
)


def requested(**fields):
    return CreateRequest(**{"prompt": "A boat", **fields})


def made(client=None, context=None, **fields):
    return run(requested(**fields), context or make_context(client))


# -- the request

OVERRIDES = {"quality": "standard", "style_preset": "anime", "width": 640, "height": 480}


@pytest.mark.parametrize(
    ("fields", "size", "quality", "style"),
    [
        ({"template_id": "linkedin_post"}, (1200, 628), Quality.PREMIUM, "photographic"),
        ({"template_id": "linkedin_post", **OVERRIDES}, (640, 480), Quality.STANDARD, "anime"),
        ({}, (1024, 1024), Quality.STANDARD, None),
    ],
)
def test_a_template_gives_what_the_request_leaves_open(fields, size, quality, style):
    """The request wins over the template, field by field: a quality is never upgraded."""
    resolved = resolve(requested(**fields))
    assert (resolved.size, resolved.quality, resolved.style_preset) == (size, quality, style)
    recommendation = ("LinkedIn Post", "ideogram") if fields else (None, None)
    assert (resolved.template_name, resolved.recommended) == recommendation


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        ("prompt", ["x", "x" * MAX_PROMPT], ["", "  ", None, "x" * (MAX_PROMPT + 1)]),
        ("num_variations", [1, 10], [0, 11, 1.5]),
        ("width", [16, 8192], [15, 8193]),
        ("quality", ["draft"], ["ultra"]),
        ("seed", [0, MAX_SEED], [-1, MAX_SEED + 1]),
        ("steps", [1, 150], [0, 151]),
        ("guidance_scale", [0, 50], [-0.1, 50.1, float("nan")]),
        ("delivery", ["url"], ["pigeon"]),
    ],
)
def test_the_limits_of_each_field(field, taken, refused):
    """By the schema, before anything is looked up or paid. Each limit itself is fine."""
    for value in taken:
        assert getattr(requested(**{field: value}), field) == value
    for value in refused:
        with pytest.raises(ValidationError):
            requested(**{field: value})


def test_null_means_not_given():
    """As clients of the original send every field."""
    names = [name for name in CreateRequest.model_fields if name != "prompt"]
    assert requested(**dict.fromkeys(names)).model_dump() == requested().model_dump()


# -- size


@pytest.mark.parametrize(
    ("provider", "size"),
    [
        ("stability", (1200, 628)),
        ("wavespeed", (1128, 191)),
        ("huggingface", (16, 160)),
        ("gemini", (333, 777)),
        ("bedrock", (700, 700)),
    ],
)
def test_every_provider_gives_exactly_the_size(provider, size):
    """In its own nearest size, then scaled and cropped, never stretched."""
    context = make_context()
    response = made(context=context, provider=provider, width=size[0], height=size[1])
    (result,) = response.results
    assert (result.width, result.height) == size == from_bytes(context.journal.images["1"]).size
    assert response.request.dimensions == f"{size[0]}x{size[1]}"
    keys = ["reason", "native_size", "crop", "focus", "faces", "scale", "digital_source_type"]
    assert list(result.metadata) == keys
    left, top, right, bottom = result.metadata["crop"]
    native = tuple(int(side) for side in result.metadata["native_size"].split("x"))
    assert 0 <= left < right <= native[0]
    assert 0 <= top < bottom <= native[1]
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.02, abs=0.02)
    assert result.metadata["scale"] == pytest.approx(size[0] / (right - left), rel=0.02)


# -- seeds


def test_variation_i_uses_seed_plus_i():
    """Seed 0 is a seed. The largest one is followed by 0, never by more than a request may say."""
    client = FakeClient()
    response = made(client, provider="stability", seed=0, num_variations=3)
    assert [task.seed for task in client.tasks] == [0, 1, 2] == [result.seed for result in response.results]
    response = made(seed=MAX_SEED, num_variations=2, provider="stability")
    assert [result.seed for result in response.results] == [MAX_SEED, 0]


def test_without_a_seed_each_image_gets_one():
    """The response has it, so that the image can be made again; variations stay apart."""
    client = FakeClient()
    response = made(client, provider="stability", num_variations=2)
    first, second = (result.seed for result in response.results)
    assert (second - first) % (MAX_SEED + 1) == 1
    assert sorted(task.seed for task in client.tasks) == sorted((first, second))


def test_a_later_run_uses_the_seeds_of_the_first():
    """The journal remembers them, for variations that were not ordered yet."""
    journal = RecordingJournal()

    def act(provider, task):
        if len(client.calls) == 1:
            raise StillRunning(1)

    client = FakeClient(act)
    context = make_context(client, journal=journal)
    with pytest.raises(StillRunning):
        made(context=context, provider="stability")
    journal.entries.clear()
    response = made(context=context, provider="stability")
    assert [task.seed for task in client.tasks] == [int(journal.notes["seed"])] * 2 == [response.results[0].seed] * 2


def test_the_seed_that_the_provider_reports_counts():
    client = FakeClient(lambda provider, task: ProviderImage(corner_image(64, 64), 99))
    assert made(client, seed=5).results[0].seed == 99


def test_a_model_without_seeds_has_none():
    """A requested one is named as ignored; nothing is invented."""
    for fields, ignored in (({}, None), ({"seed": 7}, ["seed"])):
        (result,) = made(provider="ideogram", **fields).results
        assert (result.seed, result.metadata.get("ignored")) == (None, ignored)


# -- other fields


def test_what_a_model_honors_is_sent_and_the_rest_is_reported():
    """A value outside the model's range is clamped. Steps mean nothing to Stability's core."""
    client = FakeClient()
    made(client, model="sd3.5-large", negative_prompt="blur", guidance_scale=7.5, style_preset="anime", seed=1)
    (task,) = client.tasks
    assert (task.negative_prompt, task.guidance_scale, task.style_preset) == ("blur", 7.5, "anime")
    (result,) = made(model="core", steps=30, guidance_scale=7).results
    assert result.metadata["ignored"] == ["guidance_scale", "steps"]
    (result,) = made(client, model="sd3.5-large", guidance_scale=50, seed=2).results
    assert client.tasks[1].guidance_scale == 10
    assert result.metadata["clamped"] == {"guidance_scale": 10}


# -- the response


def test_each_result_names_its_provider():
    """A fallback of one variation doesn't change the others."""

    def act(provider, task):
        if provider == "stability" and task.seed == 1:
            raise ProviderUnavailable("no credit")

    response = made(FakeClient(act), seed=0, num_variations=2)
    assert [result.provider for result in response.results] == ["stability", "bedrock"]
    assert "stability failed before" in response.results[1].metadata["reason"]


def test_nothing_made_is_the_first_failure():
    """Never a success without an image."""
    for error in (UnknownCharge(), ContentRefused()):
        with pytest.raises(JobFailed) as caught:
            made(failing(stability=error), provider="stability", num_variations=2)
        assert (caught.value.status, caught.value.code) == (error.status, error.code)


# -- the estimate


@pytest.mark.parametrize(
    ("fields", "credits"),
    [
        ({"provider": "ideogram"}, 5),
        ({"provider": "ideogram", "num_variations": 10}, 50),
        ({"model": "sd3.5-large"}, 7),
        ({"template_id": "linkedin_post"}, 5),
        ({"model": "gemini-3-pro-image", "width": 4096, "height": 4096}, 24),
        ({"model": "gemini-3-pro-image"}, 14),
    ],
    ids=str,
)
def test_the_estimate_is_the_first_candidates_price(fields, credits):
    """For every variation, by size where the size has a price."""
    assert estimate(requested(**fields), make_context()) == credits


def test_an_image_above_the_callers_limit_and_an_unknown_persona_are_refused_before_anything_is_reserved():
    """Exactly at the limit there is a price."""
    context = make_context(max_pixels=4096 * 4096)
    assert estimate(requested(width=4096, height=4096), context) > 0
    with pytest.raises(InvalidRequest, match="at most 16,777,216 pixels"):
        estimate(requested(width=4096, height=4097), context)
    with pytest.raises(NotFound, match="nobody"):
        estimate(requested(use_persona=True, persona_id="nobody"), make_context())


def test_the_model_follows_template_prompt_keys_and_circuits():
    """A template's recommendation, quoted words, who has a key, who failed just now."""

    def chosen(configured=EVERYONE, context=None, **fields):
        context = context or make_context(configured=frozenset(configured))
        return made(context=context, width=64, height=64, **fields).request

    assert chosen(template_id="linkedin_post", quality="standard").model == "ideogram-v3-turbo"
    assert chosen(prompt='A sign that says "OPEN"', quality="draft").model == "ideogram-v3-turbo"
    assert chosen(configured={"gemini", "huggingface"}).model == "gemini-nano-banana-2.1"
    echo = chosen(context=make_context(circuits=FakeCircuits("stability")))
    assert (echo.provider, echo.model) == ("bedrock", "core")
    assert echo.reason == "number 2 in the order for standard quality; stability failed just now"
