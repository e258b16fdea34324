"""Compress and convert: honest about quality and size, and what a file says beside its pixels is kept as asked."""

import io
import json
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from pybase64 import b64decode, b64encode_as_string

from image_studio.errors import InvalidImage, InvalidRequest, UnknownChoice
from image_studio.imaging import convert as convert_module
from image_studio.imaging.convert import OPAQUE
from image_studio.imaging.encode import MAX_SIDES
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.operations import convert
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import NullJournal
from image_studio.runtime.request_parsing import parse_request
from image_studio.schemas import convert as schemas
from image_studio.schemas.common import FileType, InputType
from image_studio.schemas.convert import MAX_BATCH, TargetType
from image_studio.schemas.limits import SourceType
from tests.imaging.containers import Item, container, grid, turned
from tests.imaging.samples import chunk, drawn_lines, flat_art, noise, photo, saved, see_through

CAMERA, ORIENTATION = 0x0110, 0x0112
SIDEWAYS = 6
#: EXIF and GPS, of which every camera writes the first.
SUB_DIRECTORIES = {0x8769: (0x9003, "2026:01:02 03:04:05"), 0x8825: (1, "N")}


def text(image: Image.Image, kind: str = "PNG", **options: Any) -> str:
    return b64encode_as_string(saved(image, kind, **options))


def with_exif() -> str:
    exif = Image.Exif()
    exif[CAMERA], exif[ORIENTATION] = "A camera", SIDEWAYS
    for directory, (tag, value) in SUB_DIRECTORIES.items():
        exif.get_ifd(directory)[tag] = value
    return text(photo(64, 48), "JPEG", exif=exif)


PHOTO, CLEAR, NOISE, TAKEN = text(photo(320, 240)), text(see_through(photo(64, 64))), text(noise(300, 300)), with_exif()


class Studio:
    """Runs an operation and keeps the files."""

    def __init__(self, **context: Any) -> None:
        self.journal = NullJournal()
        self.context = OperationContext(configured=frozenset(), journal=self.journal, **context)

    def compress(self, image: str = PHOTO, **fields: Any) -> schemas.Compressed:
        request = schemas.CompressRequest.model_validate({"image_base64": image, **fields})
        return convert.compress(request, self.context)

    def convert(self, image: str, target: str, **fields: Any) -> schemas.Converted:
        request = schemas.ConvertRequest.model_validate({"image_base64": image, "target_format": target, **fields})
        return convert.convert(request, self.context)

    @property
    def image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.journal.images["1"]))


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.mark.parametrize("name", [*FileType, "jpg", "PNG"])
def test_every_type_is_compressed(studio: Studio, name: str) -> None:
    """The response says what the file is: type, size in pixels and KB."""
    result = studio.compress(format=name)
    data = studio.journal.images["1"]
    assert (result.width, result.height) == (320, 240) == studio.image.size
    assert str(studio.image.format).lower() == result.format == TargetType(name).value
    assert result.compressed_size_kb == round(len(data) / 1024, 2)
    assert result.compression_ratio == round((1 - len(data) / (len(saved(photo(320, 240), "PNG")))) * 100, 2)
    assert result.metadata_stripped


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_no_pixels_are_left_out_in_silence(kind: str) -> None:
    """What has more than the tier allows is refused, though a JPEG could be decoded at a fraction of its size."""
    studio, image = Studio(max_pixels=150 * 150), text(photo(320, 240), kind)
    for make in (studio.compress, lambda image: studio.convert(image, "png")):
        with pytest.raises(
            InvalidImage, match=r"320x240 pixels; at most 0\.0225 megapixels are accepted. Scale it down"
        ):
            make(image)


@pytest.mark.parametrize("name", ["webp", "avif"])
def test_more_time_makes_a_smaller_file(studio: Studio, name: str) -> None:
    """At the same quality."""
    fast, optimized = (studio.compress(format=name, quality=70, optimize=optimize) for optimize in (False, True))
    assert optimized.compressed_size_kb < fast.compressed_size_kb


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_lower_quality_is_smaller(studio: Studio, name: str) -> None:
    """And what was used is said."""
    small, large = (studio.compress(format=name, quality=quality) for quality in (30, 90))
    assert (small.quality_used, large.quality_used) == (30, 90)
    assert small.compressed_size_kb < large.compressed_size_kb


@pytest.mark.parametrize("kind", [schemas.CompressRequest, schemas.CompressEstimateRequest])
@pytest.mark.parametrize("name", ["bmp", "nope"])
def test_what_cannot_be_compressed_is_refused_with_the_types_that_can(kind: Any, name: str) -> None:
    """The same ones, whether another route writes the type or none does."""
    with pytest.raises(UnknownChoice, match=f"Unknown format '{name}'. Valid: png, jpeg, webp, avif."):
        parse_request(kind, json.dumps({"image_base64": PHOTO, "format": name}))


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_a_target_size_gets_the_best_quality_that_fits(studio: Studio, name: str) -> None:
    """One more would be too large."""
    result = studio.compress(NOISE, format=name, target_size_kb=60)
    assert result.compressed_size_kb <= 60 < studio.compress(NOISE, format=name, quality=95).compressed_size_kb
    above = studio.compress(NOISE, format=name, quality=result.quality_used + 1)
    assert result.quality_used >= 40
    assert above.compressed_size_kb > 60


def test_the_quality_is_never_below_what_is_asked(studio: Studio) -> None:
    """The sentence says what would do, and that is true."""
    assert studio.compress(NOISE, target_size_kb=400, quality=80).quality_used == 80
    with pytest.raises(InvalidRequest, match=r"At quality 80 it needs (\d+) KB, or a quality of (\d+)") as raised:
        studio.compress(NOISE, target_size_kb=25, quality=80)
    words = raised.value.detail.split()
    needed, lower = int(words[words.index("needs") + 1]), int(words[words.index("quality", 15) + 2].rstrip(";"))
    assert studio.compress(NOISE, target_size_kb=needed, quality=80).compressed_size_kb <= needed
    assert studio.compress(NOISE, target_size_kb=25, quality=lower).compressed_size_kb <= 25


@pytest.mark.parametrize(("name", "said"), [("png", "keeps every pixel"), ("jpeg", "At quality 40, the lowest")])
def test_a_target_that_nothing_meets_is_refused(studio: Studio, name: str, said: str) -> None:
    """With the size that is possible."""
    with pytest.raises(InvalidRequest, match=said):
        studio.compress(NOISE, format=name, target_size_kb=10)


def test_a_small_file_is_never_made_larger(studio: Studio) -> None:
    """A file of the type that is asked for, and nothing to strip, comes back as it is."""
    low = text(photo(320, 240), "JPEG", quality=20)
    result = studio.compress(low, quality=95)
    assert b64encode_as_string(studio.journal.images["1"]) == low
    assert result.compression_ratio == 0


SECRET = b"52.5200 N 13.4050 E, Jane Doe"
GRAIN = noise(48, 36)
LOW = {
    "jpeg": saved(GRAIN, "JPEG", quality=5),
    "png": saved(GRAIN.quantize(8), "PNG", compress_level=9),
    "webp": saved(GRAIN, "WEBP", quality=1),
    "avif": saved(GRAIN, "AVIF", quality=1),
}


def segment(marker: int, body: bytes = SECRET, at: int = 2) -> bytes:
    jpeg = LOW["jpeg"]
    return jpeg[:at] + bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body + jpeg[at:]


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + LOW["webp"][12:] + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def box(kind: bytes) -> bytes:
    return (8 + len(SECRET)).to_bytes(4, "big") + kind + SECRET


JPEG_TABLES = LOW["jpeg"].index(b"\xff\xdb")
ODD = SECRET + bytes(len(SECRET) % 2)
HIDDEN = {
    **{f"jpeg with APP{marker - 0xE0}": segment(marker) for marker in range(0xE0, 0xF0)},
    "jpeg with a comment": segment(0xFE),
    "jpeg with a preview": segment(0xE0, b"JFXX\0" + SECRET),
    "jpeg with more in its first segment": segment(0xE0, b"JFIF\0" + bytes(9) + SECRET),
    "jpeg with bytes between": LOW["jpeg"][:JPEG_TABLES] + SECRET + LOW["jpeg"][JPEG_TABLES:],
    "jpeg with bytes behind": LOW["jpeg"] + SECRET,
    "jpeg without an end": LOW["jpeg"][:-2] + bytes(2),
    "jpeg with many tables": LOW["jpeg"][:-2] + 2_001 * b"\xff\xdd\0\4\0\0" + LOW["jpeg"][-2:],
    "webp with a chunk": riff(b"JUNK" + len(ODD).to_bytes(4, "little") + ODD),
    "webp with another image": riff(b"VP8 " + len(ODD).to_bytes(4, "little") + ODD),
    "webp with bytes behind": LOW["webp"] + SECRET,
    "avif with a box": LOW["avif"] + box(b"free"),
    "avif": LOW["avif"],
    "png with bytes behind": LOW["png"] + SECRET,
    "png with a chunk": LOW["png"][:33] + chunk(b"juNk", SECRET) + LOW["png"][33:],
    "png with broken EXIF": LOW["png"][:33] + chunk(b"eXIf", SECRET)[:-1] + b"x" + LOW["png"][33:],
    "png with another gamma": LOW["png"][:33] + 2 * chunk(b"gAMA", SECRET) + LOW["png"][33:],
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_file_with_more_than_pixels_is_written_again(studio: Studio, name: str) -> None:
    """Wherever it is: what is said to be stripped is."""
    data = b64encode_as_string(HIDDEN[name])
    assert studio.compress(data, format=name.partition(" ")[0], quality=100).metadata_stripped
    assert SECRET not in studio.journal.images["1"]
    assert studio.journal.images["1"] != HIDDEN[name]


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_a_file_with_nothing_but_pixels_is_never_made_larger(studio: Studio, name: str) -> None:
    studio.compress(b64encode_as_string(LOW[name]), format=name, quality=100)
    assert studio.journal.images["1"] == LOW[name]


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 1}, {"subsampling": 0}], ids=str)
def test_every_kind_of_jpeg_may_have_nothing_but_pixels(studio: Studio, options: dict[str, Any]) -> None:
    low = saved(GRAIN, "JPEG", quality=5, **options)
    studio.compress(b64encode_as_string(low), quality=100)
    assert studio.journal.images["1"] == low


def test_a_small_file_with_words_in_it_is_written_again(studio: Studio) -> None:
    """A PNG may keep its metadata in texts, which decoding leaves out."""
    info = PngInfo()
    info.add_text("Author", "somebody")
    data = text(photo(64, 48), compress_level=9, pnginfo=info)
    studio.compress(data, format="png", strip_metadata=True)
    assert b"somebody" not in studio.journal.images["1"]


def test_the_metadata_of_a_heic_is_kept_without_its_orientation(studio: Studio) -> None:
    """Its boxes turn the image; EXIF that turned it again would be wrong."""
    exif = Image.Exif()
    exif[CAMERA], exif[ORIENTATION] = "A phone", SIDEWAYS
    items = [item for item in grid(turned(3)) if item.kind != b"Exif"]
    block = bytes(4) + exif.tobytes().removeprefix(b"Exif\0\0")
    data = b64encode_as_string(container([*items, Item(b"Exif", block, (), (b"cdsc", [1]))]))
    result = studio.convert(data, "jpeg")
    assert (result.original_format, result.width, result.height) == ("heic", 100, 120)
    assert dict(studio.image.getexif()) == {CAMERA: "A phone"}


def test_metadata_is_kept_or_stripped_as_asked(studio: Studio) -> None:
    """The image is upright either way, and says so."""
    for strip in (True, False):
        result = studio.compress(TAKEN, strip_metadata=strip)
        assert (result.width, result.height) == (48, 64)
        assert studio.image.getexif().get(ORIENTATION, 1) == 1
        assert (CAMERA in studio.image.getexif()) is not strip
        assert result.metadata_stripped is strip


@pytest.mark.parametrize("target", TargetType)
@pytest.mark.parametrize("image", [PHOTO, CLEAR, TAKEN], ids=["opaque", "clear", "camera"])
def test_every_type_is_written(studio: Studio, target: TargetType, image: str) -> None:
    """Transparency stays where the type has it; EXIF where the type holds it; the response says both."""
    result = studio.convert(image, target)
    made = studio.image
    assert str(made.format).lower() == result.target_format
    clear = image == CLEAR and target not in OPAQUE
    assert result.transparency_preserved is clear
    assert (made.convert("RGBA").getchannel("A").getextrema()[0] == 0) is clear
    assert result.metadata_preserved is (image == TAKEN and target not in {TargetType.GIF, TargetType.BMP})
    assert (CAMERA in made.getexif()) is result.metadata_preserved
    for directory, (tag, value) in SUB_DIRECTORIES.items():
        assert made.getexif().get_ifd(directory) == ({tag: value} if result.metadata_preserved else {})
    assert result.original_format == ("jpeg" if image == TAKEN else "png")


def test_a_marked_photograph_keeps_mark_and_camera_in_a_tiff(studio: Studio) -> None:
    """Neither takes the other's place."""
    mark = Mark(SourceType.COMPOSITE)
    exif = Image.open(io.BytesIO(b64decode(TAKEN))).getexif()
    studio.convert(text(photo(64, 48), "JPEG", exif=exif, xmp=mark.to_xmp()), "tiff")
    assert read_mark(studio.journal.images["1"]) == mark
    assert studio.image.getexif()[CAMERA] == "A camera"


#: 7,000 colors that 256 can hardly be distinguished from, and 200 colors.
SHADES = noise(120, 90, 6).resize((360, 270), Image.Resampling.NEAREST)
FEW = noise(20, 10).resize((400, 200), Image.Resampling.NEAREST)


@pytest.mark.parametrize("image", [SHADES, FEW, see_through(FEW, 80)], ids=["shades", "few", "clear"])
def test_a_converted_png_has_every_pixel(studio: Studio, image: Image.Image) -> None:
    """As the list of formats says; a palette that has every color is fine."""
    studio.convert(text(image), "png")
    assert studio.image.convert(image.mode).tobytes() == image.tobytes()


def test_a_compressed_png_says_whether_it_has_every_pixel(studio: Studio) -> None:
    """Where nobody sees the difference it has 256 colors, unless a quality of 100 is asked for."""
    small, whole = (studio.compress(text(SHADES), format="png", quality=quality) for quality in (None, 100))
    assert (small.quality_used, whole.quality_used) == (99, 100)
    assert small.compressed_size_kb < whole.compressed_size_kb
    assert studio.image.convert("RGB").tobytes() == SHADES.tobytes()
    few = studio.compress(text(FEW), format="png")
    assert (few.quality_used, studio.image.mode) == (100, "P")
    assert studio.image.convert("RGB").tobytes() == FEW.tobytes()
    between = int(small.compressed_size_kb + 2)
    assert studio.compress(text(SHADES), format="png", target_size_kb=between).quality_used == 99
    with pytest.raises(InvalidRequest, match="As png, which keeps every pixel, it needs"):
        studio.compress(text(SHADES), format="png", target_size_kb=between, quality=100)
    with pytest.raises(InvalidRequest, match="As png with 256 colors it needs"):
        studio.compress(text(SHADES), format="png", target_size_kb=10)


@pytest.mark.parametrize(("lines", "ground"), [("black", 255), ("white", 0)])
def test_transparency_becomes_the_contrasting_ground_on_request(studio: Studio, lines: str, ground: int) -> None:
    """Also where the type could keep it: white, but not behind white lines."""
    drawing = text(drawn_lines(lines))
    assert not studio.convert(drawing, "png", preserve_transparency=False).transparency_preserved
    assert studio.image.convert("RGB").getpixel((0, 0)) == (ground,) * 3


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "avif", "tiff"])
def test_adobe_rgb_looks_the_same(studio: Studio, target: str) -> None:
    """Other numbers, with a profile by which they are the same colors."""
    art = flat_art(64, 64)
    assert studio.convert(text(art), target, color_space="Adobe RGB", quality=100).color_space == "Adobe RGB"
    made = studio.image.convert("RGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(studio.image.info["icc_profile"]))
    assert "Adobe RGB" in ImageCms.getProfileDescription(profile)
    back = ImageCms.profileToProfile(made, profile, ImageCms.createProfile("sRGB"))
    at = (20, 20)
    assert back is not None
    assert all(abs(a - b) <= 8 for a, b in zip(back.getpixel(at), art.convert("RGB").getpixel(at), strict=True))


def test_a_file_that_holds_no_profile_is_not_adobe_rgb(studio: Studio) -> None:
    """It would show wrong colors."""
    with pytest.raises(InvalidRequest, match="Adobe RGB"):
        studio.convert(PHOTO, "gif", color_space="Adobe RGB")


def test_a_batch_makes_what_it_can(studio: Studio) -> None:
    """One bad image doesn't stop the others; the order is that of the request."""
    images = [{"image_base64": PHOTO}, {"image_base64": "%%%"}, {"image_base64": CLEAR, "format": "webp"}]
    batch = convert.compress_batch(schemas.CompressBatchRequest.model_validate({"images": images}), studio.context)
    assert (batch.success, batch.total_images, batch.successful, batch.failed) == (True, 3, 2, 1)
    assert [result.success for result in batch.results] == [True, False, True]
    assert isinstance(batch.results[1], schemas.FileFailure)
    assert (batch.results[1].index, batch.results[1].code) == (1, "invalid_image")
    assert len(batch.deliverables()) == len(studio.journal.images) == 2


@pytest.mark.parametrize("error", [OSError("x"), ValueError("x"), RuntimeError("x"), MemoryError()], ids=repr)
def test_an_encoder_that_fails_is_one_failure_of_a_batch(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The others are made."""
    real = convert_module.save

    def save(image: Image.Image, name: str, *args: Any, **options: Any) -> bytes:
        if image.width == 64:
            raise error
        return real(image, name, *args, **options)

    monkeypatch.setattr(convert_module, "save", save)
    images = [{"image_base64": image, "target_format": "tiff"} for image in (CLEAR, PHOTO)]
    batch = convert.convert_batch(schemas.ConvertBatchRequest.model_validate({"images": images}), studio.context)
    failure, made = batch.results
    assert made.success
    assert isinstance(failure, schemas.FileFailure)
    assert failure.detail == "The image could not be written as tiff. Use another type or a smaller image."


def test_exif_that_a_jpeg_can_not_hold_is_left_out(studio: Studio) -> None:
    """It holds 64 KB; the response says so, and other types keep it."""
    exif = Image.Exif()
    exif[CAMERA], exif[0x9286] = "A camera", "x" * 70_000
    data = text(photo(64, 48), "PNG", exif=exif)
    assert not studio.convert(data, "jpeg").metadata_preserved
    assert studio.compress(data, strip_metadata=False).metadata_stripped
    assert CAMERA not in studio.image.getexif()
    assert studio.convert(data, "webp").metadata_preserved
    assert studio.image.getexif()[CAMERA] == "A camera"


@pytest.mark.parametrize("name", MAX_SIDES)
def test_what_a_type_can_not_hold_is_refused_with_another_one(studio: Studio, name: str) -> None:
    """The field that names the type, and PNG, which holds it."""
    long = text(noise(4, 90).resize((2, MAX_SIDES[name] + 1)))
    with pytest.raises(InvalidRequest, match=r"a side, and this one would be .* Use target_format png"):
        studio.convert(long, name)
    if name in [*FileType]:
        with pytest.raises(InvalidRequest, match="Use format png, or a smaller image"):
            studio.compress(long, format=name)
    assert studio.convert(long, "png").success


def test_a_batch_stops_in_time() -> None:
    """The first image is always tried; the others say that they need a smaller batch."""
    studio = Studio(wait_seconds=1.0)
    images = [{"image_base64": CLEAR, "target_format": "bmp"}] * 3
    batch = convert.convert_batch(schemas.ConvertBatchRequest.model_validate({"images": images}), studio.context)
    assert (batch.successful, batch.failed) == (1, 2)


def test_a_batch_has_a_limit() -> None:
    """Of images, before any is read."""
    images = [{"image_base64": PHOTO}] * (MAX_BATCH + 1)
    with pytest.raises(ValueError, match="at most 20 items"):
        schemas.CompressBatchRequest.model_validate({"images": images})


@pytest.mark.parametrize(
    ("image", "fields"),
    [
        (PHOTO, {"format": "webp", "quality": 70}),
        (text(photo(320, 240), "JPEG", quality=20), {}),
        (text(photo(320, 240), "JPEG", xmp=Mark(SourceType.TRAINED).to_xmp()), {"quality": 60}),
    ],
    ids=["smaller", "as it is", "marked"],
)
def test_an_estimate_is_the_size_of_the_file(studio: Studio, image: str, fields: Any) -> None:
    """It is made to know."""
    request = schemas.CompressEstimateRequest.model_validate({"image_base64": image, **fields})
    estimate = convert.estimate_compression(request, studio.context)
    result = studio.compress(image, **fields)
    assert estimate.estimated_size_kb == result.compressed_size_kb
    assert estimate.estimated_reduction_percent == result.compression_ratio


def test_what_is_listed_can_be_asked_for(studio: Studio) -> None:
    """Formats, presets and recommendations name types that are written."""
    assert {row.id for row in convert.compress_formats().formats} == {each.value for each in FileType}
    assert [row.id for row in convert.convert_formats().formats] == [each.value for each in TargetType]
    for preset in convert.compress_presets().presets:
        assert studio.compress(format=preset.format, quality=preset.quality).success
    for source in (*InputType, "JPG", ".heif"):
        names = [row.format for row in convert.convert_recommendations(source).recommendations]
        assert names == [TargetType(name).value for name in names] != []


@pytest.mark.parametrize("name", sorted({*TargetType} - {*InputType}))
def test_what_is_only_written_is_no_source(studio: Studio, name: str) -> None:
    """Nothing is recommended for a file that the conversion would refuse."""
    studio.convert(PHOTO, name)
    with pytest.raises(InvalidImage, match="not a PNG, JPEG, WebP, HEIC or AVIF file"):
        studio.convert(b64encode_as_string(studio.journal.images["1"]), "png")
    with pytest.raises(UnknownChoice, match="Valid: png, jpeg, webp, avif, heic"):
        convert.convert_recommendations(name)
