"""The 26 templates say what the API reference and the original say, and refer to things that exist."""

import pytest

from image_studio import catalog
from image_studio.catalog import Template
from image_studio.errors import NotFound
from image_studio.schemas.limits import Quality

# id, width x height, ratio, label, style, quality: typed once more here, from the original's published list.
FACTS = """
instagram_feed_square    1080x1080 1:1    Square            photographic premium
instagram_feed_portrait  1080x1350 4:5    Portrait          photographic premium
instagram_story          1080x1920 9:16   Story/Reel        digital-art  standard
instagram_reel_cover     1080x1920 9:16   Story/Reel        cinematic    premium
facebook_feed            1200x630  1.91:1 Facebook_Feed     photographic standard
facebook_feed_square     1080x1080 1:1    Square            photographic standard
facebook_story           1080x1920 9:16   Story/Reel        digital-art  standard
facebook_cover           820x312   2.63:1 Facebook_Cover    photographic premium
twitter_post             1920x1080 16:9   Landscape         photographic standard
twitter_card             1200x600  2:1    Twitter_Card      digital-art  standard
twitter_header           1500x500  3:1    Twitter_Header    photographic premium
linkedin_post            1200x628  1.91:1 LinkedIn_Feed     photographic premium
linkedin_post_square     1080x1080 1:1    Square            photographic premium
linkedin_article         1200x627  1.91:1 LinkedIn_Article  photographic premium
linkedin_cover           1128x191  5.91:1 LinkedIn_Cover    photographic premium
youtube_thumbnail        1280x720  16:9   YouTube_Thumbnail cinematic    premium
youtube_channel_art      1920x1080 16:9   Landscape         photographic premium
pinterest_pin            1000x1500 2:3    Pinterest_Pin     photographic premium
pinterest_story          1080x1920 9:16   Story/Reel        digital-art  standard
tiktok_video_cover       1080x1920 9:16   Story/Reel        cinematic    premium
blog_header              1920x1080 16:9   Landscape         photographic premium
blog_header_wide         2560x1080 21:9   Ultra_Wide        photographic premium
email_banner             1920x1080 16:9   Landscape         photographic standard
email_product            1080x1080 1:1    Square            photographic premium
website_hero             2560x1080 21:9   Ultra_Wide        photographic premium
website_banner           1920x1080 16:9   Landscape         photographic premium
"""
PROVIDERS = {"auto", "stability", "wavespeed", "huggingface", "gemini", "ideogram", "qwen"}
REFERENCE_EXAMPLE = {
    "id": "instagram_feed_square",
    "name": "Instagram Feed Post (Square)",
    "category": "social_media",
    "platform": "instagram",
    "aspect_ratio": {"ratio": "1:1", "width": 1080, "height": 1080, "label": "Square"},
    "description": "Perfect for Instagram feed posts",
    "recommended_provider": "ideogram",
    "style_preset": "photographic",
    "quality": "premium",
    "use_cases": ["Product showcase", "Lifestyle posts", "Brand content"],
}
each_template = pytest.mark.parametrize("template", catalog.templates(), ids=lambda each: each.id)


def test_all_facts_hold_in_order() -> None:
    """Ids, sizes, computed ratios, labels, styles and qualities are the published ones."""
    told = [
        f"{each.id} {each.width}x{each.height} {each.ratio} {each.label.replace(' ', '_')} "
        f"{each.style_preset} {each.quality}"
        for each in catalog.templates()
    ]
    assert told == [" ".join(line.split()) for line in FACTS.strip().splitlines()]


def test_the_reference_example_comes_out_to_the_letter() -> None:
    """The first template equals the reference's, field order included."""
    shown = catalog.templates()[0].as_dict()
    assert shown == REFERENCE_EXAMPLE
    assert list(shown) == list(REFERENCE_EXAMPLE)
    assert list(shown["aspect_ratio"]) == list(REFERENCE_EXAMPLE["aspect_ratio"])


def test_the_reference_create_example_finds_its_template() -> None:
    """linkedin_post is named LinkedIn Post."""
    assert catalog.template("linkedin_post").name == "LinkedIn Post"


def test_ids_are_unique() -> None:
    """No id occurs twice, over all platforms."""
    ids = [each.id for each in catalog.templates()]
    assert len(set(ids)) == len(ids) == 26


@each_template
def test_what_a_template_names_exists(template: Template) -> None:
    """Platform, category, style, quality and provider are known ones."""
    assert template.platform in catalog.platform_names()
    assert template.category in catalog.categories()
    assert catalog.style_words(template.style_preset)
    assert template.quality in set(Quality)
    assert template.recommended_provider in PROVIDERS


@each_template
def test_a_template_fits_its_platform(template: Template) -> None:
    """The size lies within what the platform takes."""
    limits = catalog.platform(template.platform).limits
    assert limits is None or limits.accepts(template.width, template.height)


@each_template
def test_a_client_can_read_every_template(template: Template) -> None:
    """Each answer has the reference's fields, and no text is empty: clients take the style for granted."""
    shown = template.as_dict()
    assert list(shown) == list(REFERENCE_EXAMPLE)
    assert all(shown.values())
    assert all(use_case.strip() for use_case in shown["use_cases"])


def test_an_unknown_id_says_where_the_list_is() -> None:
    """A wrong id is a 404 that repeats at most 80 of its characters."""
    with pytest.raises(NotFound, match=r"^Template not found: nope\. GET /api/image-studio/templates lists") as caught:
        catalog.template("nope")
    assert caught.value.status == 404
    with pytest.raises(NotFound) as caught:
        catalog.template("x" * 5000)
    assert caught.value.detail.count("x" * 80) == 1
    assert "x" * 81 not in caught.value.detail
