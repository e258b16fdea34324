"""Templates are listed, searched and recommended."""

import pytest

from image_studio.catalog.load import load_catalog
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

TEMPLATES = load_catalog().templates
EVERYTHING = list(TEMPLATES)


def of(platform: str, category: str = "") -> list[str]:
    """The ids of a platform's templates."""
    return [each.id for each in TEMPLATES.values() if each.platform == platform and category in ("", each.category)]


LINKEDIN = of("linkedin")


def ids(response: TemplateList) -> list[str]:
    assert response.total == len(response.templates)
    return [template.id for template in response.templates]


def test_the_list_is_filtered_by_platform_and_category() -> None:
    """Both hold, in any case. An empty filter passes all; a category without templates is an empty list."""
    assert ids(list_templates()) == ids(list_templates("", "")) == EVERYTHING
    assert ids(list_templates("blog", "blog_content")) == ["blog_header", "blog_header_wide"]
    assert ids(list_templates("blog", "social_media")) == []
    assert ids(list_templates(category="email_marketing")) == ["email_banner", "email_product"]
    assert ids(list_templates(category="product")) == []
    posts = of("linkedin", "social_media")
    assert ids(list_templates(" LinkedIn ", "SOCIAL_MEDIA")) == posts
    assert posts[:4] == ["linkedin_post", "linkedin_post_square", "linkedin_article", "linkedin_cover"]


def test_an_unknown_filter_lists_the_valid_values() -> None:
    with pytest.raises(UnknownChoice, match=r"^Unknown platform 'myspace'\. Valid: instagram, .*website[a-z, ]*\.$"):
        list_templates("myspace")
    with pytest.raises(UnknownChoice, match=r"^Unknown category 'art'\. Valid: social_media, .*email_marketing\.$"):
        list_templates(category="art")
    with pytest.raises(UnknownChoice, match="Unknown platform"):
        recommend_templates("banner", "myspace")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("linkedin", LINKEDIN),
        ("  LinkedIn  ", LINKEDIN),
        ("LINKED", LINKEDIN),
        ("", EVERYTHING),
        (" ", EVERYTHING),
        ("!?", []),
        ("😀", []),
        ("instagram story", ["instagram_story"]),
        ("stories for Instagram", ["instagram_story"]),
        ("square post", ["instagram_feed_square", "facebook_feed_square", "linkedin_post_square"]),
        ("x post", ["twitter_post"]),
        ("email_marketing", ["email_banner", "email_product"]),
        ("instagram_feed_square", ["instagram_feed_square"]),
        ("gram", of("instagram")),
        ("zeppelin", []),
        ("linkedin zeppelin", LINKEDIN),  # where nothing has all the words, what has any is found
    ],
)
def test_search_wants_all_words(query: str, found: list[str]) -> None:
    """Names, ids, platforms, categories and pieces of words are searched. The query is echoed."""
    response = search_templates(query)
    assert (ids(response), response.query) == (found, query)


def test_each_template_is_found() -> None:
    """First by its id, first or beside its namesake by its name, and on its platform by each of its use cases."""
    for template in load_catalog().templates.values():
        assert ids(search_templates(template.id))[0] == template.id
        assert template.id in ids(search_templates(template.name))[:2]
        for use_case in template.use_cases:
            assert template.id in ids(recommend_templates(use_case, template.platform))


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
    assert ids(recommend_templates(sentence))[0] == first


def test_the_order_of_words_does_not_matter() -> None:
    """Nor does an empty platform. An empty use case finds all, a strange one nothing."""
    assert ids(recommend_templates("banner brand")) == ids(recommend_templates("brand banner", ""))
    assert ids(recommend_templates("   ")) == EVERYTHING
    assert ids(recommend_templates("zeppelin", "tiktok")) == ids(recommend_templates("😀")) == []


def test_only_the_first_words_of_a_query_count() -> None:
    """The last word within the limit counts, the next one is ignored."""
    filler = [f"zz{number}" for number in range(MAX_WORDS)]
    assert ids(search_templates(" ".join([*filler[:-1], "linkedin"]))) == LINKEDIN
    assert ids(search_templates(" ".join([*filler, "linkedin"]))) == []
    assert len(query_words("word " * 100_000)) == 1


def test_plurals_lose_their_ending() -> None:
    plurals = "stories dishes sketches boxes classes recipes posts news series business status basis ads"
    singulars = "story dish sketch box class recipe post news series business status basis ads"
    assert [stem(word) for word in plurals.split()] == singulars.split()
    assert [stem(word) for word in singulars.split()] == singulars.split()


def test_stop_words_count_only_alone() -> None:
    """They are left out of a query unless it has nothing else."""
    assert query_words("a post for the team") == ("post", "team")
    assert query_words("for the") == ("for", "the")
