"""What the original's front-end sends to create, and what it reads; what the original got wrong there."""

from typing import Any

import pytest
import requests

from image_studio.catalog.load import load_catalog
from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import decoded, opened

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
    return Caller(stack, "front-end")


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


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"prompt": ""}, 400, "Prompt must not be empty."),
        ({"prompt": None}, 400, "Prompt is required."),
        ({"prompt": 5}, 400, "prompt"),
        ({"num_variations": 11}, 400, "num_variations"),
        ({"num_variations": "many"}, 400, "num_variations"),
        ({"quality": "best"}, 400, "draft, standard, premium"),
        ({"provider": "dalle"}, 400, "auto, stability, wavespeed, huggingface, gemini, bedrock, ideogram, qwen"),
        ({"model": "dall-e-3"}, 400, "ideogram-v3-turbo"),
        ({"provider": "gemini", "model": "imagen-4.0-generate-001"}, 400, "Use gemini-nano-banana-2.1"),
        ({"provider": "stability", "model": "erase"}, 400, "Models that can: "),
        ({"style_preset": "baroque"}, 400, "photographic"),
        ({"aspect_ratio": "16:0"}, 400, "16:9 or 1.91:1"),
        ({"width": -5, "height": 10}, 400, "width"),
        ({"width": 100_000, "height": 10}, 400, "width"),
        ({"width": 8192, "height": 8192}, 400, "25,000,000"),
        ({"seed": -1}, 400, "seed"),
        ({"template_id": "nothing"}, 404, "Template not found: nothing"),
        ({"use_persona": True, "persona_id": "nobody"}, 404, "Persona 'nobody' not found."),
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


def test_unknown_fields_are_ignored_and_named(caller):
    """As clients of the original rely on."""
    answer = caller.create("A kite", provider="qwen", sampler="ddim", output_format="png")
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, "output_format, sampler")


def pixels(result):
    """The image without its signature, which differs each time."""
    return decoded(result["image_base64"]).tobytes()


def test_the_same_seed_makes_the_same_image(caller):
    """Seed 0 is a seed; variation i uses seed + i."""
    first = caller.create("A kite", provider="stability", seed=0, num_variations=2).json()["results"]
    again = caller.create("A kite", provider="stability", seed=1).json()["results"]
    assert [result["seed"] for result in first] == [0, 1]
    assert pixels(first[1]) == pixels(again[0]) != pixels(first[0])


@pytest.mark.parametrize("provider", ["huggingface", "gemini"])
def test_the_seed_of_a_response_makes_the_image_again(caller, provider):
    """Also where nobody asked for one."""
    (first,) = caller.create("A kite", provider=provider).json()["results"]
    (again,) = caller.create("A kite", provider=provider, model=first["model"], seed=first["seed"]).json()["results"]
    assert (again["seed"], pixels(again)) == (first["seed"], pixels(first))


def test_images_too_large_for_one_answer_have_urls_as_well(caller):
    """Each is fetched without a token and has the template's size; image_base64 is a copy of it."""
    template = load_catalog().template("website_hero")
    body = caller.post("/create", prompt="Kites", template_id=template.id, num_variations=4).json()
    size = (template.aspect_ratio.width, template.aspect_ratio.height)
    assert all(decoded(result["image_base64"]).size == size for result in body["results"])
    linked = [result for result in body["results"] if "image_url" in result]
    assert linked
    for result in linked:
        image = requests.get(result["image_url"], timeout=30)
        assert image.headers["content-type"] == "image/png"
        assert opened(image.content).size == size
