"""What the original's front-end sends to templates, providers, estimate and specs, and what it reads."""

import pytest

from image_studio.catalog.load import load_catalog
from image_studio.providers import SPECS
from local.stack import Stack
from tests.contract.caller import Caller

KEYS = [spec.name for spec in SPECS]


@pytest.fixture
def caller(stack: Stack) -> Caller:
    return Caller(stack, "front-end")


# -- templates


@pytest.mark.parametrize("query", ["", "?", "?platform=&category=", "?category=", "?unheard=of"])
def test_templates_are_an_array_whatever_the_query(caller, query):
    """All that the original has, and ours, with the fields that its cards show, and a style that is a word."""
    body = caller.get(f"/templates{query}").json()
    assert len(body["templates"]) == body["total"] == len(load_catalog().templates) >= 26
    for template in body["templates"]:
        shown = ("id", "name", "platform", "description", "recommended_provider", "style_preset", "quality")
        assert all(isinstance(template[name], str) and template[name] for name in shown)
        ratio = template["aspect_ratio"]
        assert isinstance(ratio["ratio"], str)
        assert ratio["width"] * ratio["height"] > 0


def test_search_and_recommend_have_the_same_shape(caller):
    """And find what a person means: a word of the id, a whole sentence."""
    for path in ("/templates/search?query=linkedin", "/templates/recommend?use_case=show+my+product+to+customers"):
        body = caller.get(path).json()
        assert body["total"] == len(body["templates"]) > 0
    found = caller.get("/templates/search?query=nothing-is-called-this").json()
    assert (found["templates"], found["total"]) == ([], 0)


# -- providers


def test_a_providers_key_and_first_model_can_be_sent_back(caller):
    providers = caller.get("/providers").json()["providers"]
    assert list(providers) == KEYS
    for key, entry in providers.items():
        assert isinstance(entry["name"], str)
        answer = caller.create("A kite", provider=key, model=entry["models"][0])
        assert answer.status_code == 200, answer.text[:300]
        echo = answer.json()["request"]
        assert (echo["provider"], echo["model"]) == (key, entry["models"][0])


# -- estimate


@pytest.mark.parametrize("provider", [*KEYS, "ideogram", "qwen", "auto"])
def test_an_estimate_has_the_numbers_that_the_page_shows(caller, provider):
    """cost_per_image, total_cost, num_images, provider, estimated and currency; never 0 and never missing."""
    body = caller.post("/estimate-cost", provider=provider, model=None, operation="generate", num_images=3).json()
    assert body["total_cost"] == body["estimated_cost"] == 3 * body["cost_per_image"] > 0
    assert (body["num_images"], body["currency"], body["estimated"]) == (3, "credits", True)
    assert body["provider"] in KEYS


def test_the_estimate_is_what_is_charged(caller):
    """The same number in the estimate and in the job's record."""
    estimate = caller.post("/estimate-cost", provider="stability", model="sd3.5-large", num_images=2).json()
    answer = caller.create("A kite", provider="stability", model="sd3.5-large", num_variations=2)
    job = caller.get(f"/jobs/{answer.headers['x-job-id']}").json()
    assert job["credits"] == {"reserved": estimate["total_cost"], "charged": estimate["total_cost"], "held": 0}


# -- specs and formats


@pytest.mark.parametrize("platform", load_catalog().social_platforms)
def test_a_platforms_specs_and_formats(caller, platform):
    """The whole body is read; formats[0] is the default; sizes agree."""
    specs = caller.get(f"/platform-specs/{platform}").json()
    formats = caller.get(f"/social/platforms/{platform}/formats").json()["formats"]
    assert [f"{each['width']}x{each['height']}" for each in formats] == [each["size"] for each in specs["formats"]]
    assert [each["name"] for each in formats] == [each["name"] for each in specs["formats"]]
    assert isinstance(specs["max_file_size"], str)
