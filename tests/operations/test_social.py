"""The social optimizer: formats by name, alias or all, in order, within each platform's limits."""

import io
from operator import sub

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
from tests.imaging.samples import drawn_lines, face, four_corners, noise, photo, saved, see_through


def text(image: Image.Image, kind: str = "PNG") -> str:
    return b64encode_as_string(saved(image, kind))


IMAGE, NOISE = text(photo(700, 500), "JPEG"), text(noise(600, 600))


def optimize(journal: NullJournal | None = None, **fields: object) -> SocialResponse:
    request = SocialRequest.model_validate({"image_base64": IMAGE, "platforms": ["instagram"], **fields})
    return social.run(request, OperationContext(configured=frozenset(), journal=journal or NullJournal()))


def image(**fields: object) -> Image.Image:
    journal = NullJournal()
    optimize(journal, **fields)
    return Image.open(io.BytesIO(journal.images["1"]))


def test_all_formats_of_all_platforms_are_exact_and_within_their_limits() -> None:
    """Noise, the hardest image: every size to the pixel, every file within its platform's bytes and types."""
    journal = NullJournal()
    platforms = load_catalog().social_platforms
    response = optimize(journal, image_base64=NOISE, platforms=list(platforms), formats="all", delivery="url")
    formats = [(platform.id, one) for platform in platforms.values() for one in platform.formats]
    assert [(one.platform, one.format) for one in response.results] == [(name, one.name) for name, one in formats]
    for result, (_, one) in zip(response.results, formats, strict=True):
        data = journal.images[result.stored.key]
        image = Image.open(io.BytesIO(data))
        assert image.size == (one.width, one.height) == (result.width, result.height)
        assert len(data) == result.bytes <= one.max_bytes
        assert result.file_type in one.file_types
        assert result.stored.mime == FileType(result.file_type).mime == f"image/{str(image.format).lower()}"
        assert result.ratio == one.ratio


def test_which_formats_are_made() -> None:
    """Without names a platform's first one. Platforms may come in any case; one named twice is made once."""
    response = optimize(platforms=["Facebook", "facebook", "YouTube"], format_names=None)
    assert [(one.platform, one.format) for one in response.results] == [
        ("facebook", "Feed Post"),
        ("youtube", "Thumbnail"),
    ]
    response = optimize(format_names={"instagram": ["Story", "Square"]})
    assert [one.format for one in response.results] == ["Story", "Feed Post (Square)"]
    (one,) = optimize(platforms=["Twitter/X", "twitter"], format_names={"X": "Header"}).results
    assert (one.platform, one.format) == ("twitter", "Header")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"platforms": ["myspace"]}, "Unknown platform 'myspace'. Valid: instagram, facebook"),
        ({"platforms": ["blog"]}, "Unknown platform 'blog'. Valid: instagram, facebook"),
        ({"format_names": {"instagram": "Poster"}}, "Unknown Instagram format 'Poster'. Valid: Feed Post (Square)"),
        ({"format_names": {"myspace": "Post"}}, "Unknown platform 'myspace'"),
    ],
)
def test_unknown_names_are_refused_with_the_valid_ones(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(UnknownChoice) as caught:
        optimize(**fields)
    assert caught.value.detail.startswith(sentence)


@pytest.mark.parametrize(
    ("fields", "encoding"),
    [
        (
            {"platforms": ["tiktok"], "format_names": {"tiktok": "Photo Post"}},
            "jpeg, as the platform does not take png",
        ),
        ({"output_format": "avif", "platforms": ["tiktok"]}, "jpeg, as the platform does not take avif"),
        ({"output_format": "jpg"}, "as asked"),
        ({"output_format": "JPEG"}, "as asked"),
    ],
)
def test_jpeg_where_it_is_requested_or_needed(fields: dict[str, object], encoding: str) -> None:
    """TikTok's photo posts take no PNG; the response says so."""
    (one,) = optimize(**fields).results
    assert (one.file_type, one.stored.mime, one.encoding) == ("jpeg", "image/jpeg", encoding)


def test_crop_zone_and_enlargement_are_reported() -> None:
    """The box in source pixels, the platform's zone, and how much was enlarged."""
    (one,) = optimize(crop_mode="center").results
    area = {"left": 100, "top": 0, "width": 500, "height": 500}
    assert one.crop.model_dump() == {**area, "focus": "center", "faces": []}
    assert one.safe_zone == {"top": 0.15, "bottom": 0.15, "left": 0.1, "right": 0.1}
    assert (one.upscaled, one.scale_factor) == (True, 2.16)


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"format_names": {"instagram": "Story", "Facebook": "Story"}}, ["format_names.Facebook"]),
        ({"format_names": {"x": ["Post"], "pinterest": None}}, ["format_names.x"]),
        ({"format_names": {"instagram": "Story"}, "formats": "all"}, ["format_names.instagram"]),
        ({"focal_point": {"x": 0.1, "y": 0.1}, "crop_mode": "center"}, ["focal_point"]),
        ({"focal_point": {"x": 0.1, "y": 0.1}}, []),
        ({"options": {"background": "teal", "shadow": True}}, ["options.shadow"]),
        ({"format_names": {"Instagram": "Story"}}, []),
    ],
)
def test_what_has_no_effect_is_named(fields: dict[str, object], ignored: list[str]) -> None:
    """Formats of a platform that wasn't requested, above all."""
    response = optimize(**fields)
    assert response.ignored == ignored
    assert ("ignored" in response.model_dump()) == bool(ignored)


def test_a_focal_point_is_kept() -> None:
    """It overrides smart, and lies between 0 and 1."""
    (one,) = optimize(focal_point={"x": 1.0, "y": 0.5}).results
    assert (one.crop.left, one.crop.focus) == (200, "focal_point")
    for point in ({"x": 1.01, "y": 0}, {"x": 0.5}, {"x": "left", "y": 0}):
        with pytest.raises(ValidationError):
            optimize(focal_point=point)


def test_faces_are_reported() -> None:
    """Shares of the source, whatever the format; smart crops look for them, others don't."""
    source = photo(900, 600)
    source.paste(face(240), (600, 60))
    results = optimize(image_base64=text(source), platforms=["instagram", "youtube"]).results
    assert [one.crop.focus for one in results] == ["face", "face"]
    (found,) = results[0].crop.faces
    assert [found] == results[1].crop.faces
    assert 600 / 900 < found.left < found.left + found.width < 792 / 900
    assert 60 / 600 < found.top < found.top + found.height < 300 / 600


def test_fit_pads_with_the_background() -> None:
    """A CSS color; anything else is a sentence."""
    source = "data:image/png;base64," + text(four_corners(600, 200))
    made = image(image_base64=source, crop_mode="fit", options={"background": "#102030"})
    assert made.getpixel((5, 5)) == (16, 32, 48)
    for wrong in ("no color", 7):
        with pytest.raises(InvalidRequest, match="CSS color"):
            optimize(options={"background": wrong})


def test_safe_zones_are_drawn_on_request() -> None:
    assert image().tobytes() == image(show_safe_zones=False).tobytes() != image(show_safe_zones=True).tobytes()


LOGO = text(drawn_lines("white"))


@pytest.mark.parametrize("crop_mode", ["smart", "center", "fit"])
@pytest.mark.parametrize("zones", [False, True])
def test_a_white_logo_is_visible_in_a_jpeg(crop_mode: str, zones: bool) -> None:
    """On the caller's background, else on one that it stands out from, in every crop mode."""
    fields = {"image_base64": LOGO, "crop_mode": crop_mode, "output_format": "jpg", "show_safe_zones": zones}
    for background, color in ((None, (0, 0, 0)), ("#204080", (32, 64, 128))):
        made = image(**fields, options={"background": background}).crop((400, 400, 680, 680))
        assert made.getcolors(10**6) is None or len(made.getcolors(10**6)) > 1  # type: ignore[arg-type]
        assert max(map(abs, map(sub, made.getpixel((140, 60)), color))) < 12  # type: ignore[arg-type]
        assert min(made.getpixel((140, 140))) > 235  # type: ignore[type-var]


@pytest.mark.parametrize("background", ["teal", "rgb(0, 128, 128)", "#008080"])
def test_a_background_fills_transparency_in_any_file_type(background: str) -> None:
    """Also where the shape fits as it is and nothing has to be padded. An opaque image has nothing to fill."""
    for crop_mode in ("smart", "center", "fit"):
        made = image(image_base64=LOGO, crop_mode=crop_mode, options={"background": background})
        assert (made.mode, made.getpixel((20, 20))) == ("RGB", (0, 128, 128))
    blurred = image(image_base64=LOGO, crop_mode="center", options={"background": "blur"})
    assert blurred.mode == "RGB"
    plain = image()
    assert image(options={"background": background}).tobytes() == plain.tobytes()


def test_alpha_decides_where_the_requested_type_is_not_taken() -> None:
    """TikTok's photo posts are JPEG or WebP: a transparent image becomes a WebP, an opaque one a JPEG."""
    fields = {"platforms": ["tiktok"], "format_names": {"tiktok": "Photo Post"}}
    (clear,) = optimize(image_base64=LOGO, **fields).results
    assert (clear.file_type, clear.encoding) == ("webp", "webp, as the platform does not take png")
    assert optimize(**fields).results[0].file_type == "jpeg"
    assert optimize(image_base64=LOGO, output_format="jpg", **fields).results[0].file_type == "jpeg"


def test_transparency_is_kept_for_png_and_white_for_jpeg() -> None:
    """No black where nothing was."""
    source = text(see_through(photo(500, 500).point(lambda level: level // 2)))
    for file_type, expected in (("png", 0), ("jpg", 255)):
        assert image(image_base64=source, output_format=file_type).getpixel((5, 5))[-1] == expected


def test_one_formats_failure_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in `errors`, beside the others' results; all failing is an error of its own."""
    monkeypatch.setattr("image_studio.catalog.models.RESULT_MAX_BYTES", 100_000)
    fields = {"image_base64": NOISE, "platforms": ["linkedin"]}
    response = optimize(**fields, format_names={"linkedin": ["Cover", "Portrait"]})
    assert [one.format for one in response.results] == ["Company Cover"]
    (error,) = response.errors
    assert (error.platform, error.format, error.code) == ("linkedin", "Portrait", "invalid_request")
    assert (response.total_optimized, response.total_failed) == (1, 1)
    with pytest.raises(InvalidRequest, match="does not fit in 100,000 bytes"):
        optimize(**fields, format_names={"linkedin": "Portrait"})


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidImage, match="Invalid base64 image payload"):
        optimize(image_base64="???")


def test_it_is_free_and_counts_its_formats() -> None:
    """No credits, and as many variations as formats; an invalid request is found before anything is done."""
    request = SocialRequest(image_base64=IMAGE, platforms=["youtube"], formats="all")
    context = OperationContext(configured=frozenset())
    assert OPERATIONS["social"].estimate(request, context) == 0
    assert OPERATIONS["social"].variations(request) == 2
    with pytest.raises(UnknownChoice):
        OPERATIONS["social"].estimate(SocialRequest(image_base64=IMAGE, platforms=["nowhere"]), context)


def test_there_are_one_to_twenty_platforms() -> None:
    SocialRequest(image_base64=IMAGE, platforms=["instagram"] * 20)
    for platforms in ([], ["instagram"] * 21):
        with pytest.raises(ValidationError):
            SocialRequest(image_base64=IMAGE, platforms=platforms)


# -- copies for the response


@pytest.mark.parametrize(
    ("sizes", "total", "share"),
    [
        ([], 100, 100),
        ([40, 60], 100, 100),
        ([40, 61], 100, 60),
        ([10, 500, 500], 100, 45),
        ([500] * 7, 100, 14),
        ([5, 20, 30, 90, 90], 100, 25),
    ],
)
def test_small_files_leave_their_share_to_large_ones(sizes: list[int], total: int, share: int) -> None:
    found = social.fair_share(sizes, total)
    assert found == share
    assert sum(min(size, found) for size in sizes) <= total


def test_files_over_their_share_have_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JPEG's is a JPEG. With `delivery: "url"` there are none."""
    monkeypatch.setattr(social, "INLINE_BYTES", 200_000)
    platforms = ["instagram", "twitter", "linkedin"]
    for file_type in ("png", "jpg"):
        journal = NullJournal()
        response = optimize(journal, image_base64=NOISE, platforms=platforms, output_format=file_type)
        inline = [result.inline.stored if result.inline else result.stored for result in response.results]
        assert sum(one.size for one in inline if one) <= 200_000
        assert any(result.inline for result in response.results)
        for result in response.results:
            if result.inline:
                found = Image.open(io.BytesIO(journal.images[result.inline.stored.key]))
                assert found.size == (result.inline.width, result.inline.height)
                assert found.format == {"png": "WEBP", "jpeg": "JPEG"}[result.file_type]
    response = optimize(image_base64=NOISE, platforms=platforms, delivery="url")
    assert not any(result.inline for result in response.results)
