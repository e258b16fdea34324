"""What the original's front-end sends to templates, providers, create, estimate and specs, and what it reads."""

from typing import Any

import pytest
import requests

from image_studio import catalog
from image_studio.providers import SPECS
from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import decoded, opened

KEYS = [spec.name for spec in SPECS]
#: What its create form sends, untouched.
FORM: dict[str, Any] = {
    "prompt": "A red kite over the sea",
    "template_id": None,
    "provider": "auto",
    "model": None,
    "style_preset": "photographic",
    "quality": "standard",
    "num_variations": 1,
    "negative_prompt": "",
    "enhance_prompt": True,
    "guidance_scale": None,
    "steps": None,
    "seed": None,
}


@pytest.fixture
def caller(stack: Stack) -> Caller:
    """The front-end."""
    return Caller(stack, "front-end")


# -- templates


@pytest.mark.parametrize("query", ["", "?", "?platform=&category=", "?category=", "?unheard=of"])
def test_templates_are_an_array_whatever_the_query(caller, query):
    """All 26, with the fields that its cards show, and a style that is a word."""
    body = caller.get(f"/templates{query}").json()
    assert len(body["templates"]) == body["total"] == 26
    for template in body["templates"]:
        shown = ("id", "name", "platform", "description", "recommended_provider", "style_preset", "quality")
        assert all(isinstance(template[name], str) and template[name] for name in shown)
        ratio = template["aspect_ratio"]
        assert isinstance(ratio["ratio"], str)
        assert ratio["width"] * ratio["height"] > 0


def test_filters_combine(caller):
    """Both count; the original forgot the category beside a platform."""
    both = caller.get("/templates?platform=facebook&category=social_media").json()["templates"]
    every = caller.get("/templates?platform=facebook").json()["templates"]
    assert {template["category"] for template in both} == {"social_media"}
    assert {template["platform"] for template in both} == {"facebook"}
    assert both == [template for template in every if template["category"] == "social_media"]


@pytest.mark.parametrize("path", ["/templates?platform=myspace", "/templates?category=nothing"])
def test_an_unknown_filter_names_the_known_ones(caller, path):
    """400 with a string; the original's 422 had a list."""
    answer = caller.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_choice")
    assert "Valid: " in answer.json()["detail"]


def test_search_and_recommend_have_the_same_shape(caller):
    """And find what a person means: a word of the id, a whole sentence."""
    for path in ("/templates/search?query=linkedin", "/templates/recommend?use_case=show+my+product+to+customers"):
        body = caller.get(path).json()
        assert body["total"] == len(body["templates"]) > 0
    found = caller.get("/templates/search?query=nothing-is-called-this").json()
    assert (found["templates"], found["total"]) == ([], 0)


# -- providers


def test_a_providers_key_and_first_model_can_be_sent_back(caller):
    """The keys are what `provider` takes; models[0] is sent as `model` with it."""
    providers = caller.get("/providers").json()["providers"]
    assert list(providers) == KEYS
    for key, entry in providers.items():
        assert isinstance(entry["name"], str)
        answer = caller.create("A kite", provider=key, model=entry["models"][0])
        assert answer.status_code == 200, answer.text[:300]
        echo = answer.json()["request"]
        assert (echo["provider"], echo["model"]) == (key, entry["models"][0])


# -- create


def test_the_forms_request_gives_what_the_page_reads(caller):
    """success, then per result a PNG, its size, provider and variation; the settled provider and model."""
    body = caller.post("/create", **FORM).json()
    assert body["success"] is True
    assert (body["request"]["provider"], body["request"]["model"]) == ("stability", "core")
    (result,) = body["results"]
    assert (result["provider"], result["variation"]) == ("stability", 1)
    assert decoded(result["image_base64"]).size == (result["width"], result["height"]) == (1024, 1024)


def test_a_templates_recommendation_can_be_sent_back(caller):
    """The page copies it into the provider field: "ideogram" is a provider, then."""
    template = caller.get("/templates?platform=linkedin").json()["templates"][0]
    form = FORM | {"template_id": template["id"], "provider": template["recommended_provider"]}
    body = caller.post("/create", **form).json()
    assert (body["request"]["provider"], body["request"]["template_name"]) == ("wavespeed", template["name"])
    size = (template["aspect_ratio"]["width"], template["aspect_ratio"]["height"])
    assert decoded(body["results"][0]["image_base64"]).size == size


def test_a_quality_that_was_asked_for_is_not_upgraded(caller):
    """A premium template and "standard": the echo says standard, and the price is its own."""
    body = caller.post("/create", **FORM | {"template_id": "linkedin_post", "provider": "stability"}).json()
    assert (body["request"]["quality"], body["request"]["model"]) == ("standard", "core")


def test_broken_cards_are_impossible(caller):
    """A variation that failed is no item of results; the others come with their numbers."""
    answer = caller.create("A kite [[fault=402;seed=1]]", provider="stability", seed=0, num_variations=3)
    body = answer.json()
    assert answer.status_code == 200, answer.text[:300]
    assert [result["variation"] for result in body["results"]] == [1, 3]
    assert all(decoded(result["image_base64"]) for result in body["results"])
    assert (body["total_generated"], body["total_failed"]) == (2, 1)
    (error,) = body["errors"]
    assert (error["variation"], error["code"]) == (2, "provider_unavailable")
    assert "no credit" in error["detail"]


def test_nothing_made_is_never_a_success(caller):
    """The original answered 200 with success: true."""
    answer = caller.create("A kite [[fault=402]]", provider="stability", num_variations=2)
    assert answer.status_code == 500
    assert answer.json() == {
        "detail": "Image generation failed: Stability AI has no credit left.",
        "code": "provider_unavailable",
    }


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"prompt": ""}, 400, "Prompt must not be empty."),
        ({"prompt": None}, 400, "prompt"),
        ({"prompt": 5}, 400, "prompt"),
        ({"num_variations": 11}, 400, "num_variations"),
        ({"num_variations": "many"}, 400, "num_variations"),
        ({"quality": "best"}, 400, "draft, standard, premium"),
        ({"provider": "dalle"}, 400, "auto, stability, wavespeed, huggingface, gemini, ideogram, qwen"),
        ({"model": "dall-e-3"}, 400, "ideogram-v3-turbo"),
        ({"provider": "gemini", "model": "imagen-4.0-generate-001"}, 400, "Use gemini-3.1-flash-image"),
        ({"provider": "stability", "model": "erase"}, 400, "Who can: "),
        ({"style_preset": "baroque"}, 400, "photographic"),
        ({"aspect_ratio": "16:0"}, 400, "16:9 or 1.91:1"),
        ({"width": -5, "height": 10}, 400, "width"),
        ({"width": 100_000, "height": 10}, 400, "width"),
        ({"width": 8192, "height": 8192}, 400, "25,000,000"),
        ({"seed": -1}, 400, "seed"),
        ({"template_id": "nothing"}, 404, "Template not found: nothing"),
        ({"persona_id": "nobody"}, 404, "Persona 'nobody' not found."),
        ({"use_persona": True}, 400, "personas/default"),
    ],
    ids=str,
)
def test_what_the_user_can_mend_is_a_4xx_with_a_sentence(caller, fields, status, said):
    """A string, shown as it is; the original's client throws the body of a 5xx away."""
    answer = caller.post("/create", **FORM | fields)
    body = answer.json()
    assert (answer.status_code, set(body)) == (status, {"detail", "code"})
    assert said in body["detail"]


def test_a_missing_prompt_is_said_so(caller):
    """The shortest wrong request."""
    answer = caller.post("/create")
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Prompt is required.", "code": "invalid_request"},
    )


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("not json", "application/json", 400),
        ("[]", "application/json", 400),
        ('"text"', "application/json", 400),
        ("", "application/json", 400),
        ("prompt=x", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_is_no_json_object_is_a_sentence(caller, body, kind, status):
    """Never a list of faults, never a 422."""
    headers = caller.headers | {"Content-Type": kind}
    answer = requests.post(f"{caller.url}/create", data=body, headers=headers, timeout=30)
    assert (answer.status_code, set(answer.json())) == (status, {"detail", "code"})


def test_refused_content_is_the_users_to_mend(caller):
    """Moderation is a 400, or its words would be thrown away."""
    answer = caller.create("A kite [[fault=moderated]]", provider="stability")
    assert (answer.status_code, answer.json()["code"]) == (400, "content_refused")


def test_unknown_fields_are_ignored_and_named(caller):
    """As clients of the original rely on."""
    answer = caller.create("A kite", provider="qwen", sampler="ddim", output_format="png")
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, "output_format, sampler")


def test_what_a_model_can_not_honour_is_named(caller):
    """The original sent it all the same, and the provider dropped it silently."""
    (result,) = caller.create("A kite", provider="ideogram", steps=30, seed=7, negative_prompt="blur").json()["results"]
    assert result["metadata"]["ignored"] == ["negative_prompt", "seed", "steps"]


def test_a_style_reaches_a_provider_that_knows_styles(caller, stack):
    """And every provider gets its words in the prompt."""
    caller.create("A kite", provider="stability", style_preset="anime")
    (call,) = [call for call in stack.emulators["stability"].calls if call.kind == "generate"]
    assert call.fields["style_preset"] == "anime"
    assert call.fields["prompt"] == f"A kite, {catalog.style_words('anime')}"


def test_the_same_seed_makes_the_same_picture(caller):
    """Seed 0 is a seed; variation i uses seed + i."""
    first = caller.create("A kite", provider="stability", seed=0, num_variations=2).json()["results"]
    again = caller.create("A kite", provider="stability", seed=1).json()["results"]
    assert [result["seed"] for result in first] == [0, 1]
    assert first[1]["image_base64"] == again[0]["image_base64"] != first[0]["image_base64"]


@pytest.mark.parametrize("provider", KEYS)
def test_the_seed_that_is_told_makes_the_picture_again(caller, provider):
    """Also where nobody asked for one."""
    (first,) = caller.create("A kite", provider=provider).json()["results"]
    (again,) = caller.create("A kite", provider=provider, model=first["model"], seed=first["seed"]).json()["results"]
    assert (again["seed"], again["image_base64"]) == (first["seed"], first["image_base64"])


def test_pictures_too_large_for_one_answer_come_as_urls(caller):
    """In place of image_base64; each is fetched without a token and has its size."""
    template = catalog.template("website_hero")
    body = caller.post("/create", prompt="Kites", template_id=template.id, num_variations=4).json()
    forms = [("image_base64" in result, "image_url" in result) for result in body["results"]]
    assert (True, False) in forms
    assert (False, True) in forms
    for result in body["results"]:
        if "image_url" in result:
            picture = requests.get(result["image_url"], timeout=30)
            assert picture.headers["content-type"] == "image/png"
            assert opened(picture.content).size == (template.width, template.height)


def test_urls_only_where_urls_are_asked_for(caller):
    """delivery: "url"."""
    (result,) = caller.create("A kite", delivery="url").json()["results"]
    assert "image_base64" not in result
    assert opened(requests.get(result["image_url"], timeout=30).content).size == (96, 64)


# -- estimate


@pytest.mark.parametrize("provider", [*KEYS, "ideogram", "qwen", "auto"])
def test_an_estimate_has_the_numbers_that_the_page_shows(caller, provider):
    """cost_per_image, total_cost, num_images, provider, estimated and currency; never 0 and never missing."""
    body = caller.post("/estimate-cost", provider=provider, model=None, operation="generate", num_images=3).json()
    assert body["total_cost"] == body["estimated_cost"] == 3 * body["cost_per_image"] > 0
    assert (body["num_images"], body["currency"], body["estimated"]) == (3, "credits", True)
    assert body["provider"] in KEYS


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": "nobody"},
        {"provider": "stability", "model": "stability-core"},
        {"provider": "stability", "num_images": 0},
        {"provider": "stability", "num_images": 100_000},
        {"provider": "stability", "operation": "fly"},
        {"provider": "stability", "width": -1, "height": 5},
        {},
    ],
    ids=str,
)
def test_an_estimate_is_never_zero_for_what_is_unknown(caller, fields):
    """A 400 that names what there is."""
    answer = caller.post("/estimate-cost", **fields)
    assert (answer.status_code, set(answer.json())) == (400, {"detail", "code"})


def test_the_estimate_is_what_is_charged(caller):
    """The same number in the estimate and in the job's record."""
    estimate = caller.post("/estimate-cost", provider="stability", model="sd3.5-large", num_images=2).json()
    answer = caller.create("A kite", provider="stability", model="sd3.5-large", num_variations=2)
    job = caller.get(f"/jobs/{answer.headers['x-job-id']}").json()
    assert job["credits"] == {"reserved": estimate["total_cost"], "charged": estimate["total_cost"], "held": 0}


# -- specs and formats


@pytest.mark.parametrize("platform", catalog.social_platform_names())
def test_a_platforms_specs_and_formats(caller, platform):
    """The whole body is read; formats[0] is the default; sizes agree."""
    specs = caller.get(f"/platform-specs/{platform}").json()
    formats = caller.get(f"/social/platforms/{platform}/formats").json()["formats"]
    assert [f"{each['width']}x{each['height']}" for each in formats] == [each["size"] for each in specs["formats"]]
    assert [each["name"] for each in formats] == [each["name"] for each in specs["formats"]]
    assert isinstance(specs["max_file_size"], str)


@pytest.mark.parametrize("platform", ["blog", "email", "website"])
def test_platforms_without_fixed_sizes(caller, platform):
    """Known, but with nothing to choose: an empty list, and no specifications."""
    assert caller.get(f"/social/platforms/{platform}/formats").json() == {"formats": []}
    answer = caller.get(f"/platform-specs/{platform}")
    assert (answer.status_code, set(answer.json())) == (404, {"detail", "code"})


@pytest.mark.parametrize("path", ["/platform-specs/myspace", "/social/platforms/myspace/formats"])
def test_an_unknown_platform_in_a_path_is_not_found(caller, path):
    """And the known ones are named."""
    answer = caller.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "instagram" in answer.json()["detail"]


# -- who asks


def test_without_a_token_nothing_but_health_answers(stack):
    """The gateway's own 401; a token without a subject gets the documented sentence."""
    for path in ("/templates", "/providers", "/platform-specs/instagram", "/personas"):
        answer = requests.get(stack.url + path, timeout=30)
        assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
    answer = requests.get(f"{stack.url}/templates", headers=stack.headers(sub=" "), timeout=30)
    assert answer.status_code == 401
    assert answer.json() == {
        "detail": "Authenticated user required for image operations.",
        "code": "not_authenticated",
    }
    assert requests.get(f"{stack.url}/health", timeout=30).status_code == 200
