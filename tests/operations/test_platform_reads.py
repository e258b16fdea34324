"""Platform reads answer the reference's examples."""

import pytest

from image_studio import catalog
from image_studio.errors import NotFound
from image_studio.operations.listings import platform_formats, platform_specs

REFERENCE_FORMAT = {
    "name": "Feed Post (Square)",
    "width": 1080,
    "height": 1080,
    "ratio": "1:1",
    "safe_zone": {"top": 0.15, "bottom": 0.15, "left": 0.1, "right": 0.1},
    "file_type": "PNG",
    "max_size_mb": 5.0,
}


def test_formats_begin_with_the_reference_example() -> None:
    """Instagram's first format has the reference's fields and values first; real limits follow in `limits`."""
    first = platform_formats("instagram")["formats"][0]
    assert {name: first[name] for name in REFERENCE_FORMAT} == REFERENCE_FORMAT
    assert list(first) == [*REFERENCE_FORMAT, "label", "aliases", "limits"]
    assert isinstance(first["max_size_mb"], float)
    assert first["limits"] == {"file_types": ["JPG", "PNG"], "max_size_mb": 30.0, "min_width": 320}


def test_specs_are_the_reference_example() -> None:
    """Instagram's specifications have the reference's fields, in its order, and the real limits after them."""
    specs = platform_specs("instagram")
    assert list(specs) == ["name", "formats", "file_types", "max_file_size", "limits"]
    assert specs["name"] == "Instagram"
    assert specs["formats"][0] == {"name": "Feed Post (Square)", "ratio": "1:1", "size": "1080x1080"}
    assert specs["file_types"] == ["JPG", "PNG"]
    assert specs["max_file_size"] == "30MB"


@pytest.mark.parametrize(
    ("platform", "name", "max_file_size"),
    [
        ("facebook", "Facebook", "30MB"),
        ("twitter", "Twitter/X", "5MB"),
        ("linkedin", "LinkedIn", "8MB"),
        ("youtube", "YouTube", "2MB"),
        ("pinterest", "Pinterest", "20MB"),
        ("tiktok", "TikTok", "20MB"),
    ],
)
def test_specs_of_the_other_platforms(platform: str, name: str, max_file_size: str) -> None:
    """Each platform has its display name and its largest file."""
    specs = platform_specs(platform)
    assert (specs["name"], specs["max_file_size"]) == (name, max_file_size)


@pytest.mark.parametrize("platform", catalog.social_platform_names())
def test_specs_and_formats_tell_the_same_story(platform: str) -> None:
    """Both reads list the same names, ratios and sizes."""
    told = [
        {"name": each["name"], "ratio": each["ratio"], "size": f"{each['width']}x{each['height']}"}
        for each in platform_formats(platform)["formats"]
    ]
    assert platform_specs(platform)["formats"] == told


@pytest.mark.parametrize("platform", ["blog", "email", "website"])
def test_platforms_without_fixed_sizes(platform: str) -> None:
    """They are known: no formats is an answer; there are no specifications, and who has some is said."""
    assert platform_formats(platform) == {"formats": []}
    with pytest.raises(NotFound, match=r"no fixed formats\. Valid: instagram, .*tiktok\.$"):
        platform_specs(platform)


@pytest.mark.parametrize("read", [platform_formats, platform_specs])
def test_an_unknown_platform_is_404(read: object) -> None:
    """Both reads list the platforms that exist, and names count in any case."""
    assert callable(read)
    with pytest.raises(NotFound, match=r"^Unknown platform 'myspace'\. Valid: instagram, ") as caught:
        read("myspace")
    assert caught.value.status == 404
    assert read("Instagram") == read("instagram")
