"""The social optimizer: formats by name, alias or all, in order, within each platform's limits."""

import io

import pytest
from PIL import Image
from pybase64 import b64encode_as_string
from pydantic import ValidationError

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidImage, InvalidRequest, UnknownChoice
from image_studio.operations import social
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import NullJournal
from image_studio.operations.table import OPERATIONS
from image_studio.schemas.common import FileType
from image_studio.schemas.social import SocialRequest, SocialResponse
from tests.imaging.samples import flat_art, four_corners, noise, photo, saved, see_through

IMAGE = b64encode_as_string(saved(photo(700, 500), "JPEG"))


def _ask(journal: NullJournal | None = None, **fields: object) -> SocialResponse:
    request = SocialRequest.model_validate({"image_base64": IMAGE, "platforms": ["instagram"], **fields})
    return social.run(request, OperationContext(configured=frozenset(), journal=journal or NullJournal()))


def test_the_references_example_gives_its_formats() -> None:
    """Names and aliases (`Post` on LinkedIn) are found, results come in the request's order."""
    names = {"instagram": "Feed Post (Square)", "facebook": "Feed Post", "linkedin": "Post"}
    response = _ask(
        platforms=["instagram", "facebook", "linkedin"],
        format_names=names,
        show_safe_zones=False,
        crop_mode="smart",
        focal_point=None,
        output_format="png",
    )
    found = [(one.platform, one.format, one.width, one.height) for one in response.results]
    assert found == [
        ("instagram", "Feed Post (Square)", 1080, 1080),
        ("facebook", "Feed Post", 1200, 630),
        ("linkedin", "Feed Post", 1200, 628),
    ]
    assert (response.success, response.total_optimized, response.total_failed) == (True, 3, 0)


@pytest.mark.parametrize("mode", ["smart", "fit"])
def test_all_formats_of_all_platforms_are_exact_and_within_budget(mode: str) -> None:
    """Noise, the hardest image: every size to the pixel, every file within its platform's bytes and types."""
    journal = NullJournal()
    source = b64encode_as_string(saved(noise(900, 900), "PNG"))
    platforms = list(load_catalog().social_platforms)
    response = _ask(journal, image_base64=source, platforms=platforms, formats="all", crop_mode=mode)
    formats = [(platform, one) for platform in map(load_catalog().platform, platforms) for one in platform.formats]
    assert [(one.platform, one.format) for one in response.results] == [(where.id, one.name) for where, one in formats]
    for result, (_, one) in zip(response.results, formats, strict=True):
        assert result.stored
        data = journal.images[result.stored.key]
        image = Image.open(io.BytesIO(data))
        assert image.size == (one.width, one.height) == (result.width, result.height)
        assert len(data) == result.bytes <= one.max_bytes
        assert result.file_type in one.file_types
        assert result.stored.mime == FileType(result.file_type).mime == f"image/{str(image.format).lower()}"
        assert result.ratio == one.ratio


def test_without_names_a_platforms_first_format_is_made() -> None:
    """Platforms may come in any case; one named twice is made once."""
    response = _ask(platforms=["Facebook", "facebook", "YouTube"], format_names=None)
    assert [(one.platform, one.format) for one in response.results] == [
        ("facebook", "Feed Post"),
        ("youtube", "Thumbnail"),
    ]


def test_several_formats_of_one_platform_may_be_named() -> None:
    """A list of names, beyond the reference."""
    response = _ask(format_names={"instagram": ["Story", "Square"]})
    assert [one.format for one in response.results] == ["Story", "Feed Post (Square)"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"platforms": ["myspace"]}, "Unknown platform 'myspace'. Valid: instagram, facebook"),
        ({"platforms": ["blog"]}, "Unknown platform 'blog'. Valid: instagram, facebook"),
        ({"format_names": {"instagram": "Poster"}}, "Unknown Instagram format 'Poster'. Valid: Feed Post (Square)"),
        ({"format_names": {"myspace": "Post"}}, "Unknown platform 'myspace'"),
    ],
)
def test_unknown_names_are_answered_with_the_valid_ones(fields: dict[str, object], said: str) -> None:
    """Nothing is chosen in silence."""
    with pytest.raises(UnknownChoice) as caught:
        _ask(**fields)
    assert caught.value.detail.startswith(said)


def test_a_type_that_the_platform_refuses_becomes_one_that_it_takes() -> None:
    """TikTok's photo posts take no PNG; the response says so."""
    (one,) = _ask(platforms=["tiktok"], format_names={"tiktok": "Photo Post"}).results
    assert (one.file_type, one.encoding) == ("jpeg", "jpeg, as the platform does not take png")
    assert one.stored
    assert one.stored.mime == "image/jpeg"


@pytest.mark.parametrize("asked", ["jpg", "jpeg", "JPG"])
def test_jpg_is_jpeg(asked: str) -> None:
    """Whatever it is called, the MIME type is right."""
    (one,) = _ask(output_format=asked).results
    assert one.stored
    assert one.stored.mime == "image/jpeg"
    assert one.encoding == "as asked"


def test_crops_zones_and_enlargement_are_told() -> None:
    """The box in source pixels, the platform's zone, and how much was enlarged."""
    (one,) = _ask(crop_mode="center").results
    assert one.crop == {"left": 100, "top": 0, "width": 500, "height": 500}
    assert one.safe_zone == {"top": 0.15, "bottom": 0.15, "left": 0.1, "right": 0.1}
    assert (one.upscaled, one.scale_factor) == (True, 2.16)


def test_a_focal_point_is_kept() -> None:
    """It overrides smart, and lies between 0 and 1."""
    (one,) = _ask(focal_point={"x": 1.0, "y": 0.5}).results
    assert one.crop["left"] == 200
    for point in ({"x": 1.01, "y": 0}, {"x": 0.5}, {"x": "left", "y": 0}):
        with pytest.raises(ValidationError):
            _ask(focal_point=point)


def test_fit_pads_with_the_background() -> None:
    """A color or blur; anything else is a sentence."""
    journal = NullJournal()
    source = "data:image/png;base64," + b64encode_as_string(saved(four_corners(600, 200), "PNG"))
    _ask(journal, image_base64=source, crop_mode="fit", options={"background": "#102030"})
    image = Image.open(io.BytesIO(journal.images["1"]))
    assert image.getpixel((5, 5)) == (16, 32, 48)
    for wrong in ("no color", 7):
        with pytest.raises(InvalidRequest, match="CSS color"):
            _ask(options={"background": wrong})


def test_safe_zones_are_drawn_when_asked_for() -> None:
    """And only then."""
    plain, zoned = NullJournal(), NullJournal()
    _ask(plain)
    _ask(zoned, show_safe_zones=True)
    assert plain.images["1"] != zoned.images["1"]


def test_transparency_is_kept_for_png_and_white_for_jpeg() -> None:
    """No black where nothing was."""
    source = b64encode_as_string(saved(see_through(flat_art(500, 500)), "PNG"))
    for asked, expected in (("png", 0), ("jpg", 255)):
        journal = NullJournal()
        _ask(journal, image_base64=source, output_format=asked)
        assert Image.open(io.BytesIO(journal.images["1"])).getpixel((5, 5))[-1] == expected


def test_one_formats_failure_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of in `errors`, in the others' company; all failing is an error of its own."""
    monkeypatch.setattr("image_studio.catalog.models.RESULT_MAX_BYTES", 100_000)
    source = b64encode_as_string(saved(noise(600, 600), "PNG"))
    response = _ask(image_base64=source, platforms=["linkedin"], format_names={"linkedin": ["Cover", "Portrait"]})
    assert [one.format for one in response.results] == ["Company Cover"]
    assert [(one.platform, one.format, one.code) for one in response.errors] == [
        ("linkedin", "Portrait", "invalid_request")
    ]
    assert (response.total_optimized, response.total_failed) == (1, 1)
    with pytest.raises(InvalidRequest, match="does not fit in 100,000 bytes"):
        _ask(image_base64=source, platforms=["linkedin"], format_names={"linkedin": "Portrait"})


def test_what_is_no_image_is_refused() -> None:
    """With the documented sentence for bad base64."""
    with pytest.raises(InvalidImage, match="Invalid base64 image payload"):
        _ask(image_base64="???")


def test_it_is_free_and_counts_its_formats() -> None:
    """No credits, and as many variations as formats; an invalid request is found before anything is done."""
    request = SocialRequest(image_base64=IMAGE, platforms=["youtube"], formats="all")
    context = OperationContext(configured=frozenset())
    assert OPERATIONS["social"].estimate(request, context) == 0
    assert OPERATIONS["social"].variations(request) == 2
    with pytest.raises(UnknownChoice):
        OPERATIONS["social"].estimate(SocialRequest(image_base64=IMAGE, platforms=["nowhere"]), context)


def test_lists_are_bounded() -> None:
    """No platform or more than twenty is refused before any work."""
    for platforms in ([], ["instagram"] * 21):
        with pytest.raises(ValidationError):
            SocialRequest(image_base64=IMAGE, platforms=platforms)
