"""The list of providers, rendered from their specs."""

import subprocess
import sys
from pathlib import Path

import pytest

import image_studio
from image_studio.operations.listings import cost_range, generators, list_providers
from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.providers import PROVIDERS, SPECS

EVERYONE = frozenset(PROVIDERS)
REFERENCE = {
    "stability": {
        "name": "Stability AI",
        "models": ["ultra", "core", "sd3.5-large"],
        "capabilities": ["generation", "editing", "upscaling"],
        "max_resolution": "2048x2048",
        "cost_range": "3-8 credits",
    },
    "wavespeed": {
        "name": "WaveSpeed AI",
        "models": ["ideogram-v3-turbo", "qwen-image"],
        "capabilities": ["generation"],
        "max_resolution": "1024x1024",
        "cost_range": "1-6 credits",
    },
}


def shown(configured=EVERYONE, failing=()):
    """The list's entries."""
    return list_providers(frozenset(configured), lambda name: name in failing)["providers"]


@pytest.mark.parametrize("name", REFERENCE)
def test_the_references_providers_come_first_with_its_values(name):
    """Its fields in its order, its models and capabilities at the head of ours."""
    ours, theirs = shown()[name], REFERENCE[name]
    assert list(ours)[: len(theirs)] == list(theirs)
    for field, value in theirs.items():
        assert ours[field][: len(value)] == value
        assert len(ours[field]) == len(value) or isinstance(value, list)


def test_all_four_are_listed_with_the_same_fields():
    """Then whether they have a key, and whether they failed just now."""
    assert list(shown()) == ["stability", "wavespeed", "huggingface", "gemini"]
    for entry in shown().values():
        assert list(entry) == [*REFERENCE["stability"], "configured", "healthy", "operations"]


def test_the_models_of_each_operation_are_those_that_can_be_asked_for():
    """Whoever is listed for an operation takes it by name; nobody else of the provider does."""
    for name, entry in shown().items():
        for operation, models in entry["operations"].items():
            for model in models:
                found = select_candidates(
                    ModelQuery(operation=operation, quality="standard", provider=name, model=model), EVERYONE
                )
                assert found[0].model.name == model
    assert shown()["stability"]["operations"]["upscale.fast"] == ["fast"]
    assert "edit.general_edit" not in shown()["stability"]["operations"]
    assert not any(operation.startswith("upscale") for operation in shown()["huggingface"]["operations"])


def test_keys_and_health_are_told():
    """Of each provider by itself."""
    entries = shown(configured={"gemini", "stability"}, failing={"gemini"})
    assert [entry["configured"] for entry in entries.values()] == [True, False, False, True]
    assert [entry["healthy"] for entry in entries.values()] == [True, True, True, False]


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_listed_model_can_be_sent_back(name):
    """With its provider, by create; none of them is retired."""
    for model in shown()[name]["models"]:
        (choice,) = select_candidates(
            ModelQuery(operation="create", quality="standard", provider=name, model=model), EVERYONE
        )
        assert (choice.provider.name, choice.model.name) == (name, model)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_model_costs_more_or_less_than_listed(spec):
    """Every price of every size lies within the range."""
    low, high = (int(number) for number in cost_range(spec).removesuffix(" credits").split("-"))
    for model in generators(spec):
        sizes = model.sizes if isinstance(model.sizes, tuple) else ()
        assert all(low <= model.price(size) <= high for size in (None, *sizes))


def test_the_list_starts_without_the_heavy_libraries():
    """A fresh interpreter renders it without pydantic, boto3, requests or Pillow."""
    heavy = ("pydantic", "boto3", "botocore", "requests", "PIL", "aws_lambda_powertools")
    program = (
        "import sys; from image_studio.operations.listings import list_providers;"
        "list_providers(frozenset(), lambda name: False); print(*sorted(sys.modules.keys() & set(sys.argv[1:])))"
    )
    layer = str(Path(image_studio.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", program, *heavy],
        env={"PYTHONPATH": layer},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
