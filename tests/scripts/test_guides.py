"""The guides' generated pages say what the data says, and what they link to is there."""

import re
from pathlib import Path

import pytest
from PIL import Image

from image_studio.catalog.load import load_catalog
from image_studio.providers import SPECS
from image_studio.runtime.settings import TIERS
from image_studio.storage import keys
from image_studio.storage.library import EDITABLE_WORDS, FIXED_WORDS
from scripts.guide_pictures import IDEAS, TEMPLATE_PROMPTS, TEMPLATES, ideas
from scripts.guides import ADVICE, GUIDES, pages, shown_errors

ROOT = Path(__file__).parents[2]
WRITTEN = sorted([*GUIDES.glob("*.md"), ROOT / "docs/playground.md"])
LINK = re.compile(r"\]\(([^)#:]+)\)|<img[^>]+src=\"([^\":]+)\"")


def test_generated_pages_are_fresh() -> None:
    """The committed pages are what `make guides` writes today."""
    names = {"providers.md", "costs.md", "troubleshooting.md"}
    assert {name: (GUIDES / name).read_text() for name in names} == {name: pages()[name] for name in names}


def test_every_error_has_advice_and_no_advice_is_stale() -> None:
    """The troubleshooting page has a row for each code of the error tree, and for nothing else."""
    assert {error.code for error in shown_errors()} == set(ADVICE)
    page = pages()["troubleshooting.md"]
    assert all(f"| `{code}` |" in page for code in ADVICE)


def test_every_model_has_its_price_on_the_page() -> None:
    """Each model that can be used today is listed with a price."""
    page = pages()["providers.md"]
    for spec in SPECS:
        for model in spec.live_models():
            assert re.search(rf"\| `{re.escape(model.name)}` \|.*\| \d+", page), model.name


def test_every_idea_of_the_page_has_its_example() -> None:
    """An image in web/img/ideas, small enough that all load with the page, and none is left over."""
    files = {path.stem: path.stat().st_size for path in IDEAS.glob("*.webp")}
    assert sorted(files) == sorted(name for name, _ in ideas())
    assert sum(files.values()) < 40_000


def test_every_template_has_its_image() -> None:
    """An image in web/img/templates in the template's shape, small enough for a phone, and none is left over."""
    shapes = {name: template.aspect_ratio for name, template in load_catalog().templates.items()}
    files = {path.stem: path for path in TEMPLATES.glob("*.webp")}
    assert sorted(files) == sorted(shapes) == sorted(TEMPLATE_PROMPTS)
    assert sum(path.stat().st_size for path in files.values()) < 100_000
    for name, path in files.items():
        with Image.open(path) as image:
            assert abs(image.width / image.height / (shapes[name].width / shapes[name].height) - 1) < 0.02


def test_the_library_guide_says_what_the_code_keeps() -> None:
    """Each tier's quota, and the words that a search knows."""
    page = (GUIDES / "library.md").read_text()
    for name, tier in TIERS.items():
        assert f"| {name} | {tier.library_assets:,} | {tier.library_bytes / 1e9:g} |" in page
    assert f"the first {EDITABLE_WORDS} different words" in page
    assert f"the first {FIXED_WORDS} of the prompt" in page


def test_the_operators_page_deletes_all_of_a_caller() -> None:
    """Every partition and every prefix of objects that starts with a tenant, as the module of keys lists them."""
    page = (ROOT / "docs/operating.md").read_text()
    for pattern, loop in ((r"^ +([A-Z]+)#<tenant>", "pk"), (r"^ +([a-z]+)/<tenant>", "prefix")):
        listed = re.search(rf"for {loop} in (.+?); do", page)
        assert listed
        assert set(listed[1].split()) == set(re.findall(pattern, keys.__doc__ or "", re.MULTILINE))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_what_a_guide_links_to_is_there(page: Path) -> None:
    """Images and pages that a guide names exist, and the images are small."""
    for found in LINK.finditer(page.read_text()):
        target = (page.parent / (found[1] or found[2])).resolve()
        assert target.exists(), target
        assert target.suffix == ".md" or target.stat().st_size < 200_000
