"""Create: which model makes the images, what is sent, and what the response says."""

import pytest
from pydantic import ValidationError

from image_studio.catalog.load import load_catalog
from image_studio.errors import (
    ContentRefused,
    InvalidRequest,
    JobFailed,
    NotFound,
    ProviderUnavailable,
    UnknownCharge,
    UnknownChoice,
)
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
    from_bytes,
    make_context,
)


def asked(**fields):
    """A request."""
    return CreateRequest(**{"prompt": "A boat", **fields})


def made(client=None, context=None, **fields):
    """The response to a request."""
    return run(asked(**fields), context or make_context(client))


# -- the template and what wins over it


def test_a_template_gives_size_style_and_quality():
    """What the request leaves open."""
    settled = resolve(asked(template_id="linkedin_post"))
    assert (settled.size, settled.quality, settled.style_preset) == ((1200, 628), Quality.PREMIUM, "photographic")
    assert (settled.template_name, settled.recommended) == ("LinkedIn Post", "ideogram")


def test_the_request_wins_over_the_template():
    """Each field by itself; a quality that was asked for is never upgraded."""
    settled = resolve(
        asked(template_id="linkedin_post", quality="standard", style_preset="anime", width=640, height=480)
    )
    assert (settled.size, settled.quality, settled.style_preset) == ((640, 480), Quality.STANDARD, "anime")


def test_without_a_template_there_are_plain_defaults():
    """A square of a megapixel, standard quality, no style."""
    settled = resolve(asked())
    assert (settled.size, settled.quality, settled.style_preset) == ((1024, 1024), Quality.STANDARD, None)


def test_an_unknown_template_is_not_found():
    """The sentence says where the list is."""
    with pytest.raises(NotFound, match="GET /api/image-studio/templates"):
        resolve(asked(template_id="nothing"))


def test_an_unknown_style_names_the_known_ones():
    """All 17."""
    with pytest.raises(UnknownChoice) as refused:
        resolve(asked(style_preset="baroque"))
    assert all(style in refused.value.detail for style in load_catalog().styles)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ""},
        {"prompt": "  "},
        {"prompt": None},
        {"prompt": "x" * (MAX_PROMPT + 1)},
        {"num_variations": 0},
        {"num_variations": 11},
        {"num_variations": 1.5},
        {"width": 15, "height": 15},
        {"width": 8193, "height": 64},
        {"quality": "ultra"},
        {"seed": -1},
        {"seed": MAX_SEED + 1},
        {"steps": 0},
        {"steps": 151},
        {"guidance_scale": -0.1},
        {"guidance_scale": 50.1},
        {"guidance_scale": float("nan")},
        {"delivery": "pigeon"},
    ],
    ids=str,
)
def test_one_beyond_each_limit_is_refused(fields):
    """By the schema, before anything is looked up or paid."""
    with pytest.raises(ValidationError):
        asked(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x" * MAX_PROMPT},
        {"num_variations": 10},
        {"width": 5000, "height": 5000},
        {"width": 8192, "height": 16},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"steps": 150},
        {"guidance_scale": 0},
        {"guidance_scale": 50},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_the_limits_themselves_are_fine(fields):
    """Each taken as it is."""
    request = asked(**fields)
    assert {name: getattr(request, name) for name in fields} == fields


def test_null_means_not_given():
    """As clients of the original send every field."""
    names = [name for name in CreateRequest.model_fields if name != "prompt"]
    assert asked(**dict.fromkeys(names)).model_dump() == asked().model_dump()


# -- size


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("size", [(1200, 628), (1128, 191), (16, 160), (333, 777)])
def test_every_provider_gives_exactly_the_size(provider, size):
    """In its own nearest size, then scaled and cropped, never stretched."""
    context = make_context()
    response = made(context=context, provider=provider, width=size[0], height=size[1])
    (result,) = response.results
    assert (result.width, result.height) == size == from_bytes(context.journal.images["1"]).size
    assert response.request.dimensions == f"{size[0]}x{size[1]}"
    told = result.metadata
    left, top, right, bottom = told["crop"]
    native = tuple(int(side) for side in told["native_size"].split("x"))
    assert 0 <= left < right <= native[0]
    assert 0 <= top < bottom <= native[1]
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.02, abs=0.02)
    assert told["scale"] == pytest.approx(size[0] / (right - left), rel=0.02)


@pytest.mark.parametrize("template", load_catalog().templates.values(), ids=lambda template: template.id)
def test_every_template_on_its_recommended_provider(template):
    """All 26, in exactly their size."""
    context = make_context()
    response = made(context=context, template_id=template.id, provider=template.recommended_provider)
    assert from_bytes(context.journal.images["1"]).size == (template.aspect_ratio.width, template.aspect_ratio.height)
    assert (response.request.template_id, response.request.template_name) == (template.id, template.name)
    assert response.request.style_preset == template.style_preset


# -- seeds


def test_seed_zero_is_a_seed():
    """And variation i uses seed + i."""
    client = FakeClient()
    response = made(client, provider="stability", seed=0, num_variations=3)
    assert sorted(task.seed for task in client.tasks) == [0, 1, 2]
    assert [result.seed for result in response.results] == [0, 1, 2]


def test_the_largest_seed_starts_anew_at_zero():
    """Never beyond what a request may say."""
    response = made(seed=MAX_SEED, num_variations=2, provider="stability")
    assert [result.seed for result in response.results] == [MAX_SEED, 0]


def test_without_a_seed_each_image_gets_one_that_is_told():
    """So that it can be made again; variations stay apart."""
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


def test_the_providers_own_word_on_the_seed_counts():
    """What it says it used is what is told."""
    client = FakeClient(lambda provider, task: ProviderImage(corner_image(64, 64), 99))
    assert made(client, seed=5).results[0].seed == 99


def test_a_model_without_seeds_has_none():
    """An asked-for one is named as ignored; nothing is invented."""
    (result,) = made(provider="ideogram").results
    assert result.seed is None
    assert "ignored" not in result.metadata
    (result,) = made(provider="ideogram", seed=7).results
    assert (result.seed, result.metadata["ignored"]) == (None, ["seed"])


# -- other fields


def test_what_a_model_honors_reaches_it():
    """As it was given."""
    client = FakeClient()
    made(client, model="sd3.5-large", negative_prompt="blur", guidance_scale=7.5, style_preset="anime", seed=1)
    (task,) = client.tasks
    assert (task.negative_prompt, task.guidance_scale, task.style_preset) == ("blur", 7.5, "anime")


def test_what_a_model_does_not_honor_is_named():
    """Steps mean nothing to Stability's core; the image is made all the same."""
    (result,) = made(model="core", steps=30, guidance_scale=7).results
    assert result.metadata["ignored"] == ["guidance_scale", "steps"]


def test_a_value_outside_a_models_range_is_clamped_and_told():
    """Below as above."""
    for given, sent in ((0, 1), (50, 10)):
        client = FakeClient()
        (result,) = made(client, model="sd3.5-large", guidance_scale=given).results
        assert client.tasks[0].guidance_scale == sent
        assert result.metadata["clamped"] == {"guidance_scale": sent}


# -- the response


def test_the_exact_metadata_of_a_variation():
    """Why this model, and how its image became the requested one."""
    (result,) = made(width=64, height=32, provider="gemini").results
    assert list(result.metadata) == ["reason", "native_size", "crop", "scale"]


def test_the_references_example():
    """Every field of its request's echo, and the result's."""
    response = made(
        prompt="Modern minimalist workspace with laptop",
        template_id="linkedin_post",
        style_preset="photographic",
        quality="standard",
        negative_prompt="blurry, low quality",
    ).model_dump(context={"public": True})
    assert response["success"] is True
    assert list(response["request"].items())[:8] == [
        ("prompt", "Modern minimalist workspace with laptop"),
        ("enhanced_prompt", "Modern minimalist workspace with laptop, professional photography, high quality"),
        ("template_id", "linkedin_post"),
        ("template_name", "LinkedIn Post"),
        ("provider", "wavespeed"),
        ("model", "ideogram-v3-turbo"),
        ("dimensions", "1200x628"),
        ("quality", "standard"),
    ]
    (result,) = response["results"]
    told = {name: result[name] for name in ("width", "height", "provider", "model", "variation")}
    expected = {"width": 1200, "height": 628, "provider": "wavespeed", "model": "ideogram-v3-turbo", "variation": 1}
    assert told == expected
    assert (response["total_generated"], response["total_failed"], response["errors"]) == (1, 0, [])


def test_partial_success_is_told_apart():
    """Results hold images only; a failure is an entry of errors with its variation."""

    def act(provider, task):
        if task.seed == 1:
            raise UnknownCharge

    response = made(FakeClient(act), provider="stability", seed=0, num_variations=4)
    assert [result.variation for result in response.results] == [1, 3, 4]
    assert (response.total_generated, response.total_failed) == (3, 1)
    assert [(error.variation, error.code) for error in response.errors] == [(2, "unknown_charge")]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(UnknownCharge(), 500, "unknown_charge"), (ContentRefused(), 400, "content_refused")],
    ids=["lost", "refused"],
)
def test_nothing_done_is_an_error(error, status, code):
    """Never a success without an image."""

    def act(provider, task):
        raise error

    with pytest.raises(JobFailed) as failed:
        made(FakeClient(act), num_variations=2)
    assert (failed.value.status, failed.value.code) == (status, code)


def test_a_mix_of_providers_is_told_per_result():
    """A fallback of one variation doesn't change the others."""

    def act(provider, task):
        if provider == "stability" and task.seed == 1:
            raise ProviderUnavailable("no credit")

    response = made(FakeClient(act), seed=0, num_variations=2)
    assert [result.provider for result in response.results] == ["stability", "wavespeed"]
    assert "stability failed before" in response.results[1].metadata["reason"]


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
def test_the_estimate_is_the_first_choices_price(fields, credits):
    """For every variation, by size where the size has a price."""
    assert estimate(asked(**fields), make_context()) == credits


@pytest.mark.parametrize(
    ("most", "fits", "over"), [(25_000_000, (5000, 5000), (5001, 5000)), (4096 * 4096, (4096, 4096), (4096, 4097))]
)
def test_a_image_above_the_callers_cap_is_found_out_before_anything_is_reserved(most, fits, over):
    """Exactly at it there is a price."""
    context = make_context(max_pixels=most)
    assert estimate(asked(width=fits[0], height=fits[1]), context) > 0
    with pytest.raises(InvalidRequest, match=f"at most {most:,} pixels"):
        estimate(asked(width=over[0], height=over[1]), context)


def test_an_unknown_persona_is_found_out_before_anything_is_reserved():
    """It is named in the request, so it is a 404."""
    with pytest.raises(NotFound, match="nobody"):
        estimate(asked(persona_id="nobody"), make_context())
    with pytest.raises(InvalidRequest, match="personas/default"):
        estimate(asked(use_persona=True), make_context())


def chosen(configured=EVERYONE, context=None, **fields):
    """Provider and model that make the image."""
    response = run(asked(width=64, height=64, **fields), context or make_context(configured=frozenset(configured)))
    return response.request.provider, response.request.model


def test_auto_follows_the_templates_recommendation():
    """As in the reference's example."""
    assert chosen(template_id="linkedin_post", provider="auto") == ("wavespeed", "ideogram-v3-turbo")
    assert chosen(template_id="linkedin_post", quality="standard") == ("wavespeed", "ideogram-v3-turbo")


def test_quoted_words_are_set_by_who_can():
    """In any quality."""
    assert chosen(prompt='A sign that says "OPEN"', quality="draft") == ("wavespeed", "ideogram-v3-turbo")


def test_auto_leaves_out_who_has_no_key_and_puts_who_failed_last():
    """The reason says so."""
    assert chosen(configured={"gemini", "huggingface"}) == ("gemini", "gemini-3.1-flash-image")
    context = make_context(circuits=FakeCircuits("stability"))
    assert chosen(context=context) == ("wavespeed", "qwen-image")
    assert (
        run(asked(), context).request.reason == "number 2 in the order for standard quality; stability failed just now"
    )
