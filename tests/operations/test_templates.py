"""Templates are listed, searched and recommended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import image_studio
from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import Template
from image_studio.errors import UnknownChoice
from image_studio.operations.templates import (
    MAX_WORDS,
    TemplateList,
    list_templates,
    query_words,
    recommend_templates,
    search_templates,
    stem,
)

EVERYTHING = list(load_catalog().templates)
LINKEDIN = ["linkedin_post", "linkedin_post_square", "linkedin_article", "linkedin_cover"]
each_template = pytest.mark.parametrize("template", load_catalog().templates.values(), ids=lambda each: each.id)


def ids(response: TemplateList) -> list[str]:
    """The ids of a response, whose total must be right."""
    assert response.total == len(response.templates)
    return [template.id for template in response.templates]


def fields(response: TemplateList) -> list[str]:
    """The fields of the body, in their order."""
    return list(json.loads(json.dumps(response, default=vars)))


def test_list_without_filters_has_all() -> None:
    """No filter and an empty filter both return all 26 in their order."""
    assert ids(list_templates()) == ids(list_templates("", "")) == EVERYTHING
    assert fields(list_templates()) == ["templates", "total"]


def test_filters_combine() -> None:
    """Platform and category both hold; a category without templates is an empty list."""
    assert ids(list_templates("blog", "blog_content")) == ["blog_header", "blog_header_wide"]
    assert ids(list_templates("blog", "social_media")) == []
    assert ids(list_templates(category="email_marketing")) == ["email_banner", "email_product"]
    assert ids(list_templates(category="product")) == []
    assert ids(list_templates(" LinkedIn ", "SOCIAL_MEDIA")) == LINKEDIN


def test_an_unknown_filter_lists_the_valid_values() -> None:
    """Platform and category are 400s that name the list."""
    with pytest.raises(UnknownChoice, match=r"^Unknown platform 'myspace'\. Valid: instagram, .*website\.$"):
        list_templates("myspace")
    with pytest.raises(UnknownChoice, match=r"^Unknown category 'art'\. Valid: social_media, .*email_marketing\.$"):
        list_templates(category="art")


@pytest.mark.parametrize("query", ["linkedin", "LinkedIn", "LINKED", "  linkedin  "])
def test_search_linkedin_finds_all_of_linkedin(query: str) -> None:
    """The reference's example finds LinkedIn's four templates, in any case, and echoes the query."""
    found = search_templates(query)
    assert ids(found) == LINKEDIN
    assert found.query == query


@pytest.mark.parametrize("query", ["", "   ", "!?"])
def test_an_empty_search_finds_all(query: str) -> None:
    """Without a word nothing is left out."""
    assert ids(search_templates(query)) == EVERYTHING
    assert ids(recommend_templates(query)) == EVERYTHING


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("instagram story", ["instagram_story"]),
        ("stories for Instagram", ["instagram_story"]),
        ("square post", ["instagram_feed_square", "facebook_feed_square", "linkedin_post_square"]),
        ("x post", ["twitter_post"]),
        ("email_marketing", ["email_banner", "email_product"]),
        ("instagram_feed_square", ["instagram_feed_square"]),
        ("gram", EVERYTHING[:4]),
        ("zeppelin", []),
    ],
)
def test_search_wants_all_words(query: str, found: list[str]) -> None:
    """Names, ids, platforms, categories and pieces of words are searched; all words must be there."""
    assert ids(search_templates(query)) == found


def test_search_falls_back_to_some_words() -> None:
    """Where nothing has all the words, what has any is found."""
    assert ids(search_templates("linkedin zeppelin")) == LINKEDIN


@each_template
def test_each_template_is_found_by_its_name_and_id(template: Template) -> None:
    """A template's own name and id find it first, or beside its namesake."""
    assert template.id in ids(search_templates(template.name))[:2]
    assert ids(search_templates(template.id))[0] == template.id


@each_template
def test_each_use_case_recommends_its_template(template: Template) -> None:
    """On its platform, a template comes up for each of its use cases."""
    for use_case in template.use_cases:
        assert template.id in ids(recommend_templates(use_case, template.platform))


def test_recommend_returns_the_reference_example() -> None:
    """A product showcase on Instagram is the square post first."""
    found = recommend_templates("product showcase", "instagram")
    assert ids(found)[0] == "instagram_feed_square"
    assert all(template.platform == "instagram" for template in found.templates)
    assert fields(found) == ["templates", "total", "use_case"]
    assert found.use_case == "product showcase"


@pytest.mark.parametrize(
    ("sentence", "first"),
    [
        ("I need an image to announce a sale to our newsletter subscribers", "email_banner"),
        ("We are hiring! A banner for the company page on LinkedIn", "linkedin_cover"),
        ("thumbnails for my cooking videos", "youtube_thumbnail"),
        ("Please make me a hero for the home page of our website", "website_hero"),
        ("a recipe card with step photos", "pinterest_pin"),
    ],
)
def test_a_sentence_is_recommended_for(sentence: str, first: str) -> None:
    """Whole sentences match by their distinctive words."""
    assert ids(recommend_templates(sentence))[0] == first


def test_recommend_checks_its_platform() -> None:
    """An empty platform filters nothing, an unknown one is a 400, no match is an empty list."""
    assert ids(recommend_templates("banner", "")) == ids(recommend_templates("banner"))
    assert ids(recommend_templates("zeppelin", "tiktok")) == []
    with pytest.raises(UnknownChoice, match="Unknown platform"):
        recommend_templates("banner", "myspace")


def test_the_order_of_words_does_not_matter() -> None:
    """The same words find the same templates."""
    assert ids(recommend_templates("banner brand")) == ids(recommend_templates("brand banner"))


def test_only_the_first_words_of_a_query_count() -> None:
    """The last word within the limit counts, the next one is ignored."""
    filler = [f"zz{number}" for number in range(MAX_WORDS)]
    assert ids(search_templates(" ".join([*filler[:-1], "linkedin"]))) == LINKEDIN
    assert ids(search_templates(" ".join([*filler, "linkedin"]))) == []
    assert len(query_words("word " * 100_000)) == 1


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("stories", "story"),
        ("dishes", "dish"),
        ("sketches", "sketch"),
        ("boxes", "box"),
        ("classes", "class"),
        ("recipes", "recipe"),
        ("posts", "post"),
        ("news", "news"),
        ("series", "series"),
        ("business", "business"),
        ("status", "status"),
        ("basis", "basis"),
        ("ads", "ads"),
    ],
)
def test_plurals_lose_their_ending(plural: str, singular: str) -> None:
    """Simple English plurals and singulars meet; words that only look plural stay."""
    assert stem(plural) == singular
    assert stem(singular) == singular


def test_stop_words_count_only_alone() -> None:
    """They are left out of a query unless it has nothing else."""
    assert query_words("a post for the team") == ("post", "team")
    assert query_words("for the") == ("for", "the")


def test_a_cold_read_imports_no_pydantic() -> None:
    """A fresh interpreter lists the templates from plain dataclasses."""
    program = "import sys; from image_studio.operations.templates import list_templates; list_templates(); "
    program += "print('pydantic' in sys.modules)"
    layer = str(Path(image_studio.__file__).parents[1])
    run = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": layer}, capture_output=True, check=True)
    assert run.stdout.strip() == b"False"
