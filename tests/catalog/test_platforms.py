"""Platforms: names and sizes that clients store, labels and zones as the platforms publish them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_studio.catalog.load import choose, load_catalog
from image_studio.catalog.models import NAMED_RATIOS, RATIO_TOLERANCE, Platform, is_called, ratio_of
from image_studio.errors import NotFound, UnknownChoice
from image_studio.operations.templates import list_templates
from image_studio.schemas.common import FileType

# The original's formats in its order, then ours, with corrected ratios; typed once more here.
FORMATS = {
    "instagram": """
        Feed Post (Square)      1080x1080 1:1
        Feed Post (Portrait)    1080x1350 4:5
        Story                   1080x1920 9:16
        Reel                    1080x1920 9:16
        Feed Post (Tall)        1080x1440 3:4
        Feed Post (Landscape)   1080x566 1.91:1""",
    "facebook": """
        Feed Post               1200x630 1.91:1
        Feed Post (Square)      1080x1080 1:1
        Story                   1080x1920 9:16
        Cover Photo             820x312 2.63:1
        Portrait                1080x1350 4:5""",
    "twitter": """
        Post                    1200x675 16:9
        Card                    1200x600 2:1
        Header                  1500x500 3:1
        Portrait                1080x1350 4:5
        Square                  1200x1200 1:1
        Summary Card            1200x628 1.91:1""",
    "linkedin": """
        Feed Post               1200x628 1.91:1
        Feed Post (Square)      1080x1080 1:1
        Article                 1200x627 1.91:1
        Company Cover           1128x191 5.91:1
        Portrait                1080x1350 4:5""",
    "youtube": """
        Thumbnail               1280x720 16:9
        Channel Art             2560x1440 16:9""",
    "pinterest": """
        Pin                     1000x1500 2:3
        Story Pin               1080x1920 9:16""",
    "tiktok": """
        Video Cover             1080x1920 9:16
        Photo Post              1080x1920 9:16
        Photo Post (Square)     1080x1080 1:1
        Photo Post (Landscape)  1920x1080 16:9""",
}


def test_platforms_keep_their_order() -> None:
    """The original's ten in the published order, then ours. Those with formats are listed here."""
    published = "instagram facebook twitter linkedin youtube pinterest tiktok blog email website"
    assert tuple(load_catalog().platforms)[:10] == tuple(published.split())
    assert tuple(load_catalog().social_platforms) == tuple(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_formats_keep_names_sizes_and_order(name: str) -> None:
    """The original's formats come first, ratios follow from sizes, missing formats are at the end."""
    listed = [f"{each.name} {each.width}x{each.height} {each.ratio}" for each in load_catalog().platform(name).formats]
    assert listed == [" ".join(line.split()) for line in FORMATS[name].strip().splitlines()]


@pytest.mark.parametrize("platform", load_catalog().social_platforms.values(), ids=lambda platform: platform.id)
def test_a_format_can_be_written_and_found(platform: Platform) -> None:
    """In a file type of ours, within a real limit, with at least a quarter of each side free; by each of its names."""
    for shape in platform.formats:
        assert 2_000_000 <= shape.max_bytes <= shape.limits.max_bytes
        assert {FileType(each) for each in shape.file_types}
        zone = shape.safe_zone
        assert max(zone.top + zone.bottom, zone.left + zone.right) <= 0.75
        for name in (shape.name, *shape.aliases):
            assert platform.format(name) == platform.format(f" {name.upper()} ") == shape
            assert sum(is_called(name, each.name, *each.aliases) for each in platform.formats) == 1


def test_linkedin_takes_the_reference_names() -> None:
    """The reference calls LinkedIn's feed formats Post and Post (Square)."""
    linkedin = load_catalog().platform("linkedin")
    assert linkedin.format("Post").name == "Feed Post"
    assert linkedin.format("Post (Square)").name == "Feed Post (Square)"


def test_unknown_names_are_refused_with_the_known() -> None:
    """A platform is a 404 in a path and a 400 in a query or a body. Nothing can be made in a blog's formats."""
    platforms, social = load_catalog().platforms, load_catalog().social_platforms
    with pytest.raises(UnknownChoice) as caught:
        platforms["youtube"].format("Banana")
    assert caught.value.detail == "Unknown YouTube format 'Banana'. Valid: Thumbnail, Channel Art."
    with pytest.raises(NotFound, match=rf"Valid: {', '.join(platforms)}\.$"):
        load_catalog().platform("myspace")
    with pytest.raises(UnknownChoice, match=rf"^Unknown platform 'myspace'\. Valid: {', '.join(platforms)}\.$"):
        choose("platform", "myspace", platforms)
    with pytest.raises(UnknownChoice, match=rf"^Unknown platform 'blog'\. Valid: {', '.join(social)}\.$"):
        choose("platform", "blog", social)
    assert choose("platform", "TikTok", social).id == "tiktok"


def test_published_zones() -> None:
    """Zones that are published as shares are those shares: the reference's, and Meta's one for 9:16 of March 2026."""
    published = {("instagram", "Feed Post (Square)"): (0.15, 0.15, 0.1, 0.1)}
    published |= dict.fromkeys(
        [("instagram", "Story"), ("instagram", "Reel"), ("facebook", "Story")], (0.14, 0.35, 0.06, 0.06)
    )
    for (platform, name), zone in published.items():
        assert tuple(vars(load_catalog().platform(platform).format(name).safe_zone).values()) == zone


@pytest.mark.parametrize(
    ("platform", "name", "width", "height"),
    [("facebook", "Cover Photo", 640, 312), ("twitter", "Header", 1200, 500), ("youtube", "Channel Art", 1546, 423)],
)
def test_banners_keep_to_what_every_device_shows(platform: str, name: str, width: int, height: int) -> None:
    """The zone lies inside the center that is published as always visible, and uses at least half of it."""
    shape = load_catalog().platform(platform).format(name)
    zone = shape.safe_zone
    inner_width = shape.width * (1 - zone.left - zone.right)
    inner_height = shape.height * (1 - zone.top - zone.bottom)
    assert width * 0.95 <= inner_width <= width
    assert height * 0.5 <= inner_height <= height


def test_file_types_and_sizes_of_a_still_image() -> None:
    """A thumbnail is held to 2 MB, TikTok's photo posts are JPEG, and no still image is a GIF."""
    platform = load_catalog().platform
    assert platform("youtube").format("Thumbnail").max_bytes == 2_000_000
    assert platform("tiktok").format("Photo Post").file_types == ("jpeg", "webp")
    post = platform("twitter").format("Post")
    assert "gif" in post.limits.file_types
    assert post.file_types == ("jpeg", "png", "webp")


def test_limits_hold_at_their_edges() -> None:
    """An image may be as small and as large as the limit, no pixel beyond; area counts too."""
    card = load_catalog().platform("twitter").format("Card").limits
    assert all(card.accepts(*size) for size in ((300, 157), (4096, 4096)))
    assert not any(card.accepts(*size) for size in ((299, 157), (300, 156), (4097, 157), (300, 4097)))
    area = replace(card, max_pixels=300 * 157)
    assert area.accepts(300, 157)
    assert not area.accepts(301, 157)


@pytest.mark.parametrize(
    ("sizes", "name"),
    [
        ([(1080, 1080), (1000, 999)], "1:1"),
        ([(1080, 1350)], "4:5"),
        ([(1920, 1080), (1280, 720)], "16:9"),
        ([(16, 1)], "16:1"),  # the largest whole number
        ([(17, 16)], "1.06:1"),
        ([(1200, 630), (1200, 628), (1200, 627), (1080, 566)], "1.91:1"),
        ([(2560, 1080)], "21:9"),
        ([(820, 312)], "2.63:1"),
        ([(191, 1128)], "1:5.91"),
    ],
)
def test_sizes_have_their_usual_name(sizes: list[tuple[int, int]], name: str) -> None:
    """Whole ratios are reduced, 1.91:1 and 21:9 are recognized, odd shapes get two decimals."""
    assert {ratio_of(*size) for size in sizes} == {name}


@given(st.integers(1, 8192), st.integers(1, 8192))
def test_a_name_says_the_shape(width: int, height: int) -> None:
    """Read back, a name is within the tolerance of width / height; 21:9 means 64:27, as screens are sold."""
    name = ratio_of(width, height)
    left, right = map(float, name.split(":"))
    assert NAMED_RATIOS.get(name, left / right) == pytest.approx(width / height, rel=RATIO_TOLERANCE * 1.01)


def test_an_empty_image_has_no_ratio() -> None:
    """A side below one pixel is refused, not divided by."""
    for size in ((0, 1), (1, 0), (-4, 3)):
        with pytest.raises(ValueError, match="no ratio"):
            ratio_of(*size)


@pytest.mark.parametrize("name", ["x", "X", "Twitter/X", " twitter ", "TWITTER/x"])
def test_x_is_twitter(name: str) -> None:
    """Wherever a platform is named; other platforms also have their names as people write them."""
    assert load_catalog().platform(name).id == "twitter"
    assert list_templates(platform=name) == list_templates(platform="twitter")
    assert load_catalog().platform("YouTube").id == "youtube"
    with pytest.raises(NotFound, match="Valid: instagram, facebook, twitter"):
        load_catalog().platform("y")
