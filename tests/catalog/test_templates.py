"""26 templates are those of the API reference and the original. Styles and upscale presets are beside them."""

import pytest

from image_studio.catalog.load import load_catalog
from image_studio.errors import NotFound, UnknownChoice

# id, width x height, ratio, label, style, quality: typed once more here, 26 from the original's published list.
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


def test_all_facts_hold_in_order() -> None:
    listed = [
        f"{each.id} {each.aspect_ratio.width}x{each.aspect_ratio.height} {each.aspect_ratio.ratio} "
        f"{each.aspect_ratio.label.replace(' ', '_')} {each.style_preset} {each.quality}"
        for each in load_catalog().templates.values()
    ]
    assert listed == [" ".join(line.split()) for line in FACTS.strip().splitlines()]


def test_a_client_can_read_every_template() -> None:
    """No text is empty, and the provider is one that create accepts."""
    for template in load_catalog().templates.values():
        assert all(vars(template).values())
        assert template.recommended_provider in PROVIDERS
    assert load_catalog().template("linkedin_post").name == "LinkedIn Post"


def test_an_unknown_id_says_where_the_list_is() -> None:
    with pytest.raises(NotFound, match=r"^Template not found: nope\. GET /api/image-studio/templates lists") as caught:
        load_catalog().template("nope")
    assert caught.value.status == 404
    with pytest.raises(NotFound) as caught:
        load_catalog().template("x" * 5000)
    assert caught.value.detail.startswith(f"Template not found: {'x' * 80}. ")


# Stability's list of style presets, in its order.
STABILITY_STYLES = (
    "3d-model analog-film anime cinematic comic-book digital-art enhance fantasy-art isometric line-art "
    "low-poly modeling-compound neon-punk origami photographic pixel-art tile-texture"
)


def test_all_style_presets_have_words() -> None:
    """The 17 presets each add words of their own, photographic those of the reference's example."""
    styles = load_catalog().styles
    assert list(styles) == STABILITY_STYLES.split()
    assert len(set(styles.values())) == 17
    assert load_catalog().style_words("photographic") == "professional photography, high quality"
    with pytest.raises(UnknownChoice, match=r"^Unknown style_preset 'baroque'\. Valid: 3d-model, .*tile-texture\.$"):
        load_catalog().style_words("baroque")


def test_upscale_presets_are_long_sides() -> None:
    assert load_catalog().upscale_presets == {"web": 2048, "print": 3072, "social": 1080}
